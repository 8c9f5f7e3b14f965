/**
 * Runs a piece of work on a fixed grid of monotonic time, one at a time. A run that takes longer
 * than the interval makes the missed ticks fall out; it refuses to pile them up. What the work
 * throws is reported and the next tick comes.
 */

import { setTimeout as sleep } from 'node:timers/promises';
import type { Clock } from '../ports/clock.ts';

export interface TickerOptions {
  readonly intervalMs: number;
  readonly clock: Clock;
  /** How late a tick began, in ms; at least 0. */
  readonly onLag: (lagMs: number) => void;
  readonly onError: (error: unknown) => void;
}

/** Resolves once the signal aborts and the run under way has ended. */
export async function runTicker(
  options: TickerOptions,
  work: (signal: AbortSignal) => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  const { clock, intervalMs } = options;
  let dueMs = clock.monotonicMs();
  while (!signal.aborted) {
    options.onLag(Math.max(0, clock.monotonicMs() - dueMs));
    try {
      await work(signal);
    } catch (error) {
      if (!isAborted(signal)) options.onError(error);
    }
    dueMs = nextDue(dueMs, clock.monotonicMs(), intervalMs);
    await pause(dueMs - clock.monotonicMs(), signal);
  }
}

/** The first point of the grid after now, all in monotonic ms. */
export function nextDue(dueMs: number, nowMs: number, intervalMs: number): number {
  const missed = Math.max(0, Math.floor((nowMs - dueMs) / intervalMs));
  return dueMs + (missed + 1) * intervalMs;
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  try {
    await sleep(Math.max(0, ms), undefined, { signal });
  } catch (error) {
    if (!isAborted(signal)) throw error;
  }
}

/** Asked through a function, since an await may have changed what the type checker remembers. */
function isAborted(signal: AbortSignal): boolean {
  return signal.aborted;
}
