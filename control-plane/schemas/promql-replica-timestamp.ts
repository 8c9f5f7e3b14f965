/**
 * Queries that answer with one series per replica: whether they can, by the label that names it, and
 * the query for the age of each of those series. Derived only where the label is one that the series
 * bring along: a label that the query makes is not on the samples, so their age could not be told by it.
 */

import { parser } from '@prometheus-io/lezer-promql';
import type { SyntaxNode } from '@lezer/common';
import { parsePromql, PROMQL_LENGTH_MAX, type PromqlSelector } from './promql.ts';
import { type DerivedTimestamp, oldestOf, refusalOf } from './promql-timestamp.ts';

/** What makes labels out of something else, by the names of the grammar. */
const LABEL_MAKERS = new Map([
  ['LabelReplace', 'label_replace'],
  ['LabelJoin', 'label_join'],
  ['CountValues', 'count_values'],
  ['GroupLeft', 'group_left'],
  ['GroupRight', 'group_right'],
]);

/** Aggregations that answer with series as they came. */
const SELECTING = new Set(['Topk', 'Bottomk', 'LimitK', 'LimitRatio', 'CountValues']);

/**
 * Derives the query for the time of the oldest sample under each replica's values, one series per
 * value of the label. Of several queries each must have samples of the replica, else it has no time.
 */
export function deriveReplicaTimestampQuery(
  queries: readonly string[],
  replicaLabel: string,
): DerivedTimestamp {
  const selectors: PromqlSelector[] = [];
  for (const query of queries) {
    const reading = parsePromql(query);
    if (reading.kind === 'faulty') return { kind: 'faulty' };
    const maker = labelMakerIn(query);
    if (maker !== null) {
      const why = `the query makes labels with ${maker}, so that its samples may not have ${replicaLabel}; give a timestampQuery with one series per ${replicaLabel}`;
      return { kind: 'underivable', why };
    }
    selectors.push(...reading.selectors);
  }
  const refusal = selectors.map(refusalOf).find((why) => why !== null);
  if (refusal !== undefined) return { kind: 'underivable', why: refusal };
  if (selectors.length === 0) return { kind: 'faulty' };
  const texts = [...new Set(selectors.map(({ text }) => text))];
  const derived = oldestOf(texts, ` by (${replicaLabel}) `);
  if (derived.length <= PROMQL_LENGTH_MAX) return { kind: 'derived', query: derived };
  const why = 'the query reads too many series for its age to be derived; give a timestampQuery';
  return { kind: 'underivable', why };
}

/** Why the query cannot answer with one series per replica; null when it may. Total. */
export function replicaQueryFault(query: string, replicaLabel: string): string | null {
  const reading = parsePromql(query);
  if (reading.kind === 'faulty') return null;
  if (reading.type === 'scalar' || reading.selectors.length === 0) {
    return `answers with one number; expected one series per replica, told apart by the label ${replicaLabel}`;
  }
  const aggregation = aggregationOf(parser.parse(query).topNode.firstChild);
  if (aggregation === null || keepsLabel(aggregation, query, replicaLabel)) return null;
  return `aggregates the label ${replicaLabel} away; write ... by (${replicaLabel}) (...), so that there is one series per replica`;
}

function labelMakerIn(query: string): string | null {
  let found: string | null = null;
  parser.parse(query).iterate({
    enter(node) {
      found ??= LABEL_MAKERS.get(node.name) ?? null;
      return found === null;
    },
  });
  return found;
}

/** The outermost aggregation, within parentheses or not; null where something else is outermost. */
function aggregationOf(root: SyntaxNode | null): SyntaxNode | null {
  let node = root;
  while (node !== null && (node.name === 'ParenExpr' || node.name === 'LineComment')) {
    node = node.name === 'ParenExpr' ? node.firstChild : node.nextSibling;
  }
  return node?.name === 'AggregateExpr' ? node : null;
}

function keepsLabel(aggregation: SyntaxNode, query: string, label: string): boolean {
  const operator = aggregation.getChild('AggregateOp')?.firstChild?.name ?? '';
  if (SELECTING.has(operator)) return true;
  const modifier = aggregation.getChild('AggregateModifier');
  if (modifier === null) return false;
  const named = modifier.getChild('GroupingLabels')?.getChildren('LabelName') ?? [];
  const isNamed = named.some(({ from, to }) => query.slice(from, to) === label);
  return modifier.getChild('By') === null ? !isNamed : isNamed;
}
