/**
 * How old the actions in flight are. Their start is wall-clock time from the log; when the clock
 * steps back after it, that alone would let an action wait for hours beyond its deadline and block
 * its workload. So the time since this member first saw an action counts too, on the monotonic clock.
 */

import type { InFlightAction } from '../model/decision.ts';

export class ActionAges {
  readonly #firstSeenMs = new Map<string, number>();

  /** The time by which the action's deadline is judged, UNIX ms: `nowMs`, or later. */
  nowFor(action: InFlightAction, nowMs: number, monotonicMs: number): number {
    const firstSeenMs = this.#firstSeenMs.get(action.decisionId) ?? monotonicMs;
    this.#firstSeenMs.set(action.decisionId, firstSeenMs);
    return Math.max(nowMs, action.startedAtMs + (monotonicMs - firstSeenMs));
  }

  /** Forgets the actions that have ended. */
  retain(inFlight: ReadonlySet<string>): void {
    for (const decisionId of this.#firstSeenMs.keys()) {
      if (!inFlight.has(decisionId)) this.#firstSeenMs.delete(decisionId);
    }
  }
}
