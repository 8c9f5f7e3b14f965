/**
 * When a snapshot of this member's own state is due, how many entries below it are kept for members
 * that lag, and making it: beside everything else, in pieces. The state is immutable, so what is
 * written is the state of one index. One at a time.
 */

import { setImmediate as nextTurn } from 'node:timers/promises';
import type { MemberId } from '../../model/configuration.ts';
import type { SnapshotPlace } from '../../model/log-entry.ts';
import type { RaftLog } from '../../ports/raft-log.ts';
import { encodeStatePieces } from '../../state/snapshot.ts';
import type { PlaneState } from '../../state/state.ts';

export interface SnapshotOptions {
  readonly log: RaftLog;
  /** The fewest entries between two. */
  readonly everyEntries: number;
  /** The most payload bytes between two. */
  readonly everyBytes: number;
  /**
   * The log since the last snapshot is at least so many times its size: a large state is not written
   * again and again for a few entries (section 5.1.2 of the dissertation).
   */
  readonly logPerSnapshot: number;
  readonly entriesKept: number;
  readonly entriesKeptBytes: number;
  readonly monotonicMs: () => number;
}

export interface SavedSnapshot {
  readonly index: number;
  /** The oldest entry that is kept. */
  readonly keepFrom: number;
}

/** Pieces are encoded for so long in one turn of the event loop, in ms. */
const ENCODE_SLICE_MS = 2;

export class Snapshots {
  readonly #options: SnapshotOptions;
  /** Payload bytes of the newest applied entries, at their index modulo the length. */
  readonly #sizes: Float64Array;
  #sized = 0;
  #snapshotIndex: number;
  #appliedIndex: number;
  /** Entries by which this member's snapshots come sooner than those of the first in the row. */
  #ahead = 0;
  #bytesSince = 0;
  #saving: Promise<SavedSnapshot> | null = null;

  constructor(options: SnapshotOptions, snapshotIndex: number) {
    this.#options = options;
    this.#sizes = new Float64Array(Math.max(1, options.entriesKept));
    this.#snapshotIndex = snapshotIndex;
    this.#appliedIndex = snapshotIndex;
  }

  applied(index: number, bytes: number): void {
    this.#sizes[index % this.#sizes.length] = bytes;
    this.#sized = Math.min(this.#sized + 1, this.#sizes.length);
    this.#appliedIndex = index;
    this.#bytesSince += bytes;
  }

  /** Another member's snapshot was installed. */
  installed(index: number): void {
    this.#snapshotIndex = index;
    this.#appliedIndex = index;
    this.#sized = 0;
    this.#bytesSince = 0;
  }

  get isDue(): boolean {
    if (this.#saving !== null) return false;
    if (this.#appliedIndex <= this.#snapshotIndex) return false;
    const { everyBytes, logPerSnapshot, log } = this.#options;
    if (this.#bytesSince >= everyBytes) return true;
    const isNext = this.#stretchOf(this.#appliedIndex) > this.#stretchOf(this.#snapshotIndex);
    return isNext && this.#bytesSince >= logPerSnapshot * log.snapshotBytes;
  }

  /**
   * Members apply the same entries at nearly the same time. If they made their snapshots together,
   * each commit meanwhile would wait for a disk that is busy with one: so each has its own stretch.
   * @param members in the same order at each of them
   */
  takeTurns(members: readonly MemberId[], self: MemberId): void {
    const place = members.indexOf(self);
    const share = Math.max(0, place) / Math.max(1, members.length);
    this.#ahead = Math.floor(this.#options.everyEntries * share);
  }

  /** Which stretch of `everyEntries` an entry belongs to; a snapshot is due in each. */
  #stretchOf(index: number): number {
    return Math.floor((index + this.#ahead) / this.#options.everyEntries);
  }

  /**
   * Resolves once it is on disk; null when an installed one has overtaken it. @throws RaftLogError
   * @param state of exactly that place
   */
  async save(place: SnapshotPlace, state: PlaneState): Promise<SavedSnapshot | null> {
    const kept = this.#kept();
    this.#bytesSince = 0;
    const saving = this.#write(place, state, kept);
    this.#saving = saving;
    try {
      const saved = await saving;
      if (this.#snapshotIndex >= place.index) return null;
      this.#snapshotIndex = place.index;
      return saved;
    } finally {
      this.#saving = null;
    }
  }

  /** Resolves when nothing is being written. */
  async idle(): Promise<void> {
    await this.#saving?.catch(() => undefined);
  }

  async #write(place: SnapshotPlace, state: PlaneState, kept: number): Promise<SavedSnapshot> {
    const pieces = paced(encodeStatePieces(state), this.#options.monotonicMs);
    await this.#options.log.saveSnapshot(place, pieces, kept);
    return { index: place.index, keepFrom: place.index - kept + 1 };
  }

  /** How many of the newest entries fit into both bounds. */
  #kept(): number {
    let bytes = 0;
    for (let kept = 0; kept < Math.min(this.#sized, this.#options.entriesKept); kept += 1) {
      bytes += this.#sizes[(this.#appliedIndex - kept) % this.#sizes.length] ?? 0;
      if (bytes > this.#options.entriesKeptBytes) return kept;
    }
    return Math.min(this.#sized, this.#options.entriesKept);
  }
}

/** The pieces as bytes; gives the event loop a turn whenever making them has taken a while. */
async function* paced(
  pieces: Iterable<string | Uint8Array>,
  monotonicMs: () => number,
): AsyncGenerator<Uint8Array> {
  let beganMs = monotonicMs();
  for (const piece of pieces) {
    yield typeof piece === 'string' ? Buffer.from(piece) : piece;
    if (monotonicMs() - beganMs < ENCODE_SLICE_MS) continue;
    await nextTurn();
    beganMs = monotonicMs();
  }
}
