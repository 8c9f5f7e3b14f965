/**
 * From what each metric and strategy asks for to one number. By default the largest proposal wins, and
 * one unusable signal is enough to forbid going below what is wanted; `winner` and `out_if_any` combine
 * as nomad-autoscaler and AWS do. Brakes and bounds come after it.
 */

import type { Proposal, ScaleInput, StageRecord } from '../model/decision.ts';
import { unreachable } from '../model/reasons.ts';
import type { Reason, SignalReason } from '../model/reasons.ts';
import { pickWinner } from './strategies/groups.ts';
import type { StrategyProposal } from './strategies/strategy-proposal.ts';
import { combineTracking } from './strategies/target-tracking.ts';

/** What the proposals come to, and why. */
export interface Combined {
  readonly after: number;
  readonly reason: Reason;
  readonly detail: string;
}

export function combineStage(input: ScaleInput, proposals: readonly Proposal[]): StageRecord {
  return { stage: 'combine', before: input.desired, ...combine(input, proposals) };
}

/** Combines as the policy says. */
export function combine(input: ScaleInput, proposals: readonly Proposal[]): Combined {
  const { combination } = input.policy;
  switch (combination) {
    case undefined:
      return combineLargest(input.desired, proposals);
    case 'winner':
      return combineWinner(input, proposals);
    case 'out_if_any':
      return combineOutIfAny(input, proposals);
    default:
      return unreachable(combination);
  }
}

/** The largest proposal wins; one unusable signal is enough to forbid going below what is wanted. */
function combineLargest(desired: number, proposals: readonly Proposal[]): Combined {
  const winner = largest(proposals);
  if (winner !== null && winner.replicas > desired) {
    return {
      after: winner.replicas,
      reason: 'above_target',
      detail: `${winner.metric} asks for ${winner.replicas}`,
    };
  }
  const unusable = firstUnusable(proposals);
  if (unusable !== null) return { after: desired, ...unusable };
  if (winner === null) {
    return { after: desired, reason: 'at_desired', detail: 'the policy has no metric' };
  }
  if (winner.replicas < desired) {
    const detail = `${winner.metric} asks for ${winner.replicas}, the most of all`;
    return { after: winner.replicas, reason: 'below_target', detail };
  }
  const reason = winner.withinTolerance ? 'within_tolerance' : 'at_desired';
  return { after: desired, reason, detail: standing(winner) };
}

function standing({ metric, ratio, replicas }: Extract<Proposal, { kind: 'replicas' }>): string {
  if (ratio === null) return `${metric} asks for ${replicas}`;
  return `${metric} is at ${ratio.toPrecision(4)} of its target`;
}

function largest(proposals: readonly Proposal[]) {
  let winner: Extract<Proposal, { kind: 'replicas' }> | null = null;
  for (const proposal of proposals) {
    if (proposal.kind !== 'replicas') continue;
    if (winner === null || proposal.replicas > winner.replicas) winner = proposal;
  }
  return winner;
}

function firstUnusable(
  proposals: readonly Proposal[],
): { readonly reason: SignalReason; readonly detail: string } | null {
  for (const proposal of proposals) {
    if (proposal.kind === 'none') {
      return { reason: proposal.reason, detail: `${proposal.metric}: ${proposal.detail}` };
    }
    if (proposal.limited !== null) {
      return { reason: proposal.limited, detail: `${proposal.metric}: ${limitOf(proposal)}` };
    }
  }
  return null;
}

function limitOf({ detail, limited }: Extract<Proposal, { kind: 'replicas' }>): string {
  if (detail === undefined || limited === 'signal_partial') {
    return 'too few of the ready replicas report';
  }
  return detail;
}

function combineWinner(input: ScaleInput, proposals: readonly Proposal[]): Combined {
  const { desired, policy } = input;
  const groups = new Map(policy.strategies?.map(({ name, group }) => [name, group]));
  const checks = proposals.map((proposal) => ({
    name: proposal.metric,
    group: groups.get(proposal.metric) ?? null,
    proposal: asStrategyProposal(proposal),
  }));
  const compatibility = policy.compatibility === 'nomad' ? 'nomad' : 'default';
  const winner = pickWinner(checks, desired, compatibility);
  if (winner.kind === 'none') return { after: desired, ...reasonOf(winner) };
  const { replicas, check, limited } = winner;
  const detail = `${check} wins with ${replicas}`;
  if (limited !== null && replicas === desired) return { after: desired, reason: limited, detail };
  return { after: replicas, reason: directionOf(replicas, desired), detail };
}

function combineOutIfAny(input: ScaleInput, proposals: readonly Proposal[]): Combined {
  const { desired, policy } = input;
  const onlyOut = new Set(
    policy.strategies?.flatMap((spec) =>
      spec.kind === 'target_tracking' && spec.disableScaleIn ? [spec.name] : [],
    ),
  );
  const votes = proposals.map((proposal) => ({
    proposal: asStrategyProposal(proposal),
    disableScaleIn: onlyOut.has(proposal.metric),
  }));
  const outcome = combineTracking(votes, desired);
  if (outcome.kind === 'none') return { after: desired, ...reasonOf(outcome) };
  const unusable = outcome.replicas <= desired ? firstUnusable(proposals) : null;
  if (unusable !== null) return { after: desired, ...unusable };
  const { replicas, detail } = outcome;
  return { after: replicas, reason: directionOf(replicas, desired), detail };
}

function reasonOf({ reason, detail }: Extract<StrategyProposal, { kind: 'none' }>) {
  return { reason, detail };
}

function directionOf(replicas: number, desired: number): Reason {
  if (replicas === desired) return 'at_desired';
  return replicas > desired ? 'above_target' : 'below_target';
}

function asStrategyProposal(proposal: Proposal): StrategyProposal {
  if (proposal.kind === 'none') return proposal;
  const { replicas, ratio, withinTolerance, limited, metric } = proposal;
  const detail = proposal.detail ?? `${metric} asks for ${replicas}`;
  return { kind: 'replicas', replicas, ratio, withinTolerance, limited, detail };
}
