/**
 * What one replica should be given, from what replicas have used: weighted percentiles as the
 * recommender of the Kubernetes Vertical Pod Autoscaler has them (kubernetes/autoscaler,
 * vertical-pod-autoscaler/pkg/recommender/logic), which follows Autopilot's moving windows (Rzadca et
 * al., EuroSys 2020, section 3.2). Refuses to recommend from a history that is short, gappy or not
 * numbers, and never recommends less memory than was seen in use unless it is asked to.
 *
 * Deviations from upstream, each because the other way is known to hurt: peaks are of each replica and
 * count as much as they were seen; a percentile is never above what was used; a kill is reckoned from
 * the limit that was in force; the target is not below the highest peak and its margin.
 */

import type {
  RecommendedResource,
  VerticalAdvice,
  VerticalEvidence,
  VerticalRecommendation,
  VerticalResource,
  VerticalResourceSpec,
  VerticalSpec,
  VerticalStage,
  VerticalStep,
} from '../model/vertical.ts';
import { decayedWeight, UsageHistogram } from './vertical-histogram.ts';
import {
  type FoundKills,
  type KillAnswers,
  killsOf,
  type Peak,
  peaksOf,
} from './vertical-peaks.ts';
import { textOf } from './vertical-text.ts';
import {
  evidenceOf,
  sortUsage,
  type SortedUsage,
  type UsagePoint,
  type UsageSeries,
  type UsageWindow,
  whyWithheld,
} from './vertical-usage.ts';

export type VerticalRules = Omit<VerticalSpec, 'resources' | 'historyMs' | 'stepMs'>;

export interface VerticalInput {
  readonly spec: VerticalResourceSpec;
  readonly rules: VerticalRules;
  readonly window: UsageWindow;
  readonly usage: readonly UsageSeries[];
  /** Null when nobody knows of kills. */
  readonly kills: KillAnswers | null;
}

/** Recommends, or says why not. */
export function recommendVertical(input: VerticalInput): VerticalRecommendation {
  const { spec, rules, window } = input;
  const usage = sortUsage(input.usage, window, { ...rules, warmupMs: spec.warmupMs });
  const kills = input.kills === null ? null : killsOf(usage.replicas, input.kills, window, rules);
  const evidence = evidenceOf(usage, window, kills?.count ?? null);
  const withheld = whyWithheld(usage, evidence, rules);
  const { resource, request: current } = spec;
  if (withheld !== null) return { kind: 'withheld', resource, ...withheld, current, evidence };
  return recommend(input, usage, evidence, kills ?? { count: 0, peaks: [] });
}

/** Width of the first bucket: what is used less than is not told apart, nor is less recommended. */
const FIRST_WIDTH: Readonly<Record<VerticalResource, number>> = {
  cpu: 0.01,
  memory: 1e7,
  gpu_memory: 1e7,
};

/** Targets are rounded up to whole ones of these: a thousandth of a core, a MiB. */
const GRAIN: Readonly<Record<VerticalResource, number>> = {
  cpu: 0.001,
  memory: 1024 * 1024,
  gpu_memory: 1024 * 1024,
};

const LOWER_PERCENTILE = 0.5;
const UPPER_PERCENTILE = 0.95;

interface Seen {
  readonly percentile: (share: number) => number;
  /** The greatest that was seen, or needed when it was killed. */
  readonly peak: number;
}

function recommend(
  input: VerticalInput,
  usage: SortedUsage,
  evidence: VerticalEvidence,
  kills: FoundKills,
): RecommendedResource {
  const { spec } = input;
  const seen = seenOf(input, usage, kills);
  const steps: VerticalStep[] = [];
  const uncappedTarget = uncappedOf(spec, seen, kills.count, steps);
  const target = cappedOf(spec, uncappedTarget, steps);
  const { lowerBound, upperBound } = boundsOf(spec, seen, evidence, { uncappedTarget, target });
  const current = spec.request;
  const found = {
    kind: 'recommended' as const,
    resource: spec.resource,
    target,
    lowerBound,
    upperBound,
    uncappedTarget,
    peak: seen.peak,
    current,
    changePercent: current === null ? null : (100 * (target - current)) / current,
    advice: adviceOf(current, lowerBound, upperBound),
    steps,
    evidence,
  };
  return { ...found, text: textOf(found, spec) };
}

function seenOf(
  { spec, rules, window }: VerticalInput,
  usage: SortedUsage,
  kills: FoundKills,
): Seen {
  const samples: readonly Peak[] =
    spec.resource === 'cpu'
      ? usage.replicas.flatMap(({ points }) => points.map(sampleOf))
      : [
          ...usage.replicas.flatMap((one) => peaksOf(one, window, rules.peakIntervalMs)),
          ...kills.peaks,
        ];
  const newestMs = samples.reduce((newest, { atMs }) => Math.max(newest, atMs), -Infinity);
  const histogram = new UsageHistogram(FIRST_WIDTH[spec.resource]);
  for (const { atMs, value, seenRatio } of samples) {
    histogram.add(value, seenRatio * decayedWeight(newestMs - atMs, rules.halfLifeMs));
  }
  const peak = samples.reduce((greatest, { value }) => Math.max(greatest, value), 0);
  // Evidence was found sufficient, so there is weight.
  return { percentile: (share) => histogram.percentile(share) ?? peak, peak };
}

function sampleOf([atMs, value]: UsagePoint): Peak {
  return { atMs, value, seenRatio: 1 };
}

function uncappedOf(
  spec: VerticalResourceSpec,
  seen: Seen,
  killed: number,
  steps: VerticalStep[],
): number {
  const { resource, request } = spec;
  const withMargin = 1 + spec.marginRatio;
  let target = note(steps, 'percentile', seen.peak, seen.percentile(spec.percentile));
  target = note(steps, 'margin', target, target * withMargin);
  if (keepsPeak(spec)) {
    target = note(steps, 'peak_floor', target, Math.max(target, seen.peak * withMargin));
  }
  if (killed > 0 && request !== null) {
    target = note(steps, 'oom_floor', target, Math.max(target, request));
  }
  return note(steps, 'rounding', target, roundedUp(target, GRAIN[resource]));
}

function cappedOf(spec: VerticalResourceSpec, uncapped: number, steps: VerticalStep[]): number {
  const target = note(steps, 'bounds', uncapped, withinBounds(spec, uncapped));
  const { device } = spec;
  if (device === null) return target;
  const sliced = note(steps, 'slice', target, sliceFor(spec, target, device.slicesBytes));
  return note(steps, 'device', sliced, Math.min(sliced, device.memoryBytes));
}

function sliceFor(
  { max }: VerticalResourceSpec,
  target: number,
  slices: readonly number[],
): number {
  const allowed = slices.filter((size) => max === null || size <= max);
  return allowed.find((size) => size >= target) ?? allowed.at(-1) ?? target;
}

/**
 * Upstream's intervals: with a history of n days the upper bound is 1 + 1/n times the 95th percentile,
 * the lower (1 + 0.001/n)⁻² times the median. Days without a sample are no history.
 */
function boundsOf(
  spec: VerticalResourceSpec,
  seen: Seen,
  { spanMs, observedMs }: VerticalEvidence,
  { uncappedTarget, target }: { readonly uncappedTarget: number; readonly target: number },
): { readonly lowerBound: number; readonly upperBound: number } {
  const historyDays = Math.min(spanMs, observedMs) / 86_400_000;
  const withMargin = 1 + spec.marginRatio;
  const median = seen.percentile(LOWER_PERCENTILE) * withMargin * (1 + 0.001 / historyDays) ** -2;
  const high = seen.percentile(UPPER_PERCENTILE) * withMargin * (1 + 1 / historyDays);
  // What has been in use is too little to be given, where running out kills.
  const lower = keepsPeak(spec) ? Math.max(median, seen.peak) : median;
  const grain = GRAIN[spec.resource];
  return {
    lowerBound: Math.min(target, deviceCapped(spec, roundedUp(lower, grain))),
    upperBound: Math.max(
      target,
      deviceCapped(spec, roundedUp(Math.max(high, uncappedTarget), grain)),
    ),
  };
}

function deviceCapped(spec: VerticalResourceSpec, value: number): number {
  return Math.min(withinBounds(spec, value), spec.device?.memoryBytes ?? Infinity);
}

function withinBounds({ min, max }: VerticalResourceSpec, value: number): number {
  return Math.min(max ?? Infinity, Math.max(min ?? 0, value));
}

function keepsPeak({ resource, belowPeak }: VerticalResourceSpec): boolean {
  return resource !== 'cpu' && !belowPeak;
}

function adviceOf(current: number | null, lower: number, upper: number): VerticalAdvice {
  if (current === null) return 'set';
  if (current < lower) return 'raise';
  return current > upper ? 'lower' : 'keep';
}

/** Up to a whole number of grains; what is one already, but for the noise of a fraction, stays. */
function roundedUp(value: number, grain: number): number {
  const grains = Math.ceil(Number((value / grain).toFixed(6)));
  return Number((grains * grain).toFixed(6));
}

function note(steps: VerticalStep[], stage: VerticalStage, before: number, after: number): number {
  if (after !== before) steps.push({ stage, before, after });
  return after;
}
