/**
 * The decisions of the same workload right before and after one, as far as the store says. It lists
 * records and looks at their ids alone; what it cannot be sure of it calls unknown.
 */

import type { DecisionRecord } from '../model/decision.ts';
import {
  type DecisionFilter,
  type DecisionPage,
  DecisionStoreError,
} from '../ports/decision-store.ts';
import type { Neighbour, Neighbours } from './decision-page.ts';

/** As DecisionStore.list, under the deadline of its caller. */
export type ListDecisions = (
  filter: DecisionFilter,
  limit: number,
  afterId: string | null,
) => Promise<DecisionPage>;

/** A page without its neighbours is better than none: where the store fails now they are not known. */
export async function readNeighbours(
  record: DecisionRecord,
  list: ListDecisions,
): Promise<Neighbours> {
  try {
    const [before, after] = await Promise.all([readBefore(record, list), readAfter(record, list)]);
    return { before, after };
  } catch (cause) {
    if (!(cause instanceof DecisionStoreError)) throw cause;
    return { before: UNKNOWN, after: UNKNOWN };
  }
}

/**
 * How far to look ahead for the decision after one, in ms, one after the other; null is without end. The
 * store lists the newest first, so that only the last of a whole answer is known to be the next.
 */
const AHEAD_MS = [60_000, 3_600_000, 216_000_000, null] as const;
/** A decision each second in the first window, each minute in the second. */
const AHEAD_MAX = 60;

const UNKNOWN: Neighbour = { kind: 'unknown' };

async function readBefore(
  { workloadId, decisionId }: DecisionRecord,
  list: ListDecisions,
): Promise<Neighbour> {
  const filter = { ...NO_FILTER, workloadId };
  const { records } = await list(filter, 1, decisionId);
  return neighbourOf(records[0]);
}

async function readAfter(
  { workloadId, atMs }: DecisionRecord,
  list: ListDecisions,
): Promise<Neighbour> {
  const fromMs = Math.floor(atMs) + 1;
  for (const aheadMs of AHEAD_MS) {
    const toMs = aheadMs === null ? null : fromMs + aheadMs;
    const filter = { ...NO_FILTER, workloadId, fromMs, toMs };
    const { records, nextAfterId } = await list(filter, AHEAD_MAX, null);
    if (nextAfterId !== null) return UNKNOWN;
    if (records.length > 0) return neighbourOf(records.at(-1));
  }
  return neighbourOf(undefined);
}

function neighbourOf(record: DecisionRecord | undefined): Neighbour {
  return record === undefined ? { kind: 'none' } : { kind: 'found', decisionId: record.decisionId };
}

const NO_FILTER: DecisionFilter = {
  workloadId: null,
  policyId: null,
  verdict: null,
  direction: null,
  reason: null,
  traceId: null,
  fromMs: null,
  toMs: null,
};
