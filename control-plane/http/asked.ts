/**
 * One request on its way to whoever answers it, and what the table of routes says of it: what it may
 * be sent twice for, and how its answer is marked.
 */

import { randomUUID } from 'node:crypto';

import type { MemberId } from '../model/configuration.ts';
import type { Consensus } from '../ports/consensus.ts';
import type { Consistency } from '../schemas/query.ts';
import { consistencyHeaders } from './consistency.ts';
import { HttpRefusal } from './errors.ts';
import { answerHeaders, FORWARDED_BY_HEADER, KEY_HEADER } from './forward-headers.ts';
import type { ForwardedAnswer } from './forwarder.ts';
import type { RawCall, Reply, Route } from './route.ts';

export interface Asked {
  readonly route: Route;
  readonly raw: RawCall;
  /** As sent: the route of GET also answers HEAD. */
  readonly method: string;
  /** Path and query, as sent. */
  readonly target: string;
  readonly readBytes: () => Promise<Uint8Array>;
}

export interface Answered {
  readonly reply: Reply;
  /** Null when this member answered itself. */
  readonly leaderId: MemberId | null;
}

export function here(reply: Reply): Answered {
  return { reply, leaderId: null };
}

/** The leader's answer, unchanged, with the leader's name. */
export function passedOn(
  { status, headers, bytes }: ForwardedAnswer,
  leaderId: MemberId,
  method: string,
): Answered {
  const isEmpty = method === 'HEAD' || status === 204 || status === 304;
  const body = isEmpty ? ({ kind: 'empty' } as const) : ({ kind: 'bytes', bytes } as const);
  const passed = answerHeaders(headers, leaderId, method === 'HEAD');
  return { reply: { status, body, headers: passed }, leaderId };
}

/**
 * Calls the route and marks what it answers, a refusal too: that something is missing may be stale as
 * well. The index is read first: the answer has at least that, whatever is applied meanwhile.
 */
export async function callMarked(
  consensus: Pick<Consensus, 'status'>,
  { route, raw }: Asked,
  consistency: Consistency,
): Promise<Answered> {
  // What is not replicated has no index.
  const appliedIndex = route.answeredBy === 'state' ? consensus.status().appliedIndex : null;
  const mark = consistencyHeaders(consistency, appliedIndex);
  try {
    const reply = await route.call(raw);
    return here({ ...reply, headers: { ...reply.headers, ...mark } });
  } catch (cause) {
    throw cause instanceof HttpRefusal ? cause.withHeaders(mark) : cause;
  }
}

/**
 * Gives a command without an Idempotency-Key one, so that it is applied at most once however often
 * it has to be sent.
 */
export function keyed(asked: Asked): Asked {
  const { route, raw } = asked;
  if (route.command !== true || raw.headers[KEY_HEADER] !== undefined) return asked;
  const headers = { ...raw.headers, [KEY_HEADER]: `omnimind-${randomUUID()}` };
  return { ...asked, raw: { ...raw, headers } };
}

/** Whether doing it twice is doing it once. */
export function isRepeatable({ route, raw }: Asked): boolean {
  if (route.method === 'get' || route.repeatable === true) return true;
  // A removal of what must exist is refused the second time, whatever its key.
  const isRemovalOfAny = route.method === 'delete' && raw.headers['if-match']?.trim() === '*';
  return route.command === true && !isRemovalOfAny;
}

/** Whether it came through another member. */
export function isForwarded({ raw }: Asked): boolean {
  return raw.headers[FORWARDED_BY_HEADER] !== undefined;
}
