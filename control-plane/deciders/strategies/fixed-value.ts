/**
 * nomad-autoscaler's `fixed-value`: a constant, for schedules and overrides. It reads no metric, so
 * no metric can break it.
 */

import { boundedReplicas } from './strategy-proposal.ts';
import type { ReplicasProposal } from './strategy-proposal.ts';

/** Proposes `replicas`, a whole number of at least 0. */
export function proposeFixedValue(replicas: number): ReplicasProposal {
  return {
    kind: 'replicas',
    replicas: boundedReplicas(replicas),
    ratio: null,
    withinTolerance: false,
    limited: null,
    detail: `fixed at ${replicas}`,
  };
}
