/**
 * nomad-autoscaler's `target-value`: what there is, times value ÷ target, from the newest point
 * alone. Deviations: compatibility.ts, rows N and P.
 */

import { limitStep, newestOf } from './series.ts';
import type { SeriesInput, StepLimits } from './series.ts';
import { boundedReplicas, ceilReplicas, none } from './strategy-proposal.ts';
import type { ReplicasProposal, StrategyProposal } from './strategy-proposal.ts';

export interface TargetValueRules extends StepLimits {
  /** At least 0. With 0 the value itself is the factor: a queue that shall be empty. */
  readonly target: number;
  /** Distance of the factor from 1 in which nothing changes; 0.01 when nothing is said. */
  readonly thresholdRatio: number;
}

export const TARGET_VALUE_THRESHOLD_RATIO = 0.01;

/** Proposes from the newest point. */
export function proposeTargetValue(rules: TargetValueRules, input: SeriesInput): StrategyProposal {
  const newest = newestOf(input);
  if (newest.kind === 'none') return newest;
  const factor = rules.target === 0 ? newest.value : newest.value / rules.target;
  if (!Number.isFinite(factor)) return none('signal_out_of_range', 'the factor is not finite');
  const { current } = input;
  const stays =
    current > 0 && factor >= 1 - rules.thresholdRatio && factor <= 1 + rules.thresholdRatio;
  if (stays) return propose(current, factor, true);
  const raw = ceilReplicas(current === 0 ? factor : current * factor);
  return propose(boundedReplicas(limitStep(raw, current, rules)), factor, false);
}

function propose(replicas: number, ratio: number, withinTolerance: boolean): ReplicasProposal {
  const detail = `the factor is ${ratio.toPrecision(4)}`;
  return { kind: 'replicas', replicas, ratio, withinTolerance, limited: null, detail };
}
