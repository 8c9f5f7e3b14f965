/**
 * The secrets that requests are signed with: a directory with one file for each, and in a file one
 * secret a line, the newest first. The first signs; a receiver takes any, so that one can replace
 * another without a moment in which nothing fits. A file is read for each request, since it is changed
 * while the plane runs. What fails names the file, never what it holds.
 */

import { createHash, createSecretKey } from 'node:crypto';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import type { SigningKey } from './signature.ts';

/** Shorter ones can be guessed; RFC 2104 wants as many bytes as the hash has. */
export const SECRET_BYTES_MIN = 32;
const SECRET_BYTES_MAX = 1_024;
/** The one in use, the one before, and room for a mistake. */
export const SECRETS_MAX = 4;

const FILE_BYTES_MAX = 8_192;

export type Secrets = readonly [SigningKey, ...SigningKey[]];

/** @throws Error when the file cannot be read or does not hold secrets */
export async function readSecrets(
  directory: string,
  name: string,
  signal: AbortSignal,
): Promise<Secrets> {
  // Not by itself a path: a name with a slash would leave the directory.
  if (!/^[a-z0-9-]{1,63}$/.test(name)) throw new Error(`"${name}" is not the name of a secret`);
  const path = join(directory, name);
  signal.throwIfAborted();
  const text = await readBounded(path);
  try {
    return parseSecrets(name, text);
  } catch (cause) {
    throw new Error(`the secret ${path}: ${messageOf(cause)}`, { cause });
  }
}

/** @throws Error that shows nothing of the text */
export function parseSecrets(name: string, text: string): Secrets {
  const lines = text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
  for (const line of lines) {
    if (!/^[\x21-\x7e]+$/.test(line)) {
      throw new Error('expected one secret a line, of printable ASCII without blanks');
    }
    if (line.length < SECRET_BYTES_MIN || line.length > SECRET_BYTES_MAX) {
      throw new Error(
        `expected secrets of ${SECRET_BYTES_MIN} to ${SECRET_BYTES_MAX} characters; one has ${line.length}`,
      );
    }
  }
  const [first, ...others] = lines.map((line) => keyOf(name, line));
  if (first === undefined || lines.length > SECRETS_MAX) {
    throw new Error(`expected 1 to ${SECRETS_MAX} secrets; got ${lines.length}`);
  }
  return [first, ...others];
}

/** The id is the secret's name and eight digits of a hash, of which nobody learns the secret. */
function keyOf(name: string, secret: string): SigningKey {
  const hash = createHash('sha256').update(`omnimind webhook key id\n${secret}`).digest('hex');
  const bytes = Buffer.from(secret, 'ascii');
  return { id: `${name}/${hash.slice(0, 8)}`, key: createSecretKey(bytes) };
}

async function readBounded(path: string): Promise<string> {
  try {
    await using file = await open(path, 'r');
    const buffer = Buffer.alloc(FILE_BYTES_MAX + 1);
    const { bytesRead } = await file.read(buffer, 0, buffer.length, 0);
    if (bytesRead > FILE_BYTES_MAX) throw new Error(`it is larger than ${FILE_BYTES_MAX} bytes`);
    return buffer.toString('latin1', 0, bytesRead);
  } catch (cause) {
    throw new Error(`the secret ${path} cannot be read: ${messageOf(cause)}`, { cause });
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
