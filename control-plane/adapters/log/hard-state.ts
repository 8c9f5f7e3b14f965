/**
 * What a member must never forget, beside the log: its term, its vote, and how far its log was
 * durable when this was written. A log that ends before that has lost something acknowledged, even
 * when everything left of it reads well.
 *
 * Two slots of one sector each, a page apart in one file that never changes its size, are written in
 * turn, so that a vote costs one write and one sync. A slot:
 *
 *   0  8    magic
 *   8  u32  CRC-32C of everything behind it, the padding included
 *  12  u48  sequence: the slot with the larger one holds
 *  18  u16  length of the content; then the content, JSON, and padding up to the sector's end
 *
 * A sector is written whole or not at all (sectors.ts), so that no crash leaves a slot that cannot be
 * read: such a one is damage, and the other is never taken in its place, for it may hold an older
 * vote. Rejected: guessing from the other slot, and a file written aside and renamed, which costs
 * four times as much (that is how version 1 did it; it is read, and replaced on opening).
 */

import assert from 'node:assert/strict';
import { join } from 'node:path';
import type { HardState } from '../../model/log-entry.ts';
import { crc32c } from './crc32c.ts';
import { LogDamageError } from './damage.ts';
import type { Disk, DiskFile } from './disk.ts';
import { ASIDE_SUFFIX, asBuffer, readSealed } from './sealed-file.ts';
import { PADDING, SECTOR_BYTES, isAll } from './sectors.ts';

export const HARD_STATE_NAME = 'hard-state';
const OLD_MAGIC = 'OMNIHRD1';
const MAGIC = 'OMNIHRD2';
const SLOT_DISTANCE_BYTES = 4096;
const FILE_BYTES = 2 * SLOT_DISTANCE_BYTES;
const CONTENT_AT = 20;

export interface DurableState extends HardState {
  /** Whose log this is: a directory never changes hands. */
  readonly memberId: string;
  /** The log reached at least this index. */
  readonly durableIndex: number;
}

export interface RecoveredState {
  readonly state: DurableState;
  /** Null for a file of version 1. */
  readonly sequence: number | null;
}

export class HardStateFile {
  readonly #file: DiskFile;
  #sequence: number;

  private constructor(file: DiskFile, sequence: number) {
    this.#file = file;
    this.#sequence = sequence;
  }

  /** Makes the file, whole under its name, with both slots alike. */
  static async create(disk: Disk, directory: string, state: DurableState): Promise<HardStateFile> {
    const path = join(directory, HARD_STATE_NAME);
    const aside = await disk.create(path + ASIDE_SUFFIX);
    try {
      const bytes = Buffer.alloc(FILE_BYTES);
      for (const sequence of [0, 1]) bytes.set(encodeSlot(sequence, state), slotAt(sequence));
      await aside.write(bytes, 0);
      await aside.sync();
    } finally {
      await aside.close();
    }
    await disk.rename(path + ASIDE_SUFFIX, path);
    await disk.syncDirectory(directory);
    return new HardStateFile(await disk.open(path), 1);
  }

  /** Writes what was read once more: it may have been in the kernel's memory alone. */
  static async reopen(
    disk: Disk,
    directory: string,
    { state, sequence }: RecoveredState,
  ): Promise<HardStateFile> {
    if (sequence === null) return HardStateFile.create(disk, directory, state);
    const file = await disk.open(join(directory, HARD_STATE_NAME));
    try {
      await file.writeThrough(encodeSlot(sequence, state), slotAt(sequence));
      return new HardStateFile(file, sequence);
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  async write(state: DurableState): Promise<void> {
    const sequence = this.#sequence + 1;
    await this.#file.writeThrough(encodeSlot(sequence, state), slotAt(sequence));
    this.#sequence = sequence;
  }

  close(): Promise<void> {
    return this.#file.close();
  }
}

/** @throws LogDamageError */
export async function readHardState(disk: Disk, directory: string): Promise<RecoveredState> {
  const path = join(directory, HARD_STATE_NAME);
  const bytes = asBuffer(await disk.read(path));
  if (bytes.toString('latin1', 0, OLD_MAGIC.length) === OLD_MAGIC) {
    const content = await readSealed(disk, path, OLD_MAGIC);
    return { state: parse(path, 0, content.toString('utf8')), sequence: null };
  }
  if (bytes.length !== FILE_BYTES) {
    throw new LogDamageError(path, 0, `it has ${bytes.length} bytes instead of ${FILE_BYTES}`);
  }
  const first = readSlot(path, bytes, 0);
  const second = readSlot(path, bytes, SLOT_DISTANCE_BYTES);
  const newer = first.sequence > second.sequence ? first : second;
  if (Math.abs(first.sequence - second.sequence) !== 1 || slotAt(newer.sequence) !== newer.at) {
    const detail = `its slots are numbered ${first.sequence} and ${second.sequence}`;
    throw new LogDamageError(path, newer.at, detail);
  }
  return newer;
}

interface Slot extends RecoveredState {
  readonly sequence: number;
  readonly at: number;
}

function slotAt(sequence: number): number {
  return (sequence % 2) * SLOT_DISTANCE_BYTES;
}

function encodeSlot(sequence: number, state: DurableState): Buffer {
  const { memberId, term, votedFor, durableIndex } = state;
  const content = Buffer.from(JSON.stringify({ memberId, term, votedFor, durableIndex }));
  assert(CONTENT_AT + content.length <= SECTOR_BYTES, `the id of member ${memberId} is too long`);
  const slot = Buffer.alloc(SECTOR_BYTES, PADDING);
  slot.write(MAGIC, 'latin1');
  slot.writeUIntLE(sequence, 12, 6);
  slot.writeUInt16LE(content.length, 18);
  slot.set(content, CONTENT_AT);
  slot.writeUInt32LE(crc32c(slot.subarray(12)), 8);
  return slot;
}

function readSlot(path: string, bytes: Buffer, at: number): Slot {
  const slot = bytes.subarray(at, at + SECTOR_BYTES);
  if (slot.toString('latin1', 0, MAGIC.length) !== MAGIC) {
    throw new LogDamageError(path, at, 'it does not begin as a file of its kind');
  }
  if (crc32c(slot.subarray(12)) !== slot.readUInt32LE(8)) {
    throw new LogDamageError(path, at, 'a slot fails its checksum');
  }
  if (!isAll(bytes, at + SECTOR_BYTES, at + SLOT_DISTANCE_BYTES, 0)) {
    throw new LogDamageError(path, at + SECTOR_BYTES, 'something stands behind a slot');
  }
  const length = slot.readUInt16LE(18);
  const text = slot.toString('utf8', CONTENT_AT, CONTENT_AT + length);
  return { state: parse(path, at, text), sequence: slot.readUIntLE(12, 6), at };
}

function parse(path: string, at: number, text: string): DurableState {
  const value = JSON.parse(text) as Partial<DurableState>;
  const { memberId, term, votedFor, durableIndex } = value;
  if (
    typeof memberId !== 'string' ||
    typeof term !== 'number' ||
    typeof durableIndex !== 'number' ||
    (typeof votedFor !== 'string' && votedFor !== null)
  ) {
    throw new LogDamageError(path, at, 'a field is missing or of the wrong type');
  }
  return { memberId, term, votedFor, durableIndex };
}
