/**
 * Policies: at most one per workload, and none without one. Their brakes and their shadow live and die
 * with them; what they were before is kept for a while.
 */

import type { Command } from '../model/command.ts';
import { PAST_POLICIES_MAX } from '../model/policy.ts';
import type { ScalePolicy, StoredPolicy } from '../model/policy.ts';
import { shadowBrakesId, withMemory } from './brakes.ts';
import { missingBudget } from './budgets.ts';
import { sameContent } from './canonical.ts';
import { inherited } from './memory.ts';
import { applied, refused, versionConflict } from './outcome.ts';
import type { Outcome } from './outcome.ts';
import { withEntry, withoutEntry } from './records.ts';
import type { PlaneState } from './state.ts';

type PutPolicy = Extract<Command, { kind: 'put_policy' }>;

/** From this format on, past versions are kept: a member of an older one has no place for them. */
const PAST_SINCE = 4;

export function putPolicy(state: PlaneState, command: PutPolicy): Outcome {
  const { policy, expectedVersion, atMs } = command;
  const known = state.policies[policy.id];
  const conflict = versionConflict(`policy ${policy.id}`, expectedVersion, known?.version ?? 0);
  if (conflict !== null) return conflict;
  if (known !== undefined && sameContent(known.policy, policy)) {
    return applied(state, known.version);
  }
  const refusal = withoutPlace(state, policy) ?? missingBudget(state, policy);
  if (refusal !== null) return refusal;
  if (known === undefined) return withFirst(state, policy);
  const stored = replacedBy(state, known, policy, atMs);
  const moves = known.policy.workloadId !== policy.workloadId;
  return applied(
    moves ? moved(state, known, stored) : stayed(state, known, stored),
    stored.version,
  );
}

/** An action that the policy has in flight stays in flight until it is verified. */
export function removePolicy(
  state: PlaneState,
  policyId: string,
  expectedVersion: number | null,
): Outcome {
  const known = state.policies[policyId];
  if (known === undefined) return policyNotFound(policyId);
  const conflict = versionConflict(`policy ${policyId}`, expectedVersion, known.version);
  if (conflict !== null) return conflict;
  return applied({
    ...state,
    policies: withoutEntry(state.policies, policyId),
    policyIdByWorkload: withoutEntry(state.policyIdByWorkload, known.policy.workloadId),
    brakes: withoutBrakes(state, policyId),
  });
}

/** Id of the policy that refers to the workload, or null. */
export function policyOfWorkload(state: PlaneState, workloadId: string): string | null {
  return state.policyIdByWorkload[workloadId] ?? null;
}

/** The next version of a policy; that of before is kept where there is a place for it. */
export function replacedBy(
  { formatVersion }: PlaneState,
  known: StoredPolicy,
  policy: ScalePolicy,
  atMs: number,
): StoredPolicy {
  const version = known.version + 1;
  if (formatVersion < PAST_SINCE) return { policy, version };
  const latest = { policy: known.policy, version: known.version, replacedAtMs: atMs };
  const past = [...(known.past ?? []), latest].slice(-PAST_POLICIES_MAX);
  return { ...known, policy, version, past };
}

export function withoutShadow(stored: StoredPolicy): StoredPolicy {
  const { shadow, ...rest } = stored;
  return shadow === undefined ? stored : rest;
}

export function policyNotFound(policyId: string): Outcome {
  return refused('policy_not_found', `there is no policy ${policyId}`);
}

/** Why there is no place for the policy: no workload, or one that has another; null when there is. */
function withoutPlace(state: PlaneState, { id, workloadId }: ScalePolicy): Outcome | null {
  if (state.workloads[workloadId] === undefined) {
    return refused('workload_not_found', `there is no workload ${workloadId}`);
  }
  const holder = policyOfWorkload(state, workloadId);
  if (holder === null || holder === id) return null;
  const detail = `workload ${workloadId} already has policy ${holder}`;
  return refused('workload_already_has_policy', detail);
}

function withFirst(state: PlaneState, policy: ScalePolicy): Outcome {
  const { id, workloadId } = policy;
  const policies = withEntry(state.policies, id, { policy, version: 1 });
  const policyIdByWorkload = withEntry(state.policyIdByWorkload, workloadId, id);
  return applied({ ...state, policies, policyIdByWorkload }, 1);
}

function stayed(state: PlaneState, known: StoredPolicy, stored: StoredPolicy): PlaneState {
  const { policy } = stored;
  const policies = withEntry(state.policies, policy.id, stored);
  const brakes = state.brakes[policy.id];
  if (brakes?.memory === undefined) return { ...state, policies };
  const memory = inherited(brakes.memory, known.policy, policy);
  const next = withMemory(brakes, memory);
  return { ...state, policies, brakes: withEntry(state.brakes, policy.id, next) };
}

/** What was recommended for one workload says nothing of another; nor does a shadow for it. */
function moved(state: PlaneState, known: StoredPolicy, stored: StoredPolicy): PlaneState {
  const { id, workloadId } = stored.policy;
  const left = withoutEntry(state.policyIdByWorkload, known.policy.workloadId);
  return {
    ...state,
    policies: withEntry(state.policies, id, withoutShadow(stored)),
    policyIdByWorkload: withEntry(left, workloadId, id),
    brakes: withoutBrakes(state, id),
  };
}

function withoutBrakes({ brakes }: PlaneState, policyId: string): PlaneState['brakes'] {
  return withoutEntry(withoutEntry(brakes, policyId), shadowBrakesId(policyId));
}
