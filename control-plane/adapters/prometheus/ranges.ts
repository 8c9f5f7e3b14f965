/**
 * Range queries of the same span together, since only those can be one request: a union has one
 * start, one end and one step. Pure.
 */

import type { RangeQuery } from '../../ports/metrics-source.ts';

export type Span = Omit<RangeQuery, 'query'>;

export interface RangeGroup {
  readonly span: Span;
  /** Steps from the start to the end, both counted; 1 at least. */
  readonly steps: number;
  /** The queries, each once. */
  readonly texts: ReadonlySet<string>;
}

/** By spanKey. */
export function groupBySpan(queries: readonly RangeQuery[]): ReadonlyMap<string, RangeGroup> {
  const groups = new Map<string, RangeGroup & { readonly texts: Set<string> }>();
  for (const { query, ...span } of queries) {
    const key = spanKey(span);
    const group = groups.get(key);
    if (group === undefined) {
      groups.set(key, { span, steps: stepsOf(span), texts: new Set([query]) });
    } else group.texts.add(query);
  }
  return groups;
}

/** Equal for equal spans, and for no others. */
export function spanKey({ startMs, endMs, stepMs }: Span): string {
  return `${startMs}/${endMs}/${stepMs}`;
}

/** A span that the server will refuse has one step: it is refused whatever is asked with it. */
function stepsOf({ startMs, endMs, stepMs }: Span): number {
  const steps = Math.floor((endMs - startMs) / stepMs) + 1;
  return Number.isFinite(steps) ? Math.max(1, steps) : 1;
}
