/**
 * What a person may have sent along with every request to an outside server: further headers, a bearer
 * token, a user with a password. Refuses headers that belong to one connection or that the client makes
 * itself. No error shows a value: most of them are secrets, and errors end in logs.
 */

import { MADE_BY_SENDER, OF_ONE_CONNECTION } from './connection-headers.ts';

/** Headers at most, and characters of one value. */
export const HEADERS_MAX = 32;
const VALUE_MAX = 8_192;

/** Of one connection, or made for each request by the client itself: what it sends, and takes. */
const NOT_TO_BE_SET: ReadonlySet<string> = new Set([
  ...OF_ONE_CONNECTION,
  ...MADE_BY_SENDER,
  'accept',
  'accept-encoding',
  'content-encoding',
  'content-type',
]);

/** `Name=value`, comma separated; a value with a comma needs a file. @throws Error without any value */
export function parseHeaderList(text: string): Readonly<Record<string, string>> {
  return headersOf(text.split(','), 'pair');
}

/** `Name=value` or `Name: value`, one a line; blank lines and those after # are passed over. @throws Error */
export function parseHeaderLines(text: string): Readonly<Record<string, string>> {
  const lines = text.split(/\r?\n/).map((line) => line.trim());
  return headersOf(lines, 'line', (line) => line === '' || line.startsWith('#'));
}

/** A token as RFC 6750 has it, without the blanks around it. @throws Error */
export function parseBearerToken(text: string): string {
  const token = text.trim();
  if (token === '') throw new Error('it is empty; expected a bearer token');
  if (!/^[\x21-\x7e]+$/.test(token) || token.length > VALUE_MAX) {
    throw new Error('it holds no token: expected one line of visible ASCII without blanks');
  }
  return token;
}

/** `user:password` on one line; the value of an Authorization header. @throws Error */
export function parseBasicAuth(text: string): string {
  const line = text.replace(/\r?\n$/, '');
  if (!/^[^:\p{Cc}]+:[^\p{Cc}]+$/u.test(line)) throw new Error('expected one line, user:password');
  return `Basic ${Buffer.from(line, 'utf8').toString('base64')}`;
}

/** One tenant, or several with | between them, as Mimir, Loki and Tempo take them. @throws Error */
export function parseTenant(text: string): string {
  const tenants = text.split('|');
  if (!tenants.every((tenant) => /^[A-Za-z0-9!_.*'()-]{1,150}$/.test(tenant))) {
    throw new Error(
      "expected names of [A-Za-z0-9!-_.*'()], 1 to 150 characters, | between several",
    );
  }
  return text;
}

export function hasHeader(headers: Readonly<Record<string, string>>, name: string): boolean {
  return Object.keys(headers).some((each) => each.toLowerCase() === name.toLowerCase());
}

function headersOf(
  parts: readonly string[],
  what: 'pair' | 'line',
  isSkipped: (part: string) => boolean = () => false,
): Readonly<Record<string, string>> {
  const found = new Map<string, readonly [name: string, value: string]>();
  for (const [index, part] of parts.entries()) {
    if (isSkipped(part)) continue;
    const [name, value] = headerOf(part, `${what} ${index + 1}`, what === 'line' ? /[=:]/ : /=/);
    if (found.has(name.toLowerCase())) throw new Error(`${name} is given twice`);
    found.set(name.toLowerCase(), [name, value]);
    if (found.size > HEADERS_MAX) throw new Error(`expected at most ${HEADERS_MAX} headers`);
  }
  return Object.fromEntries(found.values());
}

function headerOf(part: string, where: string, separator: RegExp): readonly [string, string] {
  const at = part.search(separator);
  const name = part.slice(0, Math.max(at, 0)).trim();
  const value = part.slice(at + 1).trim();
  if (at < 1 || !/^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/.test(name)) {
    throw new Error(`${where}: expected Name=value`);
  }
  if (NOT_TO_BE_SET.has(name.toLowerCase())) {
    throw new Error(
      `${name} belongs to the connection or to the client and cannot be set; remove it`,
    );
  }
  // Fits latin-1, which is what HTTP carries; no control characters, which would end the header.
  if (!/^[\x20-\x7e\xa0-\xff]+$/.test(value) || value.length > VALUE_MAX) {
    throw new Error(`${where}: ${name} has no value that fits in a header`);
  }
  return [name, value];
}
