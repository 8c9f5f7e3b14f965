/**
 * How fresh a read has to be, and how fresh its answer is: the query parameter `consistency` and the
 * headers that every answer from replicated state carries. An answer is called linearizable only
 * after a quorum has confirmed it; everything else says that it may be stale.
 */

import { CONSISTENCIES, type Consistency } from '../schemas/query.ts';

export const CONSISTENCY_HEADER = 'omnimind-consistency';
export const APPLIED_INDEX_HEADER = 'omnimind-applied-index';

/** What answers from replicated state carry; for the OpenAPI document. */
export const CONSISTENCY_HEADERS = {
  [CONSISTENCY_HEADER]:
    '`linearizable`: as new as the moment of the request, confirmed by a quorum. `stale`: what the answering member had applied; it may be behind.',
  [APPLIED_INDEX_HEADER]: 'Index of the last log entry that the answer is sure to contain.',
};

/** What answers carry that are not from replicated state, when the leader did not give them. */
export const STALE_HEADER = {
  [CONSISTENCY_HEADER]:
    '`stale` when no leader could be asked: what the answering member has by itself.',
};

/**
 * What the query asks for; null when it asks for nothing, or for something that the route's parser
 * is about to refuse.
 */
export function askedConsistency(search: string): Consistency | null {
  const [given, ...more] = new URLSearchParams(search).getAll('consistency');
  if (more.length > 0) return null;
  return CONSISTENCIES.find((known) => known === given) ?? null;
}

/** @param appliedIndex null where the answer is not from replicated state */
export function consistencyHeaders(
  consistency: Consistency,
  appliedIndex: number | null,
): Readonly<Record<string, string>> {
  return {
    [CONSISTENCY_HEADER]: consistency,
    ...(appliedIndex !== null && { [APPLIED_INDEX_HEADER]: String(appliedIndex) }),
  };
}
