/**
 * A formula over several signals as a proposal: its result is held against a target like a metric's
 * value, shared out like a metric's total, or is the number itself. Every input must be there and
 * fresh: a formula cannot say which of its inputs would not have mattered.
 */

import type { FormulaStrategy } from '../model/strategy.ts';
import { unreachable } from '../model/reasons.ts';
import { evaluateFormula } from './formula/evaluate-formula.ts';
import type { ParsedFormula } from './formula/formula.ts';
import { parseFormula } from './formula/parse-formula.ts';
import type { PartReader } from './part-reader.ts';
import { boundedReplicas, ceilReplicas } from './strategies/strategy-proposal.ts';
import { isWithinTolerance, judgeReading, none } from './strategies/strategy-proposal.ts';
import type { StrategyProposal } from './strategies/strategy-proposal.ts';
import type { Surroundings } from './surroundings.ts';

/** What each specification was parsed to; the text of one never changes. */
const parsed = new WeakMap<FormulaStrategy, ParsedFormula | null>();

export function proposeFromFormula(
  spec: FormulaStrategy,
  reader: PartReader,
  around: Surroundings,
): StrategyProposal {
  const { nowMs, policy } = around.input;
  const values = new Map<string, number>();
  for (const { name } of spec.inputs) {
    const reading = reader.sample(`input:${name}`, null, around.ready);
    const fault = judgeReading(reading, nowMs, policy.signalAgeMaxMs);
    if (fault !== null) return none(fault.reason, `${name}: ${fault.detail}`);
    values.set(name, reading.value);
  }
  const formula = formulaOf(spec);
  if (formula === null) return none('formula_failed', 'the expression cannot be read');
  const result = evaluateFormula(formula, values);
  if (result.kind === 'failed') return none('formula_failed', result.detail);
  if (result.value < 0) return none('signal_out_of_range', `the result is ${result.value}`);
  return fromResult(spec, result.value, around);
}

function formulaOf(spec: FormulaStrategy): ParsedFormula | null {
  const known = parsed.get(spec);
  if (known !== undefined) return known;
  const reading = parseFormula(spec.expression);
  const formula = reading.kind === 'parsed' ? reading.formula : null;
  parsed.set(spec, formula);
  return formula;
}

function fromResult(
  spec: FormulaStrategy,
  value: number,
  { input: { desired, policy }, ready }: Surroundings,
): StrategyProposal {
  const detail = `${spec.expression} is ${value}`;
  const propose = (replicas: number, ratio: number | null, withinTolerance: boolean) =>
    ({ kind: 'replicas', replicas, ratio, withinTolerance, limited: null, detail }) as const;
  switch (spec.result) {
    case 'replicas':
      return propose(ceilReplicas(value), null, false);
    case 'average_value': {
      const ratio = value / (spec.target * Math.max(desired, 1));
      if (isWithinTolerance(ratio, policy) && desired > 0) return propose(desired, ratio, true);
      return propose(ceilReplicas(value / spec.target), ratio, false);
    }
    case 'value': {
      if (ready === 0) return none('no_replica_ready', 'a value needs a ready replica');
      const ratio = value / spec.target;
      if (isWithinTolerance(ratio, policy)) return propose(desired, ratio, true);
      const raw = ceilReplicas(ready * ratio);
      // Overload never asks for fewer than are wanted, nor idleness for more.
      const directed = ratio > 1 ? Math.max(raw, desired) : Math.min(raw, desired);
      return propose(boundedReplicas(directed), ratio, false);
    }
    default:
      return unreachable(spec.result);
  }
}
