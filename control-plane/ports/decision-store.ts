/**
 * The decision record, written once and read by people. Losing the database loses nothing: what
 * cannot be written yet waits on this member's disk, up to a named bound, and is counted.
 */

import type { DecisionRecord } from '../model/decision.ts';
import type { Reason } from '../model/reasons.ts';

export interface DecisionFilter {
  readonly workloadId: string | null;
  readonly policyId: string | null;
  readonly verdict: 'act' | 'hold' | null;
  readonly direction: 'out' | 'in' | null;
  readonly reason: Reason | null;
  readonly traceId: string | null;
  /** Inclusive lower and exclusive upper bound, UNIX ms. */
  readonly fromMs: number | null;
  readonly toMs: number | null;
}

export interface DecisionPage {
  /** Newest first. */
  readonly records: readonly DecisionRecord[];
  /** decisionId of the last record, to pass as `afterId`; null on the last page. */
  readonly nextAfterId: string | null;
}

export interface DecisionStoreStatus {
  readonly connected: boolean;
  /** Records that wait on disk. */
  readonly buffered: number;
  /** Records given up because the bound was reached; a healthy life has 0. */
  readonly dropped: number;
  /** What waits, and what was written and is not cut off yet, on disk. */
  readonly spoolBytes: number;
  /** From which on records are given up. */
  readonly spoolBytesMax: number;
  readonly lastError: string | null;
}

export interface DecisionStore {
  /**
   * Resolves once the records are durable on this member's disk; writes to the database follow.
   * Idempotent by decisionId, but for the token: a record that comes again with one replaces the
   * record without, since it is written before its command is committed.
   * @throws DecisionStoreError when the disk fails; the records are counted as dropped
   */
  append(records: readonly DecisionRecord[]): Promise<void>;
  /** @throws DecisionStoreError */
  list(
    filter: DecisionFilter,
    limit: number,
    afterId: string | null,
    signal: AbortSignal,
  ): Promise<DecisionPage>;
  /** @throws DecisionStoreError */
  read(decisionId: string, signal: AbortSignal): Promise<DecisionRecord | null>;
  status(): DecisionStoreStatus;
}

/** The database is away, too slow, or refused the query. */
export class DecisionStoreError extends Error {
  override readonly name = 'DecisionStoreError';
}
