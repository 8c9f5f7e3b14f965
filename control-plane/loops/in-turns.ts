/**
 * Goes through a long list in several turns of the event loop, so that heartbeats, leases and requests
 * are served in between: a fleet's length must not decide who leads. It waits for no item; whoever
 * wants the results of promises awaits them. A short list is gone through at once.
 */

import { setImmediate as nextTurn } from 'node:timers/promises';

/** Items per turn: at some 20 µs each, five milliseconds. */
export const ITEMS_PER_TURN = 250;

/** Calls `work` with each item, in order. Rejects as soon as it throws; the rest is left alone. */
export async function inTurns<T, R>(
  items: readonly T[],
  work: (item: T) => R,
  perTurn: number = ITEMS_PER_TURN,
): Promise<R[]> {
  const results: R[] = [];
  for (const item of items) {
    if (results.length > 0 && results.length % perTurn === 0) await nextTurn();
    results.push(work(item));
  }
  return results;
}
