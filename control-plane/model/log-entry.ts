/**
 * The replicated log in the words of those who decide about it, keep it and send it: its entries, its
 * snapshots, what a member must never forget, and one change of what it holds. Payloads are opaque.
 */

import type { Configuration } from './configuration.ts';

/**
 * `term_start` opens a leader's term and carries nothing; `configuration` carries the members
 * (encodeConfiguration) and holds from the moment it is in a log.
 */
export type EntryType = 'command' | 'term_start' | 'configuration';

export interface LogEntry {
  /** Counts up from 1 without gaps. */
  readonly index: number;
  /** Of the leader that made it; never decreases with the index. */
  readonly term: number;
  readonly type: EntryType;
  readonly payload: Uint8Array;
}

/** Durable before any reply that depends on it. */
export interface HardState {
  readonly term: number;
  /** The member voted for in this term. */
  readonly votedFor: string | null;
}

/** The last entry that a snapshot holds, and the configuration in force there. */
export interface SnapshotPlace {
  readonly index: number;
  readonly term: number;
  /** Null in a snapshot that was made before members were replicated. */
  readonly configuration: Configuration | null;
}

/**
 * One change of what a member's disk holds, done in this order: hard state, snapshot, truncation,
 * entries. It is durable as a whole, or it did not happen from some step on.
 */
export interface LogChange {
  /** Counts up; a later change presupposes the earlier ones. */
  readonly sequence: number;
  readonly hardState: HardState | null;
  /** Install the snapshot that was staged (RaftLog.stageSnapshot) in place of the whole log. */
  readonly snapshot: SnapshotPlace | null;
  /** Forget every entry from this index on. */
  readonly truncateFrom: number | null;
  /** Successive, behind what is held after the steps before. */
  readonly entries: readonly LogEntry[];
}
