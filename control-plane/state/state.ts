/**
 * The replicated state: what a majority must agree on and a new leader must know. Plain JSON, in
 * which order never matters; everything else (load, health, history) lives elsewhere.
 */

import type { Brakes, FencingToken, InFlightAction } from '../model/decision.ts';
import type { Mode } from '../model/mode.ts';
import type { NodeRegistration } from '../model/node.ts';
import type { StoredPolicy } from '../model/policy.ts';
import type { Workload } from '../model/workload.ts';
import { emptyRecord } from './records.ts';

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
}

export interface NodeState {
  readonly registration: NodeRegistration;
  readonly registeredAtMs: number;
}

/** The maps have no prototype: an id finds what was put under it or undefined, also `constructor`. */
export interface PlaneState {
  /** Version of this shape; a member refuses a snapshot of a newer one. */
  readonly formatVersion: 1;
  readonly mode: Mode;
  readonly nodes: Readonly<Record<string, NodeState>>;
  readonly workloads: Readonly<Record<string, WorkloadState>>;
  readonly policies: Readonly<Record<string, StoredPolicy>>;
  /** By policy id. */
  readonly brakes: Readonly<Record<string, Brakes>>;
  /** Idempotency keys applied lately, oldest first, each with the version it gave. Bounded by KEYS_MAX. */
  readonly appliedKeys: readonly AppliedKey[];
}

export interface AppliedKey {
  readonly key: string;
  readonly version: number;
}

export const INITIAL_STATE: PlaneState = {
  formatVersion: 1,
  mode: 'act',
  nodes: emptyRecord(),
  workloads: emptyRecord(),
  policies: emptyRecord(),
  brakes: emptyRecord(),
  appliedKeys: [],
};
