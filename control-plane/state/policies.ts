/** Policies: at most one per workload, and none without one. Their brakes live and die with them. */

import type { ScalePolicy } from '../model/policy.ts';
import { sameContent } from './canonical.ts';
import { applied, refused, versionConflict } from './outcome.ts';
import type { Outcome } from './outcome.ts';
import { withEntry, withoutEntry } from './records.ts';
import type { PlaneState } from './state.ts';

export function putPolicy(
  state: PlaneState,
  policy: ScalePolicy,
  expectedVersion: number | null,
): Outcome {
  const known = state.policies[policy.id];
  const conflict = versionConflict(`policy ${policy.id}`, expectedVersion, known?.version ?? 0);
  if (conflict !== null) return conflict;
  if (known !== undefined && sameContent(known.policy, policy)) {
    return applied(state, known.version);
  }
  if (state.workloads[policy.workloadId] === undefined) {
    return refused('workload_not_found', `there is no workload ${policy.workloadId}`);
  }
  const holder = policyOfWorkload(state, policy.workloadId);
  if (holder !== null && holder !== policy.id) {
    const detail = `workload ${policy.workloadId} already has policy ${holder}`;
    return refused('workload_already_has_policy', detail);
  }
  const version = (known?.version ?? 0) + 1;
  const policies = withEntry(state.policies, policy.id, { policy, version });
  const { policyIdByWorkload: byWorkload } = state;
  if (known?.policy.workloadId === policy.workloadId)
    return applied({ ...state, policies }, version);
  // What was recommended for one workload says nothing of another.
  const left = known === undefined ? byWorkload : withoutEntry(byWorkload, known.policy.workloadId);
  const policyIdByWorkload = withEntry(left, policy.workloadId, policy.id);
  const brakes = withoutEntry(state.brakes, policy.id);
  return applied({ ...state, policies, policyIdByWorkload, brakes }, version);
}

/** An action that the policy has in flight stays in flight until it is verified. */
export function removePolicy(
  state: PlaneState,
  policyId: string,
  expectedVersion: number | null,
): Outcome {
  const known = state.policies[policyId];
  if (known === undefined) return refused('policy_not_found', `there is no policy ${policyId}`);
  const conflict = versionConflict(`policy ${policyId}`, expectedVersion, known.version);
  if (conflict !== null) return conflict;
  return applied({
    ...state,
    policies: withoutEntry(state.policies, policyId),
    policyIdByWorkload: withoutEntry(state.policyIdByWorkload, known.policy.workloadId),
    brakes: withoutEntry(state.brakes, policyId),
  });
}

/** Id of the policy that refers to the workload, or null. */
export function policyOfWorkload(state: PlaneState, workloadId: string): string | null {
  return state.policyIdByWorkload[workloadId] ?? null;
}
