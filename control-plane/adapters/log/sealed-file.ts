/**
 * Small and large files that are replaced as a whole: written aside, synced, renamed. Each carries
 * a magic, the length of its content and a CRC-32C over both, so that it is read whole or not at all.
 */

import { join } from 'node:path';
import { crc32c } from './crc32c.ts';
import { LogDamageError } from './damage.ts';
import type { Disk } from './disk.ts';

/** Files under this ending are unfinished; opening the log removes them. */
export const ASIDE_SUFFIX = '.tmp';

const MAGIC_BYTES = 8;
const HEADER_BYTES = MAGIC_BYTES + 4 + 6;

/** Bytes of the sealed file around a content of that many. */
export function sealedBytes(contentBytes: number): number {
  return HEADER_BYTES + contentBytes;
}

/** Replaces the file; it is durable under its name when this resolves. `magic` has 8 characters. */
export async function writeSealed(
  disk: Disk,
  directory: string,
  name: string,
  magic: string,
  content: Uint8Array,
): Promise<void> {
  const bytes = Buffer.alloc(HEADER_BYTES + content.length);
  bytes.write(magic, 'latin1');
  bytes.writeUIntLE(content.length, MAGIC_BYTES + 4, 6);
  bytes.set(content, HEADER_BYTES);
  bytes.writeUInt32LE(crc32c(bytes.subarray(MAGIC_BYTES + 4)), MAGIC_BYTES);
  const aside = join(directory, name + ASIDE_SUFFIX);
  const file = await disk.create(aside);
  try {
    await file.write(bytes, 0);
    await file.sync();
  } finally {
    await file.close();
  }
  await disk.rename(aside, join(directory, name));
  await disk.syncDirectory(directory);
}

/** @throws LogDamageError when the file is not what `writeSealed` left. */
export async function readSealed(disk: Disk, path: string, magic: string): Promise<Buffer> {
  const bytes = asBuffer(await disk.read(path));
  if (bytes.length < HEADER_BYTES || bytes.toString('latin1', 0, MAGIC_BYTES) !== magic) {
    throw new LogDamageError(path, 0, `it does not begin as a file of its kind`);
  }
  const length = bytes.readUIntLE(MAGIC_BYTES + 4, 6);
  if (length !== bytes.length - HEADER_BYTES) {
    const detail = `it holds ${bytes.length - HEADER_BYTES} bytes instead of ${length}`;
    throw new LogDamageError(path, MAGIC_BYTES + 4, detail);
  }
  if (crc32c(bytes.subarray(MAGIC_BYTES + 4)) !== bytes.readUInt32LE(MAGIC_BYTES)) {
    throw new LogDamageError(path, MAGIC_BYTES, 'it fails its checksum');
  }
  return bytes.subarray(HEADER_BYTES);
}

/** The same bytes with a Buffer's methods; nothing is copied. */
export function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
