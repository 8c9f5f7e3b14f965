/** Specs and usage for the tests of vertical recommendations. */

import type { VerticalInput } from '../../control-plane/analysis/vertical.ts';
import type { UsageSeries } from '../../control-plane/analysis/vertical-usage.ts';
import type { VerticalResourceSpec, VerticalSpec } from '../../control-plane/model/vertical.ts';

export const MINUTE_MS = 60_000;
export const HOUR_MS = 60 * MINUTE_MS;
export const DAY_MS = 24 * HOUR_MS;
export const MIB = 1024 * 1024;
export const GIB = 1024 * MIB;
export const END_MS = 20_000 * DAY_MS;

export function resourceOf(changes: Partial<VerticalResourceSpec> = {}): VerticalResourceSpec {
  return {
    resource: 'memory',
    query: 'sum by (replica) (memory_bytes)',
    request: null,
    percentile: 0.9,
    marginRatio: 0.15,
    min: null,
    max: null,
    warmupMs: 0,
    belowPeak: false,
    oom: null,
    device: null,
    ...changes,
  };
}

export function verticalSpecOf(changes: Partial<VerticalSpec> = {}): VerticalSpec {
  return {
    resources: [resourceOf()],
    replicaLabel: 'replica',
    historyMs: 8 * DAY_MS,
    stepMs: HOUR_MS,
    halfLifeMs: DAY_MS,
    peakIntervalMs: DAY_MS,
    spanMinMs: DAY_MS,
    coverageMinRatio: 0.8,
    ...changes,
  };
}

/** Usage of each hour of the days before the end; undefined is a missing sample. */
export function usageOf(
  replica: string,
  hours: number,
  valueAt: (hoursBeforeEnd: number) => number | undefined,
): UsageSeries {
  const points: (readonly [number, number])[] = [];
  for (let before = hours - 1; before >= 0; before -= 1) {
    const value = valueAt(before);
    if (value !== undefined) points.push([END_MS - before * HOUR_MS, value]);
  }
  return { labels: { replica }, points };
}

export function inputOf(
  usage: readonly UsageSeries[],
  changes: Partial<VerticalResourceSpec> = {},
  kills: VerticalInput['kills'] = null,
): VerticalInput {
  const rules = verticalSpecOf();
  const window = { startMs: END_MS - rules.historyMs, endMs: END_MS, stepMs: rules.stepMs };
  return { spec: resourceOf(changes), rules, window, usage, kills };
}
