/**
 * The queue between deciding and the database, on this member's disk. What `append` resolved is
 * there after a SIGKILL or a power cut; what was handed on is remembered, roughly: a reader may get
 * a record twice and must not mind. It is bounded and never blocks: past the bound the oldest holds
 * go first, then the oldest acts, each counted. One process per directory; it takes no lock itself.
 */

import {
  mkdir,
  open,
  readdir,
  readFile,
  rename,
  truncate,
  unlink,
  writeFile,
} from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import type { RecordText } from './record-text.ts';
import {
  formatInTurns,
  formatLines,
  parseSegmentFile,
  readSegment,
  readSegmentFrom,
  removeSegment,
  segmentFile,
  syncDirectory,
  writeDurably,
} from './spool-segment.ts';
import type { SegmentName } from './spool-segment.ts';

export interface SpoolOptions {
  readonly directory: string;
  /** Bytes of all segments together at most. */
  readonly bytesMax: number;
  /** Called with the number of records given up and why, in one line. */
  readonly onDropped: (records: number, why: string) => void;
}

export interface SpoolBatch {
  readonly records: readonly RecordText[];
  /** Passed to `advance` once the records are written elsewhere. */
  readonly mark: SpoolMark;
}

export interface SpoolMark {
  readonly segment: SegmentName;
  readonly offset: number;
  readonly acts: number;
  readonly holds: number;
}

/** Counts are of what is still to be read. */
interface Segment {
  readonly name: SegmentName;
  bytes: number;
  acts: number;
  holds: number;
}

/** Sixteen of them fit the bound, so that giving up the oldest is a small part of the whole. */
const SEGMENTS = 16;
const SEGMENT_BYTES_MAX = 8 * 1024 * 1024;
const POSITION_FILE = 'position.json';

export class Spool {
  readonly #options: SpoolOptions;
  readonly #segmentBytesMax: number;
  /** Oldest first; reading is in the first, appending to the last. Never empty once open. */
  readonly #segments: Segment[] = [];
  #offset = 0;
  #active: FileHandle | null = null;
  #closed = false;
  /** Operations run one after the other: a rewrite never meets a read. */
  #last: Promise<unknown> = Promise.resolve();

  private constructor(options: SpoolOptions) {
    this.#options = options;
    this.#segmentBytesMax = Math.min(SEGMENT_BYTES_MAX, Math.ceil(options.bytesMax / SEGMENTS));
  }

  /** Finds what an earlier process left, cuts a torn end off, and goes on behind it. */
  static async open(options: SpoolOptions): Promise<Spool> {
    const spool = new Spool(options);
    await mkdir(options.directory, { recursive: true });
    await spool.#recover();
    return spool;
  }

  /** Records that were appended and not handed on yet. */
  get buffered(): number {
    return this.#segments.reduce((sum, { acts, holds }) => sum + acts + holds, 0);
  }

  get bytes(): number {
    return this.#segments.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  /**
   * One write and one flush to disk. Rejects when the disk does, and then nothing was appended. The
   * records may be made as they are taken; a long list is taken in several turns of the event loop.
   */
  append(records: Iterable<RecordText>): Promise<void> {
    return this.#serially(async () => {
      if (this.#closed) throw new Error('the spool is closed');
      const { bytes, acts, holds } = await formatInTurns(records);
      if (bytes.length === 0) return;
      if (bytes.length > this.#options.bytesMax) {
        this.#options.onDropped(acts + holds, 'more at once than the spool may hold');
        return;
      }
      while (this.bytes + bytes.length > this.#options.bytesMax) await this.#giveUpOldest();
      const segment = await this.#segmentToAppend();
      await this.#write(segment, bytes);
      segment.bytes += bytes.length;
      segment.acts += acts;
      segment.holds += holds;
    });
  }

  /** The oldest records that were not handed on; empty when there are none. */
  read(recordsMax: number, bytesMax: number): Promise<SpoolBatch> {
    return this.#serially(async () => {
      await this.#dropFinished();
      const segment = this.#first();
      const path = this.#path(segment.name);
      const range = { offset: this.#offset, end: segment.bytes };
      const found = await readSegmentFrom(path, range, recordsMax, bytesMax);
      const { records, damaged, bytes } = found;
      const acts = records.filter(({ act }) => act).length;
      const mark = {
        segment: segment.name,
        offset: this.#offset + bytes,
        acts,
        holds: records.length - acts,
      };
      if (damaged > 0 && records.length === 0) await this.#moveTo(segment, mark);
      return { records, mark };
    });
  }

  /** Records up to the mark are written elsewhere; a segment that is done is deleted. */
  advance(mark: SpoolMark): Promise<void> {
    return this.#serially(async () => {
      const segment = this.#first();
      // Rewritten or given up meanwhile: the records come again, or were counted as dropped.
      if (segmentFile(segment.name) !== segmentFile(mark.segment)) return;
      await this.#moveTo(segment, mark);
    });
  }

  async close(): Promise<void> {
    await this.#serially(async () => {
      this.#closed = true;
      await this.#active?.close();
      this.#active = null;
    });
  }

  #serially<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#last.then(work, work);
    this.#last = done.catch(() => undefined);
    return done;
  }

  #first(): Segment {
    const [first] = this.#segments;
    if (first === undefined) throw new Error('the spool has no segment');
    return first;
  }

  #path(name: SegmentName): string {
    return join(this.#options.directory, segmentFile(name));
  }

  async #moveTo(segment: Segment, mark: SpoolMark): Promise<void> {
    this.#offset = mark.offset;
    segment.acts -= mark.acts;
    segment.holds -= mark.holds;
    await this.#savePosition();
    await this.#dropFinished();
  }

  /** Not flushed: an old position after a power cut means records twice, which readers do not mind. */
  async #savePosition(): Promise<void> {
    const path = join(this.#options.directory, POSITION_FILE);
    const position = { segment: segmentFile(this.#first().name), offset: this.#offset };
    await writeFile(`${path}.tmp`, JSON.stringify(position));
    await rename(`${path}.tmp`, path);
  }

  async #dropFinished(): Promise<void> {
    while (this.#segments.length > 1 && this.#offset >= this.#first().bytes) {
      await this.#removeFirst();
    }
  }

  async #removeFirst(): Promise<void> {
    const segment = this.#first();
    if (this.#segments.length === 1) await this.#addSegment(segment.name.sequence + 1);
    this.#segments.shift();
    this.#offset = 0;
    await removeSegment(this.#options.directory, segment.name);
  }

  async #segmentToAppend(): Promise<Segment> {
    const last = this.#segments.at(-1);
    if (last !== undefined && this.#active !== null && last.bytes < this.#segmentBytesMax) {
      return last;
    }
    return this.#addSegment((last?.name.sequence ?? 0) + 1);
  }

  async #addSegment(sequence: number): Promise<Segment> {
    await this.#active?.close();
    const name = { sequence, generation: 0 };
    this.#active = await open(this.#path(name), 'a');
    await syncDirectory(this.#options.directory);
    const segment = { name, bytes: 0, acts: 0, holds: 0 };
    this.#segments.push(segment);
    return segment;
  }

  async #write(segment: Segment, bytes: Buffer): Promise<void> {
    const handle = this.#active;
    if (handle === null) throw new Error('no segment is open');
    try {
      await handle.appendFile(bytes);
      await handle.datasync();
    } catch (cause) {
      // What the file now ends with is unknown: cut it back, and never write behind it again.
      this.#active = null;
      await handle.close().catch(() => undefined);
      await truncate(this.#path(segment.name), segment.bytes).catch(() => undefined);
      throw cause;
    }
  }

  /** Makes room: the holds of the oldest segment that has any, else the oldest segment whole. */
  async #giveUpOldest(): Promise<void> {
    const index = this.#segments.findIndex(({ holds }) => holds > 0);
    const segment = this.#segments[index];
    if (segment === undefined) {
      const { acts } = this.#first();
      await this.#removeFirst();
      if (acts > 0) this.#options.onDropped(acts, 'the spool is full of acts');
      return;
    }
    if (index === this.#segments.length - 1) await this.#addSegment(segment.name.sequence + 1);
    await this.#rewriteWithoutHolds(index, segment);
  }

  async #rewriteWithoutHolds(index: number, segment: Segment): Promise<void> {
    const offset = index === 0 ? this.#offset : 0;
    const path = this.#path(segment.name);
    const length = segment.bytes - offset;
    const range = { offset, end: segment.bytes };
    const found = await readSegmentFrom(path, range, Infinity, Math.max(1, length));
    const kept = found.records.filter(({ act }) => act);
    const name = { ...segment.name, generation: segment.name.generation + 1 };
    const bytes = formatLines(kept);
    await writeDurably(this.#path(name), bytes);
    this.#segments[index] = { name, bytes: bytes.length, acts: kept.length, holds: 0 };
    if (index === 0) this.#offset = 0;
    await removeSegment(this.#options.directory, segment.name);
    this.#options.onDropped(segment.holds, 'the spool is full');
  }

  async #recover(): Promise<void> {
    const names = await this.#findSegments();
    for (const name of names) {
      const { records, damaged, bytes } = await readSegment(this.#path(name));
      const acts = records.filter(({ act }) => act).length;
      this.#segments.push({ name, bytes, acts, holds: records.length - acts });
      if (damaged > 0) this.#options.onDropped(damaged, `${segmentFile(name)} is damaged`);
    }
    const last = this.#segments.at(-1);
    if (last === undefined) {
      await this.#addSegment(1);
      return;
    }
    await truncate(this.#path(last.name), last.bytes);
    this.#active = await open(this.#path(last.name), 'a');
    await this.#restorePosition();
  }

  /** Oldest first, and of each the last rewrite; what a rewrite or a removal left half done is removed. */
  async #findSegments(): Promise<SegmentName[]> {
    const latest = new Map<number, SegmentName>();
    const { directory } = this.#options;
    for (const file of await readdir(directory)) {
      if (file.endsWith('.tmp')) await unlink(join(directory, file));
      const name = parseSegmentFile(file);
      if (name === null) continue;
      const known = latest.get(name.sequence);
      if (known === undefined || known.generation < name.generation)
        latest.set(name.sequence, name);
      const older = known === undefined ? null : known.generation < name.generation ? known : name;
      if (older !== null) await removeSegment(directory, older);
    }
    return [...latest.values()].sort((a, b) => a.sequence - b.sequence);
  }

  async #restorePosition(): Promise<void> {
    const { file, offset } = await this.#readPosition();
    const index = this.#segments.findIndex(({ name }) => segmentFile(name) === file);
    if (index < 0) return;
    while (segmentFile(this.#first().name) !== file) await this.#removeFirst();
    const segment = this.#first();
    if (offset > segment.bytes || offset === 0) return;
    const range = { offset: 0, end: offset };
    const done = await readSegmentFrom(this.#path(segment.name), range, Infinity, offset);
    // A position inside of a line is not ours: read the segment again from its beginning.
    if (done.bytes !== offset) return;
    const acts = done.records.filter(({ act }) => act).length;
    segment.acts -= acts;
    segment.holds -= done.records.length - acts;
    this.#offset = offset;
    await this.#dropFinished();
  }

  async #readPosition(): Promise<{ file: string; offset: number }> {
    const nowhere = { file: '', offset: 0 };
    try {
      const text = await readFile(join(this.#options.directory, POSITION_FILE), 'utf8');
      const found: unknown = JSON.parse(text);
      if (typeof found !== 'object' || found === null) return nowhere;
      if (!('segment' in found) || !('offset' in found)) return nowhere;
      const { segment, offset } = found;
      if (typeof segment !== 'string' || typeof offset !== 'number') return nowhere;
      return Number.isInteger(offset) && offset >= 0 ? { file: segment, offset } : nowhere;
    } catch {
      // Missing, or cut by a power cut: everything is read again, which readers do not mind.
      return nowhere;
    }
  }
}
