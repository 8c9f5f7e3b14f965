/**
 * A snapshot that arrives in chunks and counts for nothing yet. It is kept in a file beside the log,
 * in order and without holes; whoever installs it says where it belongs. A restart forgets it.
 */

import assert from 'node:assert/strict';
import { join } from 'node:path';
import type { Disk } from './disk.ts';
import { STAGED_NAME } from './names.ts';
import { SnapshotWriter } from './snapshot-file.ts';

/** Synced whenever that much has come, so that the install has little left to sync. */
const SYNC_BYTES = 8 * 1024 * 1024;

export interface Staged {
  readonly path: string;
  readonly writer: SnapshotWriter;
}

export class StagedSnapshot {
  readonly #disk: Disk;
  readonly #path: string;
  #index = 0;
  #writer: SnapshotWriter | null = null;
  #syncedBytes = 0;

  constructor(disk: Disk, directory: string) {
    this.#disk = disk;
    this.#path = join(directory, STAGED_NAME);
  }

  /** Bytes at `offset`, which is 0 or where those before ended. */
  async add(index: number, offset: number, bytes: Uint8Array): Promise<void> {
    if (offset === 0) await this.#begin(index);
    const writer = this.#writer;
    const held = writer?.payloadBytes ?? 0;
    const follows = writer !== null && this.#index === index && held === offset;
    assert(follows, `byte ${offset} of snapshot ${index} follows ${held} of ${this.#index}`);
    await writer.append(bytes);
    if (writer.payloadBytes - this.#syncedBytes < SYNC_BYTES) return;
    await writer.sync();
    this.#syncedBytes = writer.payloadBytes;
  }

  /** Hands over what was staged for the index; nothing is staged any more. */
  take(index: number): Promise<Staged> {
    const writer = this.#writer;
    assert(writer !== null && this.#index === index, `snapshot ${index} was not staged`);
    this.#writer = null;
    return Promise.resolve({ path: this.#path, writer });
  }

  async close(): Promise<void> {
    const writer = this.#writer;
    this.#writer = null;
    await writer?.close();
  }

  async #begin(index: number): Promise<void> {
    await this.close();
    this.#writer = await SnapshotWriter.create(this.#disk, this.#path);
    this.#index = index;
    this.#syncedBytes = 0;
  }
}
