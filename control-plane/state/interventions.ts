/**
 * Pauses and overrides of workloads. They change what the next decision may do, and neither what is
 * wanted now nor an action under way: that is the decider's. One whose time is over stays until it is
 * taken back or replaced, since no command comes when it ends.
 */

import type { Override, Pause } from '../model/intervention.ts';
import { sameContent } from './canonical.ts';
import { applied } from './outcome.ts';
import type { Outcome } from './outcome.ts';
import type { PlaneState } from './state.ts';
import { withWorkload, workloadNotFound } from './workloads.ts';

/** As another mode it gives the workload a new version; what is there already, or is not, changes nothing. */
export function setPause(state: PlaneState, workloadId: string, pause: Pause | null): Outcome {
  const known = state.workloads[workloadId];
  if (known === undefined) return workloadNotFound(workloadId);
  const { pause: former = null, ...rest } = known;
  if (sameContent(former, pause)) return applied(state, known.version);
  const version = known.version + 1;
  return withWorkload(state, { ...rest, version, ...(pause === null ? {} : { pause }) });
}

/** The same for a number that holds. */
export function setOverride(
  state: PlaneState,
  workloadId: string,
  override: Override | null,
): Outcome {
  const known = state.workloads[workloadId];
  if (known === undefined) return workloadNotFound(workloadId);
  const { override: former = null, ...rest } = known;
  if (sameContent(former, override)) return applied(state, known.version);
  const version = known.version + 1;
  return withWorkload(state, { ...rest, version, ...(override === null ? {} : { override }) });
}
