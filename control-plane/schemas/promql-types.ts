/**
 * The types of PromQL that its grammar does not know: which expression is a scalar, an instant
 * vector, a range vector or a string, which function takes which, and which selectors Prometheus
 * refuses for being empty. Follows promql/parser of Prometheus (checkAST and functions.go); accepts
 * what either of 2.42 and 3.x accepts.
 */

import type { SyntaxNode } from '@lezer/common';
import { bindingOf, expressionsIn } from './promql-binding.ts';
import { AGGREGATIONS, FUNCTIONS, type Signature } from './promql-functions.ts';
import { isEmptyRange, isTimestamp } from './promql-times.ts';

export type PromqlType = 'vector' | 'scalar' | 'matrix' | 'string' | 'unknown';

export type TypeCheck =
  | { readonly kind: 'typed'; readonly type: PromqlType }
  | {
      readonly kind: 'faulty';
      readonly from: number;
      readonly to: number;
      readonly message: string;
    };

/** Deeper nesting is refused: the check is recursive and no policy needs it. */
export const NESTING_MAX = 200;

/** Checks an expression that has no syntax error; the first fault ends it. Total. */
export function checkPromqlTypes(expression: SyntaxNode, query: string): TypeCheck {
  try {
    return { kind: 'typed', type: new Checker(query).typeOf(expression, 0) };
  } catch (error) {
    if (!(error instanceof TypeFault)) throw error;
    const { from, to } = error.node;
    return { kind: 'faulty', from, to, message: error.message };
  }
}

/** Leaves the recursion; never leaves this file. */
class TypeFault extends Error {
  readonly node: SyntaxNode;

  constructor(node: SyntaxNode, message: string) {
    super(message);
    this.node = node;
  }
}

const SELECTORS = ['VectorSelector', 'MatrixSelector'];
const SHIFTABLE = [...SELECTORS, 'SubqueryExpr'];

const NAMES: Readonly<Record<PromqlType, string>> = {
  vector: 'an instant vector',
  scalar: 'a scalar',
  matrix: 'a range vector',
  string: 'a string',
  unknown: 'something else',
};

const SET_OPERATORS = ['And', 'Or', 'Unless'];
const COMPARISONS = ['Eql', 'Neq', 'Gte', 'Gtr', 'Lte', 'Lss'];

class Checker {
  readonly #query: string;

  constructor(query: string) {
    this.#query = query;
  }

  typeOf(node: SyntaxNode, depth: number): PromqlType {
    if (depth > NESTING_MAX) throw new TypeFault(node, `nested deeper than ${NESTING_MAX}`);
    switch (node.name) {
      case 'NumberDurationLiteral':
        return 'scalar';
      case 'StringLiteral':
        this.#checkString(node);
        return 'string';
      case 'VectorSelector':
        this.#checkSelector(node);
        return 'vector';
      case 'MatrixSelector':
        return this.#matrixType(node, depth);
      case 'SubqueryExpr':
        return this.#subqueryType(node, depth);
      case 'UnaryExpr':
        return this.#numberType(operandOf(node), 'a sign', depth);
      case 'BinaryExpr':
        return this.#binaryType(node, depth);
      case 'AggregateExpr':
        return this.#callType(node, 'AggregateOp', AGGREGATIONS, depth);
      case 'FunctionCall':
        return this.#callType(node, 'FunctionIdentifier', FUNCTIONS, depth);
      case 'OffsetExpr':
      case 'StepInvariantExpr':
        return this.#modifiedType(node, 'offset and @', SHIFTABLE, depth);
      case 'AnchoredExpr':
      case 'SmoothedExpr':
        return this.#modifiedType(node, 'anchored and smoothed', SELECTORS, depth);
      case 'ParenExpr':
        return this.typeOf(operandOf(node), depth + 1);
      default:
        return 'unknown';
    }
  }

  #matrixType(node: SyntaxNode, depth: number): PromqlType {
    const operand = operandOf(node);
    if (operand.name !== 'VectorSelector') {
      throw new TypeFault(
        node,
        'a range can follow a selector only; of anything else write a subquery, as in (…)[5m:15s]',
      );
    }
    this.typeOf(operand, depth + 1);
    this.#checkRanges(node);
    return 'matrix';
  }

  #subqueryType(node: SyntaxNode, depth: number): PromqlType {
    const { operation } = bindingOf(node);
    if (operation !== null) {
      throw new TypeFault(
        node,
        'a subquery is of the last operand alone, and operators take no range vector; write it of all, as in (…)[5m:15s]',
      );
    }
    this.#require(operandOf(node), 'vector', 'a subquery', depth);
    this.#checkRanges(node);
    return 'matrix';
  }

  /** A modifier changes no type: that of `a + b offset 5m` is that of `a + b`. */
  #modifiedType(
    node: SyntaxNode,
    who: string,
    operands: readonly string[],
    depth: number,
  ): PromqlType {
    const type = this.typeOf(operandOf(node), depth + 1);
    const { operand, before } = bindingOf(node);
    if (operand === null || !operands.includes(operand.name)) {
      const what = operands.includes('SubqueryExpr') ? 'a selector or a subquery' : 'a selector';
      throw new TypeFault(node, `${who} can follow ${what} only`);
    }
    if (before.some(({ name }) => name === node.name)) {
      throw new TypeFault(node, 'the same modifier is given twice');
    }
    const time = node.name === 'StepInvariantExpr' ? node.getChild('NumberDurationLiteral') : null;
    if (time !== null && !isTimestamp(this.#text(time))) {
      throw new TypeFault(time, `${this.#text(time)} is no time that @ can look at`);
    }
    return type;
  }

  #checkRanges(node: SyntaxNode): void {
    for (const range of node.getChildren('DurationExpr')) {
      if (isEmptyRange(range, this.#query))
        throw new TypeFault(range, 'a range must be longer than 0');
    }
  }

  #binaryType(node: SyntaxNode, depth: number): PromqlType {
    const [left, operator, right] = binaryParts(node);
    const sign = this.#text(operator);
    const leftType = this.#numberType(left, sign, depth);
    const rightType = this.#numberType(right, sign, depth);
    const bothVectors = leftType === 'vector' && rightType === 'vector';
    const hasBool = node.getChild('BoolModifier') !== null;
    const matching = node.getChild('MatchingModifierClause');
    if (SET_OPERATORS.includes(operator.name)) {
      if (!bothVectors) throw new TypeFault(node, `${sign} takes two instant vectors`);
      const group = matching?.getChild('GroupLeft') ?? matching?.getChild('GroupRight');
      if (group) throw new TypeFault(group, `${sign} takes no grouping`);
    }
    if (matching !== null) this.#checkMatching(matching);
    const fill = node.getChild('FillModifier');
    if (fill !== null && (!bothVectors || SET_OPERATORS.includes(operator.name))) {
      throw new TypeFault(fill, 'filling takes two instant vectors and no set operator');
    }
    // `on ()` without labels is let through between scalars, as Prometheus does.
    if (matching !== null && !bothVectors && namesLabels(matching)) {
      throw new TypeFault(matching, 'vector matching takes two instant vectors');
    }
    const comparison = COMPARISONS.includes(operator.name);
    if (hasBool && !comparison) {
      throw new TypeFault(node, 'bool can follow a comparison only');
    }
    if (comparison && !hasBool && leftType === 'scalar' && rightType === 'scalar') {
      throw new TypeFault(node, `comparing two scalars needs bool, as in 1 ${sign} bool 2`);
    }
    return leftType === 'scalar' && rightType === 'scalar' ? 'scalar' : 'vector';
  }

  /** A label that the two sides are matched on has one value, and none to bring over. */
  #checkMatching(matching: SyntaxNode): void {
    if (matching.getChild('On') === null) return;
    const [matched = [], brought = []] = matching
      .getChildren('GroupingLabels')
      .map((labels) => [
        ...labels.getChildren('LabelName'),
        ...labels.getChildren('QuotedLabelName'),
      ]);
    const names = matched.map((label) => this.#text(label));
    const twice = brought.find((label) => names.includes(this.#text(label)));
    if (twice === undefined) return;
    throw new TypeFault(twice, `label ${this.#text(twice)} stands in on and in the grouping`);
  }

  #callType(
    node: SyntaxNode,
    nameNode: string,
    signatures: Readonly<Record<string, Signature>>,
    depth: number,
  ): PromqlType {
    const name = this.#text(node.getChild(nameNode) ?? node).toLowerCase();
    const signature = Object.hasOwn(signatures, name) ? signatures[name] : undefined;
    // The grammar knows a function that the table does not: a newer grammar. Let the server judge.
    if (signature === undefined) return 'unknown';
    const parameters = expressionsIn(node.getChild('FunctionCallBody'));
    this.#checkCount(node, name, signature, parameters.length);
    parameters.forEach((parameter, index) => {
      const wanted = signature.parameters[Math.min(index, signature.parameters.length - 1)];
      if (wanted !== undefined) {
        this.#require(parameter, wanted, `parameter ${index + 1} of ${name}`, depth);
      }
    });
    return signature.returns;
  }

  #checkCount(node: SyntaxNode, name: string, signature: Signature, given: number): void {
    const { required, most } = signature;
    if (given >= required && given <= most) return;
    const wanted =
      required === most
        ? `${required}`
        : most === Infinity
          ? `${required} or more`
          : `${required} to ${most}`;
    throw new TypeFault(
      node,
      `${name} takes ${wanted} parameter${wanted === '1' ? '' : 's'}; got ${given}`,
    );
  }

  #require(node: SyntaxNode, wanted: PromqlType, who: string, depth: number): void {
    const got = this.typeOf(node, depth + 1);
    if (got === wanted || got === 'unknown') return;
    const hint =
      wanted === 'matrix' && node.name === 'VectorSelector'
        ? `: write ${this.#text(node)}[5m]`
        : '';
    throw new TypeFault(node, `${who} must be ${NAMES[wanted]}, and is ${NAMES[got]}${hint}`);
  }

  #numberType(node: SyntaxNode, who: string, depth: number): PromqlType {
    const type = this.typeOf(node, depth + 1);
    if (type === 'matrix' || type === 'string') {
      throw new TypeFault(
        node,
        `${who} takes scalars and instant vectors, and this is ${NAMES[type]}`,
      );
    }
    return type;
  }

  /** Prometheus refuses a selector that could match every series that there is. */
  #checkSelector(node: SyntaxNode): void {
    const matchers = node.getChild('LabelMatchers');
    if (matchers !== null) this.#checkStringsIn(matchers);
    if (node.getChild('Identifier') !== null) {
      const again = matchers
        ?.getChildren('UnquotedLabelMatcher')
        .find((matcher) => this.#text(matcher).startsWith('__name__'));
      if (again) throw new TypeFault(again, 'the metric name is given twice');
      return;
    }
    if (matchers === null || matchers.getChild('QuotedLabelName') !== null) return;
    const all = [
      ...matchers.getChildren('UnquotedLabelMatcher'),
      ...matchers.getChildren('QuotedLabelMatcher'),
    ];
    if (all.every((matcher) => this.#matchesEmpty(matcher))) {
      throw new TypeFault(
        node,
        'the selector matches every series; name a metric or a label value',
      );
    }
  }

  #matchesEmpty(matcher: SyntaxNode): boolean {
    const operator = matcher.getChild('MatchOp')?.firstChild?.name;
    const literal = matcher.getChild('StringLiteral');
    const value = literal === null ? '' : this.#text(literal).slice(1, -1);
    if (operator === 'EqlSingle') return value === '';
    if (operator === 'Neq') return value !== '';
    const matches = matchesEmptyText(value);
    return operator === 'EqlRegex' ? matches : !matches;
  }

  #checkStringsIn(node: SyntaxNode): void {
    for (let child = node.firstChild; child !== null; child = child.nextSibling) {
      if (child.name === 'StringLiteral') this.#checkString(child);
      else this.#checkStringsIn(child);
    }
  }

  /** The grammar takes an unclosed string and any escape; Prometheus (strutil.Unquote) does not. */
  #checkString(node: SyntaxNode): void {
    const literal = this.#text(node);
    const quote = literal.charAt(0);
    if (literal.length < 2 || !literal.endsWith(quote))
      throw new TypeFault(node, 'unclosed string');
    if (quote === '`') return;
    for (const [escape] of literal.slice(1, -1).matchAll(/\\[\s\S]/g)) {
      const letter = escape.charAt(1);
      if (!'abfnrtv\\xuU01234567'.includes(letter) && letter !== quote) {
        throw new TypeFault(node, `unknown escape ${escape}; write \\${escape} for a backslash`);
      }
    }
  }

  #text(node: SyntaxNode): string {
    return this.#query.slice(node.from, node.to);
  }
}

function matchesEmptyText(pattern: string): boolean {
  try {
    return new RegExp(`^(?:${pattern})$`, 'u').test('');
  } catch {
    // RE2 and JavaScript differ; what this cannot judge, the server does.
    return false;
  }
}

function namesLabels(matching: SyntaxNode): boolean {
  const labels = matching.getChild('GroupingLabels');
  return (
    labels !== null && (labels.getChild('LabelName') ?? labels.getChild('QuotedLabelName')) !== null
  );
}

function operandOf(node: SyntaxNode): SyntaxNode {
  const [operand] = expressionsIn(node);
  if (operand === undefined) throw new TypeFault(node, 'an operand is missing');
  return operand;
}

function binaryParts(node: SyntaxNode): readonly [SyntaxNode, SyntaxNode, SyntaxNode] {
  const [left, right] = expressionsIn(node);
  let operator = left?.nextSibling ?? null;
  while (operator?.name === 'LineComment') operator = operator.nextSibling;
  if (left === undefined || right === undefined || operator === null) {
    throw new TypeFault(node, 'an operand is missing');
  }
  return [left, operator, right];
}
