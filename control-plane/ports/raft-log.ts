/**
 * The disk of a member, as the Raft loop needs it. What a call has resolved is durable. After the
 * first failure every other call rejects: nobody can say what a disk holds after a failed sync.
 */

import type { LogChange, LogEntry, HardState, SnapshotPlace } from '../model/log-entry.ts';

export interface RecoveredLog {
  readonly hardState: HardState;
  readonly snapshot: SnapshotPlace | null;
  /** Every entry that is held, successive; the first is at or below the snapshot's index + 1. */
  readonly entries: readonly LogEntry[];
}

export interface SnapshotChunk {
  readonly bytes: Uint8Array;
  readonly totalBytes: number;
}

export interface RaftLog {
  readonly recovered: RecoveredLog;
  /** Bytes of segments and snapshot on disk. */
  readonly bytes: number;
  readonly snapshotBytes: number;
  /**
   * Makes the changes durable, in order; several cost as many syncs as one where they allow it. One
   * call at a time.
   * @throws RaftLogError
   */
  persist(changes: readonly LogChange[]): Promise<void>;
  /**
   * Writes a snapshot of this member's own state aside, piece by piece, and renames it; then drops
   * entries at or below its index, save the newest `entriesKept`. May run beside `persist`; when one of
   * its changes installs a newer snapshot meanwhile, this one is given up quietly.
   * @throws RaftLogError
   */
  saveSnapshot(
    place: SnapshotPlace,
    pieces: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
    entriesKept: number,
  ): Promise<void>;
  /** The newest snapshot's payload, verified; null when there is none. @throws RaftLogError */
  readSnapshot(): Promise<Uint8Array | null>;
  /** Part of the newest snapshot's payload; null when it is not that of `index`. @throws RaftLogError */
  readSnapshotChunk(
    index: number,
    offset: number,
    lengthMax: number,
  ): Promise<SnapshotChunk | null>;
  /**
   * Keeps bytes of a snapshot that arrives; `offset` 0 begins anew. They count for nothing until a
   * change installs them. @throws RaftLogError
   */
  stageSnapshot(index: number, offset: number, bytes: Uint8Array): Promise<void>;
  close(): Promise<void>;
}

/** The disk is full, failing, damaged or slow; the message names file and, for damage, offset. */
export class RaftLogError extends Error {
  override readonly name = 'RaftLogError';
}
