/**
 * What a lost signal counts as asking for once the policy's patience with it is over: the fallbacks of
 * KEDA, per signal, so that one dead exporter neither freezes a workload for ever nor decides alone.
 * Without a choice in the policy there is no such stage, and a lost signal holds.
 */

import type { Proposal, ScaleInput, StageRecord } from '../model/decision.ts';
import type { OnLostSpec } from '../model/policy.ts';
import { unreachable } from '../model/reasons.ts';
import { combine } from './combine.ts';

/** Since when each of the signals that cannot be used now has been lost, by name. */
export function lostSince(
  input: ScaleInput,
  proposals: readonly Proposal[],
): Readonly<Record<string, number>> {
  const known = input.brakes.memory?.lostSinceMs ?? {};
  const lost = proposals.filter(isLost).map(({ metric }) => metric);
  return Object.fromEntries(
    lost.map((name) => [name, Math.min(known[name] ?? input.nowMs, input.nowMs)]),
  );
}

/** Null when the policy made no choice, or no signal has been lost for long enough. */
export function lostStage(
  input: ScaleInput,
  proposals: readonly Proposal[],
  since: Readonly<Record<string, number>>,
  before: number,
): StageRecord | null {
  const { onLost } = input.policy;
  if (onLost === undefined) return null;
  const overdue = new Set(
    Object.keys(since).filter((name) => input.nowMs - (since[name] ?? 0) >= onLost.afterMs),
  );
  if (overdue.size === 0) return null;
  const fallback = fallbackOf(onLost, input.desired);
  const stood = proposals.map((proposal) =>
    overdue.has(proposal.metric) ? standIn(proposal, fallback) : proposal,
  );
  const { after } = combine(input, stood);
  const names = [...overdue].sort().join(', ');
  const detail = `${names} counts as asking for ${fallback} since it is lost (${onLost.kind})`;
  return { stage: 'lost', before, after, reason: after === before ? null : 'signals_lost', detail };
}

/** Replicas that all boot still are not a loss of the signal: it will speak when they serve. */
function isLost(proposal: Proposal): boolean {
  if (proposal.kind === 'none') return proposal.reason !== 'no_replica_ready';
  return proposal.limited !== null;
}

function fallbackOf({ kind, replicas }: OnLostSpec, desired: number): number {
  switch (kind) {
    case 'static':
      return replicas;
    case 'current':
      return desired;
    case 'current_if_higher':
      return Math.max(desired, replicas);
    case 'current_if_lower':
      return Math.min(desired, replicas);
    default:
      return unreachable(kind);
  }
}

/** What still came of a partial signal forbids going in, as ever: a fallback can only raise it. */
function standIn(proposal: Proposal, fallback: number): Proposal {
  return {
    kind: 'replicas',
    metric: proposal.metric,
    replicas: proposal.kind === 'replicas' ? Math.max(fallback, proposal.replicas) : fallback,
    ratio: null,
    ageMs: proposal.ageMs,
    withinTolerance: false,
    limited: null,
    detail: 'the policy’s choice for a lost signal',
  };
}
