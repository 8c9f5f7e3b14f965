/**
 * Whether an action that is under way has come true. Pure: it reads one look at the world and says
 * what became of the action; who waits for it, and what follows, is the loop's affair.
 */

import type { ActionOutcome } from '../model/command.ts';
import type { InFlightAction } from '../model/decision.ts';
import type { SeenReplicas } from './sight.ts';

export type ActionVerdict =
  | { readonly kind: 'waiting' }
  | { readonly kind: 'ended'; readonly outcome: ActionOutcome; readonly readyReplicas: number };

/**
 * Verified: as many ready as wanted, none starting and none stopping. Failed: past its deadline
 * without that. A target that does not answer leaves the action waiting, also past the deadline,
 * because the number of replicas that it left behind is not known.
 */
export function verifyAction(
  action: InFlightAction,
  seen: SeenReplicas | undefined,
  nowMs: number,
): ActionVerdict {
  if (seen?.kind !== 'seen') return { kind: 'waiting' };
  const ready = seen.replicas.filter((replica) => replica.phase === 'ready').length;
  if (ready === action.toReplicas && ready === seen.replicas.length) {
    return { kind: 'ended', outcome: 'verified', readyReplicas: ready };
  }
  if (nowMs < action.deadlineMs) return { kind: 'waiting' };
  return { kind: 'ended', outcome: 'failed', readyReplicas: ready };
}
