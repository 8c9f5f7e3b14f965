/**
 * A member's disk in memory, that survives its member, and the log on it. Holds each call against what
 * the port promises: one `persist` at a time, changes in order, entries without gaps.
 */

import assert from 'node:assert/strict';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type {
  HardState,
  LogChange,
  LogEntry,
  SnapshotPlace,
} from '../../control-plane/model/log-entry.ts';
import { RaftLogError } from '../../control-plane/ports/raft-log.ts';
import type { RaftLog, SnapshotChunk } from '../../control-plane/ports/raft-log.ts';

export class MemoryDisk {
  hardState: HardState = { term: 0, votedFor: null };
  snapshot: { readonly place: SnapshotPlace; readonly payload: Buffer } | null = null;
  entries: LogEntry[] = [];
  /** Changes per call of `persist`. */
  readonly persists: number[] = [];
  /** Set: every write waits for it. */
  stall: Promise<unknown> | null = null;
  /** Set: the next write fails with it, and all after that. */
  trouble: Error | null = null;
  open = false;
}

export function openMemoryLog(disk: MemoryDisk): RaftLog {
  return new MemoryLog(disk);
}

class MemoryLog implements RaftLog {
  readonly recovered: RaftLog['recovered'];
  readonly #disk: MemoryDisk;
  #staged: { index: number; bytes: Buffer } | null = null;
  #sequence = 0;
  #busy = false;
  #closed = false;

  constructor(disk: MemoryDisk) {
    assert(!disk.open, 'one log per disk');
    disk.open = true;
    this.#disk = disk;
    this.recovered = {
      hardState: disk.hardState,
      snapshot: disk.snapshot?.place ?? null,
      entries: [...disk.entries],
    };
  }

  get bytes(): number {
    return this.snapshotBytes + this.#disk.entries.reduce((sum, e) => sum + e.payload.length, 0);
  }

  get snapshotBytes(): number {
    return this.#disk.snapshot?.payload.length ?? 0;
  }

  async persist(changes: readonly LogChange[]): Promise<void> {
    assert(!this.#busy, 'one persist at a time');
    this.#busy = true;
    await this.#write();
    for (const change of changes) this.#do(change);
    this.#disk.persists.push(changes.length);
    this.#busy = false;
  }

  async saveSnapshot(
    place: SnapshotPlace,
    pieces: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
    entriesKept: number,
  ): Promise<void> {
    const parts: Uint8Array[] = [];
    for await (const piece of pieces) parts.push(Buffer.from(piece));
    await this.#write();
    if ((this.#disk.snapshot?.place.index ?? 0) >= place.index) return;
    this.#disk.snapshot = { place, payload: Buffer.concat(parts) };
    this.#disk.entries = this.#disk.entries.filter(
      ({ index }) => index > place.index - entriesKept,
    );
  }

  async readSnapshot(): Promise<Uint8Array | null> {
    await nextTurn();
    return this.#disk.snapshot?.payload ?? null;
  }

  async readSnapshotChunk(
    index: number,
    offset: number,
    lengthMax: number,
  ): Promise<SnapshotChunk | null> {
    await nextTurn();
    const { snapshot } = this.#disk;
    if (snapshot?.place.index !== index) return null;
    const bytes = snapshot.payload.subarray(offset, offset + lengthMax);
    return { bytes, totalBytes: snapshot.payload.length };
  }

  async stageSnapshot(index: number, offset: number, bytes: Uint8Array): Promise<void> {
    await this.#write();
    const before = offset === 0 ? Buffer.alloc(0) : (this.#staged?.bytes ?? Buffer.alloc(0));
    assert(offset === 0 || this.#staged?.index === index, 'another snapshot was staged');
    assert.equal(before.length, offset, 'staged bytes follow each other');
    this.#staged = { index, bytes: Buffer.concat([before, bytes]) };
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#disk.open = false;
    await nextTurn();
  }

  async #write(): Promise<void> {
    await nextTurn();
    await this.#disk.stall;
    const { trouble } = this.#disk;
    if (trouble !== null) throw new RaftLogError('the write failed', { cause: trouble });
    if (this.#closed) throw new RaftLogError('the log is closed');
  }

  #do({ sequence, hardState, snapshot, truncateFrom, entries }: LogChange): void {
    const disk = this.#disk;
    assert(sequence > this.#sequence, 'changes come in order');
    this.#sequence = sequence;
    if (hardState !== null) disk.hardState = hardState;
    if (snapshot !== null) {
      const staged = this.#staged;
      assert(staged?.index === snapshot.index, 'what is installed was staged');
      disk.snapshot = { place: snapshot, payload: staged.bytes };
      disk.entries = [];
    }
    if (truncateFrom !== null) disk.entries = disk.entries.filter((e) => e.index < truncateFrom);
    for (const entry of entries) {
      const last = disk.entries.at(-1)?.index ?? disk.snapshot?.place.index ?? 0;
      assert.equal(entry.index, last + 1, 'entries have no gaps');
      disk.entries.push(entry);
    }
  }
}
