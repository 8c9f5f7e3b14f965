/**
 * Which policies scale a workload: an index over the policies of one state, made once for it and kept
 * for as long as that state is. A page of workloads asks for each of its rows; looking through all
 * policies for each would hold up the event loop of a large fleet. Reads, and changes nothing.
 */

import type { StoredPolicy } from '../model/policy.ts';

type Policies = Readonly<Record<string, StoredPolicy>>;

const NONE: readonly string[] = [];
const indexes = new WeakMap<Policies, ReadonlyMap<string, readonly string[]>>();

/** Ids in ascending order, by code unit. */
export function policiesOf(policies: Policies, workloadId: string): readonly string[] {
  let index = indexes.get(policies);
  if (index === undefined) {
    index = indexOf(policies);
    indexes.set(policies, index);
  }
  return index.get(workloadId) ?? NONE;
}

function indexOf(policies: Policies): ReadonlyMap<string, readonly string[]> {
  const index = new Map<string, string[]>();
  for (const { policy } of Object.values(policies)) {
    const known = index.get(policy.workloadId);
    if (known === undefined) index.set(policy.workloadId, [policy.id]);
    else known.push(policy.id);
  }
  for (const ids of index.values()) ids.sort();
  return index;
}
