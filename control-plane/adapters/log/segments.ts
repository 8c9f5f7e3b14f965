/**
 * The row of segments: appending to the last, beginning a new one, reading across them, dropping
 * them from either end. It keeps the order that makes a crash between any two operations leave a
 * row without holes; it catches nothing that matters, that is the log's business.
 */

import assert from 'node:assert/strict';
import { join } from 'node:path';
import type { LogEntry } from '../../model/log-entry.ts';
import { encodeBatch } from './batch.ts';
import type { Batch } from './batch.ts';
import { LogCompactedError, LogDamageError } from './damage.ts';
import type { Disk, DiskFile } from './disk.ts';
import { segmentName } from './names.ts';
import { RECORD_HEADER_BYTES, readRecord } from './record.ts';
import { ASIDE_SUFFIX, asBuffer } from './sealed-file.ts';
import { PADDING, sectorEnd } from './sectors.ts';
import { SEGMENT_HEADER_BYTES, encodeSegmentHeader, lastIndexOf } from './segment.ts';
import type { Segment } from './segment.ts';

export interface SegmentsOptions {
  readonly disk: Disk;
  readonly directory: string;
  readonly segmentBytesMax: number;
  /** Zeros written ahead whenever an append leaves the room made in advance; 0 makes none. */
  readonly reserveBytes: number;
  /** Told how long appended entries took to become durable, in seconds. */
  readonly onFsync: (seconds: number) => void;
}

interface Writable {
  readonly file: DiskFile;
  readonly segment: Segment;
}

export class Segments {
  readonly #options: SegmentsOptions;
  readonly #row: Segment[];
  readonly #zeros: Uint8Array;
  /** The last segment's file. */
  #active: DiskFile | null;
  #sealed = false;
  /** Of the segments made from now on. */
  #generation: number;

  constructor(
    options: SegmentsOptions,
    row: Segment[],
    active: DiskFile | null,
    generation: number,
  ) {
    this.#options = options;
    this.#row = row;
    this.#active = active;
    this.#generation = generation;
    this.#zeros = new Uint8Array(options.reserveBytes);
  }

  /** Null while there is no segment. */
  get firstIndex(): number | null {
    return this.#row[0]?.firstIndex ?? null;
  }

  get lastIndex(): number | null {
    const last = this.#row.at(-1);
    return last === undefined ? null : lastIndexOf(last);
  }

  get generation(): number {
    return this.#generation;
  }

  /** Without the room made in advance. */
  get bytes(): number {
    return this.#row.reduce((sum, segment) => sum + segment.end, 0);
  }

  termAt(index: number): number | null {
    const segment = this.#segmentOf(index);
    return segment?.terms[index - segment.firstIndex] ?? null;
  }

  /** Where the entry's record lies. The entry is held. */
  placeOf(index: number): { readonly file: string; readonly offset: number } {
    const segment = this.#segmentOf(index);
    const offset = segment?.offsets[index - segment.firstIndex];
    assert(segment !== null && offset !== undefined, `entry ${index} is not held`);
    return { file: segment.path, offset };
  }

  /** Makes the next append begin a new segment. */
  seal(): void {
    this.#sealed = true;
  }

  /** One write and one sync for all entries, of which there is at least one. */
  async append(entries: readonly [LogEntry, ...LogEntry[]]): Promise<void> {
    const batch = await encodeBatch(entries, entries[0].index);
    const { file, segment } = await this.#writable(batch.bytes.length, entries[0].index);
    const end = segment.end + batch.bytes.length;
    const startedAtMs = performance.now();
    if (end <= segment.reservedEnd) {
      await file.writeThrough(batch.bytes, segment.end);
    } else {
      await file.write(batch.bytes, segment.end);
      await this.#reserve(file, segment, end);
      await file.sync();
    }
    this.#options.onFsync((performance.now() - startedAtMs) / 1000);
    this.#appended(segment, batch, entries);
  }

  /** Drops every entry from the index on. From the end, so that a crash leaves no hole. */
  async truncateFrom(index: number): Promise<void> {
    let last = this.#row.at(-1);
    while (last !== undefined && last.firstIndex >= index && this.#row.length > 1) {
      await this.#dropLast(last);
      last = this.#row.at(-1);
    }
    const offset = last?.offsets[index - last.firstIndex];
    if (last === undefined || offset === undefined || this.#active === null) return;
    await cutFile(this.#active, offset, last.aligned);
    last.offsets.length = index - last.firstIndex;
    last.terms.length = index - last.firstIndex;
    last.end = last.aligned ? sectorEnd(offset) : offset;
    last.reservedEnd = last.end;
  }

  /** Drops segments whose entries are all at or below the index, oldest first, never the last one. */
  async dropThrough(index: number): Promise<void> {
    for (;;) {
      const first = this.#row[0];
      if (first === undefined || this.#row.length === 1 || lastIndexOf(first) > index) return;
      this.#row.shift();
      await this.#options.disk.remove(first.path);
    }
  }

  /** Drops everything; what is appended next is of another generation. */
  async replace(generation: number): Promise<void> {
    this.#generation = generation;
    await this.close();
    for (const segment of this.#row.splice(0)) await this.#options.disk.remove(segment.path);
  }

  /** Entries of the range, at least one, and no more once `bytesMax` is reached. */
  async read(fromIndex: number, toIndex: number, bytesMax: number): Promise<readonly LogEntry[]> {
    const entries: LogEntry[] = [];
    let left = bytesMax;
    let index = fromIndex;
    while (index <= toIndex && (left > 0 || entries.length === 0)) {
      const segment = this.#segmentOf(index);
      if (segment === null) throw new LogCompactedError(`entry ${index} is not held any more`);
      const read = await this.#readWithin(segment, index, toIndex, left);
      for (const entry of read) {
        left -= RECORD_HEADER_BYTES + entry.payload.length;
        entries.push(entry);
      }
      index += read.length;
    }
    return entries;
  }

  async close(): Promise<void> {
    const active = this.#active;
    this.#active = null;
    await active?.close();
  }

  #segmentOf(index: number): Segment | null {
    const holds = (segment: Segment): boolean =>
      segment.firstIndex <= index && index <= lastIndexOf(segment);
    return this.#row.findLast(holds) ?? null;
  }

  #appended(segment: Segment, batch: Batch, entries: readonly LogEntry[]): void {
    for (const offset of batch.offsets) segment.offsets.push(segment.end + offset);
    for (const entry of entries) segment.terms.push(entry.term);
    segment.end += batch.bytes.length;
  }

  /** Makes room ahead of an append that has left none; without it every sync would grow the file. */
  async #reserve(file: DiskFile, segment: Segment, end: number): Promise<void> {
    const room = Math.min(this.#zeros.length, this.#options.segmentBytesMax - end);
    segment.reservedEnd = end;
    if (room <= 0) return;
    try {
      await file.write(this.#zeros.subarray(0, room), end);
      segment.reservedEnd = end + room;
    } catch (error) {
      // The disk is nearly full: what is left of it is for entries.
      if (!isFull(error)) throw error;
    }
  }

  async #writable(size: number, index: number): Promise<Writable> {
    const last = this.#row.at(-1);
    if (last !== undefined && this.#active !== null) {
      const full = this.#sealed || last.end + size > this.#options.segmentBytesMax;
      const usable = last.aligned && (!full || last.offsets.length === 0);
      if (usable) return { file: this.#active, segment: last };
    }
    const made = await this.#create(index);
    this.#sealed = false;
    // Not synced: zeros at its end mean nothing.
    if (last !== undefined && last.reservedEnd > last.end) await this.#active?.truncate(last.end);
    await this.close();
    this.#active = made.file;
    this.#row.push(made.segment);
    return made;
  }

  /** The file has its name only once its header is durable. */
  async #create(firstIndex: number): Promise<Writable> {
    const { disk, directory } = this.#options;
    const path = join(directory, segmentName(firstIndex));
    const aside = await disk.create(path + ASIDE_SUFFIX);
    try {
      await aside.write(encodeSegmentHeader(firstIndex, this.#generation), 0);
      await aside.sync();
    } finally {
      await aside.close();
    }
    await disk.rename(path + ASIDE_SUFFIX, path);
    await disk.syncDirectory(directory);
    const file = await disk.open(path);
    const end = SEGMENT_HEADER_BYTES;
    const segment: Segment = {
      path,
      firstIndex,
      aligned: true,
      offsets: [],
      terms: [],
      end,
      reservedEnd: end,
    };
    return { file, segment };
  }

  async #dropLast(last: Segment): Promise<void> {
    const { disk, directory } = this.#options;
    await this.close();
    await disk.remove(last.path);
    await disk.syncDirectory(directory);
    this.#row.pop();
    const before = this.#row.at(-1);
    if (before !== undefined) this.#active = await disk.open(before.path);
  }

  async #readWithin(
    segment: Segment,
    fromIndex: number,
    toIndex: number,
    bytesMax: number,
  ): Promise<readonly LogEntry[]> {
    const { offsets, firstIndex, path } = segment;
    const from = this.placeOf(fromIndex).offset;
    const start = fromIndex - firstIndex;
    const after = Math.min(toIndex, lastIndexOf(segment)) + 1 - firstIndex;
    let stop = start + 1;
    while (stop < after && (offsets[stop] ?? Infinity) - from < bytesMax) stop += 1;
    const end = offsets[stop] ?? segment.end;
    const bytes = asBuffer(await this.#options.disk.readRange(path, from, end - from));
    return offsets.slice(start, stop).map((offset) => {
      const reading = readRecord(bytes, offset - from);
      if (reading.kind !== 'record') throw new LogDamageError(path, offset, reading.detail);
      const { index, term, type, payload } = reading.record;
      return { index, term, type, payload };
    });
  }
}

/**
 * Cuts a segment's file behind a record. What is left of the sector is padded only once the cut is
 * durable: padding before what was to be cut off would read as the end of a batch.
 */
export async function cutFile(file: DiskFile, offset: number, aligned: boolean): Promise<void> {
  await file.truncate(offset);
  await file.sync();
  const padding = sectorEnd(offset) - offset;
  if (!aligned || padding === 0) return;
  await file.write(new Uint8Array(padding).fill(PADDING), offset);
  await file.sync();
}

function isFull(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOSPC';
}
