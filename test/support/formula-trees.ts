/**
 * Random formulas: trees, and what they mean said a second time, directly and with none of the
 * product's code. The reference knows nothing of failures beyond NaN and infinities.
 */

import fc from 'fast-check';
import type {
  BinaryOperator,
  FormulaFunction,
  FormulaNode,
} from '../../control-plane/deciders/formula/formula.ts';

export const TREE_NAMES = ['queue', 'workers', 'p99_ms', '5xx', 'min'] as const;

const number = fc
  .oneof(
    fc.integer({ min: 0, max: 20 }),
    fc.double({ min: 0, max: 1e6, noNaN: true }),
    fc.constantFrom(0, 0.1, 1e-7, 1e21, 5e-324, Number.MAX_VALUE),
  )
  .map((value): FormulaNode => ({ kind: 'number', value: value + 0 }));
const name = fc
  .constantFrom(...TREE_NAMES)
  .map((found): FormulaNode => ({ kind: 'name', name: found }));

const VARIADIC: readonly FormulaFunction[] = ['min', 'max', 'avg', 'sum'];
const UNARY: readonly FormulaFunction[] = [
  'abs',
  'ceil',
  'floor',
  'round',
  'sqrt',
  'exp',
  'log',
  'log2',
  'log10',
];

/** Trees that give a number, as the parser would build them. */
export const formulaTrees: fc.Arbitrary<FormulaNode> = fc.letrec<{
  number: FormulaNode;
  condition: FormulaNode;
}>((tie) => {
  const numeric = tie('number');
  const condition = tie('condition');
  const depth = { depthSize: 'medium' } as const;
  const binary = (operators: readonly BinaryOperator[], of: fc.Arbitrary<FormulaNode>) =>
    fc
      .tuple(fc.constantFrom(...operators), of, of)
      .map(([operator, left, right]): FormulaNode => ({ kind: 'binary', operator, left, right }));
  const conditional = (of: fc.Arbitrary<FormulaNode>) =>
    fc.tuple(condition, of, of).map(([asked, then, otherwise]): FormulaNode => ({
      kind: 'conditional',
      condition: asked,
      then,
      otherwise,
    }));
  const call = (callees: readonly FormulaFunction[], least: number, most: number) =>
    fc
      .tuple(fc.constantFrom(...callees), fc.array(numeric, { minLength: least, maxLength: most }))
      .map(([callee, operands]): FormulaNode => ({ kind: 'call', callee, operands }));
  const comparison = binary(['<', '<=', '>', '>=', '==', '!='], numeric);
  return {
    number: fc.oneof(
      depth,
      number,
      name,
      binary(['+', '-', '*', '/', '%', '^'], numeric),
      numeric.map((operand): FormulaNode => ({ kind: 'sign', operand })),
      call(VARIADIC, 1, 4),
      call(UNARY, 1, 1),
      call(['clamp'], 3, 3),
      conditional(numeric),
    ),
    condition: fc.oneof(
      depth,
      comparison,
      condition.map((operand): FormulaNode => ({ kind: 'not', operand })),
      binary(['and', 'or'], condition),
      conditional(condition),
    ),
  };
}).number;

/** How deep the tree is, and how many nodes it has. */
export function sizeOf(node: FormulaNode): { readonly depth: number; readonly nodes: number } {
  const sizes = childrenOf(node).map(sizeOf);
  return {
    depth: 1 + Math.max(0, ...sizes.map(({ depth }) => depth)),
    nodes: 1 + sizes.reduce((sum, { nodes }) => sum + nodes, 0),
  };
}

export function childrenOf(node: FormulaNode): readonly FormulaNode[] {
  if (node.kind === 'sign' || node.kind === 'not') return [node.operand];
  if (node.kind === 'binary') return [node.left, node.right];
  if (node.kind === 'conditional') return [node.condition, node.then, node.otherwise];
  return node.kind === 'call' ? node.operands : [];
}

/** Marks what has no value, since NaN would be lost in a comparison. */
export class NoValue extends Error {}

/** @throws NoValue */
export function referenceValue(node: FormulaNode, values: ReadonlyMap<string, number>): number {
  const value = Number(meaning(node, values));
  if (!Number.isFinite(value)) throw new NoValue();
  return value;
}

function meaning(node: FormulaNode, values: ReadonlyMap<string, number>): number | boolean {
  const of = (child: FormulaNode) => meaning(child, values);
  const numberOf = (child: FormulaNode) => referenceValue(child, values);
  if (node.kind === 'number') return node.value;
  if (node.kind === 'name') return values.get(node.name) ?? NaN;
  if (node.kind === 'sign') return -numberOf(node.operand);
  if (node.kind === 'not') return of(node.operand) === false;
  if (node.kind === 'conditional')
    return of(of(node.condition) === true ? node.then : node.otherwise);
  if (node.kind === 'call') return CALLS[node.callee](...node.operands.map(numberOf));
  if (node.operator === 'and') return of(node.left) === true && of(node.right) === true;
  if (node.operator === 'or') return of(node.left) === true || of(node.right) === true;
  return OPERATORS[node.operator](numberOf(node.left), numberOf(node.right));
}

const OPERATORS: Readonly<
  Record<Exclude<BinaryOperator, 'and' | 'or'>, (a: number, b: number) => number | boolean>
> = {
  '+': (a, b) => a + b,
  '-': (a, b) => a - b,
  '*': (a, b) => a * b,
  '/': (a, b) => a / b,
  '%': (a, b) => a % b,
  '^': (a, b) => a ** b,
  '<': (a, b) => a < b,
  '<=': (a, b) => a <= b,
  '>': (a, b) => a > b,
  '>=': (a, b) => a >= b,
  '==': (a, b) => a === b,
  '!=': (a, b) => a !== b,
};

const CALLS: Readonly<Record<FormulaFunction, (...given: readonly number[]) => number>> = {
  min: Math.min,
  max: Math.max,
  sum: (...given) => given.reduce((sum, value) => sum + value, 0),
  avg: (...given) => given.reduce((sum, value) => sum + value, 0) / given.length,
  abs: (x = NaN) => Math.abs(x),
  ceil: (x = NaN) => Math.ceil(x),
  floor: (x = NaN) => Math.floor(x),
  round: (x = NaN) => Math.sign(x) * Math.round(Math.abs(x)),
  sqrt: (x = NaN) => Math.sqrt(x),
  exp: (x = NaN) => Math.exp(x),
  log: (x = NaN) => Math.log(x),
  log2: (x = NaN) => Math.log2(x),
  log10: (x = NaN) => Math.log10(x),
  clamp: (x = NaN, low = NaN, high = NaN) => (low > high ? NaN : Math.min(high, Math.max(low, x))),
};
