/**
 * The query for the age of a query: the oldest among the newest samples of the series it reads. An
 * instant query is stamped with its evaluation time however old its samples are, and rules would
 * launder that: a recorded series has the time of its evaluation, not of its inputs. So where a
 * recorded series is read, or the selector could be reading one, nothing is derived.
 */

import { parsePromql, PROMQL_LENGTH_MAX, type PromqlSelector } from './promql.ts';

export type DerivedTimestamp =
  | { readonly kind: 'derived'; readonly query: string }
  /** `why` says what the writer has to give instead. */
  | { readonly kind: 'underivable'; readonly why: string }
  /** The query itself does not parse; that fault is reported where it is. */
  | { readonly kind: 'faulty' };

/** Label that keeps the selectors apart in the union; ours by its prefix. */
const SELECTOR_LABEL = 'omnimind_selector';

/**
 * Derives the timestamp query. When any one of the selectors has no sample the derived query has no
 * answer: the age is then unknown, never that of the other selectors.
 */
export function deriveTimestampQuery(query: string): DerivedTimestamp {
  const reading = parsePromql(query);
  if (reading.kind === 'faulty') return { kind: 'faulty' };
  const refusal = reading.selectors.map(refusalOf).find((why) => why !== null);
  if (refusal !== undefined) return { kind: 'underivable', why: refusal };
  const derived = oldestOf([...new Set(reading.selectors.map(({ text }) => text))]);
  if (derived.length > PROMQL_LENGTH_MAX) {
    const why = `the query reads too many series for its age to be derived; give a timestampQuery`;
    return { kind: 'underivable', why };
  }
  return { kind: 'derived', query: derived };
}

/** Why a selector's own timestamp says nothing; null when it does. */
export function refusalOf({ metricName, text, shifted }: PromqlSelector): string | null {
  if (metricName === null) {
    return `the query selects series without a literal name (${text}), which may be recorded ones; give the query for their oldest sample's time`;
  }
  if (metricName.includes(':')) {
    return `the query reads the recorded series ${metricName}, whose own timestamp is that of the rule's evaluation; give the query for its oldest sample's time, such as the :oldest_timestamp_seconds series recorded beside it`;
  }
  if (shifted) {
    return `the query reads ${text} with offset or @, so that its age says nothing of the present; give a timestampQuery`;
  }
  return null;
}

/**
 * `or` would let present selectors stand in for absent ones, and clamping by scalar() differs
 * between servers on NaN: so a labelled union for the minimum, and `and` for every operand.
 * @param grouping what tells several answers apart, such as ` by (instance) `; empty for one answer
 */
export function oldestOf(selectors: readonly string[], grouping = ''): string {
  const oldest = selectors.map((selector) => `min${grouping}(timestamp(${selector}))`);
  if (oldest.length === 0) return 'time()';
  if (oldest.length === 1) return oldest.join('');
  const union = oldest.map(
    (one, index) => `label_replace(${one}, "${SELECTOR_LABEL}", "${index}", "", "")`,
  );
  return [`min${grouping}(${union.join(' or ')})`, ...oldest].join(' and ');
}
