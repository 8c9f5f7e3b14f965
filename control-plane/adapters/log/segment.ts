/**
 * A segment: one append-only file of records with successive indices, behind a header of 32 bytes
 * (magic, format version, first index, CRC-32C). Reading one verifies every byte and tells the tail
 * of an interrupted write from damage; what to do about either is the caller's business.
 */

import { crc32c } from './crc32c.ts';
import { LogDamageError } from './damage.ts';
import { RECORD_HEADER_BYTES, isHeader, readRecord } from './record.ts';

export const SEGMENT_HEADER_BYTES = 32;
const MAGIC = Buffer.from('OMNILOG\n');
const FORMAT_VERSION = 1;
const CRC_AT = 28;
/** Disks write sectors whole; one that was not written in a fresh part of a file reads as zeros. */
const SECTOR_BYTES = 512;

export interface Segment {
  readonly path: string;
  readonly firstIndex: number;
  /** Offset of each record, and its term; the position is the index less firstIndex. */
  readonly offsets: number[];
  readonly terms: number[];
  /** Offset behind the last record. */
  end: number;
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

export function lastIndexOf(segment: Segment): number {
  return segment.firstIndex + segment.offsets.length - 1;
}

export function encodeSegmentHeader(firstIndex: number): Buffer {
  const header = Buffer.alloc(SEGMENT_HEADER_BYTES);
  MAGIC.copy(header);
  header.writeUInt32LE(FORMAT_VERSION, 8);
  header.writeUIntLE(firstIndex, 12, 6);
  header.writeUInt32LE(crc32c(header.subarray(0, CRC_AT)), CRC_AT);
  return header;
}

/**
 * Reads a whole segment. `firstIndex` is what the file's name says, `termBefore` the term of the
 * entry before it.
 * @throws LogDamageError when the header is not that of this segment: headers are durable before the
 * file gets its name.
 */
export function scanSegment(
  path: string,
  bytes: Buffer,
  firstIndex: number,
  termBefore: number,
): SegmentScan {
  checkHeader(path, bytes, firstIndex);
  const segment: Segment = { path, firstIndex, offsets: [], terms: [], end: SEGMENT_HEADER_BYTES };
  let term = termBefore;
  let lastBatchFirstIndex = firstIndex;
  while (segment.end < bytes.length) {
    const offset = segment.end;
    const index = firstIndex + segment.offsets.length;
    const reading = readRecord(bytes, offset);
    if (reading.kind !== 'record') {
      const torn = isTorn(bytes, offset, index, reading.kind);
      const fault = { offset, detail: reading.detail, torn };
      return { segment, lastBatchFirstIndex, fault };
    }
    const { record } = reading;
    if (record.index !== index) {
      const detail = `record ${record.index} stands where record ${index} belongs`;
      return { segment, lastBatchFirstIndex, fault: { offset, detail, torn: false } };
    }
    if (record.term < term) {
      const detail = `record ${index} is of term ${record.term}, the one before it of ${term}`;
      return { segment, lastBatchFirstIndex, fault: { offset, detail, torn: false } };
    }
    segment.offsets.push(offset);
    segment.terms.push(record.term);
    segment.end = record.end;
    term = record.term;
    lastBatchFirstIndex = record.batchFirstIndex;
  }
  return { segment, lastBatchFirstIndex, fault: null };
}

function checkHeader(path: string, bytes: Buffer, firstIndex: number): void {
  if (bytes.length < SEGMENT_HEADER_BYTES) {
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
}

/**
 * Whether record `index`, which cannot be read at `offset`, belonged to a write that was never
 * synced. It did not when a record of a later batch stands behind it. Otherwise it has to look like
 * an interrupted write: the file ends too early, or a sector was never written. Whole records with
 * wrong bytes are damage to something that may have been acknowledged.
 */
function isTorn(
  bytes: Buffer,
  offset: number,
  index: number,
  kind: 'cut_short' | 'broken',
): boolean {
  if (hasLaterBatch(bytes, offset + 1, index)) return false;
  return kind === 'cut_short' || hasUnwrittenSector(bytes, offset);
}

/** A sound header is proof enough: 2^-32 against chance, and its payload may be damaged as well. */
function hasLaterBatch(bytes: Buffer, from: number, index: number): boolean {
  for (let at = from; at + RECORD_HEADER_BYTES <= bytes.length; at += 1) {
    // Batch numbers are looked at first; they are far cheaper than a checksum.
    const batchFirstIndex = bytes.readUIntLE(at + 26, 6);
    const recordIndex = bytes.readUIntLE(at + 20, 6);
    const plausible = batchFirstIndex > index && recordIndex >= batchFirstIndex;
    if (plausible && recordIndex - index <= bytes.length && isHeader(bytes, at)) return true;
  }
  return false;
}

function hasUnwrittenSector(bytes: Buffer, offset: number): boolean {
  let from = offset;
  while (from < bytes.length) {
    const to = Math.min(bytes.length, from - (from % SECTOR_BYTES) + SECTOR_BYTES);
    if (bytes.subarray(from, to).every((byte) => byte === 0)) return true;
    from = to;
  }
  return false;
}
