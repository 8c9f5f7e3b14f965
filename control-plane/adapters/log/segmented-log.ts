/**
 * The durable log of one member: entries with successive indices, the hard state and the newest
 * snapshot. What it has resolved is on disk. It knows nothing of commitment, of leaders or of what
 * an entry means, and it never retries: after the first failed operation it refuses every other,
 * for after a failed sync nobody can say what the disk holds.
 *
 * `append`, `truncateSuffix` and `saveHardState` are called one at a time; `saveSnapshot` and reads
 * may run beside them.
 */

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { LogFailedError } from './damage.ts';
import type { Disk } from './disk.ts';
import { writeHardState } from './hard-state.ts';
import type { HardState } from './hard-state.ts';
import { snapshotName } from './names.ts';
import { NODE_DISK } from './node-disk.ts';
import { PAYLOAD_BYTES_MAX } from './record.ts';
import type { LogEntry } from './record.ts';
import { recover } from './recover.ts';
import type { Recovered, SnapshotOnDisk } from './recover.ts';
import { Segments } from './segments.ts';
import { readSnapshot, snapshotBytes, writeSnapshot } from './snapshot-file.ts';
import type { Snapshot, SnapshotPlace } from './snapshot-file.ts';

export interface LogOptions {
  readonly directory: string;
  /** The member whose log this is; a directory never changes hands. */
  readonly memberId: string;
  readonly disk?: Disk;
  /** Size from which the next append begins a new segment. Default 16 MiB. */
  readonly segmentBytesMax?: number;
  /** Told the duration of every sync of appended entries, in seconds. */
  readonly onFsync?: (seconds: number) => void;
}

export const SEGMENT_BYTES_MAX_DEFAULT = 16 * 1024 * 1024;

/**
 * Opens the log of a directory, which is made when it is missing, and takes its lock.
 * @throws LogDamageError when the files cannot be trusted.
 * @throws LogLockedError while another process has the directory.
 */
export async function openLog(options: LogOptions): Promise<SegmentedLog> {
  const disk = options.disk ?? NODE_DISK;
  await disk.makeDirectory(options.directory);
  const unlock = await disk.lock(options.directory);
  try {
    const recovered = await recover(disk, options.directory, options.memberId);
    return new SegmentedLog(options, disk, recovered, unlock);
  } catch (error) {
    await unlock();
    throw error;
  }
}

export class SegmentedLog {
  readonly #directory: string;
  readonly #disk: Disk;
  readonly #unlock: () => Promise<void>;
  readonly #segments: Segments;
  #hardState: HardState;
  #snapshot: SnapshotOnDisk | null;
  #failure: unknown = null;
  #busy = false;
  #savingSnapshot = false;

  constructor(options: LogOptions, disk: Disk, recovered: Recovered, unlock: () => Promise<void>) {
    const { directory, memberId } = options;
    this.#directory = directory;
    this.#disk = disk;
    this.#unlock = unlock;
    this.#snapshot = recovered.snapshot;
    this.#hardState = recovered.hardState ?? { memberId, term: 0, votedFor: null, durableIndex: 0 };
    const segmentBytesMax = options.segmentBytesMax ?? SEGMENT_BYTES_MAX_DEFAULT;
    const onFsync = options.onFsync ?? (() => undefined);
    const segmentsOptions = { disk, directory, segmentBytesMax, onFsync };
    this.#segments = new Segments(segmentsOptions, recovered.segments, recovered.active);
  }

  get hardState(): HardState {
    return this.#hardState;
  }

  get snapshot(): SnapshotPlace | null {
    return this.#snapshot;
  }

  /** Index of the oldest entry that can be read; one above lastIndex when there is none. */
  get firstIndex(): number {
    return this.#segments.firstIndex ?? this.#snapshotIndex + 1;
  }

  /** Index of the newest durable entry, held or in the snapshot; 0 for an empty log. */
  get lastIndex(): number {
    return this.#segments.lastIndex ?? this.#snapshotIndex;
  }

  get lastTerm(): number {
    return this.termAt(this.lastIndex) ?? 0;
  }

  /** Bytes of segments and snapshot on disk. */
  get bytes(): number {
    return this.#segments.bytes + (this.#snapshot?.bytes ?? 0);
  }

  /** Null for an index that is neither held nor the snapshot's. */
  termAt(index: number): number | null {
    if (index === this.#snapshot?.index) return this.#snapshot.term;
    return this.#segments.termAt(index);
  }

  /** File and offset of an entry that is held. */
  placeOf(index: number): { readonly file: string; readonly offset: number } {
    return this.#segments.placeOf(index);
  }

  snapshotPath(index: number): string {
    return join(this.#directory, snapshotName(index));
  }

  /**
   * Appends entries behind lastIndex with one write and one sync; durable when it resolves.
   * @throws LogFailedError
   */
  async append(entries: readonly LogEntry[]): Promise<void> {
    const [first, ...rest] = entries;
    if (first === undefined) return;
    this.#checkOrder(entries);
    await this.#alone(() => this.#segments.append([first, ...rest]));
  }

  /**
   * Forgets every entry from `fromIndex` on; what the snapshot holds cannot be taken back.
   * @throws LogFailedError
   */
  async truncateSuffix(fromIndex: number): Promise<void> {
    assert(fromIndex > this.#snapshotIndex, `entry ${fromIndex} is in the snapshot`);
    if (fromIndex > this.lastIndex) return;
    await this.#alone(async () => {
      // First, or a crash in between would look like lost entries.
      if (this.#hardState.durableIndex >= fromIndex) {
        await this.#writeHardState({ ...this.#hardState, durableIndex: fromIndex - 1 });
      }
      await this.#segments.truncateFrom(fromIndex);
    });
  }

  /**
   * Entries from `fromIndex` to `toIndex`, both included: at least one, and no more once their size
   * reaches `bytesMax`.
   * @throws LogCompactedError | LogDamageError
   */
  async read(fromIndex: number, toIndex: number, bytesMax: number): Promise<readonly LogEntry[]> {
    assert(toIndex <= this.lastIndex, `entry ${toIndex} does not exist`);
    return this.#segments.read(fromIndex, toIndex, bytesMax);
  }

  /** @throws LogDamageError */
  async readSnapshot(): Promise<Snapshot | null> {
    if (this.#snapshot === null) return null;
    return readSnapshot(this.#disk, this.#directory, this.#snapshot.index);
  }

  /**
   * Makes term and vote durable, and with them how far the log reaches. The term never goes down.
   * @throws LogFailedError
   */
  async saveHardState(term: number, votedFor: string | null): Promise<void> {
    assert(term >= this.#hardState.term, `term ${term} is below ${this.#hardState.term}`);
    const durableIndex = this.lastIndex;
    const { memberId } = this.#hardState;
    await this.#alone(() => this.#writeHardState({ memberId, term, votedFor, durableIndex }));
  }

  /**
   * Replaces the snapshot by a newer one, then drops segments that hold nothing but entries at or
   * below its index, save the newest `entriesKept`. A snapshot beyond the log's end replaces the log;
   * such a one is saved while nothing else runs.
   * @throws LogFailedError
   */
  async saveSnapshot(snapshot: Snapshot, entriesKept: number): Promise<void> {
    assert(!this.#savingSnapshot, 'one snapshot at a time');
    assert(snapshot.index > this.#snapshotIndex, 'a snapshot replaces an older one');
    this.#savingSnapshot = true;
    try {
      await this.#guarded(() => this.#replaceSnapshot(snapshot, entriesKept));
    } finally {
      this.#savingSnapshot = false;
    }
  }

  /** Gives back files and lock; nothing is written, now or later. */
  async close(): Promise<void> {
    this.#failure ??= new Error('the log is closed');
    try {
      await this.#segments.close();
    } finally {
      await this.#unlock();
    }
  }

  get #snapshotIndex(): number {
    return this.#snapshot?.index ?? 0;
  }

  #checkOrder(entries: readonly LogEntry[]): void {
    let index = this.lastIndex;
    let term = this.lastTerm;
    for (const entry of entries) {
      index += 1;
      assert(entry.index === index, `entry ${entry.index} does not follow ${index - 1}`);
      assert(entry.term >= term, `term ${entry.term} follows term ${term}`);
      assert(entry.payload.length <= PAYLOAD_BYTES_MAX, `entry ${index} is too large`);
      term = entry.term;
    }
    assert(term <= this.#hardState.term, `term ${term} was not made durable before its use`);
  }

  async #replaceSnapshot(snapshot: Snapshot, entriesKept: number): Promise<void> {
    const older = this.#snapshot;
    const { index, term, payload } = snapshot;
    await writeSnapshot(this.#disk, this.#directory, snapshot);
    const replacesLog = index > this.lastIndex;
    this.#snapshot = { index, term, bytes: snapshotBytes(payload) };
    if (older !== null) await this.#disk.remove(this.snapshotPath(older.index));
    if (replacesLog) await this.#segments.dropAll();
    else await this.#segments.dropThrough(index - entriesKept);
    await this.#disk.syncDirectory(this.#directory);
    // The next snapshot can then drop what the log holds now.
    this.#segments.seal();
  }

  async #writeHardState(state: HardState): Promise<void> {
    await writeHardState(this.#disk, this.#directory, state);
    this.#hardState = state;
  }

  async #alone(operation: () => Promise<void>): Promise<void> {
    assert(!this.#busy, 'one change of the log at a time');
    this.#busy = true;
    try {
      await this.#guarded(operation);
    } finally {
      this.#busy = false;
    }
  }

  /** Fails closed: whatever went wrong, nothing more is written. */
  async #guarded(operation: () => Promise<void>): Promise<void> {
    if (this.#failure !== null) {
      throw new LogFailedError('nothing more is written to the log', { cause: this.#failure });
    }
    try {
      await operation();
    } catch (error) {
      this.#failure ??= error;
      throw new LogFailedError(`writing in ${this.#directory} failed`, { cause: error });
    }
  }
}
