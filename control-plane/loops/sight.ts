/**
 * One look at the world for one tick: what the metrics source says to every policy, and what the
 * scaling targets say of every workload, read side by side under one deadline. It judges nothing;
 * what could not be read says so itself, and whoever hangs costs the others nothing but the time.
 */

import type { ActualReplicas } from '../model/observation.ts';
import type { ScalePolicy, StoredPolicy } from '../model/policy.ts';
import { partsOf } from '../model/strategy-parts.ts';
import type { Replica, TargetKind, Workload } from '../model/workload.ts';
import type {
  InstantReading,
  MetricsSource,
  RangeQuery,
  RangeReading,
} from '../ports/metrics-source.ts';
import type { ScaleTarget } from '../ports/scale-target.ts';
import type { PlaneState } from '../state/state.ts';
import { valuesOf } from '../state/records.ts';
import { inTurns } from './in-turns.ts';
import { withDeadline } from './deadline.ts';
import type { Deadline } from './deadline.ts';
import { observationsOf, queriesOf } from './observe.ts';
import type { PolicyObservations } from './observe.ts';

/** The scaling target of each kind; absent or null where this member has it switched off. */
export type ScaleTargets = Readonly<Partial<Record<TargetKind, ScaleTarget | null>>>;

/** The setting that switches a target on, for whoever wonders why a workload holds. */
export const TARGET_SWITCHES: Readonly<Record<TargetKind, string>> = {
  local_process: 'OMNIMIND_LOCAL_PROCESS',
  docker: 'OMNIMIND_DOCKER_URL',
  kubernetes: 'OMNIMIND_KUBERNETES',
  nomad: 'OMNIMIND_NOMAD_URL',
  webhook: 'OMNIMIND_WEBHOOK_SECRETS_DIR',
};

export interface Sight {
  readonly atMs: number;
  /** Queries asked, repeated ones included. */
  readonly queries: number;
  /** By policy id. */
  readonly signals: ReadonlyMap<string, SeenSignals>;
  /** By workload id. */
  readonly replicas: ReadonlyMap<string, SeenReplicas>;
}

/** What was read for a policy as it then was, and for its shadow where it has one. */
export interface SeenSignals extends PolicyObservations {
  readonly stored: StoredPolicy;
  readonly shadow: PolicyObservations | null;
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
      readAll(workloadsOf(state), targets, deadline),
    ]);
    return { atMs, ...seen, replicas };
  });
  signal.throwIfAborted();
  return sight;
}

/** Replicas of these workloads, read side by side. Rejects when the signal aborts. */
export async function readReplicas(
  workloads: readonly Workload[],
  targets: ScaleTargets,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<Sight['replicas']> {
  const replicas = await withDeadline(timeoutMs, signal, (deadline) =>
    readAll(workloads, targets, deadline),
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
export function observationsFor(sight: Sight, stored: StoredPolicy): PolicyObservations {
  const seen = seenAsStored(sight, stored);
  return seen ?? unseenOf(stored.policy);
}

/** The same of the policy's shadow. */
export function shadowObservationsFor(
  sight: Sight,
  stored: StoredPolicy,
  shadow: ScalePolicy,
): PolicyObservations {
  return seenAsStored(sight, stored)?.shadow ?? unseenOf(shadow);
}

function seenAsStored(sight: Sight, stored: StoredPolicy): SeenSignals | null {
  const seen = sight.signals.get(stored.policy.id);
  if (seen === undefined) return null;
  // A shadow moves on with each tick; only what is asked must be as it was.
  const asked = seen.stored.policy === stored.policy;
  return asked && seen.stored.shadow?.policy === stored.shadow?.policy ? seen : null;
}

function unseenOf(policy: ScalePolicy): PolicyObservations {
  const lost = {
    kind: 'failed',
    reason: 'signal_unavailable',
    detail: 'the policy changed while its signals were read',
  } as const;
  return {
    observations: policy.metrics.map(({ name: metric }) => ({ ...lost, metric })),
    readings: (policy.strategies ?? []).map((spec) => ({
      strategy: spec.name,
      parts: Object.fromEntries(partsOf(spec).map(({ name }) => [name, lost])),
    })),
  };
}

async function readSignals(
  state: PlaneState,
  source: MetricsSource,
  atMs: number,
  deadline: Deadline,
): Promise<Pick<Sight, 'queries' | 'signals'>> {
  const stored = valuesOf(state.policies);
  const asked = stored.flatMap(({ policy, shadow }) =>
    shadow === undefined ? [policy] : [policy, shadow.policy],
  );
  const answers = await readPolicies(asked, source, atMs, deadline);
  let next = 0;
  const take = (policy: ScalePolicy): PolicyObservations => {
    next += 1;
    return answers.observations[next - 1] ?? unseenOf(policy);
  };
  const signals = stored.map((one): readonly [string, SeenSignals] => {
    const own = take(one.policy);
    const shadow = one.shadow === undefined ? null : take(one.shadow.policy);
    return [one.policy.id, { stored: one, ...own, shadow }];
  });
  return { queries: answers.queries, signals: new Map(signals) };
}

/** What the metrics source says to each of the policies, in their order. */
export async function readPolicies(
  policies: readonly ScalePolicy[],
  source: MetricsSource,
  atMs: number,
  deadline: Deadline,
): Promise<{ readonly queries: number; readonly observations: readonly PolicyObservations[] }> {
  const queries = policies.map((policy) => queriesOf(policy, atMs));
  const [instants, ranges] = await Promise.all([
    readInstant(
      source,
      queries.flatMap((one) => one.instants),
      atMs,
      deadline,
    ),
    readRange(
      source,
      queries.flatMap((one) => one.ranges),
      deadline,
    ),
  ]);
  let instant = 0;
  let range = 0;
  const observations = policies.map((policy, index) => {
    const instantFrom = instant;
    const rangeFrom = range;
    instant += queries[index]?.instants.length ?? 0;
    range += queries[index]?.ranges.length ?? 0;
    return observationsOf(policy, {
      instants: instants.slice(instantFrom, instant),
      ranges: ranges.slice(rangeFrom, range),
    });
  });
  return { queries: instants.length + ranges.length, observations };
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
    return queries.map(() => unavailable(error));
  }
}

/** As readInstant. */
async function readRange(
  source: MetricsSource,
  queries: readonly RangeQuery[],
  deadline: Deadline,
): Promise<readonly RangeReading[]> {
  if (queries.length === 0) return [];
  try {
    return await deadline.race(() => source.readRange(queries, deadline.signal));
  } catch (error) {
    return queries.map(() => unavailable(error));
  }
}

function unavailable(error: unknown) {
  const detail = `the metrics source: ${messageOf(error)}`;
  return { kind: 'failed', reason: 'signal_unavailable', detail } as const;
}

function workloadsOf(state: PlaneState): readonly Workload[] {
  return valuesOf(state.workloads).map(({ workload }) => workload);
}

async function readAll(
  workloads: readonly Workload[],
  targets: ScaleTargets,
  deadline: Deadline,
): Promise<Sight['replicas']> {
  const reads = await inTurns(workloads, async (workload) => {
    return [workload.id, await readOne(workload, targets, deadline)] as const;
  });
  return new Map(await Promise.all(reads));
}

export async function readOne(
  workload: Workload,
  targets: ScaleTargets,
  deadline: Deadline,
): Promise<SeenReplicas> {
  const { kind } = workload.target;
  const target = targets[kind] ?? null;
  if (target === null) {
    const how = `${TARGET_SWITCHES[kind]} switches it on`;
    return { kind: 'unseen', detail: `the target ${kind} is switched off here; ${how}` };
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
