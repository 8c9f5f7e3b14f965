/**
 * What `offset`, `@` and brackets belong to. In Prometheus they bind tighter than any operator, so that
 * `a unless a offset 15m` moves the second `a` alone; the grammar that the query was parsed with has no
 * precedence for them and hands them everything that stands before: (a unless a) offset 15m. Here the
 * operand is found that Prometheus means (promql/parser/generated_parser.y, %nonassoc OFFSET and
 * %right LEFT_BRACKET). Looks at nodes only; what is allowed where is for promql-types.ts to say.
 */

import type { SyntaxNode } from '@lezer/common';

/** What moves a selector in time. */
const SHIFTS: ReadonlySet<string> = new Set(['OffsetExpr', 'StepInvariantExpr']);
/** What stands behind its operand and changes how the samples of that are read. */
const MODIFIERS: ReadonlySet<string> = new Set([...SHIFTS, 'AnchoredExpr', 'SmoothedExpr']);
const OPERATIONS: ReadonlySet<string> = new Set(['BinaryExpr', 'UnaryExpr']);

const EXPRESSIONS: ReadonlySet<string> = new Set([
  ...MODIFIERS,
  ...OPERATIONS,
  'AggregateExpr',
  'FunctionCall',
  'MatrixSelector',
  'NumberDurationLiteral',
  'ParenExpr',
  'StringLiteral',
  'SubqueryExpr',
  'VectorSelector',
]);

export interface Binding {
  /** What the modifier belongs to; null where the grammar found nothing. */
  readonly operand: SyntaxNode | null;
  /** Modifiers of the same operand that stand before this one. */
  readonly before: readonly SyntaxNode[];
  /** The operation whose last operand it is, when the grammar put that operation under the modifier. */
  readonly operation: SyntaxNode | null;
}

/** Of a modifier, a range or a subquery. */
export function bindingOf(modifier: SyntaxNode): Binding {
  const before: SyntaxNode[] = [];
  let operation: SyntaxNode | null = null;
  let node = expressionsIn(modifier).at(0) ?? null;
  while (node !== null) {
    if (OPERATIONS.has(node.name)) operation = node;
    else if (MODIFIERS.has(node.name)) before.push(node);
    else break;
    // Of two operands the one beside the modifier; behind a modifier stands its own number.
    node = expressionsIn(node).at(OPERATIONS.has(node.name) ? -1 : 0) ?? null;
  }
  return { operand: node, before, operation };
}

/** Whether an `offset` or `@` moves this node or something around it that it is a part of. */
export function isShifted(node: SyntaxNode): boolean {
  for (let above = node.parent; above !== null; above = above.parent) {
    if (!SHIFTS.has(above.name)) continue;
    const { operand } = bindingOf(above);
    if (operand !== null && operand.from <= node.from && node.to <= operand.to) return true;
  }
  return false;
}

/** The operands among the children of a node: no operators, modifiers' words, durations or comments. */
export function expressionsIn(node: SyntaxNode | null): readonly SyntaxNode[] {
  const found: SyntaxNode[] = [];
  for (let child = node?.firstChild ?? null; child !== null; child = child.nextSibling) {
    if (EXPRESSIONS.has(child.name)) found.push(child);
  }
  return found;
}
