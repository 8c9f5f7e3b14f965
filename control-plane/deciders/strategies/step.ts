/**
 * Step scaling as in AWS: while an alarm is on, how far the value is beyond its bound picks the step,
 * and the step says by how many replicas, by what percentage, or to what number. The alarm is
 * explicit state (alarm.ts). Source: the public documentation.
 */

import { unreachable } from '../../model/reasons.ts';
import { isOverdue, unusableValue } from './alarm.ts';
import type { AlarmRules, AlarmState } from './alarm.ts';
import { ROUNDING_SLACK, boundedReplicas, none } from './strategy-proposal.ts';
import type { ReplicasProposal, StrategyProposal } from './strategy-proposal.ts';

export interface Step {
  /** Distance from the alarm's bound, value − bound; null is without end. */
  readonly lower: number | null;
  readonly upper: number | null;
  /** In the unit of the adjustment: replicas, percent, or the number itself. */
  readonly adjustment: number;
}

export interface StepRules {
  readonly alarm: AlarmRules;
  readonly adjustmentKind: 'change' | 'percent' | 'exact';
  /** At least so many replicas change with `percent`; 0 asks for none. */
  readonly minAdjustmentReplicas: number;
  /**
   * Neither gaps nor overlaps. On the alarm's upper side a step holds its lower bound and not its
   * upper one; below, the other way round.
   */
  readonly steps: readonly Step[];
}

export interface StepInput {
  readonly nowMs: number;
  /** Replicas wanted now, with those that warm up. */
  readonly current: number;
  readonly warming: number;
  /** The last period's value; null when there is none. */
  readonly value: number | null;
}

/** Proposes from the alarm as it stands and the last value. */
export function proposeStep(
  rules: StepRules,
  input: StepInput,
  state: AlarmState,
): StrategyProposal {
  const { current, warming, value } = input;
  if (isOverdue(rules.alarm, state, input.nowMs)) {
    return none('signal_stale', 'no period came in lately');
  }
  const unusable = unusableValue(value);
  if (unusable !== null || value === null) {
    return none(unusable ?? 'signal_absent', 'the last period has no usable value');
  }
  if (state.kind === 'insufficient_data') {
    return none('signal_absent', 'the alarm has insufficient data');
  }
  if (state.kind === 'ok') return propose(current, 'the alarm is off');
  const distance = value - rules.alarm.bound;
  const step = rules.steps.find((one) => holds(rules.alarm, one, distance));
  if (step === undefined) return propose(current, `no step for ${distance.toPrecision(4)}`);
  const detail = `${distance.toPrecision(4)} beyond the bound`;
  const counted = Math.max(0, current - warming);
  const fromCounted = adjusted(rules, counted, step.adjustment);
  // A second breach during warm-up adds only what the first did not.
  if (fromCounted > counted) return propose(Math.max(current, fromCounted), detail);
  const fromCurrent = adjusted(rules, current, step.adjustment);
  if (fromCurrent < current && warming > 0) return propose(current, 'replicas are warming up');
  return propose(fromCurrent, detail);
}

function holds(alarm: AlarmRules, step: Step, distance: number): boolean {
  const lower = step.lower ?? -Infinity;
  const upper = step.upper ?? Infinity;
  if (alarm.side === 'above') return distance >= lower && distance < upper;
  return distance > lower && distance <= upper;
}

function adjusted(rules: StepRules, count: number, adjustment: number): number {
  switch (rules.adjustmentKind) {
    case 'change':
      return boundedReplicas(count + Math.trunc(adjustment));
    case 'exact':
      return boundedReplicas(Math.trunc(adjustment));
    case 'percent':
      return boundedReplicas(count + percentOf(rules, count, adjustment));
    default:
      return unreachable(rules.adjustmentKind);
  }
}

/** Towards nothing, but at least one, and at least the smallest change that is asked for. */
function percentOf(rules: StepRules, count: number, percent: number): number {
  if (percent === 0) return 0;
  const exact = Math.abs((count * percent) / 100);
  const whole = Math.floor(exact + ROUNDING_SLACK);
  const size = Math.max(exact > 0 ? 1 : 0, whole, rules.minAdjustmentReplicas);
  return percent > 0 ? size : -size;
}

function propose(replicas: number, detail: string): ReplicasProposal {
  return {
    kind: 'replicas',
    replicas,
    ratio: null,
    withinTolerance: false,
    limited: null,
    detail,
  };
}
