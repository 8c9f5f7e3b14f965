/**
 * One look at the world for one tick: what the metrics source says to every policy, and what the
 * scaling targets say of every workload, read side by side under one deadline. It judges nothing;
 * what could not be read says so itself, and whoever hangs costs the others nothing but the time.
 */

import type { ActualReplicas, Observation } from '../model/observation.ts';
import type { StoredPolicy } from '../model/policy.ts';
import type { Replica, Workload } from '../model/workload.ts';
import type { InstantReading, MetricsSource } from '../ports/metrics-source.ts';
import type { ScaleTarget } from '../ports/scale-target.ts';
import type { PlaneState } from '../state/state.ts';
import { withDeadline } from './deadline.ts';
import type { Deadline } from './deadline.ts';
import { observationsOf, queriesOf } from './observe.ts';

/** The scaling target of each kind; null where this member has it switched off. */
export type ScaleTargets = Readonly<Record<Workload['target']['kind'], ScaleTarget | null>>;

export interface Sight {
  readonly atMs: number;
  /** Queries asked, repeated ones included. */
  readonly queries: number;
  /** By policy id. */
  readonly signals: ReadonlyMap<string, SeenSignals>;
  /** By workload id. */
  readonly replicas: ReadonlyMap<string, SeenReplicas>;
}

/** What was read for a policy as it then was; one observation per metric. */
export interface SeenSignals {
  readonly stored: StoredPolicy;
  readonly observations: readonly Observation[];
}

export type SeenReplicas =
  | { readonly kind: 'seen'; readonly replicas: readonly Replica[] }
  | { readonly kind: 'unseen'; readonly detail: string };

export interface LookOptions {
  readonly source: MetricsSource;
  readonly targets: ScaleTargets;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/** Rejects when the signal aborts, and for nothing else. */
export async function look(state: PlaneState, atMs: number, options: LookOptions): Promise<Sight> {
  const { source, targets, timeoutMs, signal } = options;
  const sight = await withDeadline(timeoutMs, signal, async (deadline) => {
    const [seen, replicas] = await Promise.all([
      readSignals(state, source, atMs, deadline),
      readAll(state, targets, deadline),
    ]);
    return { atMs, ...seen, replicas };
  });
  signal.throwIfAborted();
  return sight;
}

/** Replicas of every workload, read side by side. Rejects when the signal aborts. */
export async function readReplicas(
  state: PlaneState,
  targets: ScaleTargets,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<Sight['replicas']> {
  const replicas = await withDeadline(timeoutMs, signal, (deadline) =>
    readAll(state, targets, deadline),
  );
  signal.throwIfAborted();
  return replicas;
}

/** The decider's view of what was seen. */
export function actualOf(seen: SeenReplicas | undefined): ActualReplicas {
  if (seen === undefined) return { kind: 'unknown', detail: 'the workload was not looked at' };
  if (seen.kind === 'unseen') return { kind: 'unknown', detail: seen.detail };
  const count = (phase: Replica['phase']) =>
    seen.replicas.filter((replica) => replica.phase === phase).length;
  return { kind: 'known', ready: count('ready'), starting: count('starting') };
}

/**
 * What was seen for this policy. An answer to the queries that it had before a change is none: the
 * new target would be held against the old signal.
 */
export function observationsFor(sight: Sight, stored: StoredPolicy): readonly Observation[] {
  const seen = sight.signals.get(stored.policy.id);
  if (seen?.stored === stored) return seen.observations;
  return stored.policy.metrics.map(({ name: metric }) => ({
    kind: 'failed',
    metric,
    reason: 'signal_unavailable',
    detail: 'the policy changed while its signals were read',
  }));
}

async function readSignals(
  state: PlaneState,
  source: MetricsSource,
  atMs: number,
  deadline: Deadline,
): Promise<Pick<Sight, 'queries' | 'signals'>> {
  const policies = Object.values(state.policies);
  const queries = policies.map(({ policy }) => queriesOf(policy));
  const readings = await readInstant(source, queries.flat(), atMs, deadline);
  let next = 0;
  const signals = policies.map((stored, index): readonly [string, SeenSignals] => {
    const count = queries[index]?.length ?? 0;
    const own = readings.slice(next, next + count);
    next += count;
    return [stored.policy.id, { stored, observations: observationsOf(stored.policy, own) }];
  });
  return { queries: readings.length, signals: new Map(signals) };
}

/** One reading per query, also from a source that breaks its promise never to reject or to hang. */
async function readInstant(
  source: MetricsSource,
  queries: readonly string[],
  atMs: number,
  deadline: Deadline,
): Promise<readonly InstantReading[]> {
  if (queries.length === 0) return [];
  try {
    return await deadline.race(() => source.readInstant(queries, atMs, deadline.signal));
  } catch (error) {
    const detail = `the metrics source: ${messageOf(error)}`;
    return queries.map(() => ({ kind: 'failed', reason: 'signal_unavailable', detail }));
  }
}

async function readAll(
  state: PlaneState,
  targets: ScaleTargets,
  deadline: Deadline,
): Promise<Sight['replicas']> {
  const workloads = Object.values(state.workloads).map((entry) => entry.workload);
  const seen = await Promise.all(
    workloads.map(async (workload): Promise<readonly [string, SeenReplicas]> => {
      return [workload.id, await readOne(workload, targets, deadline)];
    }),
  );
  return new Map(seen);
}

async function readOne(
  workload: Workload,
  targets: ScaleTargets,
  deadline: Deadline,
): Promise<SeenReplicas> {
  const target = targets[workload.target.kind];
  if (target === null) {
    return { kind: 'unseen', detail: `the target ${workload.target.kind} is switched off here` };
  }
  try {
    const replicas = await deadline.race(() => target.readReplicas(workload, deadline.signal));
    return { kind: 'seen', replicas };
  } catch (error) {
    return { kind: 'unseen', detail: messageOf(error) };
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
