/**
 * What a policy asks the metrics source, and what the answers mean. Each metric needs its value, the
 * time of the oldest sample under it and, when it names them, its coverage and its second expression;
 * each strategy needs its parts. Whether that is fresh and complete enough is left to the decider.
 */

import type { Observation, PartReading, StrategyReading } from '../model/observation.ts';
import type { MetricSpec, ScalePolicy } from '../model/policy.ts';
import type { ReadFailure } from '../model/reasons.ts';
import { partsOf } from '../model/strategy-parts.ts';
import type { PartSpec } from '../model/strategy-parts.ts';
import type { InstantReading, RangeQuery, RangeReading } from '../ports/metrics-source.ts';
import { pointsReading, replicasReading } from './part-readings.ts';
import { single, timeHere } from './single-reading.ts';
import type { Single } from './single-reading.ts';

/** Everything that one policy asks, in the order in which the answers are taken. */
export interface PolicyQueries {
  readonly instants: readonly string[];
  readonly ranges: readonly RangeQuery[];
}

export interface PolicyAnswers {
  readonly instants: readonly InstantReading[];
  readonly ranges: readonly RangeReading[];
}

export interface PolicyObservations {
  /** One per metric, in the policy's order. */
  readonly observations: readonly Observation[];
  /** One per strategy, in the policy's order. Replicas are named as the answers name them. */
  readonly readings: readonly StrategyReading[];
}

/** All queries of a policy as of `atMs`. */
export function queriesOf(policy: ScalePolicy, atMs: number): PolicyQueries {
  const parts = (policy.strategies ?? []).flatMap(partsOf);
  return {
    instants: [...policy.metrics.flatMap(queriesOfMetric), ...parts.flatMap(instantsOfPart)],
    ranges: parts.filter(({ shape }) => shape === 'points').map((part) => rangeOf(part, atMs)),
  };
}

/** What the answers to `queriesOf(policy, …)` say. */
export function observationsOf(policy: ScalePolicy, answers: PolicyAnswers): PolicyObservations {
  const instants = new Turns(answers.instants);
  const ranges = new Turns(answers.ranges);
  return {
    observations: policy.metrics.map((metric) =>
      observationOf(metric, instants.take(queriesOfMetric(metric).length)),
    ),
    readings: (policy.strategies ?? []).map((spec) => ({
      strategy: spec.name,
      parts: Object.fromEntries(
        partsOf(spec).map((part) => [part.name, readPart(spec, part, instants, ranges)]),
      ),
    })),
  };
}

/** Hands out answers in their order. */
class Turns<T> {
  readonly #all: readonly T[];
  #next = 0;

  constructor(all: readonly T[]) {
    this.#all = all;
  }

  take(count: number): readonly T[] {
    this.#next += count;
    return this.#all.slice(this.#next - count, this.#next);
  }
}

function queriesOfMetric(metric: MetricSpec): readonly string[] {
  const { query, timestampQuery, coverage, agreement } = metric;
  return [
    query,
    timestampQuery,
    ...(coverage === null ? [] : [coverage.query]),
    ...(agreement === undefined ? [] : [agreement.query]),
  ];
}

function instantsOfPart({ shape, query, timestampQuery, coverage }: PartSpec): readonly string[] {
  return [
    ...(shape === 'points' ? [] : [query]),
    ...(timestampQuery === null ? [] : [timestampQuery]),
    ...(coverage === null ? [] : [coverage.query]),
  ];
}

function rangeOf({ query, windowMs, stepMs }: PartSpec, atMs: number): RangeQuery {
  const points = Math.max(1, Math.floor(windowMs / stepMs));
  return { query, startMs: atMs - (points - 1) * stepMs, endMs: atMs, stepMs };
}

function observationOf(metric: MetricSpec, readings: readonly InstantReading[]): Observation {
  const [valueReading, timestampReading, ...others] = readings;
  const value = single(valueReading, 'the value');
  if (value.kind === 'failed') return { metric: metric.name, ...value };
  const sampled = sampledAt(timestampReading);
  if (sampled.kind === 'failed') return { metric: metric.name, ...sampled };
  const coverage = metric.coverage === null ? null : coverageOf(others[0]);
  if (coverage !== null && coverage.kind === 'failed') return { metric: metric.name, ...coverage };
  return {
    kind: 'sample',
    metric: metric.name,
    value: value.value,
    sampledAtMs: sampled.atMs,
    reporting: coverage === null ? null : coverage.value,
    ...(metric.agreement !== undefined && { redundant: redundantOf(others.at(-1)) }),
  };
}

type SampledAt =
  | { readonly kind: 'at'; readonly atMs: number | null }
  | { readonly kind: 'failed'; readonly reason: ReadFailure; readonly detail: string };

/** A time without a series is not known; any other trouble is trouble with the signal. */
function sampledAt(reading: InstantReading | undefined): SampledAt {
  const timestamp = single(reading, 'the timestamp');
  if (timestamp.kind === 'value') return { kind: 'at', atMs: timeHere(timestamp.value, reading) };
  return timestamp.reason === 'signal_absent' ? { kind: 'at', atMs: null } : timestamp;
}

/** Counting nobody gives no series at all, which is a count of 0. */
function coverageOf(reading: InstantReading | undefined): Single {
  const coverage = single(reading, 'the coverage');
  if (coverage.kind === 'failed' && coverage.reason === 'signal_absent') {
    return { kind: 'value', value: 0 };
  }
  return coverage;
}

function redundantOf(reading: InstantReading | undefined): number | null {
  const redundant = single(reading, 'the second expression');
  return redundant.kind === 'value' ? redundant.value : null;
}

function readPart(
  spec: Parameters<typeof partsOf>[0],
  part: PartSpec,
  instants: Turns<InstantReading>,
  ranges: Turns<RangeReading>,
): PartReading {
  const own = instants.take(instantsOfPart(part).length);
  switch (part.shape) {
    case 'sample':
      return sampleReading(part, own);
    case 'points':
      return pointsReading(ranges.take(1)[0], own[0]);
    case 'replicas': {
      const label = 'replicaLabel' in spec ? spec.replicaLabel : '';
      return replicasReading(label, own[0], part.timestampQuery === null ? null : own[1]);
    }
  }
}

function sampleReading(part: PartSpec, readings: readonly InstantReading[]): PartReading {
  const value = single(readings[0], 'the value');
  if (value.kind === 'failed') return value;
  const sampled = sampledAt(readings[1]);
  if (sampled.kind === 'failed') return sampled;
  const coverage = part.coverage === null ? null : coverageOf(readings.at(-1));
  if (coverage !== null && coverage.kind === 'failed') return coverage;
  return {
    kind: 'sample',
    value: value.value,
    sampledAtMs: sampled.atMs,
    reporting: coverage === null ? null : coverage.value,
  };
}
