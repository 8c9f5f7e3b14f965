/**
 * Peaks of each replica over intervals, and what kills for want of memory add to them. A peak is a
 * replica's own and never an average over replicas: the one that needs the most is the one that dies.
 */

import type { ReplicaUsage, UsagePoint, UsageSeries, UsageWindow } from './vertical-usage.ts';

export interface Peak {
  /** End of the interval, UNIX ms. */
  readonly atMs: number;
  readonly value: number;
  /** Share of the interval in which the replica was seen. */
  readonly seenRatio: number;
}

/**
 * One peak per replica and interval. Intervals are counted back from the end of the window, so that
 * the newest is a whole one: counted from midnight, say, the quiet first hours of a day would weigh as
 * much as a day.
 */
export function peaksOf(
  { points }: ReplicaUsage,
  { endMs, stepMs }: UsageWindow,
  intervalMs: number,
): readonly Peak[] {
  const found = new Map<number, { value: number; seen: number }>();
  for (const [atMs, value] of points) {
    const interval = Math.floor((endMs - atMs) / intervalMs);
    const peak = found.get(interval) ?? { value: 0, seen: 0 };
    found.set(interval, { value: Math.max(peak.value, value), seen: peak.seen + 1 });
  }
  return [...found].map(([interval, { value, seen }]) => ({
    atMs: endMs - interval * intervalMs,
    value,
    seenRatio: Math.min(1, (seen * stepMs) / intervalMs),
  }));
}

/** After a kill memory has to be at least so much more: the Vertical Pod Autoscaler's 20 %, 100 MiB. */
const BUMP_RATIO = 1.2;
const BUMP_MIN_BYTES = 100 * 1024 * 1024;

export interface KillAnswers {
  readonly kills: readonly UsageSeries[];
  /** Null when nobody recorded the limits. */
  readonly limits: readonly UsageSeries[] | null;
}

export interface FoundKills {
  /** Of all replicas. */
  readonly count: number;
  /** What the replicas would have needed, as peaks at the times of the kills. */
  readonly peaks: readonly Peak[];
}

/**
 * What was needed is reckoned from the limit that was in force, or the peak that was seen before, if
 * that is more; upstream takes today's request, which makes each raise the ground of the next one for
 * as long as the kill is remembered.
 */
export function killsOf(
  replicas: readonly ReplicaUsage[],
  answers: KillAnswers,
  window: UsageWindow,
  rules: { readonly replicaLabel: string; readonly peakIntervalMs: number },
): FoundKills {
  const usage = new Map(replicas.map(({ replica, points }) => [replica, points]));
  const limits = byReplica(answers.limits ?? [], rules.replicaLabel);
  let count = 0;
  const peaks: Peak[] = [];
  for (const [replica, series] of byReplica(answers.kills, rules.replicaLabel)) {
    const used = usage.get(replica) ?? [];
    for (const points of series) {
      for (const kill of risesOf(points, used[0]?.[0] ?? null, window)) {
        count += kill.count;
        const inForce = (limits.get(replica) ?? []).flatMap((one) => lastBefore(one, kill.afterMs));
        const before = used.filter(
          ([atMs]) => atMs <= kill.atMs && atMs > kill.atMs - rules.peakIntervalMs,
        );
        const base = [...inForce, ...before.map(([, value]) => value)].reduce(greater, 0);
        if (base > 0) peaks.push({ atMs: kill.atMs, value: bumped(base), seenRatio: 1 });
      }
    }
  }
  return { count, peaks };
}

function bumped(base: number): number {
  return Math.max(base * BUMP_RATIO, base + BUMP_MIN_BYTES);
}

interface Rise {
  readonly count: number;
  /** The sample that shows it, and the last one before. */
  readonly atMs: number;
  readonly afterMs: number;
}

/**
 * Rises of a counter; where it falls it began anew. One that appears with a value after its replica
 * was seen rose from nothing: counters of rare events often begin with the first.
 */
function risesOf(
  points: readonly UsagePoint[],
  usedFromMs: number | null,
  { stepMs }: UsageWindow,
): readonly Rise[] {
  const finite = points.filter(([, value]) => Number.isFinite(value) && value >= 0);
  const rises: Rise[] = [];
  let before: UsagePoint | null = null;
  for (const point of finite) {
    const [atMs, value] = point;
    const appeared = usedFromMs !== null && usedFromMs <= atMs - stepMs;
    const from = before ?? [atMs - stepMs, appeared ? 0 : value];
    const count = Math.round(value < from[1] ? value : value - from[1]);
    if (count > 0) rises.push({ count, atMs, afterMs: from[0] });
    before = point;
  }
  return rises;
}

function byReplica(
  series: readonly UsageSeries[],
  label: string,
): ReadonlyMap<string, readonly (readonly UsagePoint[])[]> {
  const grouped = Map.groupBy(series, ({ labels }) => labels[label] ?? '');
  return new Map([...grouped].map(([replica, all]) => [replica, all.map(({ points }) => points)]));
}

/** The last usable value at or before an instant, none when there is none. */
function lastBefore(points: readonly UsagePoint[], atMs: number): readonly number[] {
  const found = points.findLast(([at, value]) => at <= atMs && Number.isFinite(value) && value > 0);
  return found === undefined ? [] : [found[1]];
}

function greater(a: number, b: number): number {
  return Math.max(a, b);
}
