/**
 * What a policy asks the metrics source, and what the answers mean. Each metric needs its value,
 * the time of the oldest sample under it and, when it names one, its coverage. Whether that is
 * fresh and complete enough is left to the decider.
 */

import type { Observation } from '../model/observation.ts';
import type { MetricSpec, ScalePolicy } from '../model/policy.ts';
import type { ReadFailure } from '../model/reasons.ts';
import type { InstantReading } from '../ports/metrics-source.ts';

/** Labels of a series that are shown when there is more than one, at most. */
const LABELS_SHOWN_MAX = 120;

/** All queries of a policy, in the order in which `observationsOf` takes the answers. */
export function queriesOf(policy: ScalePolicy): readonly string[] {
  return policy.metrics.flatMap(queriesOfMetric);
}

/** One observation per metric of the policy; `readings` answer `queriesOf(policy)`. */
export function observationsOf(
  policy: ScalePolicy,
  readings: readonly InstantReading[],
): readonly Observation[] {
  let next = 0;
  return policy.metrics.map((metric) => {
    const own = readings.slice(next, next + queriesOfMetric(metric).length);
    next += own.length;
    return observationOf(metric, own);
  });
}

function queriesOfMetric(metric: MetricSpec): readonly string[] {
  const queries = [metric.query, metric.timestampQuery];
  return metric.coverage === null ? queries : [...queries, metric.coverage.query];
}

function observationOf(metric: MetricSpec, readings: readonly InstantReading[]): Observation {
  const [valueReading, timestampReading, coverageReading] = readings;
  const value = single(valueReading, 'the value');
  if (value.kind === 'failed') return { metric: metric.name, ...value };
  const timestamp = single(timestampReading, 'the timestamp');
  if (timestamp.kind === 'failed' && timestamp.reason !== 'signal_absent') {
    return { metric: metric.name, ...timestamp };
  }
  const coverage = metric.coverage === null ? null : coverageOf(coverageReading);
  if (coverage !== null && coverage.kind === 'failed') return { metric: metric.name, ...coverage };
  return {
    kind: 'sample',
    metric: metric.name,
    value: value.value,
    sampledAtMs: timestamp.kind === 'failed' ? null : Math.round(timestamp.value * 1_000),
    reporting: coverage === null ? null : coverage.value,
  };
}

type Single =
  | { readonly kind: 'value'; readonly value: number }
  | { readonly kind: 'failed'; readonly reason: ReadFailure; readonly detail: string };

/** Counting nobody gives no series at all, which is a count of 0. */
function coverageOf(reading: InstantReading | undefined): Single {
  const coverage = single(reading, 'the coverage');
  if (coverage.kind === 'failed' && coverage.reason === 'signal_absent') {
    return { kind: 'value', value: 0 };
  }
  return coverage;
}

/** Exactly one finite number, or why not. */
function single(reading: InstantReading | undefined, what: string): Single {
  if (reading === undefined) return failed('signal_absent', `${what} was not answered`);
  if (reading.kind === 'failed') return failed(reading.reason, `${what}: ${reading.detail}`);
  const [first, second] = reading.samples;
  if (first === undefined) return failed('signal_absent', `${what}: the query returned no series`);
  if (second !== undefined) {
    const shown = [first, second].map((sample) => labelsShown(sample.labels)).join(' and ');
    const count = reading.samples.length;
    return failed(
      'signal_ambiguous',
      `${what}: the query returned ${count} series, among them ${shown}`,
    );
  }
  if (!Number.isFinite(first.value)) {
    return failed('signal_not_a_number', `${what} is ${first.value}`);
  }
  return { kind: 'value', value: first.value };
}

function failed(reason: ReadFailure, detail: string): Single {
  return { kind: 'failed', reason, detail };
}

function labelsShown(labels: Readonly<Record<string, string>>): string {
  const text = JSON.stringify(labels);
  return text.length <= LABELS_SHOWN_MAX ? text : `${text.slice(0, LABELS_SHOWN_MAX)}…`;
}
