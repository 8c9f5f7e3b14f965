/**
 * PromQL as a policy may write it: parsed with Prometheus's own grammar when the document is
 * loaded, so that a typing error is refused at the edge and not found by a decision at night. Says
 * which selectors a query reads and what type it answers with. What only a server can know (does
 * the metric exist, is the regular expression valid RE2) is left to the server.
 */

import { parser } from '@prometheus-io/lezer-promql';
import type { SyntaxNode, Tree } from '@lezer/common';
import { z } from 'zod';
import { expected } from './document.ts';
import { isShifted } from './promql-binding.ts';
import { checkPromqlTypes, type PromqlType } from './promql-types.ts';

/** Longer queries are refused unread. */
export const PROMQL_LENGTH_MAX = 8_192;

export interface PromqlSelector {
  /** Null when the selector does not say one metric name literally. */
  readonly metricName: string | null;
  /** The vector selector without range, offset or @. */
  readonly text: string;
  /** Whether `offset` or `@` moves it in time. */
  readonly shifted: boolean;
}

export interface PromqlFault {
  /** Character at which the offending text begins, from 0. */
  readonly position: number;
  /** Empty at the end of the query. */
  readonly offending: string;
  /** Says what is wrong, where and, where it can be told, what would be right. */
  readonly message: string;
}

export type PromqlReading =
  | {
      readonly kind: 'parsed';
      readonly type: PromqlType;
      readonly selectors: readonly PromqlSelector[];
    }
  | ({ readonly kind: 'faulty' } & PromqlFault);

/** Parses a query of any type; the first fault ends it. Total. */
export function parsePromql(query: string): PromqlReading {
  if (query.length > PROMQL_LENGTH_MAX) {
    const message = `longer than ${PROMQL_LENGTH_MAX} characters: ${query.length}`;
    return { kind: 'faulty', position: PROMQL_LENGTH_MAX, offending: '', message };
  }
  if (query.trim() === '') {
    return { kind: 'faulty', position: 0, offending: '', message: 'the query is empty' };
  }
  const tree = parser.parse(query);
  const syntax = syntaxFault(tree, query);
  if (syntax !== null) return { kind: 'faulty', ...syntax };
  const root = tree.topNode.firstChild;
  if (root === null) {
    return { kind: 'faulty', position: 0, offending: '', message: 'the query is empty' };
  }
  const checked = checkPromqlTypes(expressionOf(root), query);
  if (checked.kind === 'faulty') {
    const offending = query.slice(checked.from, checked.to);
    const message = `${checked.message}, at character ${checked.from + 1}`;
    return { kind: 'faulty', position: checked.from, offending, message };
  }
  return { kind: 'parsed', type: checked.type, selectors: selectorsOf(tree, query) };
}

/** A query that a decider can read: its answer is an instant vector or a scalar. */
export function promqlText() {
  return z
    .string({ error: (issue) => expected('a PromQL query as text', issue.input) })
    .check((context) => {
      const message = queryFault(context.value);
      if (message !== null) context.issues.push({ code: 'custom', message, input: context.value });
    })
    .meta({ format: 'promql', maxLength: PROMQL_LENGTH_MAX });
}

/** Why a decider cannot read the query; null when it can. */
function queryFault(query: string): string | null {
  const reading = parsePromql(query);
  if (reading.kind === 'faulty') return `not valid PromQL: ${reading.message}`;
  if (reading.type === 'matrix') {
    return 'answers with a range vector; aggregate it over time, as in rate(x[5m]) or max_over_time(x[5m])';
  }
  if (reading.type === 'string') return 'answers with a string; a signal is a number';
  return null;
}

function syntaxFault(tree: Tree, query: string): PromqlFault | null {
  let found: PromqlFault | null = null;
  tree.iterate({
    enter(node) {
      if (found !== null) return false;
      if (node.type.isError) found = describeError(query, node.from, node.to);
      return true;
    },
  });
  return found;
}

function describeError(query: string, from: number, to: number): PromqlFault {
  const rest = query.slice(from);
  // An empty error node stands where something is missing; what follows it is the surprise.
  const position = from === to ? from + (rest.length - rest.trimStart().length) : from;
  const offending = (
    query.slice(position, Math.max(to, position)) || firstToken(query, position)
  ).trim();
  if (offending === '') {
    const message = 'it ends too early; an operand, quote or closing bracket is missing';
    return { position, offending, message };
  }
  const called = /([A-Za-z_:][A-Za-z0-9_:]*)\s*$/.exec(query.slice(0, position))?.[1];
  if (offending.startsWith('(') && called !== undefined) {
    const start = query.lastIndexOf(called, position);
    const message = `unknown function "${called}", at character ${start + 1}`;
    return { position: start, offending: called, message };
  }
  const shown = offending.length <= 40 ? offending : `${offending.slice(0, 37)}...`;
  const message = `unexpected ${JSON.stringify(shown)}, at character ${position + 1}`;
  return { position, offending: shown, message };
}

function firstToken(query: string, position: number): string {
  return /^(\w+|\W)/.exec(query.slice(position))?.[0] ?? '';
}

/** Comments are nodes too; the expression is the first that is none. */
function expressionOf(first: SyntaxNode): SyntaxNode {
  let node = first;
  while (node.name === 'LineComment' && node.nextSibling !== null) node = node.nextSibling;
  return node;
}

function selectorsOf(tree: Tree, query: string): readonly PromqlSelector[] {
  const selectors: PromqlSelector[] = [];
  tree.iterate({
    enter({ node }) {
      if (node.name !== 'VectorSelector') return;
      const text = query.slice(node.from, node.to);
      selectors.push({ metricName: metricNameOf(node, query), text, shifted: isShifted(node) });
    },
  });
  return selectors;
}

function metricNameOf(selector: SyntaxNode, query: string): string | null {
  const identifier = selector.getChild('Identifier');
  if (identifier !== null) return query.slice(identifier.from, identifier.to);
  const matchers = selector.getChild('LabelMatchers');
  if (matchers === null) return null;
  const quoted = matchers.getChild('QuotedLabelName');
  if (quoted !== null) return unquoted(query.slice(quoted.from, quoted.to));
  for (const matcher of matchers.getChildren('UnquotedLabelMatcher')) {
    const text = query.slice(matcher.from, matcher.to);
    const literal = /^__name__\s*=\s*(["'`][\s\S]*)$/.exec(text)?.[1];
    if (literal !== undefined) return unquoted(literal);
  }
  return null;
}

/** A literal without escapes; with them the name is taken as unknown. */
function unquoted(literal: string): string | null {
  const inner = literal.slice(1, -1);
  return inner.includes('\\') ? null : inner;
}
