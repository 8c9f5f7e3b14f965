/**
 * The time that a tick goes by: the wall clock's, except that no two ticks share a millisecond, since
 * it names their decisions and their command. It follows a clock that steps back: holding on to the
 * later time would make every sample look old, and no action would ever be overdue.
 */

import type { AppliedKeys } from '../state/keys.ts';

/** Times of this member's own ticks that are remembered: at a tick a second, those of an hour. */
const TIMES_MAX = 4_096;

/**
 * Idempotency key of the command of a tick. Leaders of two terms whose clocks agree share no key: the
 * later one would be told that its tick had been applied.
 */
export function tickKey(atMs: number, term: number): string {
  return `${tickPrefix(atMs)}${term}`;
}

export class TickTimes {
  readonly #used = new Set<number>();

  /** @param appliedKeys of the state: they name the ticks before a restart, and other members' */
  next(nowMs: number, appliedKeys: AppliedKeys): number {
    let atMs = Math.floor(nowMs);
    while (this.#used.has(atMs) || isApplied(appliedKeys, atMs)) atMs += 1;
    this.#used.add(atMs);
    for (const oldest of this.#used) {
      if (this.#used.size <= TIMES_MAX) break;
      this.#used.delete(oldest);
    }
    return atMs;
  }
}

function isApplied(appliedKeys: AppliedKeys, atMs: number): boolean {
  return appliedKeys.startingWith(tickPrefix(atMs)).next().done !== true;
}

function tickPrefix(atMs: number): string {
  return `tick/${atMs}/`;
}
