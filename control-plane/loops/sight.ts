/**
 * One look at the world for one tick: what the metrics source says to every policy, and what the
 * scaling targets say of every workload, read side by side under one deadline. It judges nothing;
 * what could not be read says so itself.
 */

import type { ActualReplicas, Observation } from '../model/observation.ts';
import type { Replica, Workload } from '../model/workload.ts';
import type { MetricsSource } from '../ports/metrics-source.ts';
import type { ScaleTarget } from '../ports/scale-target.ts';
import type { PlaneState } from '../state/state.ts';
import { observationsOf, queriesOf } from './observe.ts';

/** The scaling target of each kind; null where this member has it switched off. */
export type ScaleTargets = Readonly<Record<Workload['target']['kind'], ScaleTarget | null>>;

export interface Sight {
  readonly atMs: number;
  /** By policy id; one observation per metric. */
  readonly observations: ReadonlyMap<string, readonly Observation[]>;
  /** By workload id. */
  readonly replicas: ReadonlyMap<string, SeenReplicas>;
}

export type SeenReplicas =
  | { readonly kind: 'seen'; readonly replicas: readonly Replica[] }
  | { readonly kind: 'unseen'; readonly detail: string };

export async function look(
  state: PlaneState,
  source: MetricsSource,
  targets: ScaleTargets,
  atMs: number,
  signal: AbortSignal,
): Promise<Sight> {
  const [observations, replicas] = await Promise.all([
    readObservations(state, source, atMs, signal),
    readReplicas(state, targets, signal),
  ]);
  return { atMs, observations, replicas };
}

/** The decider's view of what was seen. */
export function actualOf(seen: SeenReplicas | undefined): ActualReplicas {
  if (seen === undefined) return { kind: 'unknown', detail: 'the workload was not looked at' };
  if (seen.kind === 'unseen') return { kind: 'unknown', detail: seen.detail };
  const count = (phase: Replica['phase']) =>
    seen.replicas.filter((replica) => replica.phase === phase).length;
  return { kind: 'known', ready: count('ready'), starting: count('starting') };
}

async function readObservations(
  state: PlaneState,
  source: MetricsSource,
  atMs: number,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, readonly Observation[]>> {
  const policies = Object.values(state.policies).map((stored) => stored.policy);
  const queries = policies.map(queriesOf);
  const readings = await source.readInstant(queries.flat(), atMs, signal);
  let next = 0;
  return new Map(
    policies.map((policy, index) => {
      const count = queries[index]?.length ?? 0;
      const own = readings.slice(next, next + count);
      next += count;
      return [policy.id, observationsOf(policy, own)];
    }),
  );
}

/** Replicas of every workload, read side by side. */
export async function readReplicas(
  state: PlaneState,
  targets: ScaleTargets,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, SeenReplicas>> {
  const workloads = Object.values(state.workloads).map((entry) => entry.workload);
  const seen = await Promise.all(
    workloads.map(async (workload): Promise<readonly [string, SeenReplicas]> => {
      return [workload.id, await readOne(workload, targets, signal)];
    }),
  );
  return new Map(seen);
}

async function readOne(
  workload: Workload,
  targets: ScaleTargets,
  signal: AbortSignal,
): Promise<SeenReplicas> {
  const target = targets[workload.target.kind];
  if (target === null) {
    return { kind: 'unseen', detail: `the target ${workload.target.kind} is switched off here` };
  }
  try {
    return { kind: 'seen', replicas: await target.readReplicas(workload, signal) };
  } catch (error) {
    return { kind: 'unseen', detail: error instanceof Error ? error.message : String(error) };
  }
}
