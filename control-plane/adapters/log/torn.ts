/**
 * Whether a record that cannot be read belonged to a write that was interrupted, and of which
 * nobody was told. It has to look like one: the file ends too early, or one of the record's sectors
 * was never written; and no record of a later batch stands behind it, which would prove that it had
 * been durable. All bytes there with wrong ones among them is damage to what may have been
 * acknowledged.
 */

import { RECORD_HEADER_BYTES, isHeader } from './record.ts';
import type { RecordReading } from './record.ts';
import {
  PADDING,
  SECTOR_BYTES,
  contentEnd,
  hasUnwrittenSector,
  isAll,
  sectorEnd,
} from './sectors.ts';

/** Of record `index`, which was to begin at `offset`, in a segment whose batches begin at sectors. */
export function isTorn(
  bytes: Buffer,
  offset: number,
  index: number,
  reading: RecordReading,
): boolean {
  if (reading.kind === 'record' || reading.kind === 'foreign') return false;
  for (let at = sectorEnd(offset + 1); at + RECORD_HEADER_BYTES <= bytes.length;) {
    if (isOfLaterBatch(bytes, at, index)) return false;
    at += SECTOR_BYTES;
  }
  if (reading.kind === 'cut_short' || endsInZeros(bytes, offset, reading.end)) return true;
  return hasUnwrittenSector(bytes, offset, reading.end);
}

/** Fewer at the end of a file may be what damage made of them. */
const ZEROS_MIN = 8;

/**
 * Whether the file ends in the sector in which its content ends, with zeros where the record goes on, or
 * where padding does. A failed sync may leave a file that ends within a sector; when that sector is then
 * written once more and the power fails, its new length can be there without its bytes. A write that
 * ended leaves a record or padding at the end of a sector, never zeros.
 */
function endsInZeros(bytes: Buffer, offset: number, recordEnd: number): boolean {
  const end = contentEnd(bytes);
  if (bytes.length > sectorEnd(Math.max(end, offset))) return false;
  if (isAll(bytes, offset, end, PADDING)) return true;
  return recordEnd > end && bytes.length - end >= ZEROS_MIN;
}

/**
 * The same where records lie without regard to sectors (segments of version 1): what is left of the
 * first sector and of the last one counts as a sector.
 */
export function isTornUnaligned(
  bytes: Buffer,
  offset: number,
  index: number,
  reading: RecordReading,
): boolean {
  if (reading.kind === 'record' || reading.kind === 'foreign') return false;
  for (let at = offset + 1; at + RECORD_HEADER_BYTES <= bytes.length; at += 1) {
    if (isOfLaterBatch(bytes, at, index)) return false;
  }
  if (reading.kind === 'cut_short') return true;
  for (let from = offset; from < bytes.length; from = sectorEnd(from + 1)) {
    if (isAll(bytes, from, sectorEnd(from + 1), 0)) return true;
  }
  return false;
}

/** A sound header is proof enough: 2^-32 against chance, and its payload may be damaged as well. */
function isOfLaterBatch(bytes: Buffer, at: number, index: number): boolean {
  // Batch numbers are looked at first; they are far cheaper than a checksum.
  const batchFirstIndex = bytes.readUIntLE(at + 26, 6);
  const recordIndex = bytes.readUIntLE(at + 20, 6);
  const plausible = batchFirstIndex > index && recordIndex >= batchFirstIndex;
  return plausible && recordIndex - index <= bytes.length && isHeader(bytes, at);
}
