/**
 * Shadows: policies that are decided by and not acted on, one at most beside each policy. A shadow
 * shares nothing with the policy in force until it takes its place; then the actions that were really
 * done go on braking, and what the shadow only would have done is forgotten.
 */

import type { Command } from '../model/command.ts';
import type { Brakes, PolicyMemory } from '../model/decision.ts';
import { NO_MEMORY } from '../model/decision.ts';
import type { ScalePolicy, ShadowPolicy, StoredPolicy } from '../model/policy.ts';
import { shadowBrakesId, withMemory } from './brakes.ts';
import { missingBudget } from './budgets.ts';
import { sameContent } from './canonical.ts';
import { inherited, ofParts } from './memory.ts';
import { applied, refused, versionConflict } from './outcome.ts';
import type { Outcome } from './outcome.ts';
import { policyNotFound, replacedBy, withoutShadow } from './policies.ts';
import { withEntry, withoutEntry } from './records.ts';
import type { PlaneState } from './state.ts';

type PromoteShadow = Extract<Command, { kind: 'promote_shadow' }>;

/** Another content is another shadow: it begins with nothing remembered, and under a new version. */
export function putShadow(state: PlaneState, policy: ScalePolicy): Outcome {
  const { id, workloadId } = policy;
  const known = state.policies[id];
  if (known === undefined) return policyNotFound(id);
  if (known.policy.workloadId !== workloadId) {
    const detail = `policy ${id} is for workload ${known.policy.workloadId}, its shadow for ${workloadId}`;
    return refused('shadow_of_another_workload', detail);
  }
  if (known.shadow !== undefined && sameContent(known.shadow.policy, policy)) {
    return applied(state, known.shadow.version);
  }
  const missing = missingBudget(state, policy);
  if (missing !== null) return missing;
  const version = (known.shadowVersion ?? 0) + 1;
  const shadow = { policy, version, desired: null, lastDirection: null, reversals: 0 };
  const stored: StoredPolicy = { ...known, shadow, shadowVersion: version };
  return applied(withoutShadowOf(state, id, stored), version);
}

export function removeShadow(state: PlaneState, policyId: string): Outcome {
  const known = state.policies[policyId];
  if (known === undefined) return policyNotFound(policyId);
  if (known.shadow === undefined) return shadowNotFound(policyId);
  return applied(withoutShadowOf(state, policyId, withoutShadow(known)));
}

/** The shadow takes the place of its policy, whose version counts up unless both say the same. */
export function promoteShadow(state: PlaneState, command: PromoteShadow): Outcome {
  const { policyId, shadowVersion, atMs } = command;
  const known = state.policies[policyId];
  if (known === undefined) return policyNotFound(policyId);
  const { shadow } = known;
  if (shadow === undefined) return shadowNotFound(policyId);
  const noun = `the shadow of policy ${policyId}`;
  const conflict = versionConflict(noun, shadowVersion, shadow.version);
  if (conflict !== null) return conflict;
  const isSame = sameContent(known.policy, shadow.policy);
  const next = isSame ? known : replacedBy(state, known, shadow.policy, atMs);
  const promoted = withoutShadowOf(state, policyId, withoutShadow(next));
  const live = state.brakes[policyId];
  // Decisions of a shadow come with those of its policy: without the one there are none of the other.
  if (live === undefined) return applied(promoted, next.version);
  const memory = memoryOfBoth(known, shadow, live, state.brakes[shadowBrakesId(policyId)]);
  const brakes = withEntry(promoted.brakes, policyId, withMemory(live, memory));
  return applied({ ...promoted, brakes }, next.version);
}

/**
 * What was done is remembered of the policy in force; what signals said to a strategy that only the
 * shadow had, of the shadow.
 */
function memoryOfBoth(
  { policy }: StoredPolicy,
  shadow: ShadowPolicy,
  live: Brakes,
  shadowed: Brakes | undefined,
): PolicyMemory | undefined {
  const kept = inherited(live.memory, policy, shadow.policy);
  const learnt = ofParts(shadowed?.memory ?? NO_MEMORY, shadow.policy).strategies;
  if (Object.keys(learnt).length === 0) return kept;
  const known = kept ?? NO_MEMORY;
  return { ...known, strategies: { ...learnt, ...known.strategies } };
}

/** With another entry for the policy, and nothing remembered of its shadow. */
function withoutShadowOf(state: PlaneState, policyId: string, stored: StoredPolicy): PlaneState {
  const policies = withEntry(state.policies, policyId, stored);
  return { ...state, policies, brakes: withoutEntry(state.brakes, shadowBrakesId(policyId)) };
}

function shadowNotFound(policyId: string): Outcome {
  return refused('shadow_not_found', `policy ${policyId} has no shadow`);
}
