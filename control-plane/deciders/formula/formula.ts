/**
 * The words of the formula language: a formula as a tree, and what can be wrong with its text. A
 * formula joins the values of a policy's metrics into one number. It is data: there is no way from it
 * to JavaScript, to the clock, or to anything but the values that it is given.
 */

/** A longer text is refused unread, and so is a formula whose canonical text is longer. */
export const FORMULA_LENGTH_MAX = 4_096;

/** How deep parentheses, calls, conditionals, signs and powers may stand in one another. */
export const FORMULA_DEPTH_MAX = 64;

/** Numbers, names, operators and calls of one formula. */
export const FORMULA_NODES_MAX = 1_000;

/** Different names of one formula. */
export const FORMULA_NAMES_MAX = 64;

/** Characters of a name: [a-z0-9_]. */
export const FORMULA_NAME_LENGTH_MAX = 63;

export type ArithmeticOperator = '+' | '-' | '*' | '/' | '%' | '^';
export type ComparisonOperator = '<' | '<=' | '>' | '>=' | '==' | '!=';
export type LogicOperator = 'and' | 'or';
export type BinaryOperator = ArithmeticOperator | ComparisonOperator | LogicOperator;

export const FORMULA_FUNCTIONS = [
  'min',
  'max',
  'avg',
  'sum',
  'abs',
  'ceil',
  'floor',
  'round',
  'sqrt',
  'exp',
  'log',
  'log2',
  'log10',
  'clamp',
] as const;
export type FormulaFunction = (typeof FORMULA_FUNCTIONS)[number];

export type FormulaNode =
  /** Finite and not negative; a negative number is a sign and a number. */
  | { readonly kind: 'number'; readonly value: number }
  | { readonly kind: 'name'; readonly name: string }
  | { readonly kind: 'sign'; readonly operand: FormulaNode }
  | { readonly kind: 'not'; readonly operand: FormulaNode }
  | {
      readonly kind: 'binary';
      readonly operator: BinaryOperator;
      readonly left: FormulaNode;
      readonly right: FormulaNode;
    }
  | {
      readonly kind: 'conditional';
      readonly condition: FormulaNode;
      readonly then: FormulaNode;
      readonly otherwise: FormulaNode;
    }
  | {
      readonly kind: 'call';
      readonly callee: FormulaFunction;
      readonly operands: readonly FormulaNode[];
    };

export interface ParsedFormula {
  readonly root: FormulaNode;
  /** In the order of their first appearance, each once. */
  readonly names: readonly string[];
  /** The canonical text: parsing it gives an equal formula. */
  readonly text: string;
}

export interface FormulaFault {
  /** Character at which the offending text begins, from 0. */
  readonly position: number;
  /** Empty at the end of the formula. */
  readonly offending: string;
  /** What is wrong, where, and what would be right. */
  readonly message: string;
}

export type FormulaReading =
  | { readonly kind: 'parsed'; readonly formula: ParsedFormula }
  /** At least one fault. */
  | { readonly kind: 'faulty'; readonly faults: readonly FormulaFault[] };

export type FormulaResult =
  /** Finite, and never the negative zero. */
  | { readonly kind: 'value'; readonly value: number }
  | {
      readonly kind: 'failed';
      /** A name has no value; a value is NaN or infinite; or an operation has no result. */
      readonly cause: 'name_absent' | 'value_not_finite' | 'operation';
      readonly detail: string;
    };

/** The names that a formula needs, all of them on each evaluation. */
export function namesIn(formula: ParsedFormula): readonly string[] {
  return formula.names;
}
