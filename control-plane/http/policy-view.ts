/** A policy as the API shows it, with its shadow beside it. */

import type { StoredPolicy } from '../model/policy.ts';
import type { Consensus } from '../ports/consensus.ts';
import { renderPolicy } from '../schemas/policy.ts';
import { HttpRefusal } from './errors.ts';
import { memberOf } from './page.ts';

type PlaneState = ReturnType<Consensus['readState']>;

export function policyViewOf(state: PlaneState, stored: StoredPolicy) {
  const { policy, version } = stored;
  return { policy: renderPolicy(policy), version, shadow: shadowViewOf(state, stored) };
}

/** Null without a shadow. */
export function shadowViewOf(state: PlaneState, { policy, shadow }: StoredPolicy) {
  if (shadow === undefined) return null;
  const desiredLive = memberOf(state.workloads, policy.workloadId)?.desired ?? 0;
  const { version, desired, reversals } = shadow;
  return { policy: renderPolicy(shadow.policy), version, desired, desiredLive, reversals };
}

/** @throws HttpRefusal `policy_not_found` */
export function policyOf(state: PlaneState, id: string): StoredPolicy {
  const stored = memberOf(state.policies, id);
  if (stored !== null) return stored;
  throw new HttpRefusal('policy_not_found', `No policy has the id "${id}".`);
}
