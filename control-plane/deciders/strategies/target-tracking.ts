/**
 * Target tracking as in AWS: out, in proportion, when the value has been above the target for a few
 * periods; in, only when it has been well below for many, and by whole replicas rounded down. Of
 * several policies any may go out and all must agree to go in. The alarms are explicit state.
 * Source: the public documentation; the counts of periods are practice, so they are settings.
 */

import { isOverdue, observeAlarm, unusableValue, NEW_ALARM } from './alarm.ts';
import type { AlarmRules, AlarmState, Datapoint } from './alarm.ts';
import { ceilReplicas, none } from './strategy-proposal.ts';
import type { ReplicasProposal, StrategyProposal, StrategyReason } from './strategy-proposal.ts';

export interface TrackingRules {
  /** Mean per replica, above 0. */
  readonly target: number;
  /** Below this share of the target it is time to go in; 0.9 when nothing is said. */
  readonly scaleInRatio: number;
  readonly outPeriods: number;
  readonly inPeriods: number;
  readonly periodMs: number;
  /** The policy only ever adds. */
  readonly disableScaleIn: boolean;
}

export const TRACKING_DEFAULTS = {
  scaleInRatio: 0.9,
  outPeriods: 3,
  inPeriods: 15,
  periodMs: 60_000,
  disableScaleIn: false,
} as const;

export interface TrackingState {
  readonly high: AlarmState;
  readonly low: AlarmState;
  /** The last period's value; null when it could not be used, for the reason beside it. */
  readonly value: number | null;
  readonly fault: StrategyReason | null;
}

export const NEW_TRACKING: TrackingState = {
  high: NEW_ALARM,
  low: NEW_ALARM,
  value: null,
  fault: 'signal_absent',
};

export interface TrackingInput {
  readonly nowMs: number;
  /** Replicas wanted now, with those that warm up. */
  readonly current: number;
  /** Replicas that do not count in the metric yet. */
  readonly warming: number;
}

/** Takes in one period. */
export function observeTracking(
  rules: TrackingRules,
  state: TrackingState,
  point: Datapoint,
): TrackingState {
  const high = observeAlarm(highOf(rules), state.high, point);
  if (high === state.high) return state;
  const low = observeAlarm(lowOf(rules), state.low, point);
  const fault = unusableValue(point.value);
  return { high, low, value: fault === null ? point.value : null, fault };
}

/** Proposes from the alarms as they stand. */
export function proposeTracking(
  rules: TrackingRules,
  input: TrackingInput,
  state: TrackingState,
): StrategyProposal {
  const { current, warming } = input;
  if (isOverdue(highOf(rules), state.high, input.nowMs)) {
    return none('signal_stale', 'no period came in lately');
  }
  if (state.value === null) {
    return none(state.fault ?? 'signal_absent', 'the last period has no usable value');
  }
  const ratio = state.value / rules.target;
  if (!Number.isFinite(ratio)) return none('signal_out_of_range', 'the ratio is not finite');
  const stay = (why: string) => propose(current, ratio, why);
  if (state.high.kind === 'alarm') {
    // Those that warm up are on their way: the metric does not know them, the number does.
    const needed = ceilReplicas(Math.max(0, current - warming) * ratio);
    return propose(Math.max(current, needed), ratio, 'the high alarm is on');
  }
  if (state.low.kind !== 'alarm') return stay('no alarm is on');
  if (rules.disableScaleIn) return stay('going in is disabled');
  if (warming > 0) return stay('replicas are warming up');
  // What is left is rounded up: of 1.5 that could go, one goes.
  return propose(Math.min(current, ceilReplicas(current * ratio)), ratio, 'the low alarm is on');
}

export interface TrackingVote {
  readonly proposal: StrategyProposal;
  /** A policy that only adds has no say in going in. */
  readonly disableScaleIn: boolean;
}

/** Out if any, to the most; in only if all that may, to the most. */
export function combineTracking(votes: readonly TrackingVote[], current: number): StrategyProposal {
  const proposals = votes.map(({ proposal }) => proposal);
  const out = most(proposals.filter((one) => one.kind === 'replicas' && one.replicas > current));
  if (out !== null) return out;
  const failed = proposals.find((one) => one.kind === 'none');
  if (failed !== undefined) return failed;
  const deciding = votes.filter(({ disableScaleIn }) => !disableScaleIn);
  const winner = most(deciding.map(({ proposal }) => proposal));
  return winner ?? most(proposals) ?? none('signal_absent', 'there are no policies');
}

function most(proposals: readonly StrategyProposal[]): ReplicasProposal | null {
  let winner: ReplicasProposal | null = null;
  for (const proposal of proposals) {
    if (proposal.kind === 'none') continue;
    if (winner === null || proposal.replicas > winner.replicas) winner = proposal;
  }
  return winner;
}

function highOf(rules: TrackingRules): AlarmRules {
  return {
    side: 'above',
    bound: rules.target,
    periods: rules.outPeriods,
    periodMs: rules.periodMs,
  };
}

function lowOf(rules: TrackingRules): AlarmRules {
  return {
    side: 'below',
    bound: rules.target * rules.scaleInRatio,
    periods: rules.inPeriods,
    periodMs: rules.periodMs,
  };
}

function propose(replicas: number, ratio: number, why: string): ReplicasProposal {
  return {
    kind: 'replicas',
    replicas,
    ratio,
    withinTolerance: false,
    limited: null,
    detail: `${ratio.toPrecision(4)} of the target; ${why}`,
  };
}
