/**
 * What a client expects to be true before its change applies (If-Match, If-None-Match, RFC 9110
 * section 13), and the key under which it may repeat it (Idempotency-Key). The entity tag is the
 * version in quotes. Headers that a route cannot honour are refused, never ignored.
 */

import type { IncomingHttpHeaders } from 'node:http';

import { type Fault, SchemaError } from '../schemas/fault.ts';
import { unreachable } from '../model/reasons.ts';
import { HttpRefusal } from './errors.ts';

export type VersionExpectation =
  | { readonly kind: 'any' }
  /** If-Match: "n". */
  | { readonly kind: 'version'; readonly version: number }
  /** If-Match: *. */
  | { readonly kind: 'exists' }
  /** If-None-Match: *. */
  | { readonly kind: 'absent' };

export interface Expectation {
  readonly version: VersionExpectation;
  readonly idempotencyKey: string | null;
}

export const NO_EXPECTATION: Expectation = { version: { kind: 'any' }, idempotencyKey: null };

export function etagOf(version: number): string {
  return `"${version}"`;
}

/** @throws SchemaError with every fault */
export function parseExpectation(
  headers: IncomingHttpHeaders,
  allows: { readonly conditional: boolean; readonly command: boolean },
): Expectation {
  const faults: Fault[] = [];
  const version = readVersion(headers, allows.conditional, faults);
  const idempotencyKey = readKey(headers, allows.command, faults);
  if (faults.length > 0) throw new SchemaError(faults);
  return { version, idempotencyKey };
}

/**
 * The version that the command shall expect.
 * @param current version of what is there; null when nothing is
 * @throws HttpRefusal version_conflict when If-Match: * finds nothing
 */
export function expectedVersion(
  expectation: VersionExpectation,
  current: number | null,
): number | null {
  switch (expectation.kind) {
    case 'any':
      return null;
    case 'version':
      return expectation.version;
    case 'absent':
      return 0;
    case 'exists':
      if (current === null) {
        throw new HttpRefusal('version_conflict', 'If-Match: * was sent, and nothing is there.');
      }
      return current;
    default:
      return unreachable(expectation);
  }
}

function readVersion(
  headers: IncomingHttpHeaders,
  conditional: boolean,
  faults: Fault[],
): VersionExpectation {
  const match = headers['if-match'];
  const noneMatch = headers['if-none-match'];
  const fault = (header: string, message: string): VersionExpectation => {
    faults.push({ pointer: `/${header}`, message });
    return { kind: 'any' };
  };
  if (!conditional) {
    if (match !== undefined) return fault('if-match', 'this resource has no version');
    if (noneMatch !== undefined) return fault('if-none-match', 'this resource has no version');
    return { kind: 'any' };
  }
  if (match !== undefined && noneMatch !== undefined) {
    return fault('if-match', 'send If-Match or If-None-Match, not both');
  }
  if (noneMatch !== undefined) {
    if (noneMatch.trim() === '*') return { kind: 'absent' };
    return fault('if-none-match', 'expected *, for "must not exist"');
  }
  if (match === undefined) return { kind: 'any' };
  if (match.trim() === '*') return { kind: 'exists' };
  const version = /^\s*"([1-9]\d{0,14})"\s*$/u.exec(match)?.[1];
  if (version !== undefined) return { kind: 'version', version: Number(version) };
  return fault('if-match', 'expected * or one ETag as it was sent, such as "3"');
}

function readKey(headers: IncomingHttpHeaders, command: boolean, faults: Fault[]): string | null {
  const header = headers['idempotency-key'];
  if (header === undefined) return null;
  const pointer = '/idempotency-key';
  if (!command) {
    faults.push({ pointer, message: 'this request takes no key: it is not applied by one' });
    return null;
  }
  if (typeof header === 'string' && /^[\x21-\x7e]{1,255}$/u.test(header)) return header;
  faults.push({ pointer, message: 'expected 1 to 255 visible ASCII characters' });
  return null;
}
