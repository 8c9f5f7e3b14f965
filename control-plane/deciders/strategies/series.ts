/**
 * A short series as the strategies of nomad-autoscaler read it: some use only its newest point, some
 * count points. Judges whether it can be used; knows nothing of replicas.
 */

import { judgeReading, none } from './strategy-proposal.ts';
import type { NoProposal } from './strategy-proposal.ts';

export interface Point {
  readonly value: number;
  /** UNIX time in ms. */
  readonly atMs: number;
}

export interface SeriesInput {
  readonly nowMs: number;
  /** Replicas wanted now. */
  readonly current: number;
  /** In any order. */
  readonly points: readonly Point[];
  /** Of the newest point; null judges no age. */
  readonly sampleAgeMaxMs: number | null;
}

export type Newest = { readonly kind: 'point'; readonly value: number } | NoProposal;

/**
 * The newest point, if it can be used; an older one never stands in for it. Of several at the same
 * time all must be usable, and the largest counts.
 */
export function newestOf(input: SeriesInput): Newest {
  if (input.points.length === 0) return none('signal_absent', 'the series has no points');
  const newestAtMs = input.points.reduce((at, { atMs }) => Math.max(at, atMs), -Infinity);
  if (!Number.isFinite(newestAtMs)) return none('signal_stale', 'the age of a point is unknown');
  let value = 0;
  for (const point of input.points) {
    if (point.atMs !== newestAtMs) continue;
    const reading = { value: point.value, sampledAtMs: point.atMs };
    const fault = judgeReading(reading, input.nowMs, input.sampleAgeMaxMs);
    if (fault !== null) return fault;
    value = Math.max(value, point.value);
  }
  return { kind: 'point', value };
}

/** The first point, by time, whose value cannot be used, whatever its age; null when all can. */
export function unusablePoint(input: SeriesInput): NoProposal | null {
  for (const { value, atMs } of input.points.toSorted((a, b) => a.atMs - b.atMs)) {
    const fault = judgeReading({ value, sampledAtMs: atMs }, input.nowMs, null);
    if (fault !== null) return fault;
    if (!Number.isFinite(atMs)) return none('signal_stale', 'the age of a point is unknown');
  }
  return null;
}

/** An absolute limit of one step in each direction; null limits nothing. */
export interface StepLimits {
  readonly maxScaleUp: number | null;
  readonly maxScaleDown: number | null;
}

export function limitStep(replicas: number, current: number, limits: StepLimits): number {
  const highest = limits.maxScaleUp === null ? Infinity : current + limits.maxScaleUp;
  const lowest = limits.maxScaleDown === null ? 0 : current - limits.maxScaleDown;
  return Math.min(highest, Math.max(lowest, replicas));
}
