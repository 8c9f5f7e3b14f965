/**
 * The value of a formula, or why it has none. Total and deterministic to the last bit (elementary.ts
 * says how). Never answers with a number that is not one: a division by zero, a result beyond the
 * numbers, a root of a negative number and the like fail, and say which operation it was.
 *
 * Every name of the formula must have a finite value, also one that stands in the branch of a `?`
 * that is not taken: a lost metric must not look like low load, and whether a formula can be trusted
 * must not depend on the values of the day. What is not taken is not computed, though, so that
 * `workers == 0 ? 0 : queue / workers` has a value. `and` and `or` look at their right side only when
 * the left one does not settle it.
 *
 * Numbers compare exactly: `0.1 + 0.2 == 0.3` is false. `%` has the sign of its left side, `round`
 * takes halves away from zero, 0 ^ 0 is 1.
 */

import { unreachable } from '../../model/reasons.ts';
import { exponential, logarithm, logarithm10, logarithm2, power } from './elementary.ts';
import type {
  BinaryOperator,
  FormulaFunction,
  FormulaNode,
  FormulaResult,
  ParsedFormula,
} from './formula.ts';
import { printFormula } from './print-formula.ts';

/** Evaluates a formula; values of other names are ignored. */
export function evaluateFormula(
  formula: ParsedFormula,
  values: ReadonlyMap<string, number>,
): FormulaResult {
  for (const name of formula.names) {
    const value = values.get(name);
    if (value === undefined) {
      return { kind: 'failed', cause: 'name_absent', detail: `${name} has no value` };
    }
    if (!Number.isFinite(value)) {
      return { kind: 'failed', cause: 'value_not_finite', detail: `${name} is ${value}` };
    }
  }
  const evaluation: Evaluation = { values, failure: null };
  const value = evaluate(formula.root, evaluation);
  if (evaluation.failure !== null) {
    return { kind: 'failed', cause: 'operation', detail: evaluation.failure };
  }
  // Adding 0 makes the negative zero an ordinary one, which JSON can carry.
  return { kind: 'value', value: value + 0 };
}

/** Longer operations are cut in a failure's words. */
const QUOTED_MAX = 120;

interface Evaluation {
  readonly values: ReadonlyMap<string, number>;
  /** The first operation without a result. */
  failure: string | null;
}

/** NaN once something has failed, and only then; a condition is 1 or 0. */
function evaluate(node: FormulaNode, evaluation: Evaluation): number {
  switch (node.kind) {
    case 'number':
      return node.value;
    case 'name':
      return evaluation.values.get(node.name) ?? NaN;
    case 'sign':
      return -evaluate(node.operand, evaluation);
    case 'not':
      return negated(evaluate(node.operand, evaluation));
    case 'binary':
      return binary(node, evaluation);
    case 'conditional':
      return conditional(node, evaluation);
    case 'call':
      return call(node, evaluation);
    default:
      return unreachable(node);
  }
}

function negated(condition: number): number {
  return Number.isNaN(condition) ? condition : 1 - condition;
}

function conditional(
  node: Extract<FormulaNode, { kind: 'conditional' }>,
  evaluation: Evaluation,
): number {
  const condition = evaluate(node.condition, evaluation);
  if (Number.isNaN(condition)) return condition;
  return evaluate(condition === 1 ? node.then : node.otherwise, evaluation);
}

function binary(node: Extract<FormulaNode, { kind: 'binary' }>, evaluation: Evaluation): number {
  const left = evaluate(node.left, evaluation);
  if (Number.isNaN(left)) return left;
  if (node.operator === 'and' && left === 0) return 0;
  if (node.operator === 'or' && left === 1) return 1;
  const right = evaluate(node.right, evaluation);
  if (Number.isNaN(right)) return right;
  const forbidden = binaryFault(node.operator, left, right);
  return settle(
    node,
    evaluation,
    forbidden,
    forbidden === null ? join(node.operator, left, right) : NaN,
  );
}

function call(node: Extract<FormulaNode, { kind: 'call' }>, evaluation: Evaluation): number {
  const operands: number[] = [];
  for (const operand of node.operands) {
    const value = evaluate(operand, evaluation);
    if (Number.isNaN(value)) return value;
    operands.push(value);
  }
  const forbidden = callFault(node.callee, operands);
  return settle(
    node,
    evaluation,
    forbidden,
    forbidden === null ? compute(node.callee, operands) : NaN,
  );
}

/** The result, when it is a number; otherwise NaN, with the failure put down. */
function settle(
  node: FormulaNode,
  evaluation: Evaluation,
  forbidden: string | null,
  result: number,
): number {
  if (forbidden === null && Number.isFinite(result)) return result;
  const text = printFormula(node);
  const quoted = text.length <= QUOTED_MAX ? text : `${text.slice(0, QUOTED_MAX - 1)}…`;
  evaluation.failure = `${quoted}: ${forbidden ?? 'the result is beyond the largest number'}`;
  return NaN;
}

function binaryFault(operator: BinaryOperator, left: number, right: number): string | null {
  if ((operator === '/' || operator === '%') && right === 0) return 'division by zero';
  if (operator !== '^') return null;
  if (left === 0 && right < 0) return `division by zero: 0 to the power of ${right}`;
  if (left < 0 && !Number.isInteger(right)) {
    return `the negative number ${left} to the power of ${right}, which is not whole`;
  }
  return null;
}

function join(operator: BinaryOperator, left: number, right: number): number {
  switch (operator) {
    case '+':
      return left + right;
    case '-':
      return left - right;
    case '*':
      return left * right;
    case '/':
      return left / right;
    case '%':
      return left % right;
    case '^':
      return power(left, right);
    case '<':
      return left < right ? 1 : 0;
    case '<=':
      return left <= right ? 1 : 0;
    case '>':
      return left > right ? 1 : 0;
    case '>=':
      return left >= right ? 1 : 0;
    case '==':
      return left === right ? 1 : 0;
    case '!=':
      return left === right ? 0 : 1;
    case 'and':
    case 'or':
      // The left side did not settle it, so the right one does.
      return right;
    default:
      return unreachable(operator);
  }
}

function callFault(callee: FormulaFunction, operands: readonly number[]): string | null {
  const [x = 0, low = 0, high = 0] = operands;
  if (callee === 'sqrt' && x < 0) return `the square root of the negative number ${x}`;
  const isLogarithm = callee === 'log' || callee === 'log2' || callee === 'log10';
  if (isLogarithm && x <= 0) return `the logarithm of ${x}, which is not above 0`;
  if (callee === 'clamp' && low > high) {
    return `its lower bound ${low} is above its upper bound ${high}`;
  }
  return null;
}

function compute(callee: FormulaFunction, operands: readonly number[]): number {
  const [x = NaN, low = NaN, high = NaN] = operands;
  switch (callee) {
    case 'min':
      return operands.reduce((least, value) => (value < least ? value : least));
    case 'max':
      return operands.reduce((most, value) => (value > most ? value : most));
    case 'sum':
      return total(operands);
    case 'avg':
      return total(operands) / operands.length;
    case 'abs':
      return Math.abs(x);
    case 'ceil':
      return Math.ceil(x);
    case 'floor':
      return Math.floor(x);
    case 'round':
      return x < 0 ? -Math.round(-x) : Math.round(x);
    case 'sqrt':
      return Math.sqrt(x);
    case 'exp':
      return exponential(x);
    case 'log':
      return logarithm(x);
    case 'log2':
      return logarithm2(x);
    case 'log10':
      return logarithm10(x);
    case 'clamp':
      return x < low ? low : x > high ? high : x;
    default:
      return unreachable(callee);
  }
}

function total(operands: readonly number[]): number {
  return operands.reduce((sum, value) => sum + value, 0);
}
