/**
 * Strategies over what each replica reports of itself, as `resource` and `pods` metrics of
 * autoscaling/v2 have them, written as documents and back. How replicas without a sample are counted
 * is deciders/strategies/per-replica.ts.
 */

import type { z } from 'zod';
import type { ReplicaValueStrategy, UtilizationStrategy } from '../../model/strategy.ts';
import { oneOf, positive, type ReadField, strictObject } from '../document.ts';
import { durationText, parseDuration, renderDuration } from '../duration.ts';
import type { Fault } from '../fault.ts';
import { judged, type StrategyHead, WINDOW_MAX_MS } from './head.ts';
import {
  type Path,
  replicaFaults,
  replicaLabelField,
  replicaQuery,
  replicaTimestampOf,
  timestampQueryField,
} from './signal.ts';

export const PER_REPLICA = { initialization: '5m', initialReadinessDelay: '30s' } as const;

function perReplicaFields(readiness: 'judged' | 'ignored') {
  return {
    query: replicaQuery.meta({
      examples: ['sum by (replica) (rate(container_cpu_usage_seconds_total[1m]))'],
    }),
    timestampQuery: timestampQueryField,
    replicaLabel: replicaLabelField,
    window: durationText(0, WINDOW_MAX_MS).default('0s').meta({
      description: 'The span that each sample sums up: 1m for rate(x[1m]).',
    }),
    readiness: oneOf(['judged', 'ignored']).default(readiness).meta({
      description: 'judged: not heard while a replica initializes, as for CPU.',
    }),
    initialization: durationText(0, WINDOW_MAX_MS).default(PER_REPLICA.initialization),
    initialReadinessDelay: durationText(0, WINDOW_MAX_MS).default(
      PER_REPLICA.initialReadinessDelay,
    ),
    missing: oneOf(['hold', 'fill']).default('hold').meta({
      description: 'A replica without a sample: nothing goes in, or it counts as at its target.',
    }),
  };
}

export const utilizationDocument = strictObject('a utilization', {
  ...perReplicaFields('judged'),
  requestQuery: replicaQuery.meta({
    description: 'PromQL for what each replica asks for, in the unit of the query.',
  }),
  percent: positive().meta({ description: 'Usage in percent of the request.', examples: [70] }),
});

export const replicaValueDocument = strictObject('a value per replica', {
  ...perReplicaFields('ignored'),
  target: positive().meta({ description: 'Mean over the replicas, in the unit of the query.' }),
});

type UtilizationDocument = z.output<typeof utilizationDocument>;
type ReplicaValueDocument = z.output<typeof replicaValueDocument>;

export function utilizationOf(
  head: StrategyHead,
  document: UtilizationDocument,
): UtilizationStrategy {
  const { requestQuery, percent } = document;
  return { kind: 'utilization', ...head, ...commonOf(document), requestQuery, percent };
}

export function replicaValueOf(
  head: StrategyHead,
  document: ReplicaValueDocument,
): ReplicaValueStrategy {
  return { kind: 'replica_value', ...head, ...commonOf(document), target: document.target };
}

export function utilizationDocumentOf(spec: UtilizationStrategy): UtilizationDocument {
  return {
    ...commonDocumentOf(spec),
    requestQuery: spec.requestQuery,
    percent: spec.percent,
  };
}

export function replicaValueDocumentOf(spec: ReplicaValueStrategy): ReplicaValueDocument {
  return { ...commonDocumentOf(spec), target: spec.target };
}

export function utilizationFaults(read: ReadField, path: Path): readonly Fault[] {
  return [
    ...replicaFaults(read, path, ['query', 'requestQuery'], ['query']),
    ...judged(read, path, utilizationDocument, windowFaults),
  ];
}

export function replicaValueFaults(read: ReadField, path: Path): readonly Fault[] {
  return [
    ...replicaFaults(read, path, ['query'], ['query']),
    ...judged(read, path, replicaValueDocument, windowFaults),
  ];
}

/** Readiness is judged by whether a sample reaches back before it, which takes its span. */
function windowFaults({ readiness, window }: ReplicaValueDocument | UtilizationDocument) {
  if (readiness === 'ignored' || parseDuration(window) > 0) return [];
  const message =
    'required: expected the span that each sample sums up, such as 1m for rate(x[1m]); or write readiness: ignored';
  return [[['window'], message] as const];
}

function commonOf(document: ReplicaValueDocument | UtilizationDocument) {
  const { query, timestampQuery, replicaLabel, readiness, missing } = document;
  return {
    query,
    timestampQuery: timestampQuery ?? replicaTimestampOf([query], replicaLabel) ?? '',
    replicaLabel,
    windowMs: parseDuration(document.window),
    readiness,
    initializationMs: parseDuration(document.initialization),
    initialReadinessDelayMs: parseDuration(document.initialReadinessDelay),
    missing,
  };
}

function commonDocumentOf(spec: UtilizationStrategy | ReplicaValueStrategy) {
  const { query, timestampQuery, replicaLabel, readiness, missing } = spec;
  const isDerived = timestampQuery === replicaTimestampOf([query], replicaLabel);
  return {
    query,
    ...(isDerived ? {} : { timestampQuery }),
    replicaLabel,
    window: renderDuration(spec.windowMs),
    readiness,
    initialization: renderDuration(spec.initializationMs),
    initialReadinessDelay: renderDuration(spec.initialReadinessDelayMs),
    missing,
  };
}
