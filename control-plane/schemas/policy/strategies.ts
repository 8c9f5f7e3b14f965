/**
 * The strategies of a policy as documents and back: a head, and one member that says the kind. What
 * a kind's member looks like is the matter of the kind's own file.
 */

import { z } from 'zod';
import { unreachable } from '../../model/reasons.ts';
import type { StrategySpec } from '../../model/strategy.ts';
import { type ReadField, strictObject } from '../document.ts';
import { type Fault, pointerOf } from '../fault.ts';
import {
  stepDocumentOf,
  stepFaults,
  stepOf,
  stepStrategyDocument,
  targetTrackingDocument,
  targetTrackingDocumentOf,
  targetTrackingOf,
} from './alarms.ts';
import {
  concurrencyDocument,
  concurrencyDocumentOf,
  concurrencyFaults,
  concurrencyOf,
} from './concurrency.ts';
import { oneMemberFault, type StrategyHead } from './head.ts';
import {
  inferenceDocument,
  inferenceDocumentOf,
  inferenceFaults,
  inferenceOf,
} from './inference.ts';
import {
  capacityDocument,
  capacityDocumentOf,
  capacityFaults,
  capacityOf,
  formulaDocument,
  formulaDocumentOf,
  formulaFaults,
  formulaOf,
  queueDocument,
  queueDocumentOf,
  queueOf,
} from './load.ts';
import {
  fixedValueDocument,
  fixedValueDocumentOf,
  fixedValueOf,
  passThroughDocument,
  passThroughDocumentOf,
  passThroughOf,
  targetValueDocument,
  targetValueDocumentOf,
  targetValueOf,
  thresholdDocument,
  thresholdDocumentOf,
  thresholdFaults,
  thresholdOf,
} from './nomad.ts';
import {
  replicaValueDocument,
  replicaValueDocumentOf,
  replicaValueFaults,
  replicaValueOf,
  utilizationDocument,
  utilizationDocumentOf,
  utilizationFaults,
  utilizationOf,
} from './per-replica.ts';
import { type Path, signalName, timestampFaults } from './signal.ts';

/** The members of which a strategy has exactly one. */
export const STRATEGY_MEMBERS = [
  'utilization',
  'replicaValue',
  'targetValue',
  'passThrough',
  'threshold',
  'fixedValue',
  'concurrency',
  'targetTracking',
  'step',
  'inference',
  'queue',
  'capacity',
  'formula',
] as const;
type StrategyMember = (typeof STRATEGY_MEMBERS)[number];

/** Kinds whose series come from the replicas, unless the document says otherwise. */
const FROM_REPLICAS: ReadonlySet<StrategyMember> = new Set([
  'utilization',
  'replicaValue',
  'inference',
]);

export const strategyDocument = strictObject('a strategy', {
  name: signalName.meta({ description: 'Unique among the policy’s metrics and strategies.' }),
  group: signalName.optional().meta({
    description:
      'Checks of one group abstain while they ask for nothing; with combination: winner.',
  }),
  fromReplicas: z.boolean({ error: 'expected true or false' }).optional().meta({
    description:
      'The series come from the replicas themselves: without any, their absence is no loss. When absent: true for utilization, replicaValue and inference.',
  }),
  utilization: utilizationDocument.optional(),
  replicaValue: replicaValueDocument.optional(),
  targetValue: targetValueDocument.optional(),
  passThrough: passThroughDocument.optional(),
  threshold: thresholdDocument.optional(),
  fixedValue: fixedValueDocument.optional(),
  concurrency: concurrencyDocument.optional(),
  targetTracking: targetTrackingDocument.optional(),
  step: stepStrategyDocument.optional(),
  inference: inferenceDocument.optional(),
  queue: queueDocument.optional(),
  capacity: capacityDocument.optional(),
  formula: formulaDocument.optional(),
}).meta({
  id: 'Strategy',
  description: `A way from signals to a number of replicas. Exactly one of ${STRATEGY_MEMBERS.join(', ')}.`,
});

export type StrategyDocument = z.output<typeof strategyDocument>;

const FAULTS: Readonly<Record<StrategyMember, (read: ReadField, path: Path) => readonly Fault[]>> =
  {
    utilization: utilizationFaults,
    replicaValue: replicaValueFaults,
    targetValue: timestampFaults,
    passThrough: timestampFaults,
    threshold: thresholdFaults,
    fixedValue: () => [],
    concurrency: concurrencyFaults,
    targetTracking: timestampFaults,
    step: stepFaults,
    inference: inferenceFaults,
    queue: timestampFaults,
    capacity: capacityFaults,
    formula: formulaFaults,
  };

/** The faults of one strategy that its fields by themselves do not show. */
export function strategyFaults(read: ReadField, path: Path): readonly Fault[] {
  const document = read(path, z.record(z.string(), z.unknown()));
  if (document === undefined) return [];
  const message = oneMemberFault(document, STRATEGY_MEMBERS);
  const faults: Fault[] = message === null ? [] : [{ pointer: pointerOf(path), message }];
  for (const member of STRATEGY_MEMBERS) {
    if (document[member] !== undefined) faults.push(...FAULTS[member](read, [...path, member]));
  }
  return faults;
}

/** The strategy of a parsed document without faults. */
export function strategyOf(document: StrategyDocument): StrategySpec {
  const member = STRATEGY_MEMBERS.find((one) => document[one] !== undefined);
  const head: StrategyHead = {
    name: document.name,
    group: document.group ?? null,
    fromReplicas:
      document.fromReplicas ?? (member === undefined ? false : FROM_REPLICAS.has(member)),
  };
  const spec = loadStrategyOf(head, document) ?? otherStrategyOf(head, document);
  if (spec === null) throw new Error('a strategy without a kind passed the check');
  return spec;
}

/** Writes a strategy as a document: strategyOf(strategyDocumentOf(s)) equals s. */
export function strategyDocumentOf(spec: StrategySpec): StrategyDocument {
  const { name, group, fromReplicas } = spec;
  return { name, ...(group === null ? {} : { group }), fromReplicas, ...memberOf(spec) };
}

function loadStrategyOf(head: StrategyHead, document: StrategyDocument): StrategySpec | null {
  const { threshold, concurrency, targetTracking, step, queue, capacity, formula } = document;
  if (threshold !== undefined) return thresholdOf(head, threshold);
  if (concurrency !== undefined) return concurrencyOf(head, concurrency);
  if (targetTracking !== undefined) return targetTrackingOf(head, targetTracking);
  if (step !== undefined) return stepOf(head, step);
  if (queue !== undefined) return queueOf(head, queue);
  if (capacity !== undefined) return capacityOf(head, capacity);
  if (formula !== undefined) return formulaOf(head, formula);
  return null;
}

function otherStrategyOf(head: StrategyHead, document: StrategyDocument): StrategySpec | null {
  const { utilization, replicaValue, targetValue, passThrough, fixedValue, inference } = document;
  if (utilization !== undefined) return utilizationOf(head, utilization);
  if (replicaValue !== undefined) return replicaValueOf(head, replicaValue);
  if (targetValue !== undefined) return targetValueOf(head, targetValue);
  if (passThrough !== undefined) return passThroughOf(head, passThrough);
  if (fixedValue !== undefined) return fixedValueOf(head, fixedValue);
  if (inference !== undefined) return inferenceOf(head, inference);
  return null;
}

function memberOf(spec: StrategySpec): Omit<StrategyDocument, 'name'> {
  switch (spec.kind) {
    case 'utilization':
      return { utilization: utilizationDocumentOf(spec) };
    case 'replica_value':
      return { replicaValue: replicaValueDocumentOf(spec) };
    case 'target_value':
      return { targetValue: targetValueDocumentOf(spec) };
    case 'pass_through':
      return { passThrough: passThroughDocumentOf(spec) };
    case 'threshold':
      return { threshold: thresholdDocumentOf(spec) };
    case 'fixed_value':
      return { fixedValue: fixedValueDocumentOf(spec) };
    case 'concurrency':
      return { concurrency: concurrencyDocumentOf(spec) };
    case 'target_tracking':
      return { targetTracking: targetTrackingDocumentOf(spec) };
    case 'step':
      return { step: stepDocumentOf(spec) };
    case 'inference':
      return { inference: inferenceDocumentOf(spec) };
    case 'queue':
      return { queue: queueDocumentOf(spec) };
    case 'capacity':
      return { capacity: capacityDocumentOf(spec) };
    case 'formula':
      return { formula: formulaDocumentOf(spec) };
    default:
      return unreachable(spec);
  }
}
