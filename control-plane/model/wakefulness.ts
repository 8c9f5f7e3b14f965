/**
 * Whether a strategy can ask for a first replica when there is none: whether what it reads is there
 * without replicas, and its arithmetic leaves zero. Says nothing of whether it would.
 */

import { unreachable } from './reasons.ts';
import type { StepStrategy, StrategySpec, ThresholdActionSpec } from './strategy.ts';

/**
 * Whether the strategy could see demand at zero, and answer it with more than none. A constant sees no
 * demand, and target tracking takes what there is in proportion: nothing of nothing.
 */
export function isWakeful(spec: StrategySpec): boolean {
  if (spec.fromReplicas) return false;
  switch (spec.kind) {
    case 'utilization':
    case 'replica_value':
    case 'inference':
    case 'fixed_value':
    case 'target_tracking':
      return false;
    case 'target_value':
    case 'pass_through':
    case 'concurrency':
    case 'queue':
    case 'capacity':
      return true;
    case 'threshold':
      return leavesZero(spec.action);
    case 'step':
      return stepsFromZero(spec);
    case 'formula':
      return spec.result !== 'value';
    default:
      return unreachable(spec);
  }
}

function leavesZero(action: ThresholdActionSpec): boolean {
  switch (action.kind) {
    case 'delta':
    case 'value':
      return action.replicas > 0;
    case 'percentage':
      return false;
    default:
      return unreachable(action);
  }
}

/** A percentage of none is none, unless a smallest change is asked for. */
function stepsFromZero({ adjustmentKind, minAdjustmentReplicas, steps }: StepStrategy): boolean {
  const raises = steps.some(({ adjustment }) => adjustment > 0);
  return raises && (adjustmentKind !== 'percent' || minAdjustmentReplicas > 0);
}
