/**
 * Which workloads are looked at between two ticks. Each one where replicas come or go is, every time:
 * Prometheus is to scrape a new replica soon. Of those at rest a bounded number is, the ones that were
 * not looked at for longest first; a fleet beyond the bound is gone round, and each tick sees all of it
 * anyway. It looks at nothing itself.
 */

import type { Workload } from '../model/workload.ts';
import { valuesOf } from '../state/records.ts';
import type { PlaneState, WorkloadState } from '../state/state.ts';
import type { ReplicaWatch } from './replica-watch.ts';

/** Workloads at rest of one look. */
export const RESTING_PER_LOOK_MAX = 500;

/** The workloads for the next look; all of them before there was one. */
export function workloadsDue(
  state: PlaneState,
  watch: Pick<ReplicaWatch, 'hasLooked' | 'of' | 'seenAtMs'>,
): readonly Workload[] {
  const entries = valuesOf(state.workloads);
  if (!watch.hasLooked) return entries.map(({ workload }) => workload);
  const due: Workload[] = [];
  const resting: { readonly workload: Workload; readonly seenAtMs: number }[] = [];
  for (const entry of entries) {
    const { workload } = entry;
    const seenAtMs = watch.seenAtMs(workload.id);
    if (seenAtMs === null || !isAtRest(entry, watch)) due.push(workload);
    else resting.push({ workload, seenAtMs });
  }
  resting.sort((a, b) => a.seenAtMs - b.seenAtMs);
  for (const { workload } of resting.slice(0, RESTING_PER_LOOK_MAX)) due.push(workload);
  return due;
}

/** What is wanted is there, and serves. */
function isAtRest(
  { workload, desired, inFlight }: WorkloadState,
  watch: Pick<ReplicaWatch, 'of'>,
): boolean {
  const replicas = watch.of(workload.id);
  if (inFlight !== null || replicas.length !== desired) return false;
  return replicas.every(({ phase }) => phase === 'ready');
}
