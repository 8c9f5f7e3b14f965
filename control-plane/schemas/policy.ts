/**
 * The scale policy as operators write it (YAML files and API bodies have this one shape), turned
 * into the model and back. Refuses what the decider could not honour; looks at no other document,
 * so whether the workload exists is for the state machine to say.
 */

import { z } from 'zod';
import type { MetricSpec, ScalePolicy } from '../model/policy.ts';
import {
  list,
  parseDocument,
  positive,
  ratio,
  type ReadField,
  slug,
  strictObject,
  text,
  wholeNumber,
} from './document.ts';
import { durationText, parseDuration, renderDuration } from './duration.ts';
import { type Fault, pointerOf } from './fault.ts';
import { PROMQL_LENGTH_MAX, promqlText } from './promql.ts';
import { deriveTimestampQuery } from './promql-timestamp.ts';

export const REPLICAS_MAX = 100_000;
export const METRICS_MAX = 16;

const SECOND_MS = 1_000;
const DAY_MS = 24 * 3_600_000;

const replicaCount = wholeNumber(1, REPLICAS_MAX, ' (scale to zero is not supported)');

const metricName = text('a name', 63)
  .regex(/^[a-z0-9_]{1,63}$/, { error: 'expected 1 to 63 characters of a-z, 0-9 and _' })
  .regex(/^(?!__|constructor$)/, { error: 'reserved: use a name that does not begin with __' });

const metricDocument = strictObject('a metric', {
  name: metricName.meta({ description: 'Unique within the policy.', examples: ['concurrency'] }),
  query: promqlText().meta({
    description: 'PromQL whose answer is one series or one scalar.',
    examples: ['workload:inference_requests_in_system:sum{workload="demo-inference"}'],
  }),
  timestampQuery: promqlText().optional().meta({
    description:
      'PromQL for the UNIX time in seconds of the oldest sample under the value. Derived from the query when omitted, unless the query reads a recorded series.',
  }),
  coverage: strictObject('{ query, min }', {
    query: promqlText().meta({ description: 'PromQL for the number of replicas that report.' }),
    min: ratio(0, 1).meta({ description: 'Share of the ready replicas that must report.' }),
  }).optional(),
  target: strictObject('{ value } or { averageValue }', {
    value: positive()
      .optional()
      .meta({ description: 'Target for the value itself: a ratio, a latency.' }),
    averageValue: positive()
      .optional()
      .meta({ description: 'Target per replica for a total that the replicas share.' }),
  }).meta({ description: 'Exactly one of value and averageValue.' }),
});

export const policyDocument = strictObject('a policy', {
  id: slug('an id').meta({ examples: ['demo-inference-load'] }),
  workload: slug('the id of a workload').meta({ examples: ['demo-inference'] }),
  replicas: strictObject('{ min, max }', { min: replicaCount, max: replicaCount }),
  metrics: list(`1 to ${METRICS_MAX} metrics`, metricDocument, 1, METRICS_MAX),
  tolerance: strictObject('{ up, down }', {
    up: ratio(0, 1).default(0.1),
    down: ratio(0, 1).default(0.1),
  })
    .default({ up: 0.1, down: 0.1 })
    .meta({ description: 'Band around the target, as a ratio of it, in which nothing changes.' }),
  stabilization: strictObject('{ up, down }', {
    up: durationText(0, DAY_MS).default('0s'),
    down: durationText(0, DAY_MS).default('5m'),
  })
    .default({ up: '0s', down: '5m' })
    .meta({
      description: 'Windows over past recommendations: out takes their least, in their greatest.',
    }),
  cooldown: strictObject('{ up, down }', {
    up: durationText(0, DAY_MS).default('0s'),
    down: durationText(0, DAY_MS).default('0s'),
  })
    .default({ up: '0s', down: '0s' })
    .meta({ description: 'From an action to the next one in the same direction.' }),
  signalAgeMax: durationText(SECOND_MS, DAY_MS).default('60s'),
  actionTimeout: durationText(SECOND_MS, DAY_MS).default('120s'),
}).meta({ id: 'ScalePolicy', description: 'What to scale on, how far, and with which brakes.' });

/** A policy document with its defaults filled in. */
export type PolicyDocument = z.output<typeof policyDocument>;

/**
 * Parses a policy document.
 * @throws SchemaError with every fault
 */
export function parsePolicy(document: unknown): ScalePolicy {
  const parsed = parseDocument(policyDocument, document, crossFaults);
  return {
    id: parsed.id,
    workloadId: parsed.workload,
    metrics: parsed.metrics.map(metricOf),
    replicasMin: parsed.replicas.min,
    replicasMax: parsed.replicas.max,
    toleranceUpRatio: parsed.tolerance.up,
    toleranceDownRatio: parsed.tolerance.down,
    stabilizationUpMs: parseDuration(parsed.stabilization.up),
    stabilizationDownMs: parseDuration(parsed.stabilization.down),
    cooldownUpMs: parseDuration(parsed.cooldown.up),
    cooldownDownMs: parseDuration(parsed.cooldown.down),
    signalAgeMaxMs: parseDuration(parsed.signalAgeMax),
    actionTimeoutMs: parseDuration(parsed.actionTimeout),
  };
}

/**
 * Writes a policy as a document: defaults spelt out, durations in their largest unit. A timestamp
 * query that would be derived is left out, so that editing the query of a document that was read
 * back does not leave the age of another query behind. parsePolicy(renderPolicy(p)) equals p.
 */
export function renderPolicy(policy: ScalePolicy): PolicyDocument {
  return {
    id: policy.id,
    workload: policy.workloadId,
    replicas: { min: policy.replicasMin, max: policy.replicasMax },
    metrics: policy.metrics.map(metricDocumentOf),
    tolerance: { up: policy.toleranceUpRatio, down: policy.toleranceDownRatio },
    stabilization: {
      up: renderDuration(policy.stabilizationUpMs),
      down: renderDuration(policy.stabilizationDownMs),
    },
    cooldown: {
      up: renderDuration(policy.cooldownUpMs),
      down: renderDuration(policy.cooldownDownMs),
    },
    signalAgeMax: renderDuration(policy.signalAgeMaxMs),
    actionTimeout: renderDuration(policy.actionTimeoutMs),
  };
}

type MetricDocument = PolicyDocument['metrics'][number];

function metricOf(document: MetricDocument): MetricSpec {
  const { value, averageValue } = document.target;
  return {
    name: document.name,
    query: document.query,
    timestampQuery: document.timestampQuery ?? derivedOf(document.query) ?? '',
    coverage:
      document.coverage === undefined
        ? null
        : { query: document.coverage.query, minimumRatio: document.coverage.min },
    kind: averageValue === undefined ? 'value' : 'average_value',
    target: averageValue ?? value ?? 0,
  };
}

function metricDocumentOf(metric: MetricSpec): MetricDocument {
  const { name, query, timestampQuery, coverage, kind, target } = metric;
  return {
    name,
    query,
    ...(timestampQuery === derivedOf(query) ? {} : { timestampQuery }),
    ...(coverage === null
      ? {}
      : { coverage: { query: coverage.query, min: coverage.minimumRatio } }),
    target: kind === 'value' ? { value: target } : { averageValue: target },
  };
}

function derivedOf(query: string): string | null {
  const derived = deriveTimestampQuery(query);
  return derived.kind === 'derived' ? derived.query : null;
}

function crossFaults(read: ReadField): readonly Fault[] {
  return [...boundFaults(read), ...duplicateNames(read), ...metricFaults(read)];
}

function boundFaults(read: ReadField): readonly Fault[] {
  const min = read(['replicas', 'min'], replicaCount);
  const max = read(['replicas', 'max'], replicaCount);
  if (min === undefined || max === undefined || min <= max) return [];
  return [{ pointer: '/replicas/min', message: `min ${min} is above max ${max}` }];
}

function duplicateNames(read: ReadField): readonly Fault[] {
  const firstAt = new Map<string, number>();
  return indexes(read).flatMap((index) => {
    const name = read(['metrics', index, 'name'], metricName);
    if (name === undefined) return [];
    const first = firstAt.get(name);
    if (first === undefined) {
      firstAt.set(name, index);
      return [];
    }
    const pointer = pointerOf(['metrics', index, 'name']);
    return [{ pointer, message: `"${name}" is also the name of /metrics/${first}` }];
  });
}

function metricFaults(read: ReadField): readonly Fault[] {
  return indexes(read).flatMap((index) => [
    ...targetFaults(read, index),
    ...timestampFaults(read, index),
  ]);
}

function targetFaults(read: ReadField, index: number): readonly Fault[] {
  const target = read(['metrics', index, 'target'], z.record(z.string(), z.unknown()));
  if (target === undefined) return [];
  const given = ['value', 'averageValue'].filter((key) => target[key] !== undefined).length;
  if (given === 1) return [];
  const count = given === 0 ? 'neither' : 'both';
  const message = `expected exactly one of value and averageValue; got ${count}`;
  return [{ pointer: pointerOf(['metrics', index, 'target']), message }];
}

function timestampFaults(read: ReadField, index: number): readonly Fault[] {
  if (read(['metrics', index, 'timestampQuery'], z.unknown()) !== undefined) return [];
  const query = read(['metrics', index, 'query'], z.string().max(PROMQL_LENGTH_MAX));
  if (query === undefined) return [];
  const derived = deriveTimestampQuery(query);
  if (derived.kind !== 'underivable') return [];
  const pointer = pointerOf(['metrics', index, 'timestampQuery']);
  return [{ pointer, message: `required: ${derived.why}` }];
}

/** The metrics to look at; the schema refuses the ones beyond the maximum. */
function indexes(read: ReadField): readonly number[] {
  const metrics = read(['metrics'], z.array(z.unknown())) ?? [];
  return [...metrics.slice(0, METRICS_MAX).keys()];
}
