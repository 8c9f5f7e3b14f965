/**
 * The disk of a Raft member: the segmented log behind the port. It turns every failure into the
 * port's error, whose message names the file, and says when the disk hangs. The order of what it
 * writes is the segmented log's business; what it means is the core's.
 */

import assert from 'node:assert/strict';
import type { LogChange, LogEntry, SnapshotPlace } from '../../model/log-entry.ts';
import { RaftLogError } from '../../ports/raft-log.ts';
import type { RaftLog, RecoveredLog, SnapshotChunk } from '../../ports/raft-log.ts';
import type { LogOptions } from './options.ts';
import { openLog } from './segmented-log.ts';
import type { SegmentedLog } from './segmented-log.ts';
import type { SnapshotPieces } from './snapshots.ts';

export type RaftLogOptions = LogOptions;

export interface RaftLogOnDisk extends RaftLog {
  /** Why nothing is written any more; null while all is well. */
  readonly failure: string | null;
  /** How long the disk has not ended an operation, in ms, beyond `stallAfterMs`; else 0. */
  readonly stalledForMs: number;
  /** Tells the next start how far the log was durable, unless it has failed, and closes it. */
  close(): Promise<void>;
}

/** Bytes of entries that are read at a time on opening. */
const READ_BYTES = 1024 * 1024;

/**
 * Opens the log of a directory, which is made when it is missing, and takes its lock.
 * @throws LogDamageError | LogLockedError, or the system's error
 */
export async function openRaftLog(options: RaftLogOptions): Promise<RaftLogOnDisk> {
  const log = await openLog(options);
  try {
    const { term, votedFor } = log.hardState;
    const entries = await readAll(log);
    const recovered = { hardState: { term, votedFor }, snapshot: placeOf(log), entries };
    return new SegmentedRaftLog(log, recovered);
  } catch (error) {
    await log.close();
    throw error;
  }
}

class SegmentedRaftLog implements RaftLogOnDisk {
  readonly recovered: RecoveredLog;
  readonly #log: SegmentedLog;
  #closing: Promise<void> | null = null;

  constructor(log: SegmentedLog, recovered: RecoveredLog) {
    this.#log = log;
    this.recovered = recovered;
  }

  get bytes(): number {
    return this.#log.bytes;
  }

  get snapshotBytes(): number {
    return this.#log.snapshot?.bytes ?? 0;
  }

  get failure(): string | null {
    return this.#log.failure === null ? null : described(this.#log.failure);
  }

  get stalledForMs(): number {
    return this.#log.stalledForMs;
  }

  persist(changes: readonly LogChange[]): Promise<void> {
    return translated(() => this.#log.persist(changes));
  }

  saveSnapshot(place: SnapshotPlace, pieces: SnapshotPieces, entriesKept: number): Promise<void> {
    return translated(() => this.#log.saveSnapshot(place, pieces, entriesKept));
  }

  readSnapshot(): Promise<Uint8Array | null> {
    return translated(async () => (await this.#log.readSnapshot())?.payload ?? null);
  }

  readSnapshotChunk(
    index: number,
    offset: number,
    lengthMax: number,
  ): Promise<SnapshotChunk | null> {
    const totalBytes = this.#log.snapshot?.payloadBytes ?? 0;
    return translated(async () => {
      const bytes = await this.#log.readSnapshotPart(index, offset, lengthMax);
      return bytes === null ? null : { bytes, totalBytes };
    });
  }

  stageSnapshot(index: number, offset: number, bytes: Uint8Array): Promise<void> {
    return translated(() => this.#log.stageSnapshot(index, offset, bytes));
  }

  close(): Promise<void> {
    this.#closing ??= translated(() => this.#close());
    return this.#closing;
  }

  async #close(): Promise<void> {
    const { term, votedFor } = this.#log.hardState;
    const isUsed = term > 0 && this.#log.failure === null;
    try {
      if (isUsed) await this.#log.saveHardState(term, votedFor);
    } finally {
      await this.#log.close();
    }
  }
}

function placeOf({ snapshot }: SegmentedLog): SnapshotPlace | null {
  if (snapshot === null) return null;
  const { index, term, configuration } = snapshot;
  return { index, term, configuration };
}

async function readAll(log: SegmentedLog): Promise<readonly LogEntry[]> {
  const all: LogEntry[] = [];
  for (let next = log.firstIndex; next <= log.lastIndex;) {
    const entries = await log.read(next, log.lastIndex, READ_BYTES);
    for (const entry of entries) all.push(entry);
    next += entries.length;
  }
  return all;
}

/** A bug of the caller is left as it is. */
async function translated<T>(operation: () => Promise<T>): Promise<T> {
  try {
    return await operation();
  } catch (cause) {
    if (cause instanceof assert.AssertionError) throw cause;
    throw new RaftLogError(described(cause), { cause });
  }
}

/** The chain of causes in one line; what an effect quotes is not repeated. */
function described(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.cause === undefined) return error.message;
  const cause = described(error.cause);
  return error.message.includes(cause) ? error.message : `${error.message}: ${cause}`;
}
