/**
 * Which headers go on to the leader and come back from it: all but those that belong to one
 * connection (RFC 9110, section 7.6.1) and those that each connection makes for itself.
 */

import type { IncomingHttpHeaders } from 'node:http';
import { MADE_BY_SENDER, OF_ONE_CONNECTION } from '../schemas/connection-headers.ts';

/**
 * Names the member that a request came through. A member that gets a request with it and does not
 * lead refuses: two members that disagree about the leader must not send it round and round.
 */
export const FORWARDED_BY_HEADER = 'omnimind-forwarded-by';

/** Names the member that answered a request that came through another. */
export const LEADER_HEADER = 'omnimind-leader';

/**
 * Between members, on a refusal to a forwarded request: `refused` says that nothing was done with
 * it, `unknown` that leadership was lost while it was. A client never needs it.
 */
export const FORWARDING_HEADER = 'omnimind-forwarding';

export type ForwardingRefusal = 'refused' | 'unknown';

export const KEY_HEADER = 'idempotency-key';

/** Made anew for the leader: its own host, the length of what was read, and no 100-continue. */
const MADE_ANEW = new Set([...MADE_BY_SENDER, FORWARDED_BY_HEADER]);

const OF_A_BODY = /^content-/u;

/** @param body null when the route reads none: what the client says of one is not passed on */
export function requestHeaders(
  given: IncomingHttpHeaders,
  body: Uint8Array | null,
  forwardedBy: string,
): Record<string, string | string[]> {
  const passed = passedOn(given, (name) => MADE_ANEW.has(name));
  const kept = body === null ? passed.filter(([name]) => !OF_A_BODY.test(name)) : passed;
  return {
    ...Object.fromEntries(kept),
    ...(body !== null && { 'content-length': String(body.length) }),
    [FORWARDED_BY_HEADER]: forwardedBy,
  };
}

/** @param isHead an answer to HEAD keeps the length of what GET would have sent */
export function answerHeaders(
  given: IncomingHttpHeaders,
  leaderId: string,
  isHead: boolean,
): Record<string, string> {
  const own = (name: string): boolean =>
    name === 'date' || name === FORWARDING_HEADER || (name === 'content-length' && !isHead);
  const passed = passedOn(given, own).map(
    ([name, value]) => [name, Array.isArray(value) ? value.join(', ') : value] as const,
  );
  return { ...Object.fromEntries(passed), [LEADER_HEADER]: leaderId };
}

function passedOn(
  given: IncomingHttpHeaders,
  isLeftOut: (name: string) => boolean,
): readonly (readonly [string, string | string[]])[] {
  const named = new Set(
    (given.connection ?? '').split(',').map((token) => token.trim().toLowerCase()),
  );
  return Object.entries(given).flatMap(([name, value]) =>
    value === undefined || OF_ONE_CONNECTION.has(name) || named.has(name) || isLeftOut(name)
      ? []
      : [[name, value] as const],
  );
}
