/**
 * nomad-autoscaler's `threshold`: when enough points lie between two bounds, change by a number, by
 * a percentage, or to a number; otherwise stay. Several of these make a policy, each with its band,
 * joined in a group (groups.ts). Deviations: compatibility.ts, rows M, N and P.
 */

import { unreachable } from '../../model/reasons.ts';
import { newestOf, unusablePoint } from './series.ts';
import type { SeriesInput } from './series.ts';
import { boundedReplicas, ceilReplicas, limitProposal } from './strategy-proposal.ts';
import type { ReplicasProposal, StrategyProposal } from './strategy-proposal.ts';

export type ThresholdAction =
  /** Adds a whole number, or takes one when negative. */
  | { readonly kind: 'delta'; readonly replicas: number }
  /** Adds so many percent, or takes them when negative; rounded up. */
  | { readonly kind: 'percentage'; readonly percent: number }
  /** Sets the number. */
  | { readonly kind: 'value'; readonly replicas: number };

export interface ThresholdRules {
  /** Belongs to the band; null is none. */
  readonly lowerBound: number | null;
  /** Does not belong to the band; null is none. */
  readonly upperBound: number | null;
  /** So many points must lie in the band; 5 when nothing is said. */
  readonly withinBoundsTrigger: number;
  readonly action: ThresholdAction;
}

export const WITHIN_BOUNDS_TRIGGER = 5;

/** Proposes from all points of the query window. */
export function proposeThreshold(rules: ThresholdRules, input: SeriesInput): StrategyProposal {
  const newest = newestOf(input);
  const broken = unusablePoint(input);
  if (newest.kind === 'none') return newest;
  const inside = input.points.filter(({ value }) => isInside(rules, value)).length;
  const isTriggered = inside >= rules.withinBoundsTrigger;
  const replicas = isTriggered ? actedOn(rules.action, input.current) : input.current;
  const proposal: ReplicasProposal = {
    kind: 'replicas',
    replicas,
    ratio: null,
    withinTolerance: !isTriggered,
    limited: null,
    detail: `${inside} of ${input.points.length} points in the band`,
  };
  return broken === null ? proposal : limitProposal(proposal, input.current, broken.reason);
}

function isInside(rules: ThresholdRules, value: number): boolean {
  const aboveLower = rules.lowerBound === null || value >= rules.lowerBound;
  const belowUpper = rules.upperBound === null || value < rules.upperBound;
  return Number.isFinite(value) && aboveLower && belowUpper;
}

function actedOn(action: ThresholdAction, current: number): number {
  switch (action.kind) {
    case 'delta':
      return boundedReplicas(current + action.replicas);
    case 'percentage':
      return ceilReplicas(current * (1 + action.percent / 100));
    case 'value':
      return boundedReplicas(action.replicas);
    default:
      return unreachable(action);
  }
}
