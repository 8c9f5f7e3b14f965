/**
 * Workloads: put, removed, and their mode. What has been decided for a workload (desired, the
 * action in flight) outlives every change of its description.
 */

import type { Command } from '../model/command.ts';
import type { FencingToken } from '../model/decision.ts';
import type { Mode } from '../model/mode.ts';
import { sameContent } from './canonical.ts';
import { applied, refused, versionConflict } from './outcome.ts';
import type { Outcome } from './outcome.ts';
import { policyOfWorkload } from './policies.ts';
import { withEntry, withoutEntry } from './records.ts';
import type { PlaneState, WorkloadState } from './state.ts';

type PutWorkload = Extract<Command, { kind: 'put_workload' }>;

export function putWorkload(state: PlaneState, token: FencingToken, command: PutWorkload): Outcome {
  const { workload, expectedVersion, source } = command;
  const known = state.workloads[workload.id];
  const conflict = versionConflict(`workload ${workload.id}`, expectedVersion, known?.version ?? 0);
  if (conflict !== null) return conflict;
  if (known === undefined) {
    const { mode, replicasInitial: desired } = workload;
    const first = { workload, version: 1, mode, desired, desiredToken: token, inFlight: null };
    return withWorkload(state, first);
  }
  const sameWord = source === 'file' && known.workload.mode === workload.mode;
  const mode = sameWord ? known.mode : workload.mode;
  const same = sameContent(known.workload, workload);
  if (same && mode === known.mode) return applied(state, known.version);
  const desiredToken = same ? known.desiredToken : token;
  const version = known.version + 1;
  return withWorkload(state, { ...known, workload, version, mode, desiredToken });
}

export function removeWorkload(
  state: PlaneState,
  workloadId: string,
  expectedVersion: number | null,
): Outcome {
  const known = state.workloads[workloadId];
  if (known === undefined) return workloadNotFound(workloadId);
  const conflict = versionConflict(`workload ${workloadId}`, expectedVersion, known.version);
  if (conflict !== null) return conflict;
  const policyId = policyOfWorkload(state, workloadId);
  if (policyId !== null) {
    const detail = `policy ${policyId} still refers to workload ${workloadId}`;
    return refused('workload_has_policy', detail);
  }
  return applied({ ...state, workloads: withoutEntry(state.workloads, workloadId) });
}

/** Changing the mode gives a new version; the document keeps the word that it was put with. */
export function setWorkloadMode(state: PlaneState, workloadId: string, mode: Mode): Outcome {
  const known = state.workloads[workloadId];
  if (known === undefined) return workloadNotFound(workloadId);
  if (known.mode === mode) return applied(state, known.version);
  return withWorkload(state, { ...known, mode, version: known.version + 1 });
}

export function workloadNotFound(workloadId: string): Outcome {
  return refused('workload_not_found', `there is no workload ${workloadId}`);
}

export function withWorkload(state: PlaneState, workload: WorkloadState): Outcome {
  const workloads = withEntry(state.workloads, workload.workload.id, workload);
  return applied({ ...state, workloads }, workload.version);
}
