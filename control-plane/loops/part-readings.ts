/**
 * Answers that are more than one number: points over a window, and one number per replica. A replica is
 * named in an answer by a label, and known here by its id or its address; whose series nobody owns is
 * left out, and a replica that two series name cannot be told apart.
 */

import type {
  PartReading,
  ReplicaFact,
  ReplicaReading,
  StrategyReading,
} from '../model/observation.ts';
import type { Replica } from '../model/workload.ts';
import type { InstantReading, RangeReading } from '../ports/metrics-source.ts';
import { failed, labelsShown, single, timeHere } from './single-reading.ts';

/** Points of one answer, at most; a policy that asks for more is refused when it is put. */
export const POINTS_MAX = 1_000;

export function pointsReading(
  range: RangeReading | undefined,
  timestamp: InstantReading | undefined,
): PartReading {
  if (range === undefined) return failed('signal_absent', 'the window was not answered');
  if (range.kind === 'failed') return failed(range.reason, `the window: ${range.detail}`);
  const [series, second] = range.series;
  if (series === undefined) return failed('signal_absent', 'the window: no series');
  if (second !== undefined) {
    const shown = [series, second].map(({ labels }) => labelsShown(labels)).join(' and ');
    const count = range.series.length;
    return failed('signal_ambiguous', `the window has ${count} series, among them ${shown}`);
  }
  if (series.points.length > POINTS_MAX) {
    return failed('signal_oversized', `the window has ${series.points.length} points`);
  }
  const sampled = single(timestamp, 'the timestamp');
  if (sampled.kind === 'failed' && sampled.reason !== 'signal_absent') return sampled;
  return {
    kind: 'points',
    points: series.points.map(([atMs, value]) => ({ atMs, value: finiteOrNull(value) })),
    sampledAtMs: sampled.kind === 'failed' ? null : timeHere(sampled.value, timestamp),
  };
}

/** `timestamps` is null where none were asked for; each sample is then of an unknown time. */
export function replicasReading(
  label: string,
  values: InstantReading | undefined,
  timestamps: InstantReading | undefined | null,
): PartReading {
  if (values === undefined) return failed('signal_absent', 'the values were not answered');
  if (values.kind === 'failed') return failed(values.reason, `the values: ${values.detail}`);
  if (values.samples.length === 0) return failed('signal_absent', 'the values: no series');
  const times = timesOf(label, timestamps);
  if (times.kind === 'failed') return times;
  const samples = new Map<string, ReplicaReading>();
  for (const { labels, value } of values.samples) {
    const replicaId = labels[label];
    if (replicaId === undefined) {
      return failed('signal_ambiguous', `${labelsShown(labels)} has no label ${label}`);
    }
    if (samples.has(replicaId)) {
      return failed('signal_ambiguous', `two series have ${label}="${replicaId}"`);
    }
    const seconds = times.byReplica.get(replicaId);
    samples.set(replicaId, {
      replicaId,
      value: finiteOrNull(value),
      sampledAtMs: seconds === undefined ? null : timeHere(seconds, timestamps ?? undefined),
    });
  }
  return { kind: 'replicas', samples: [...samples.values()] };
}

/** The replicas as the decider sees them. */
export function factsOf(replicas: readonly Replica[]): readonly ReplicaFact[] {
  return replicas.map(({ replicaId, address, phase, startedAtMs, readyChangedAtMs }) => ({
    replicaId,
    address,
    phase,
    startedAtMs,
    readyChangedAtMs: readyChangedAtMs ?? null,
  }));
}

/** The readings with each replica under the id that the scaling target knows it by. */
export function underReplicaIds(
  readings: readonly StrategyReading[],
  facts: readonly ReplicaFact[],
): readonly StrategyReading[] {
  const ids = new Map(facts.map(({ address, replicaId }) => [address, replicaId]));
  for (const { replicaId } of facts) ids.set(replicaId, replicaId);
  return readings.map(({ strategy, parts }) => ({
    strategy,
    parts: Object.fromEntries(
      Object.entries(parts).map(([name, part]) => [name, renamed(part, ids)]),
    ),
  }));
}

function renamed(part: PartReading, ids: ReadonlyMap<string, string>): PartReading {
  if (part.kind !== 'replicas') return part;
  const samples = part.samples.flatMap((sample) => {
    const replicaId = ids.get(sample.replicaId);
    return replicaId === undefined ? [] : [{ ...sample, replicaId }];
  });
  const known = new Set(samples.map(({ replicaId }) => replicaId));
  if (known.size === samples.length) return { kind: 'replicas', samples };
  return failed('signal_ambiguous', 'a replica is named by its id and by its address');
}

type Times =
  | { readonly kind: 'times'; readonly byReplica: ReadonlyMap<string, number> }
  | Extract<PartReading, { kind: 'failed' }>;

function timesOf(label: string, reading: InstantReading | undefined | null): Times {
  const byReplica = new Map<string, number>();
  if (reading === null || reading === undefined) return { kind: 'times', byReplica };
  if (reading.kind === 'failed') return failed(reading.reason, `the times: ${reading.detail}`);
  for (const { labels, value } of reading.samples) {
    const replicaId = labels[label];
    if (replicaId === undefined || !Number.isFinite(value)) continue;
    // Of two times for one replica the older one is told.
    byReplica.set(replicaId, Math.min(value, byReplica.get(replicaId) ?? Infinity));
  }
  return { kind: 'times', byReplica };
}

function finiteOrNull(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}
