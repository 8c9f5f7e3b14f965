/**
 * The tables of the formula language: how tightly operators bind, and how many operands a function
 * takes. Parser and printer read the same tables, so that one undoes the other.
 */

import type { BinaryOperator, FormulaFunction, FormulaNode } from './formula.ts';
import { FORMULA_FUNCTIONS } from './formula.ts';

/** From the loosest to the tightest. */
export const LEVEL = {
  conditional: 1,
  or: 2,
  and: 3,
  not: 4,
  comparison: 5,
  sum: 6,
  product: 7,
  sign: 8,
  power: 9,
  atom: 10,
} as const;

const OPERATOR_LEVELS: Readonly<Record<BinaryOperator, number>> = {
  or: LEVEL.or,
  and: LEVEL.and,
  '<': LEVEL.comparison,
  '<=': LEVEL.comparison,
  '>': LEVEL.comparison,
  '>=': LEVEL.comparison,
  '==': LEVEL.comparison,
  '!=': LEVEL.comparison,
  '+': LEVEL.sum,
  '-': LEVEL.sum,
  '*': LEVEL.product,
  '/': LEVEL.product,
  '%': LEVEL.product,
  '^': LEVEL.power,
};

/** How many operands a function takes. */
const OPERANDS: Readonly<Record<FormulaFunction, readonly [least: number, most: number]>> = {
  min: [1, Infinity],
  max: [1, Infinity],
  avg: [1, Infinity],
  sum: [1, Infinity],
  abs: [1, 1],
  ceil: [1, 1],
  floor: [1, 1],
  round: [1, 1],
  sqrt: [1, 1],
  exp: [1, 1],
  log: [1, 1],
  log2: [1, 1],
  log10: [1, 1],
  clamp: [3, 3],
};

export function isBinaryOperator(text: string): text is BinaryOperator {
  return Object.hasOwn(OPERATOR_LEVELS, text);
}

export function isFormulaFunction(text: string): text is FormulaFunction {
  return FORMULA_FUNCTIONS.some((known) => known === text);
}

export function operatorLevel(operator: BinaryOperator): number {
  return OPERATOR_LEVELS[operator];
}

/** What the operands must bind as tightly as, to stand without parentheses. */
export function operandLevels(operator: BinaryOperator): readonly [left: number, right: number] {
  const level = OPERATOR_LEVELS[operator];
  // 2 ^ -1 needs none, and a ^ b ^ c is a ^ (b ^ c).
  if (level === LEVEL.power) return [LEVEL.atom, LEVEL.sign];
  return [level, level + 1];
}

/** How tightly a node binds. */
export function levelOf(node: FormulaNode): number {
  if (node.kind === 'binary') return operatorLevel(node.operator);
  if (node.kind === 'conditional') return LEVEL.conditional;
  if (node.kind === 'not') return LEVEL.not;
  return node.kind === 'sign' ? LEVEL.sign : LEVEL.atom;
}

/** Whether both operands, and not the result alone, are conditions. */
export function joinsConditions(operator: BinaryOperator): operator is 'and' | 'or' {
  return operator === 'and' || operator === 'or';
}

/** Whether the result is a condition. */
export function givesCondition(operator: BinaryOperator): boolean {
  return operatorLevel(operator) <= LEVEL.comparison;
}

/** What is wrong with the number of operands, in words; null when it is right. */
export function operandsFault(callee: FormulaFunction, given: number): string | null {
  const [least, most] = OPERANDS[callee];
  if (given >= least && given <= most) return null;
  const wanted = most === Infinity ? `${least} or more` : `${least}`;
  return `${callee} takes ${wanted} ${wanted === '1' ? 'value' : 'values'}, not ${given}`;
}
