/**
 * The answer of a usage query, sorted into replicas: what each was seen to use and when, what was
 * thrown away, and which samples are missing from within its life. Missing is missing: nothing is
 * filled in, and nothing is taken for 0.
 */

import type { VerticalEvidence, VerticalReason } from '../model/vertical.ts';

export type UsagePoint = readonly [atMs: number, value: number];

export interface UsageSeries {
  readonly labels: Readonly<Record<string, string>>;
  readonly points: readonly UsagePoint[];
}

export interface ReplicaUsage {
  readonly replica: string;
  /** Of usable values alone, ascending by time, at least one. */
  readonly points: readonly UsagePoint[];
}

export interface SortedUsage {
  readonly replicas: readonly ReplicaUsage[];
  readonly refused: { readonly notNumbers: number; readonly negative: number };
  /** A replica of which two series had a value at the same time, again and again; null: none. */
  readonly doubled: string | null;
}

/** Samples are at endMs and every stepMs before it, down to the one after startMs. */
export interface UsageWindow {
  readonly startMs: number;
  readonly endMs: number;
  /** Between two samples. */
  readonly stepMs: number;
}

export interface SortRules {
  readonly replicaLabel: string;
  /** Of a replica's beginning that is left out, in ms. */
  readonly warmupMs: number;
}

/**
 * A replica that starts anew may end one series and begin another within one step; series that stand
 * beside each other for longer are two things under one name.
 */
const DOUBLED_MAX_RATIO = 0.05;
const DOUBLED_MAX = 3;

/** Sorts series into replicas; the order in which series come makes no difference. */
export function sortUsage(
  series: readonly UsageSeries[],
  window: UsageWindow,
  rules: SortRules,
): SortedUsage {
  const refused = { notNumbers: 0, negative: 0 };
  const byReplica = new Map<string, Whole>();
  for (const { labels, points } of series) {
    const replica = labels[rules.replicaLabel] ?? '';
    const usable: UsagePoint[] = [];
    for (const point of points) {
      const value = point[1];
      if (!Number.isFinite(value)) refused.notNumbers += 1;
      else if (value < 0) refused.negative += 1;
      else usable.push(point);
    }
    const known = byReplica.get(replica);
    byReplica.set(replica, known === undefined ? alone(usable) : merged(known, usable));
  }
  const found = [...byReplica].sort(([a], [b]) => (a < b ? -1 : 1));
  return {
    replicas: found.flatMap(([replica, whole]) => {
      const points = afterWarmup(whole.points, window, rules.warmupMs);
      return points.length === 0 ? [] : [{ replica, points }];
    }),
    refused,
    doubled: found.find(([, whole]) => isDoubled(whole))?.[0] ?? null,
  };
}

/** What is known of the lives of the replicas, and of what is missing from them. */
export function evidenceOf(
  { replicas, refused }: SortedUsage,
  window: UsageWindow,
  oomKills: number | null,
): VerticalEvidence {
  const { stepMs } = window;
  const lives = replicas.map(({ points }) => lifeOf(points, stepMs));
  const samples = replicas.reduce((sum, { points }) => sum + points.length, 0);
  const expected = lives.reduce((sum, life) => sum + life.expected, 0);
  const firstAtMs = least(lives.map((life) => life.firstAtMs));
  const lastAtMs = lives.length === 0 ? null : -(least(lives.map((life) => -life.lastAtMs)) ?? 0);
  return {
    samples,
    samplesRefused: refused.notNumbers + refused.negative,
    replicas: replicas.length,
    spanMs: firstAtMs === null || lastAtMs === null ? 0 : lastAtMs - firstAtMs + stepMs,
    observedMs: stepsSeen(replicas, window) * stepMs,
    coverageRatio: expected === 0 ? 1 : Math.min(1, samples / expected),
    gaps: lives.reduce((sum, { gaps }) => sum + gaps, 0),
    longestGapMs: lives.reduce((longest, life) => Math.max(longest, life.longestGapMs), 0),
    oomKills,
    lastSampleAtMs: lastAtMs,
  };
}

/** Samples of a recommendation at least, whatever their span: fewer are no distribution. */
export const SAMPLES_MIN = 30;

export interface EvidenceRules {
  readonly spanMinMs: number;
  readonly coverageMinRatio: number;
  readonly replicaLabel: string;
}

/** Why nothing can be recommended from it; null when something can. */
export function whyWithheld(
  usage: SortedUsage,
  evidence: VerticalEvidence,
  rules: EvidenceRules,
): { readonly reason: VerticalReason; readonly detail: string } | null {
  const { samples, samplesRefused, coverageRatio, spanMs } = evidence;
  if (usage.doubled !== null) {
    const which = usage.doubled === '' ? `without the label ${rules.replicaLabel}` : usage.doubled;
    const detail = `several series at once for the replica ${which}; aggregate by (${rules.replicaLabel})`;
    return { reason: 'signal_ambiguous', detail };
  }
  if (samples === 0 && samplesRefused === 0) {
    return { reason: 'signal_absent', detail: 'the query gave no sample in the whole window' };
  }
  const missing = samples / coverageRatio - samples;
  if (samples === 0 || coverageRatio < rules.coverageMinRatio) {
    // Whichever is the larger part of what is missing names the cause.
    if (samplesRefused > 0 && samplesRefused * 2 >= missing) return refusedReason(usage, evidence);
    const detail = `${percent(coverageRatio)} of the replicas’ lives were seen, ${percent(rules.coverageMinRatio)} are needed; ${gapsText(evidence)}`;
    return { reason: 'history_gappy', detail };
  }
  if (spanMs < rules.spanMinMs || samples < SAMPLES_MIN) {
    const detail = `${samples} samples over ${days(spanMs)}; ${SAMPLES_MIN} over ${days(rules.spanMinMs)} are needed`;
    return { reason: 'history_too_short', detail };
  }
  return null;
}

export function gapsText({ gaps, longestGapMs }: VerticalEvidence): string {
  return `${gaps} ${gaps === 1 ? 'gap' : 'gaps'}, the longest of ${days(longestGapMs)}`;
}

/** A time as people say it: days from two on, else hours or minutes. */
export function days(ms: number): string {
  const units = [
    [86_400_000, 'days'],
    [3_600_000, 'hours'],
    [60_000, 'minutes'],
  ] as const;
  const [unitMs, name] = units.find(([size]) => ms >= 2 * size) ?? [1_000, 'seconds'];
  return `${Number((ms / unitMs).toFixed(1))} ${name}`;
}

function refusedReason({ refused }: SortedUsage, { samplesRefused }: VerticalEvidence) {
  const { negative, notNumbers } = refused;
  const detail = `${samplesRefused} samples were no usage: ${notNumbers} not finite, ${negative} negative`;
  const isNegative = negative > notNumbers;
  return { reason: isNegative ? 'signal_out_of_range' : 'signal_not_a_number', detail } as const;
}

/** All that was seen of one replica, ascending by time. */
interface Whole {
  readonly points: readonly UsagePoint[];
  /** Samples at a time for which there was one already. */
  readonly doubled: number;
}

function alone(points: readonly UsagePoint[]): Whole {
  return merged({ points: [], doubled: 0 }, points);
}

/** Of two values at once the greater counts: one series ended and the next began within the step. */
function merged(known: Whole, added: readonly UsagePoint[]): Whole {
  const all = [...known.points, ...added].sort(byTime);
  const points: UsagePoint[] = [];
  for (const point of all) {
    const last = points.at(-1);
    if (last?.[0] !== point[0]) points.push(point);
    else if (point[1] > last[1]) points[points.length - 1] = point;
  }
  return { points, doubled: known.doubled + all.length - points.length };
}

function isDoubled({ points, doubled }: Whole): boolean {
  return doubled > Math.max(DOUBLED_MAX, points.length * DOUBLED_MAX_RATIO);
}

/** A replica that was there at the window's start began before it, nobody knows when. */
function afterWarmup(
  points: readonly UsagePoint[],
  { startMs, stepMs }: UsageWindow,
  warmupMs: number,
): readonly UsagePoint[] {
  const [first] = points;
  if (first === undefined || warmupMs === 0 || first[0] - stepMs <= startMs) return points;
  return points.filter(([atMs]) => atMs - first[0] >= warmupMs);
}

/** Steps of the window at which any replica was seen. */
function stepsSeen(replicas: readonly ReplicaUsage[], { endMs, stepMs }: UsageWindow): number {
  const steps = new Set<number>();
  for (const { points } of replicas) {
    for (const [atMs] of points) steps.add(Math.round((endMs - atMs) / stepMs));
  }
  return steps.size;
}

interface Life {
  readonly firstAtMs: number;
  readonly lastAtMs: number;
  /** Samples that there would be without a gap. */
  readonly expected: number;
  readonly gaps: number;
  readonly longestGapMs: number;
}

function lifeOf(points: readonly UsagePoint[], stepMs: number): Life {
  const firstAtMs = points[0]?.[0] ?? 0;
  let lastAtMs = firstAtMs;
  let gaps = 0;
  let longestGapMs = 0;
  for (const [atMs] of points) {
    const missingMs = atMs - lastAtMs - stepMs;
    lastAtMs = atMs;
    if (missingMs < stepMs / 2) continue;
    gaps += 1;
    longestGapMs = Math.max(longestGapMs, missingMs);
  }
  const expected = Math.round((lastAtMs - firstAtMs) / stepMs) + 1;
  return { firstAtMs, lastAtMs, expected, gaps, longestGapMs };
}

function byTime([a]: UsagePoint, [b]: UsagePoint): number {
  return a - b;
}

/** Without spreading the list, which may be long. */
function least(values: readonly number[]): number | null {
  return values.reduce<number | null>(
    (found, value) => (found === null ? value : Math.min(found, value)),
    null,
  );
}

function percent(ratio: number): string {
  return `${Number((100 * ratio).toFixed(1))} %`;
}
