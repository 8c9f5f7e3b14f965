/**
 * A segment: one append-only file of records with successive indices. Reading one verifies every
 * byte and tells the tail of an interrupted write from damage; what to do about either is the
 * caller's business. Numbers are little-endian.
 *
 *   0  8    magic
 *   8  u32  version of the format: 2; files of version 1 are read, and never written to
 *  12  u48  first index
 *  18  u48  generation: segments of one below the snapshot's belong to a log that it replaced
 *  28  u32  CRC-32C of bytes 0 to 27
 *  32       padding up to the first sector boundary; in version 1 the first record
 *
 * In version 2 each batch begins at a sector boundary and ends with padding up to the next. Zeros up
 * to the file's end are room that was made in advance: a sync is cheaper where a file does not grow.
 */

import { setImmediate as nextTurn } from 'node:timers/promises';
import { crc32c } from './crc32c.ts';
import { LogDamageError } from './damage.ts';
import { isHeader, readRecord } from './record.ts';
import type { RecordReading } from './record.ts';
import { PADDING, SECTOR_BYTES, contentEnd, isAll, sectorEnd } from './sectors.ts';
import { isTorn, isTornUnaligned } from './torn.ts';

export const SEGMENT_HEADER_BYTES = SECTOR_BYTES;
const UNALIGNED_HEADER_BYTES = 32;
const MAGIC = Buffer.from('OMNILOG\n');
const FORMAT_VERSION = 2;
const CRC_AT = 28;
/** What is verified between two turns of the event loop. */
const TURN_BYTES = 1024 * 1024;

export interface Segment {
  readonly path: string;
  readonly firstIndex: number;
  /** False in files of version 1. */
  readonly aligned: boolean;
  /** Offset of each record, and its term; the position is the index less firstIndex. */
  readonly offsets: number[];
  readonly terms: number[];
  /** Offset at which the next batch begins: behind the last record and its padding. */
  end: number;
  /** Up to here the file has been made and is zeros behind `end`. */
  reservedEnd: number;
}

export interface SegmentFault {
  readonly offset: number;
  readonly detail: string;
  /** True when it is the tail of a write that was never synced: nobody was told of it. */
  readonly torn: boolean;
}

export interface SegmentScan {
  readonly segment: Segment;
  /** First index of the batch that the last sound record belongs to. */
  readonly lastBatchFirstIndex: number;
  readonly fault: SegmentFault | null;
}

export interface SegmentHead {
  readonly version: number;
  readonly generation: number;
}

export function lastIndexOf(segment: Segment): number {
  return segment.firstIndex + segment.offsets.length - 1;
}

export function encodeSegmentHeader(firstIndex: number, generation: number): Buffer {
  const header = Buffer.alloc(SEGMENT_HEADER_BYTES, PADDING);
  header.fill(0, 0, CRC_AT);
  MAGIC.copy(header);
  header.writeUInt32LE(FORMAT_VERSION, 8);
  header.writeUIntLE(firstIndex, 12, 6);
  header.writeUIntLE(generation, 18, 6);
  header.writeUInt32LE(crc32c(header.subarray(0, CRC_AT)), CRC_AT);
  return header;
}

/**
 * Reads the header of the segment that is named for `firstIndex`.
 * @throws LogDamageError: headers are durable before the file gets its name.
 */
export function readSegmentHead(path: string, bytes: Buffer, firstIndex: number): SegmentHead {
  if (bytes.length < UNALIGNED_HEADER_BYTES) {
    throw new LogDamageError(path, 0, `the file of ${bytes.length} bytes has no whole header`);
  }
  if (crc32c(bytes.subarray(0, CRC_AT)) !== bytes.readUInt32LE(CRC_AT)) {
    throw new LogDamageError(path, 0, 'the header fails its checksum');
  }
  const version = bytes.readUInt32LE(8);
  if (!bytes.subarray(0, MAGIC.length).equals(MAGIC) || version > FORMAT_VERSION) {
    const detail = `it is no segment of format ${FORMAT_VERSION} or older`;
    throw new LogDamageError(path, 0, detail);
  }
  const said = bytes.readUIntLE(12, 6);
  if (said !== firstIndex) {
    throw new LogDamageError(path, 0, `it begins at index ${said} and is named ${firstIndex}`);
  }
  if (version === 1) return { version, generation: 0 };
  const whole = bytes.length >= SEGMENT_HEADER_BYTES;
  if (!whole || !isAll(bytes, UNALIGNED_HEADER_BYTES, SEGMENT_HEADER_BYTES, PADDING)) {
    throw new LogDamageError(path, UNALIGNED_HEADER_BYTES, 'the header is not padded');
  }
  return { version, generation: bytes.readUIntLE(18, 6) };
}

/**
 * Reads a whole segment. `firstIndex` is what the file's name says, `termBefore` the term of the
 * entry before it.
 * @throws LogDamageError
 */
export async function scanSegment(
  path: string,
  bytes: Buffer,
  firstIndex: number,
  termBefore: number,
): Promise<SegmentScan> {
  const aligned = readSegmentHead(path, bytes, firstIndex).version > 1;
  const segment: Segment = {
    path,
    firstIndex,
    aligned,
    offsets: [],
    terms: [],
    end: aligned ? SEGMENT_HEADER_BYTES : UNALIGNED_HEADER_BYTES,
    reservedEnd: bytes.length,
  };
  const written = aligned ? contentEnd(bytes) : bytes.length;
  let term = termBefore;
  let lastBatchFirstIndex = firstIndex;
  let turnEnd = TURN_BYTES;
  while (segment.end < written) {
    const offset = segment.end;
    const index = firstIndex + segment.offsets.length;
    const reading = readRecord(bytes, offset);
    const fault = faultIn(reading, index, term);
    if (reading.kind !== 'record' || fault !== null) {
      if (aligned && isPadding(bytes, offset)) {
        segment.end = Math.min(sectorEnd(offset), bytes.length);
        continue;
      }
      const judge = aligned ? isTorn : isTornUnaligned;
      const torn = judge(bytes, offset, index, reading);
      return { segment, lastBatchFirstIndex, fault: { offset, detail: fault ?? '', torn } };
    }
    const { record } = reading;
    segment.offsets.push(offset);
    segment.terms.push(record.term);
    segment.end = record.end;
    term = record.term;
    lastBatchFirstIndex = record.batchFirstIndex;
    if (segment.end < turnEnd) continue;
    turnEnd = segment.end + TURN_BYTES;
    await nextTurn();
  }
  return { segment, lastBatchFirstIndex, fault: null };
}

/** Null for the record that belongs here. */
function faultIn(reading: RecordReading, index: number, termBefore: number): string | null {
  if (reading.kind !== 'record') return reading.detail;
  const { record } = reading;
  if (record.index !== index) return `record ${record.index} stands where record ${index} belongs`;
  if (record.term >= termBefore) return null;
  return `record ${index} is of term ${record.term}, the one before it of ${termBefore}`;
}

/** What is left of a sector behind a batch; a record that begins here has a sound header instead. */
function isPadding(bytes: Buffer, offset: number): boolean {
  if (offset % SECTOR_BYTES === 0 || !isAll(bytes, offset, sectorEnd(offset), PADDING))
    return false;
  return offset + UNALIGNED_HEADER_BYTES > bytes.length || !isHeader(bytes, offset);
}
