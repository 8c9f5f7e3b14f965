/**
 * Strategies over the load of the whole workload, written as documents and back: workers on a queue,
 * the capacity formula, and formulas of one's own. An expression is parsed with the grammar that
 * evaluates it.
 */

import type { z } from 'zod';
import { parseFormula } from '../../deciders/formula/parse-formula.ts';
import type {
  CapacityStrategy,
  FormulaInput,
  FormulaStrategy,
  QueueStrategy,
} from '../../model/strategy.ts';
import {
  list,
  positive,
  ratio,
  type ReadField,
  strictObject,
  text,
  wholeNumber,
} from '../document.ts';
import { durationText, parseDuration, renderDuration } from '../duration.ts';
import type { Fault } from '../fault.ts';
import { judged, oneMemberFault, type StrategyHead, WINDOW_MAX_MS } from './head.ts';
import { FORMULA_INPUTS_MAX, REPLICAS_MAX } from './limits.ts';
import {
  coveredSignalDocumentOf,
  coveredSignalFields,
  coveredSignalOf,
  type Path,
  signalDocumentOf,
  signalFields,
  signalName,
  signalOf,
  timestampFaults,
} from './signal.ts';

/** As KEDA's cooldown. */
const QUEUE_COOLDOWN = '5m';
const EXPRESSION_LENGTH_MAX = 4_096;
const LOAD_MAX = 1e15;
const FACTOR_MAX = 1_000;

export const queueDocument = strictObject('a queue', {
  ...coveredSignalFields,
  target: positive().meta({ description: 'Items per replica.' }),
  activation: ratio(0, LOAD_MAX).default(0).meta({
    description: 'Awake above this many items, not at it; 0 wakes at the first.',
  }),
  cooldown: durationText(0, WINDOW_MAX_MS).default(QUEUE_COOLDOWN).meta({
    description: 'The last replica stays so long after the queue was last above the activation.',
  }),
});

const plainSignal = strictObject('{ query }', signalFields);

export const capacityDocument = strictObject('a capacity', {
  rate: plainSignal.meta({ description: 'Requests per second, over all replicas.' }),
  latency: plainSignal.meta({ description: 'Seconds that a request occupies a place.' }),
  concurrency: positive().meta({ description: 'Requests that one replica serves at a time.' }),
  peakFactor: ratio(1, FACTOR_MAX).default(1).meta({
    description: 'Peak ÷ mean within the window of the rate.',
  }),
  margin: ratio(0, FACTOR_MAX).default(0).meta({
    description: 'Added to the load as a share of it: 0.2 is a fifth more.',
  }),
  redundantReplicas: wholeNumber(0, REPLICAS_MAX).default(0).meta({
    description: 'Replicas that may fail without harm: 1 is N+1, 2 is N+2.',
  }),
});

export const formulaDocument = strictObject('a formula', {
  expression: text('an expression', EXPRESSION_LENGTH_MAX).meta({
    description: 'Joins the inputs by their names: max(waiting / 10, busy), say.',
    examples: ['waiting + 4 * running'],
  }),
  inputs: list(
    `1 to ${FORMULA_INPUTS_MAX} inputs`,
    strictObject('an input', { name: signalName, ...signalFields }),
    1,
    FORMULA_INPUTS_MAX,
  ),
  target: strictObject('{ value } or { averageValue }', {
    value: positive().optional(),
    averageValue: positive().optional(),
  })
    .optional()
    .meta({
      description:
        'Exactly one of value and averageValue, as of a metric. Without a target the result is the number of replicas itself.',
    }),
});

type QueueDocument = z.output<typeof queueDocument>;
type CapacityDocument = z.output<typeof capacityDocument>;
type FormulaDocument = z.output<typeof formulaDocument>;

export function queueOf(head: StrategyHead, document: QueueDocument): QueueStrategy {
  return {
    kind: 'queue',
    ...head,
    ...coveredSignalOf(document),
    target: document.target,
    activation: document.activation,
    cooldownMs: parseDuration(document.cooldown),
  };
}

export function queueDocumentOf(spec: QueueStrategy): QueueDocument {
  return {
    ...coveredSignalDocumentOf(spec),
    target: spec.target,
    activation: spec.activation,
    cooldown: renderDuration(spec.cooldownMs),
  };
}

export function capacityOf(head: StrategyHead, document: CapacityDocument): CapacityStrategy {
  return {
    kind: 'capacity',
    ...head,
    rate: signalOf(document.rate),
    latency: signalOf(document.latency),
    concurrency: document.concurrency,
    peakFactor: document.peakFactor,
    marginRatio: document.margin,
    redundantReplicas: document.redundantReplicas,
  };
}

export function capacityDocumentOf(spec: CapacityStrategy): CapacityDocument {
  return {
    rate: signalDocumentOf(spec.rate),
    latency: signalDocumentOf(spec.latency),
    concurrency: spec.concurrency,
    peakFactor: spec.peakFactor,
    margin: spec.marginRatio,
    redundantReplicas: spec.redundantReplicas,
  };
}

export function capacityFaults(read: ReadField, path: Path): readonly Fault[] {
  return [
    ...timestampFaults(read, [...path, 'rate']),
    ...timestampFaults(read, [...path, 'latency']),
  ];
}

export function formulaOf(head: StrategyHead, document: FormulaDocument): FormulaStrategy {
  const { expression, inputs, target } = document;
  return {
    kind: 'formula',
    ...head,
    expression,
    inputs: inputs.map((input): FormulaInput => ({ name: input.name, ...signalOf(input) })),
    ...resultOf(target),
  };
}

export function formulaDocumentOf(spec: FormulaStrategy): FormulaDocument {
  const { expression, inputs, result, target } = spec;
  return {
    expression,
    inputs: inputs.map((input) => ({ name: input.name, ...signalDocumentOf(input) })),
    ...(result === 'replicas'
      ? {}
      : { target: result === 'value' ? { value: target } : { averageValue: target } }),
  };
}

export function formulaFaults(read: ReadField, path: Path): readonly Fault[] {
  const indexes = Array.from({ length: FORMULA_INPUTS_MAX }, (_, index) => index);
  return [
    ...indexes.flatMap((index) => timestampFaults(read, [...path, 'inputs', index])),
    ...judged(read, path, formulaDocument, (document) => {
      const { expression, inputs, target } = document;
      const unreadable = inputFaults(document);
      // Over names that cannot be, an expression has faults that are only theirs.
      const faults = unreadable.length > 0 ? unreadable : expressionFaults(expression, inputs);
      return [...faults, ...targetFaults(target)];
    }),
  ];
}

/** What is wrong with an expression over inputs, as members of a formula. */
export function expressionFaults(
  expression: string,
  inputs: readonly { readonly name: string }[],
): readonly (readonly [Path, string])[] {
  const names = inputs.map(({ name }) => name);
  const reading = parseFormula(expression, names);
  if (reading.kind === 'faulty') {
    return reading.faults.map(({ message }) => [['expression'], message] as const);
  }
  const used = new Set(reading.formula.names);
  return names.flatMap((name, index) => {
    if (used.has(name)) return [];
    const message = `the expression does not use "${name}"; remove the input, or use it`;
    return [[['inputs', index, 'name'], message] as const];
  });
}

function inputFaults({ inputs }: FormulaDocument): readonly (readonly [Path, string])[] {
  const names = inputs.map(({ name }) => name);
  return names.flatMap((name, index) => {
    const first = names.indexOf(name);
    if (first < index) {
      const message = `"${name}" is also the name of input ${first}`;
      return [[['inputs', index, 'name'], message] as const];
    }
    const reading = parseFormula(name);
    if (reading.kind === 'parsed' && reading.formula.root.kind === 'name') return [];
    const message = `an expression cannot read "${name}" as a name; choose another`;
    return [[['inputs', index, 'name'], message] as const];
  });
}

function targetFaults(target: FormulaDocument['target']): readonly (readonly [Path, string])[] {
  if (target === undefined) return [];
  const message = oneMemberFault(target, ['value', 'averageValue']);
  return message === null ? [] : [[['target'], message]];
}

function resultOf(target: FormulaDocument['target']): Pick<FormulaStrategy, 'result' | 'target'> {
  if (target === undefined) return { result: 'replicas', target: 1 };
  const { value, averageValue } = target;
  if (averageValue !== undefined) return { result: 'average_value', target: averageValue };
  return { result: 'value', target: value ?? 1 };
}
