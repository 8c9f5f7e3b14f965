/**
 * One replica more or fewer on the signals of GPU inference, written as a document and back. All its
 * queries answer per replica; one query tells how old they are.
 */

import type { z } from 'zod';
import type { InferenceStrategy } from '../../model/strategy.ts';
import { ratio, type ReadField, strictObject } from '../document.ts';
import { durationText, parseDuration, renderDuration } from '../duration.ts';
import type { Fault } from '../fault.ts';
import { judged, type StrategyHead } from './head.ts';
import {
  type Path,
  replicaFaults,
  replicaLabelField,
  replicaQuery,
  replicaTimestampOf,
  timestampQueryField,
} from './signal.ts';

export const INFERENCE = {
  kvCacheSaturation: 0.8,
  queueSaturation: 5,
  spareKvCacheMin: 0.1,
  spareQueueMin: 3,
} as const;

/** One replica fewer only when all are faster than this share of the target. */
const SCALE_IN = 0.8;
const QUEUE_MAX = 1_000_000;
const HOUR_MS = 3_600_000;

export const inferenceDocument = strictObject('an inference', {
  replicaLabel: replicaLabelField,
  queueQuery: replicaQuery.meta({
    description: 'PromQL for the requests that wait, one series per replica.',
    examples: ['sum by (replica) (vllm:num_requests_waiting)'],
  }),
  kvCacheQuery: replicaQuery.meta({
    description: 'PromQL for the share of the KV cache in use, 0 to 1, one series per replica.',
  }),
  timestampQuery: timestampQueryField.meta({
    description:
      'PromQL for the UNIX time in seconds of each replica’s oldest sample. Derived from the two queries when omitted, where it can be.',
  }),
  kvCacheSaturation: ratio(0, 1).default(INFERENCE.kvCacheSaturation),
  queueSaturation: ratio(0, QUEUE_MAX).default(INFERENCE.queueSaturation),
  spareKvCacheMin: ratio(0, 1).default(INFERENCE.spareKvCacheMin).meta({
    description: 'Mean distance from saturation under which one more is needed.',
  }),
  spareQueueMin: ratio(0, QUEUE_MAX).default(INFERENCE.spareQueueMin),
  timeToFirstToken: strictObject('{ query, target, scaleIn }', {
    query: replicaQuery.meta({
      description: 'PromQL for the time to first token in seconds, one series per replica.',
    }),
    target: durationText(1, HOUR_MS).meta({
      description: 'One more when every replica is slower.',
    }),
    scaleIn: ratio(0, 1).default(SCALE_IN).meta({
      description: 'One fewer only when all are faster than this share of the target.',
    }),
  }).optional(),
});

type InferenceDocument = z.output<typeof inferenceDocument>;

export function inferenceOf(head: StrategyHead, document: InferenceDocument): InferenceStrategy {
  const { replicaLabel, queueQuery, kvCacheQuery, timeToFirstToken } = document;
  const derived = replicaTimestampOf([queueQuery, kvCacheQuery], replicaLabel);
  return {
    kind: 'inference',
    ...head,
    replicaLabel,
    queueQuery,
    kvCacheQuery,
    timeToFirstTokenQuery: timeToFirstToken?.query ?? null,
    timestampQuery: document.timestampQuery ?? derived ?? '',
    kvCacheSaturationRatio: document.kvCacheSaturation,
    queueSaturation: document.queueSaturation,
    spareKvCacheMinRatio: document.spareKvCacheMin,
    spareQueueMin: document.spareQueueMin,
    timeToFirstToken:
      timeToFirstToken === undefined
        ? null
        : {
            targetMs: parseDuration(timeToFirstToken.target),
            scaleInRatio: timeToFirstToken.scaleIn,
          },
  };
}

export function inferenceDocumentOf(spec: InferenceStrategy): InferenceDocument {
  const { replicaLabel, queueQuery, kvCacheQuery, timestampQuery } = spec;
  const { timeToFirstToken, timeToFirstTokenQuery } = spec;
  const derived = replicaTimestampOf([queueQuery, kvCacheQuery], replicaLabel);
  return {
    replicaLabel,
    queueQuery,
    kvCacheQuery,
    ...(timestampQuery === derived ? {} : { timestampQuery }),
    kvCacheSaturation: spec.kvCacheSaturationRatio,
    queueSaturation: spec.queueSaturation,
    spareKvCacheMin: spec.spareKvCacheMinRatio,
    spareQueueMin: spec.spareQueueMin,
    ...(timeToFirstToken === null || timeToFirstTokenQuery === null
      ? {}
      : {
          timeToFirstToken: {
            query: timeToFirstTokenQuery,
            target: renderDuration(timeToFirstToken.targetMs),
            scaleIn: timeToFirstToken.scaleInRatio,
          },
        }),
  };
}

export function inferenceFaults(read: ReadField, path: Path): readonly Fault[] {
  const queries = ['queueQuery', 'kvCacheQuery'];
  return [
    ...replicaFaults(read, path, queries, queries),
    ...latencyFaults(read, path),
    ...judged(read, path, inferenceDocument, (document) => {
      const pairs = [
        ['spareKvCacheMin', document.spareKvCacheMin, document.kvCacheSaturation],
        ['spareQueueMin', document.spareQueueMin, document.queueSaturation],
      ] as const;
      return pairs.flatMap(([member, spare, saturation]) => {
        if (spare < saturation) return [];
        const message = `${spare} is not below the saturation ${saturation}: even idle replicas would be too few`;
        return [[[member], message] as const];
      });
    }),
  ];
}

/** The label stands beside the latency, not in it. */
function latencyFaults(read: ReadField, path: Path): readonly Fault[] {
  const latency = [...path, 'timeToFirstToken'];
  const scoped: ReadField = (at, schema) =>
    read(at.at(-1) === 'replicaLabel' ? [...path, 'replicaLabel'] : at, schema);
  return replicaFaults(scoped, latency, ['query'], []);
}
