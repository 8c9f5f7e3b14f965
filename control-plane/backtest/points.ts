/**
 * Recorded points become what a reader of the query API would have been told at the end of each step:
 * the last point before, with its age, unless that is longer ago than the lookback. Nothing is
 * interpolated: what was not recorded is missing.
 */

import type { Point } from '../model/backtest.ts';
import type { Observation } from '../model/observation.ts';

/** How far back Prometheus looks for a sample unless it is told otherwise, in ms. */
export const LOOKBACK_MS = 300_000;

interface Grid {
  readonly fromMs: number;
  readonly stepMs: number;
  readonly steps: number;
}

/** One observation per step. The points' times rise. */
export function observationsFromPoints(
  metric: string,
  points: readonly Point[],
  grid: Grid,
  lookbackMs: number,
): readonly Observation[] {
  const seen: Observation[] = [];
  forEachStep(points, grid, (nowMs, last) => {
    if (last === null || nowMs - last[0] >= lookbackMs) {
      const detail = last === null ? 'no point so far' : `no point for ${nowMs - last[0]} ms`;
      seen.push({ kind: 'failed', metric, reason: 'signal_absent', detail });
    } else if (!Number.isFinite(last[1])) {
      const detail = `the value is ${last[1]}`;
      seen.push({ kind: 'failed', metric, reason: 'signal_not_a_number', detail });
    } else {
      const [sampledAtMs, value] = last;
      seen.push({ kind: 'sample', metric, value, sampledAtMs, reporting: null });
    }
  });
  return seen;
}

/** The last finite number before the end of each step; null where there is none within the lookback. */
export function loadFromPoints(
  points: readonly Point[],
  grid: Grid,
  lookbackMs: number,
): readonly (number | null)[] {
  const load: (number | null)[] = [];
  forEachStep(points, grid, (nowMs, last) => {
    const usable = last !== null && nowMs - last[0] < lookbackMs && isLoad(last[1]);
    load.push(usable ? last[1] : null);
  });
  return load;
}

/** What can have been offered: finite and not negative. */
export function isLoad(value: number): boolean {
  return Number.isFinite(value) && value >= 0;
}

function forEachStep(
  points: readonly Point[],
  { fromMs, stepMs, steps }: Grid,
  visit: (nowMs: number, last: Point | null) => void,
): void {
  let next = 0;
  let last: Point | null = null;
  for (let at = 0; at < steps; at += 1) {
    const nowMs = fromMs + (at + 1) * stepMs;
    for (let point = points[next]; point !== undefined && point[0] <= nowMs;) {
      last = point;
      next += 1;
      point = points[next];
    }
    visit(nowMs, last);
  }
}
