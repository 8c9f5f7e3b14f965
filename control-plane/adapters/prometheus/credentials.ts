/**
 * The headers that prove to the server who asks: those that are configured, and those that files hold.
 * The files are read for every exchange, since what they hold is rotated; a file that cannot be read or
 * holds something else costs that exchange, and its failure says which file and why, never what it held.
 */

import { readFile } from 'node:fs/promises';
import {
  parseBasicAuth,
  parseBearerToken,
  parseHeaderLines,
} from '../../schemas/request-headers.ts';

export interface CredentialOptions {
  /** http or https; a user and password in it become basic auth. */
  readonly baseUrl: string;
  /** Sent with every request, a tenant's, say. */
  readonly headers: Readonly<Record<string, string>>;
  /** File with one `Name=value` a line, for those that are secret; none unless given. */
  readonly headersFile?: string | null;
  /** File with a bearer token; null for none. */
  readonly tokenFile: string | null;
  /** File with `user:password`; none unless given. */
  readonly basicAuthFile?: string | null;
}

export type Credentials =
  | {
      readonly kind: 'read';
      readonly headers: Readonly<Record<string, string>>;
      /** What must not be shown, should the server repeat it. */
      readonly secrets: readonly string[];
    }
  | { readonly kind: 'failed'; readonly detail: string };

/** A shorter text may be part of anything, and cannot be taken out of an answer. */
const SECRET_LENGTH_MIN = 6;

export async function readCredentials(
  options: CredentialOptions,
  signal: AbortSignal,
): Promise<Credentials> {
  const { headersFile = null, tokenFile, basicAuthFile = null } = options;
  try {
    const read = <T>(what: string, path: string | null, parse: (text: string) => T) =>
      path === null ? Promise.resolve(null) : readParsed({ what, path, parse, signal });
    const [headers, token, basic] = await Promise.all([
      read('headers', headersFile, parseHeaderLines),
      read('token', tokenFile, parseBearerToken),
      read('basic auth', basicAuthFile, parseBasicAuth),
    ]);
    const authorization = token === null ? (basic ?? fromUrl(options.baseUrl)) : `Bearer ${token}`;
    const all = {
      ...options.headers,
      ...headers,
      ...(authorization === null ? {} : { authorization }),
    };
    return { kind: 'read', headers: all, secrets: secretsOf(all) };
  } catch (error) {
    return { kind: 'failed', detail: error instanceof Error ? error.message : String(error) };
  }
}

/** Takes secrets out of what a server sent back: some repeat the request in their errors. */
export function withoutSecrets(text: string, secrets: readonly string[]): string {
  return secrets.reduce((rest, secret) => rest.replaceAll(secret, '[redacted]'), text);
}

interface FileToRead<T> {
  readonly what: string;
  readonly path: string;
  readonly parse: (text: string) => T;
  readonly signal: AbortSignal;
}

async function readParsed<T>({ what, path, parse, signal }: FileToRead<T>): Promise<T> {
  let text: string;
  try {
    text = await readFile(path, { encoding: 'utf8', signal });
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new Error(`the ${what} file cannot be read: ${why}`, { cause });
  }
  try {
    return parse(text);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new Error(`the ${what} file ${path}: ${why}`, { cause });
  }
}

function fromUrl(baseUrl: string): string | null {
  const { username, password } = new URL(baseUrl);
  if (username === '') return null;
  const pair = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  return `Basic ${Buffer.from(pair, 'utf8').toString('base64')}`;
}

/** The values, and of an Authorization header also what follows the scheme, in clear. */
function secretsOf(headers: Readonly<Record<string, string>>): readonly string[] {
  const found = Object.values(headers).flatMap((value) => {
    const [, scheme, rest] = /^(Bearer|Basic) (.+)$/.exec(value) ?? [];
    if (rest === undefined) return [value];
    if (scheme !== 'Basic') return [value, rest];
    const pair = Buffer.from(rest, 'base64').toString('utf8');
    return [value, rest, pair, pair.slice(pair.indexOf(':') + 1)];
  });
  // The longest first: what is part of another would leave the rest of it.
  return found
    .filter((text) => text.length >= SECRET_LENGTH_MIN)
    .sort((a, b) => b.length - a.length);
}
