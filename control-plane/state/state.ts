/**
 * The replicated state: what a majority must agree on and a new leader must know. It is immutable:
 * a reader may keep it for as long as it likes, and states share what they have in common. In its maps
 * order never matters; everything else (load, health, history) lives elsewhere.
 */

import type { StoredBudget } from '../model/budget.ts';
import type { Brakes, FencingToken, InFlightAction } from '../model/decision.ts';
import type { Election } from '../model/election.ts';
import type { Override, Pause } from '../model/intervention.ts';
import type { Mode } from '../model/mode.ts';
import type { NodeRegistration } from '../model/node.ts';
import type { StoredPolicy } from '../model/policy.ts';
import type { Workload } from '../model/workload.ts';
import { NO_KEYS } from './keys.ts';
import type { AppliedKeys } from './keys.ts';
import { emptyRecord } from './records.ts';
import type { ReadonlyMapById } from './records.ts';

export type { AppliedKey } from './keys.ts';

export interface WorkloadState {
  readonly workload: Workload;
  /** Counts up from 1 with each change; the ETag. */
  readonly version: number;
  /** In force now: the document's, until an operator sets another. */
  readonly mode: Mode;
  /** Replicas wanted by the last committed decision, or replicasInitial before any. */
  readonly desired: number;
  /** The entry that last set `desired` or the description: what a scaling target is told under. */
  readonly desiredToken: FencingToken;
  readonly inFlight: InFlightAction | null;
  /** Absent without one; one that has expired stays until it is taken back. None before format 4. */
  readonly pause?: Pause;
  /** The same; it changes `desired` through the decider alone. */
  readonly override?: Override;
}

export interface NodeState {
  readonly registration: NodeRegistration;
  readonly registeredAtMs: number;
}

/**
 * The maps have no prototype: an id finds what was put under it or undefined, also `constructor`. A
 * look-up by id is quick in every state; listing a map costs its size once per state.
 */
export interface PlaneState {
  /** The format in force in this cluster, from 1; raised through the log alone (format.ts). */
  readonly formatVersion: number;
  readonly mode: Mode;
  readonly nodes: ReadonlyMapById<NodeState>;
  readonly workloads: ReadonlyMapById<WorkloadState>;
  readonly policies: ReadonlyMapById<StoredPolicy>;
  /** The policy of a workload, by workload id: follows from `policies`, and no snapshot has it. */
  readonly policyIdByWorkload: ReadonlyMapById<string>;
  /** By policy id; those of a policy's shadow beside them (brakes.ts, `shadowBrakesId`). */
  readonly brakes: ReadonlyMapById<Brakes>;
  /** None before format 4. */
  readonly budgets: ReadonlyMapById<StoredBudget>;
  /** The last ELECTIONS_MAX attempts to become leader, newest last; none before format 2. */
  readonly elections: readonly Election[];
  /** Idempotency keys applied lately, oldest first, each with the version it gave. Bounded by KEYS_MAX. */
  readonly appliedKeys: AppliedKeys;
}

/** Before the first entry of every log; so its format is 1 for ever, whatever this program can do. */
export const INITIAL_STATE: PlaneState = {
  formatVersion: 1,
  mode: 'act',
  nodes: emptyRecord(),
  workloads: emptyRecord(),
  policies: emptyRecord(),
  policyIdByWorkload: emptyRecord(),
  brakes: emptyRecord(),
  budgets: emptyRecord(),
  elections: [],
  appliedKeys: NO_KEYS,
};
