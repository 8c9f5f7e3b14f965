/**
 * nomad-autoscaler's `pass-through`: the newest point is the number of replicas, for those who
 * compute it in their query. Deviations: compatibility.ts, rows K and P.
 */

import type { NomadCompatibility } from './compatibility.ts';
import { limitStep, newestOf } from './series.ts';
import type { SeriesInput, StepLimits } from './series.ts';
import { boundedReplicas, ceilReplicas } from './strategy-proposal.ts';
import type { StrategyProposal } from './strategy-proposal.ts';

export interface PassThroughRules extends StepLimits {
  readonly compatibility: NomadCompatibility;
}

/** Proposes the newest point. */
export function proposePassThrough(rules: PassThroughRules, input: SeriesInput): StrategyProposal {
  const newest = newestOf(input);
  if (newest.kind === 'none') return newest;
  const raw =
    rules.compatibility === 'nomad' ? Math.trunc(newest.value) : ceilReplicas(newest.value);
  return {
    kind: 'replicas',
    replicas: boundedReplicas(limitStep(raw, input.current, rules)),
    ratio: null,
    withinTolerance: false,
    limited: null,
    detail: `the metric asks for ${newest.value}`,
  };
}
