/**
 * The newest snapshot: reading it, writing a newer one aside, and the one moment at which that takes
 * its place. When that moment may be is the log's business; so is failing closed.
 */

import { join } from 'node:path';
import type { SnapshotPlace } from '../../model/log-entry.ts';
import { LogDamageError } from './damage.ts';
import type { Disk } from './disk.ts';
import { snapshotName } from './names.ts';
import { ASIDE_SUFFIX } from './sealed-file.ts';
import { SnapshotWriter, readPayload } from './snapshot-file.ts';
import type { SnapshotOnDisk } from './snapshot-file.ts';

export interface Snapshot extends SnapshotPlace {
  readonly payload: Uint8Array;
}

export type SnapshotPieces = AsyncIterable<Uint8Array> | Iterable<Uint8Array>;

/** Runs a step on the disk, unless the log has failed. */
export type Guard = <T>(step: () => Promise<T>) => Promise<T>;

export class Snapshots {
  readonly #disk: Disk;
  readonly #directory: string;
  #newest: SnapshotOnDisk | null;

  constructor(disk: Disk, directory: string, newest: SnapshotOnDisk | null) {
    this.#disk = disk;
    this.#directory = directory;
    this.#newest = newest;
  }

  get newest(): SnapshotOnDisk | null {
    return this.#newest;
  }

  /** 0 while there is none. */
  get index(): number {
    return this.#newest?.index ?? 0;
  }

  pathOf(index: number): string {
    return join(this.#directory, snapshotName(index));
  }

  asideOf(index: number): string {
    return this.pathOf(index) + ASIDE_SUFFIX;
  }

  /** @throws LogDamageError */
  async read(): Promise<Snapshot | null> {
    if (this.#newest === null) return null;
    const { index, term, configuration } = this.#newest;
    const payload = await readPayload(this.#disk, this.pathOf(index), this.#newest);
    return { index, term, configuration, payload };
  }

  /**
   * Part of the payload of the newest snapshot, which was verified when it was opened or saved; null
   * when it is another one, also when it has become so meanwhile.
   * @throws LogDamageError, or the system's error
   */
  async readPart(index: number, offset: number, lengthMax: number): Promise<Uint8Array | null> {
    const snapshot = this.#newest;
    if (snapshot?.index !== index) return null;
    const { payloadAt, payloadBytes } = snapshot;
    const length = Math.max(0, Math.min(lengthMax, payloadBytes - offset));
    const path = this.pathOf(index);
    try {
      const bytes = await this.#disk.readRange(path, payloadAt + offset, length);
      if (bytes.length === length) return bytes;
      const detail = `the file has become shorter than ${snapshot.bytes} bytes`;
      throw new LogDamageError(path, payloadAt + offset + bytes.length, detail);
    } catch (error) {
      if (this.#newest !== snapshot) return null;
      throw error;
    }
  }

  /**
   * Writes a snapshot aside, whole and durable, for `adopt`; null when a newer one has come before
   * its end.
   * @throws what `guard` and `pieces` throw
   */
  async writeAside(
    place: SnapshotPlace,
    pieces: SnapshotPieces,
    generation: number,
    guard: Guard,
  ): Promise<SnapshotOnDisk | null> {
    const path = this.asideOf(place.index);
    const writer = await guard(() => SnapshotWriter.create(this.#disk, path));
    try {
      for await (const piece of pieces) {
        if (place.index <= this.index) break;
        await guard(() => writer.append(piece));
      }
      if (place.index > this.index) return await guard(() => writer.finish(place, generation));
      await guard(() => writer.discard());
      return null;
    } catch (error) {
      await writer.close();
      throw error;
    }
  }

  /** The new name is the moment from which on the snapshot written at `path` is the newest. */
  async adopt(path: string, snapshot: SnapshotOnDisk): Promise<void> {
    const older = this.#newest;
    await this.#disk.rename(path, this.pathOf(snapshot.index));
    await this.#disk.syncDirectory(this.#directory);
    this.#newest = snapshot;
    if (older !== null) await this.#disk.remove(this.pathOf(older.index));
  }
}
