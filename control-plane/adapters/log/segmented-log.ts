/**
 * The durable log of one member: entries with successive indices, the hard state and the newest
 * snapshot. What it has resolved is on disk. It knows nothing of commitment, of leaders or of what
 * an entry means, and it never retries: after the first failed operation it refuses every other,
 * for after a failed sync nobody can say what the disk holds.
 *
 * `persist`, and what is made of it, is called one at a time; all else may run beside it.
 */

import assert from 'node:assert/strict';
import type { HardState, LogChange, LogEntry, SnapshotPlace } from '../../model/log-entry.ts';
import { planChanges } from './change-plan.ts';
import type { ChangePlan } from './change-plan.ts';
import { LogFailedError } from './damage.ts';
import { HardStateFile } from './hard-state.ts';
import type { DurableState } from './hard-state.ts';
import { InTurn } from './in-turn.ts';
import { withDefaults } from './options.ts';
import type { LogOptions } from './options.ts';
import { PAYLOAD_BYTES_MAX } from './record.ts';
import { recover } from './recover.ts';
import type { Recovered } from './recover.ts';
import { Segments } from './segments.ts';
import type { SnapshotOnDisk } from './snapshot-file.ts';
import { Snapshots } from './snapshots.ts';
import type { Guard, Snapshot, SnapshotPieces } from './snapshots.ts';
import { StagedSnapshot } from './staged-snapshot.ts';
import { WatchedDisk } from './watched-disk.ts';

/**
 * Opens the log of a directory, which is made when it is missing, and takes its lock.
 * @throws LogDamageError when the files cannot be trusted.
 * @throws LogLockedError while another process has the directory.
 */
export async function openLog(given: LogOptions): Promise<SegmentedLog> {
  const options = withDefaults(given);
  const { directory, memberId } = options;
  const disk = new WatchedDisk(options.disk, options);
  await disk.makeDirectory(directory);
  const unlock = await disk.lock(directory);
  try {
    return new SegmentedLog(options, disk, await recover(disk, directory, memberId), unlock);
  } catch (error) {
    if (!disk.isBusy) await unlock();
    throw error;
  }
}

export class SegmentedLog {
  readonly #options: Required<LogOptions>;
  readonly #disk: WatchedDisk;
  readonly #unlock: () => Promise<void>;
  readonly #segments: Segments;
  readonly #snapshots: Snapshots;
  readonly #staged: StagedSnapshot;
  readonly #changing = new InTurn();
  /** Which snapshot is the newest; within a change of the log, where one changes that. */
  readonly #adopting = new InTurn();
  readonly #staging = new InTurn();
  #hardState: DurableState;
  #hardStateFile: HardStateFile | null;
  #failure: unknown = null;
  #busy = false;
  #savingSnapshot: Promise<void> | null = null;

  constructor(
    options: Required<LogOptions>,
    disk: WatchedDisk,
    recovered: Recovered,
    unlock: () => Promise<void>,
  ) {
    const { directory, memberId } = options;
    const { segments, active, snapshot } = recovered;
    this.#options = options;
    this.#disk = disk;
    this.#unlock = unlock;
    this.#hardState = recovered.hardState ?? { memberId, term: 0, votedFor: null, durableIndex: 0 };
    this.#hardStateFile = recovered.hardStateFile;
    this.#staged = new StagedSnapshot(disk, directory);
    this.#snapshots = new Snapshots(disk, directory, snapshot);
    const generation = snapshot?.generation ?? 0;
    this.#segments = new Segments({ ...options, disk }, segments, active, generation);
  }

  get hardState(): DurableState {
    return this.#hardState;
  }

  get snapshot(): SnapshotOnDisk | null {
    return this.#snapshots.newest;
  }

  /** Index of the oldest entry that can be read; one above lastIndex when there is none. */
  get firstIndex(): number {
    return this.#segments.firstIndex ?? this.#snapshots.index + 1;
  }

  /** Index of the newest durable entry, held or in the snapshot; 0 for an empty log. */
  get lastIndex(): number {
    return this.#segments.lastIndex ?? this.#snapshots.index;
  }

  get lastTerm(): number {
    return this.termAt(this.lastIndex) ?? 0;
  }

  /** Bytes of segments and snapshot on disk. */
  get bytes(): number {
    return this.#segments.bytes + (this.snapshot?.bytes ?? 0);
  }

  /** How long the oldest disk operation has been under way, in ms, once that is a stall; else 0. */
  get stalledForMs(): number {
    return this.#disk.stalledForMs;
  }

  /** What failed first; null while all is well. */
  get failure(): unknown {
    return this.#failure;
  }

  /** Null for an index that is neither held nor the snapshot's. */
  termAt(index: number): number | null {
    if (index === this.snapshot?.index) return this.snapshot.term;
    return this.#segments.termAt(index);
  }

  /** File and offset of an entry that is held. */
  placeOf(index: number): { readonly file: string; readonly offset: number } {
    return this.#segments.placeOf(index);
  }

  /**
   * Makes the changes durable, in order, with one write and one sync of each kind for all of them.
   * @throws LogFailedError
   */
  async persist(changes: readonly LogChange[]): Promise<void> {
    assert(!this.#busy, 'one change of the log at a time');
    this.#busy = true;
    try {
      await this.#changing.run(async () => {
        const plan = planChanges(this.lastIndex, changes);
        this.#check(plan);
        await this.#guarded(() => this.#carryOut(plan));
      });
    } finally {
      this.#busy = false;
    }
  }

  /** Appends entries behind lastIndex. @throws LogFailedError */
  append(entries: readonly LogEntry[]): Promise<void> {
    return this.persist([{ ...NO_CHANGE, entries }]);
  }

  /** Forgets every entry from `fromIndex` on. @throws LogFailedError */
  truncateSuffix(fromIndex: number): Promise<void> {
    return this.persist([{ ...NO_CHANGE, truncateFrom: fromIndex }]);
  }

  /** Makes term and vote durable, and with them how far the log reaches. @throws LogFailedError */
  saveHardState(term: number, votedFor: string | null): Promise<void> {
    return this.persist([{ ...NO_CHANGE, hardState: { term, votedFor } }]);
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

  /** The newest snapshot, verified. @throws LogDamageError */
  readSnapshot(): Promise<Snapshot | null> {
    return this.#snapshots.read();
  }

  /** Part of the newest snapshot's payload; null when it is another. @throws LogDamageError */
  readSnapshotPart(index: number, offset: number, lengthMax: number): Promise<Uint8Array | null> {
    return this.#snapshots.readPart(index, offset, lengthMax);
  }

  /**
   * Replaces the snapshot by a newer one of this log, then drops segments that hold nothing but
   * entries at or below its index, save the newest `entriesKept`. It is given up quietly when a newer
   * one was installed meanwhile. One at a time.
   * @throws LogFailedError, or what `pieces` throws
   */
  async saveSnapshot(
    place: SnapshotPlace,
    pieces: SnapshotPieces,
    entriesKept: number,
  ): Promise<void> {
    assert(this.#savingSnapshot === null, 'one snapshot at a time');
    const saving = this.#saveSnapshot(place, pieces, entriesKept);
    this.#savingSnapshot = saving;
    try {
      await saving;
    } finally {
      this.#savingSnapshot = null;
    }
  }

  /** Keeps bytes of a snapshot that arrives, in order; `offset` 0 begins anew. @throws LogFailedError */
  stageSnapshot(index: number, offset: number, bytes: Uint8Array): Promise<void> {
    return this.#staging.run(() => this.#guarded(() => this.#staged.add(index, offset, bytes)));
  }

  /**
   * Gives back files and lock; nothing is written, now or later. The lock is kept until the process
   * ends when an operation still hangs.
   * @throws LogFailedError then
   */
  async close(): Promise<void> {
    this.#failure ??= new Error('the log is closed');
    await this.#savingSnapshot?.catch(() => undefined);
    await this.#staging.run(() => this.#changing.run(() => Promise.resolve()));
    if (this.#disk.isBusy) {
      throw new LogFailedError(`${this.#options.directory} stays locked: the disk hangs`);
    }
    try {
      await this.#segments.close();
      await this.#staged.close();
      await this.#hardStateFile?.close();
    } finally {
      await this.#unlock();
    }
  }

  #check({ hardState, install, truncateFrom, entries }: ChangePlan): void {
    const durable = this.#hardState.term;
    const highest = hardState?.term ?? durable;
    assert(highest >= durable, `term ${highest} is below ${durable}`);
    assert(
      install === null || install.index > this.#snapshots.index,
      'a snapshot replaces an older',
    );
    assert((install?.term ?? 0) <= highest, 'the term of a snapshot was not made durable');
    const isInSnapshot = (truncateFrom ?? Infinity) <= this.#snapshots.index;
    assert(!isInSnapshot, `entry ${truncateFrom} is in the snapshot`);
    const [first] = entries;
    if (first === undefined) return;
    let term = install?.term ?? this.termAt(first.index - 1) ?? 0;
    for (const entry of entries) {
      assert(entry.term >= term, `term ${entry.term} follows term ${term}`);
      assert(entry.payload.length <= PAYLOAD_BYTES_MAX, `entry ${entry.index} is too large`);
      term = entry.term;
    }
    assert(term <= highest, `term ${term} was not made durable before its use`);
  }

  async #carryOut(plan: ChangePlan): Promise<void> {
    const { hardState, install, truncateFrom } = plan;
    // What the steps below drop is given up first, or a crash between would look like lost entries.
    const kept = Math.min(install?.index ?? Infinity, (truncateFrom ?? Infinity) - 1);
    if (hardState !== null || kept < this.#hardState.durableIndex) {
      await this.#writeHardState(hardState ?? this.#hardState, Math.min(this.lastIndex, kept));
    }
    if (install !== null) await this.#install(install);
    if (truncateFrom !== null) await this.#segments.truncateFrom(truncateFrom);
    const [first, ...rest] = plan.entries;
    if (first === undefined) return;
    const startedAtMs = performance.now();
    await this.#segments.append([first, ...rest]);
    this.#options.onAppend((performance.now() - startedAtMs) / 1000);
  }

  async #writeHardState({ term, votedFor }: HardState, durableIndex: number): Promise<void> {
    const state = { memberId: this.#hardState.memberId, term, votedFor, durableIndex };
    if (this.#hardStateFile !== null) await this.#hardStateFile.write(state);
    else
      this.#hardStateFile = await HardStateFile.create(this.#disk, this.#options.directory, state);
    this.#hardState = state;
  }

  async #saveSnapshot(
    place: SnapshotPlace,
    pieces: SnapshotPieces,
    entriesKept: number,
  ): Promise<void> {
    const isOld = (): boolean => place.index <= this.#snapshots.index;
    if (isOld()) return;
    assert(place.index <= this.lastIndex, 'a snapshot of this log holds nothing beyond its end');
    const { generation } = this.#segments;
    const guard: Guard = (step) => this.#guarded(step);
    const saved = await this.#snapshots.writeAside(place, pieces, generation, guard);
    if (saved === null) return;
    // Entries are appended meanwhile: nothing of this is about the end of the log.
    await this.#adopting.run(() =>
      this.#guarded(async () => {
        const aside = this.#snapshots.asideOf(saved.index);
        if (isOld()) {
          await this.#disk.remove(aside);
          return;
        }
        await this.#snapshots.adopt(aside, saved);
        await this.#segments.dropThrough(saved.index - entriesKept);
        await this.#disk.syncDirectory(this.#options.directory);
        // The next snapshot can then drop what the log holds now.
        this.#segments.seal();
      }),
    );
  }

  /** The new name is the moment at which the staged snapshot takes the place of the whole log. */
  async #install(place: SnapshotPlace): Promise<void> {
    const { path, writer } = await this.#staging.run(() => this.#staged.take(place.index));
    const generation = this.#segments.generation + 1;
    const written = await writer.finish(place, generation);
    await this.#adopting.run(async () => {
      await this.#snapshots.adopt(path, written);
      await this.#segments.replace(generation);
      await this.#disk.syncDirectory(this.#options.directory);
    });
  }

  /** Fails closed: whatever went wrong, nothing more is written. */
  async #guarded<T>(operation: () => Promise<T>): Promise<T> {
    if (this.#failure !== null) {
      throw new LogFailedError('nothing more is written to the log', { cause: this.#failure });
    }
    try {
      return await operation();
    } catch (error) {
      this.#failure ??= error;
      throw new LogFailedError(`writing in ${this.#options.directory} failed`, { cause: error });
    }
  }
}

const NO_CHANGE: LogChange = {
  sequence: 0,
  hardState: null,
  snapshot: null,
  truncateFrom: null,
  entries: [],
};
