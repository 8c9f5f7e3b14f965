/** A metric of a policy as a document and back, and its rules that span fields. */

import { z } from 'zod';
import type { MetricSpec } from '../../model/policy.ts';
import { positive, ratio, type ReadField, strictObject } from '../document.ts';
import { type Fault, pointerOf } from '../fault.ts';
import { promqlText } from '../promql.ts';
import {
  coveredSignalDocumentOf,
  coveredSignalFields,
  coveredSignalOf,
  type Path,
  signalName,
  timestampFaults,
} from './signal.ts';

export const metricDocument = strictObject('a metric', {
  name: signalName.meta({ description: 'Unique within the policy.', examples: ['concurrency'] }),
  ...coveredSignalFields,
  target: strictObject('{ value } or { averageValue }', {
    value: positive()
      .optional()
      .meta({ description: 'Target for the value itself: a ratio, a latency.' }),
    averageValue: positive()
      .optional()
      .meta({ description: 'Target per replica for a total that the replicas share.' }),
  }).meta({ description: 'Exactly one of value and averageValue.' }),
  agreement: strictObject('{ query, tolerance }', {
    query: promqlText().meta({
      description: 'PromQL for the same quantity by another way, such as a second exporter.',
    }),
    tolerance: ratio(0, 1).meta({
      description: 'How far the two may lie apart, as a share of the larger.',
    }),
  })
    .optional()
    .meta({ description: 'Where the two do not agree, the metric proposes nothing.' }),
  fromReplicas: z.boolean({ error: 'expected true or false' }).optional().meta({
    description:
      'The series come from the replicas themselves: without any, their absence is no loss. False when absent.',
  }),
});

type MetricDocument = z.output<typeof metricDocument>;

export function metricOf(document: MetricDocument): MetricSpec {
  const { agreement } = document;
  const { value, averageValue } = document.target;
  return {
    name: document.name,
    ...coveredSignalOf(document),
    kind: averageValue === undefined ? 'value' : 'average_value',
    target: averageValue ?? value ?? 0,
    ...(agreement === undefined
      ? {}
      : { agreement: { query: agreement.query, toleranceRatio: agreement.tolerance } }),
    ...(document.fromReplicas === true ? { fromReplicas: true } : {}),
  };
}

export function metricDocumentOf(metric: MetricSpec): MetricDocument {
  const { name, kind, target, agreement, fromReplicas } = metric;
  return {
    name,
    ...coveredSignalDocumentOf(metric),
    target: kind === 'value' ? { value: target } : { averageValue: target },
    ...(agreement === undefined
      ? {}
      : { agreement: { query: agreement.query, tolerance: agreement.toleranceRatio } }),
    ...(fromReplicas === true ? { fromReplicas } : {}),
  };
}

/** The faults of one metric that its fields by themselves do not show. */
export function metricFaults(read: ReadField, path: Path): readonly Fault[] {
  return [
    ...targetFaults(read, path),
    ...timestampFaults(read, path),
    ...agreementFaults(read, path),
  ];
}

function targetFaults(read: ReadField, path: Path): readonly Fault[] {
  const target = read([...path, 'target'], z.record(z.string(), z.unknown()));
  if (target === undefined) return [];
  const given = ['value', 'averageValue'].filter((key) => target[key] !== undefined).length;
  if (given === 1) return [];
  const count = given === 0 ? 'neither' : 'both';
  const message = `expected exactly one of value and averageValue; got ${count}`;
  return [{ pointer: pointerOf([...path, 'target']), message }];
}

function agreementFaults(read: ReadField, path: Path): readonly Fault[] {
  const second = read([...path, 'agreement', 'query'], z.string());
  if (second === undefined || second !== read([...path, 'query'], z.string())) return [];
  const message = 'is the metric’s own query, which always agrees with itself; give another way';
  return [{ pointer: pointerOf([...path, 'agreement', 'query']), message }];
}
