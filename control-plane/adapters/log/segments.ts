/**
 * The row of segments: appending to the last, beginning a new one, reading across them, dropping
 * them from either end. It keeps the order that makes a crash between any two operations leave a
 * row without holes; it catches nothing, that is the log's business.
 */

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { LogCompactedError, LogDamageError } from './damage.ts';
import type { Disk, DiskFile } from './disk.ts';
import { segmentName } from './names.ts';
import { readRecord, recordBytes, writeRecord } from './record.ts';
import type { LogEntry } from './record.ts';
import { ASIDE_SUFFIX, asBuffer } from './sealed-file.ts';
import { SEGMENT_HEADER_BYTES, encodeSegmentHeader, lastIndexOf } from './segment.ts';
import type { Segment } from './segment.ts';

export interface SegmentsOptions {
  readonly disk: Disk;
  readonly directory: string;
  readonly segmentBytesMax: number;
  /** Told the duration of every sync of appended entries, in seconds. */
  readonly onFsync: (seconds: number) => void;
}

interface Writable {
  readonly file: DiskFile;
  readonly segment: Segment;
}

export class Segments {
  readonly #options: SegmentsOptions;
  readonly #row: Segment[];
  /** The last segment's file. */
  #active: DiskFile | null;
  #sealed = false;

  constructor(options: SegmentsOptions, row: Segment[], active: DiskFile | null) {
    this.#options = options;
    this.#row = row;
    this.#active = active;
  }

  /** Null while there is no segment. */
  get firstIndex(): number | null {
    return this.#row[0]?.firstIndex ?? null;
  }

  get lastIndex(): number | null {
    const last = this.#row.at(-1);
    return last === undefined ? null : lastIndexOf(last);
  }

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
    const size = entries.reduce((sum, entry) => sum + recordBytes(entry.payload), 0);
    const batchFirstIndex = entries[0].index;
    const { file, segment } = await this.#writable(size, batchFirstIndex);
    const batch = Buffer.alloc(size);
    const offsets: number[] = [];
    let end = 0;
    for (const entry of entries) {
      offsets.push(segment.end + end);
      end = writeRecord(batch, end, entry, batchFirstIndex);
    }
    await file.write(batch, segment.end);
    const startedAtMs = performance.now();
    await file.sync();
    this.#options.onFsync((performance.now() - startedAtMs) / 1000);
    for (const offset of offsets) segment.offsets.push(offset);
    for (const entry of entries) segment.terms.push(entry.term);
    segment.end += size;
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
    await this.#active.truncate(offset);
    await this.#active.sync();
    last.offsets.length = index - last.firstIndex;
    last.terms.length = index - last.firstIndex;
    last.end = offset;
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

  async dropAll(): Promise<void> {
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
        left -= recordBytes(entry.payload);
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

  async #writable(size: number, index: number): Promise<Writable> {
    const last = this.#row.at(-1);
    if (last !== undefined && this.#active !== null) {
      const full = this.#sealed || last.end + size > this.#options.segmentBytesMax;
      if (!full || last.offsets.length === 0) return { file: this.#active, segment: last };
    }
    const made = await this.#create(index);
    this.#sealed = false;
    await this.close();
    this.#active = made.file;
    this.#row.push(made.segment);
    return made;
  }

  /** The file has its name only once its header is durable. */
  async #create(firstIndex: number): Promise<Writable> {
    const { disk, directory } = this.#options;
    const path = join(directory, segmentName(firstIndex));
    const file = await disk.create(path + ASIDE_SUFFIX);
    try {
      await file.write(encodeSegmentHeader(firstIndex), 0);
      await file.sync();
      await disk.rename(path + ASIDE_SUFFIX, path);
      await disk.syncDirectory(directory);
    } catch (error) {
      await file.close();
      throw error;
    }
    const segment: Segment = {
      path,
      firstIndex,
      offsets: [],
      terms: [],
      end: SEGMENT_HEADER_BYTES,
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
    const after = Math.min(toIndex, lastIndexOf(segment)) + 1 - firstIndex;
    let stop = fromIndex + 1 - firstIndex;
    while (stop < after && (offsets[stop] ?? Infinity) - from < bytesMax) stop += 1;
    const end = offsets[stop] ?? segment.end;
    const bytes = asBuffer(await this.#options.disk.readRange(path, from, end - from));
    const entries: LogEntry[] = [];
    for (let at = 0; at < end - from;) {
      const reading = readRecord(bytes, at);
      if (reading.kind !== 'record') throw new LogDamageError(path, from + at, reading.detail);
      entries.push(reading.record);
      at = reading.record.end;
    }
    return entries;
  }
}
