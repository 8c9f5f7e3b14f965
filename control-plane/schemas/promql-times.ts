/**
 * What a query says of time and Prometheus refuses for its value: a range that is no length, a time of
 * `@` that is none. Judges numbers; what has to be computed first is left to the server.
 */

import type { SyntaxNode } from '@lezer/common';

/** Seconds that a time of `@` must stay below, in either direction (promql/parser, setTimestamp). */
const TIMESTAMP_SECONDS_BOUND = 2 ** 63;

/** @param text a number as PromQL writes it, or a duration, which is within bounds however long it is */
export function isTimestamp(text: string): boolean {
  const seconds = Math.abs(Number(text.replaceAll('_', '')));
  return !/inf|nan/i.test(text) && !(seconds >= TIMESTAMP_SECONDS_BOUND);
}

/**
 * Whether a range, or the step of a subquery, is not longer than nothing.
 * @param range a DurationExpr: a number with its signs and brackets, or an expression, which is not judged
 */
export function isEmptyRange(range: SyntaxNode, query: string): boolean {
  let isNegative = false;
  let part: SyntaxNode | undefined = range;
  while (part?.name === 'DurationExpr') {
    const sign = part.getChild('UnaryOp');
    if (sign !== null && query.slice(sign.from, sign.to) === '-') isNegative = !isNegative;
    const inner: readonly SyntaxNode[] = [
      ...part.getChildren('DurationExpr'),
      ...part.getChildren('NumberDurationLiteralInDurationContext'),
    ];
    part = inner.length === 1 ? inner[0] : undefined;
  }
  if (part === undefined) return false;
  return isNegative || !/[1-9]|^0x.*[a-f]/i.test(query.slice(part.from, part.to));
}
