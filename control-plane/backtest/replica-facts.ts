/** The replicas of the plant one by one, as strategies that look at each of them want to see them. */

import type { ReplicaFact } from '../model/observation.ts';
import { bootSteps } from './plant.ts';
import type { Cohort, Cohorts } from './replicas.ts';
import type { World } from './simulate.ts';

/** Those from before the run have been there for a day. */
const LONG_AGO_MS = 86_400_000;

export function replicaFacts(world: World, { serving, orders }: Cohorts): readonly ReplicaFact[] {
  return [...factsOf(world, serving, 'ready'), ...factsOf(world, orders, 'starting')];
}

function factsOf(
  { fromMs, stepMs, bootMs }: World,
  cohorts: readonly Cohort[],
  phase: 'ready' | 'starting',
): readonly ReplicaFact[] {
  return cohorts.flatMap(({ readyAt, count }) => {
    const readyAtMs = readyAt === 0 ? fromMs - LONG_AGO_MS : fromMs + readyAt * stepMs;
    const startedAtMs = readyAtMs - bootSteps({ bootMs, stepMs }) * stepMs;
    return Array.from({ length: count }, (_, index): ReplicaFact => {
      const replicaId = `${readyAt}-${index}`;
      const readyChangedAtMs = phase === 'ready' ? readyAtMs : null;
      return { replicaId, address: `${replicaId}:1`, phase, startedAtMs, readyChangedAtMs };
    });
  });
}
