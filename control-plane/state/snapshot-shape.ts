/**
 * What stands in a snapshot of each format, section by section, and how the sections become a state.
 * It knows nothing of lines and pieces.
 */

import type { StoredBudget } from '../model/budget.ts';
import type { Election } from '../model/election.ts';
import type { Brakes } from '../model/decision.ts';
import type { Mode } from '../model/mode.ts';
import { PAST_POLICIES_MAX } from '../model/policy.ts';
import type { PastPolicy, ShadowPolicy, StoredPolicy } from '../model/policy.ts';
import { ELECTIONS_MAX } from './elections.ts';
import { FORMAT_MAX } from './format.ts';
import { KEYS_MAX, appliedKeysOf } from './keys.ts';
import type { AppliedKey } from './keys.ts';
import {
  brakesShape,
  budgetShape,
  electionShape,
  inFlightShape,
  modeShape,
  overrideShape,
  pauseShape,
  registrationShape,
  tokenShape,
  workloadShape,
} from './model-shape.ts';
import { policyShape } from './policy-shape.ts';
import { recordOf } from './records.ts';
import type { Entry } from './sorted-map.ts';
import { ShapeError, count, finite, listOf, mapOf, nullable } from './shape.ts';
import { objectOf, oneOf, optional, text, wholeFrom } from './shape.ts';
import type { Check } from './shape.ts';
import type { NodeState, PlaneState, WorkloadState } from './state.ts';

export interface Section {
  readonly name: string;
  readonly kind: 'map' | 'list';
  /** Of one value of the map, or one element of the list. */
  readonly shape: Check<unknown>;
  /** The format in which it came. */
  readonly since: number;
}

const pastShape = objectOf<PastPolicy>({
  policy: policyShape,
  version: count,
  replacedAtMs: finite,
});

const shadowShape = objectOf<ShadowPolicy>({
  policy: policyShape,
  version: count,
  desired: nullable(count),
  lastDirection: nullable(oneOf(['out', 'in'])),
  reversals: count,
});

/** In the order in which they are written. */
const SECTIONS: readonly Section[] = [
  {
    name: 'nodes',
    kind: 'map',
    shape: objectOf<NodeState>({ registration: registrationShape, registeredAtMs: finite }),
    since: 1,
  },
  {
    name: 'workloads',
    kind: 'map',
    shape: objectOf<WorkloadState>({
      workload: workloadShape,
      version: count,
      mode: modeShape,
      desired: count,
      desiredToken: tokenShape,
      inFlight: nullable(inFlightShape),
      pause: optional(pauseShape),
      override: optional(overrideShape),
    }),
    since: 1,
  },
  {
    name: 'policies',
    kind: 'map',
    shape: objectOf<StoredPolicy>({
      policy: policyShape,
      version: count,
      past: optional(listOf(pastShape, PAST_POLICIES_MAX)),
      shadow: optional(shadowShape),
      shadowVersion: optional(count),
    }),
    since: 1,
  },
  { name: 'brakes', kind: 'map', shape: brakesShape, since: 1 },
  {
    name: 'budgets',
    kind: 'map',
    shape: objectOf<StoredBudget>({ budget: budgetShape, version: count }),
    since: 4,
  },
  { name: 'elections', kind: 'list', shape: electionShape, since: 2 },
  {
    name: 'appliedKeys',
    kind: 'list',
    shape: objectOf<AppliedKey>({ key: text, version: count }),
    since: 1,
  },
];

export function sectionsOf(formatVersion: number): readonly Section[] {
  return SECTIONS.filter(({ since }) => since <= formatVersion);
}

/** A document of the format, all at once; its sections beside these two. */
export interface DocumentHead {
  readonly formatVersion: number;
  readonly mode: Mode;
}

export function documentShape(formatVersion: number): Check<DocumentHead> {
  const shapes = sectionsOf(formatVersion).map(({ name, kind, shape }) => {
    return [name, kind === 'map' ? mapOf(shape) : listOf(shape)] as const;
  });
  const head = { formatVersion: wholeFrom(1, FORMAT_MAX), mode: modeShape };
  return objectOf<DocumentHead>({ ...head, ...Object.fromEntries(shapes) });
}

/** What was read of each section, every value of its shape; entries in strictly ascending order. */
export interface Parts {
  readonly formatVersion: number;
  readonly mode: Mode;
  readonly maps: ReadonlyMap<string, readonly Entry<unknown>[]>;
  readonly lists: ReadonlyMap<string, readonly unknown[]>;
}

/** @throws ShapeError */
export function stateOf({ formatVersion, mode, maps, lists }: Parts): PlaneState {
  const entries = (name: string) => maps.get(name) ?? [];
  const policies = entries('policies') as readonly Entry<StoredPolicy>[];
  const elections = (lists.get('elections') ?? []) as readonly Election[];
  const electionIds = new Set(elections.map(({ electionId }) => electionId));
  if (electionIds.size < elections.length || elections.length > ELECTIONS_MAX) {
    throw new ShapeError(`snapshot.elections: one comes twice, or more than ${ELECTIONS_MAX} do`);
  }
  const appliedKeys = appliedKeysOf((lists.get('appliedKeys') ?? []) as readonly AppliedKey[]);
  if (appliedKeys === null) {
    throw new ShapeError(`snapshot.appliedKeys: a key comes twice, or more than ${KEYS_MAX} do`);
  }
  return {
    formatVersion,
    mode,
    nodes: recordOf(entries('nodes') as readonly Entry<NodeState>[]),
    workloads: recordOf(entries('workloads') as readonly Entry<WorkloadState>[]),
    policies: recordOf(policies),
    policyIdByWorkload: recordOf(
      inOrder(policies.map(([id, { policy }]): Entry<string> => [policy.workloadId, id])),
    ),
    brakes: recordOf(entries('brakes') as readonly Entry<Brakes>[]),
    budgets: recordOf(entries('budgets') as readonly Entry<StoredBudget>[]),
    elections,
    appliedKeys,
  };
}

/** Sorted by id; an id that comes twice counts as its last. */
export function inOrder<T>(entries: readonly Entry<T>[]): readonly Entry<T>[] {
  return [...new Map(entries)].sort(([a], [b]) => (a < b ? -1 : 1));
}
