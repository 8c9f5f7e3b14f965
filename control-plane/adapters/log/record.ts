/**
 * One record of the log: a header of 32 bytes and a payload. All numbers are little-endian.
 *
 *   0  u32  CRC-32C of everything behind it: the rest of the header and the payload
 *   4  u32  CRC-32C of bytes 8 to 31, so that a header can be believed before its payload is there
 *   8  u32  length of the payload in bytes
 *  12  u8   type
 *  13  u8   version of the payload's format: 1 as it is; 2 behind one byte that masks it (mask.ts)
 *  14  u48  term
 *  20  u48  index
 *  26  u48  index of the first record of the batch that was written, and synced, together with it
 *
 * The last field tells an interrupted write from damage: a batch is begun only after the one before
 * it was synced, so a record of a later batch proves that everything before that batch was durable.
 * Nothing here knows what a payload means.
 */

import type { EntryType, LogEntry } from '../../model/log-entry.ts';
import { crc32c, crc32cInTurns } from './crc32c.ts';
import { maskInto, maskNeeded, unmasked } from './mask.ts';

export const RECORD_HEADER_BYTES = 32;
const PLAIN_VERSION = 1;
const MASKED_VERSION = 2;
/** Larger payloads are refused on writing, and on reading taken for damage. */
export const PAYLOAD_BYTES_MAX = 64 * 1024 * 1024;

const TYPES: readonly (EntryType | null)[] = [null, 'command', 'term_start', 'configuration'];
const TYPE_CODES: Readonly<Record<EntryType, number>> = {
  command: 1,
  term_start: 2,
  configuration: 3,
};

export interface LogRecord extends LogEntry {
  readonly batchFirstIndex: number;
  /** Offset of the byte behind it. */
  readonly end: number;
}

export type RecordReading =
  | { readonly kind: 'record'; readonly record: LogRecord }
  /** The file ends within the header, or within the payload of a sound header. */
  | { readonly kind: 'cut_short'; readonly detail: string }
  /** A checksum fails; `end` is behind the part of the record that it covers. */
  | { readonly kind: 'broken'; readonly detail: string; readonly end: number }
  /** It is what somebody wrote, and not for this program. */
  | { readonly kind: 'foreign'; readonly detail: string };

/** An entry, and what its record will be like. */
export interface RecordPlan {
  readonly entry: LogEntry;
  readonly mask: number | null;
  readonly bytes: number;
}

export function planRecord(entry: LogEntry): RecordPlan {
  const mask = maskNeeded(entry.payload);
  const bytes = RECORD_HEADER_BYTES + entry.payload.length + (mask === null ? 0 : 1);
  return { entry, mask, bytes };
}

/** Writes a record at `offset` of a buffer that has room for it. */
export function writeRecord(into: Buffer, offset: number, plan: RecordPlan, batch: number): void {
  const covered = writeUnsealed(into, offset, plan, batch);
  into.writeUInt32LE(crc32c(covered), offset);
}

/** The same for a record of any size, without holding up the event loop. */
export async function writeRecordInTurns(
  into: Buffer,
  offset: number,
  plan: RecordPlan,
  batch: number,
): Promise<void> {
  const covered = writeUnsealed(into, offset, plan, batch);
  into.writeUInt32LE(await crc32cInTurns(covered), offset);
}

/** All but the first field; returns what that one has to cover. `batch` is its first index. */
function writeUnsealed(into: Buffer, offset: number, plan: RecordPlan, batch: number): Buffer {
  const { entry, mask, bytes } = plan;
  const start = offset + RECORD_HEADER_BYTES;
  into.writeUInt32LE(bytes - RECORD_HEADER_BYTES, offset + 8);
  into[offset + 12] = TYPE_CODES[entry.type];
  into[offset + 13] = mask === null ? PLAIN_VERSION : MASKED_VERSION;
  into.writeUIntLE(entry.term, offset + 14, 6);
  into.writeUIntLE(entry.index, offset + 20, 6);
  into.writeUIntLE(batch, offset + 26, 6);
  if (mask === null) into.set(entry.payload, start);
  else maskInto(into, start, entry.payload, mask);
  into.writeUInt32LE(crc32c(into.subarray(offset + 8, start)), offset + 4);
  return into.subarray(offset + 4, offset + bytes);
}

/** Reads the record that begins at `offset`, believing nothing that no checksum covers. */
export function readRecord(bytes: Buffer, offset: number): RecordReading {
  const left = bytes.length - offset;
  if (left < RECORD_HEADER_BYTES) {
    return { kind: 'cut_short', detail: `the file ends ${left} bytes into a record's header` };
  }
  const start = offset + RECORD_HEADER_BYTES;
  if (!isHeader(bytes, offset)) {
    return { kind: 'broken', detail: 'the header fails its checksum', end: start };
  }
  const length = bytes.readUInt32LE(offset + 8);
  if (length > PAYLOAD_BYTES_MAX + 1) {
    return { kind: 'foreign', detail: `the payload of ${length} bytes is above the limit` };
  }
  const end = start + length;
  if (end > bytes.length) {
    const detail = `the file ends ${bytes.length - start} bytes into a payload of ${length}`;
    return { kind: 'cut_short', detail };
  }
  if (crc32c(bytes.subarray(offset + 4, end)) !== bytes.readUInt32LE(offset)) {
    return { kind: 'broken', detail: 'the record fails its checksum', end };
  }
  const type = TYPES[bytes.readUInt8(offset + 12)] ?? null;
  if (type === null) {
    return {
      kind: 'foreign',
      detail: 'the record is of an unknown type: a newer version wrote it',
    };
  }
  const version = bytes.readUInt8(offset + 13);
  if (version > MASKED_VERSION || (version === MASKED_VERSION && length === 0)) {
    const detail = `the payload is of version ${version}, this program reads ${MASKED_VERSION}`;
    return { kind: 'foreign', detail };
  }
  const stored = bytes.subarray(start, end);
  return {
    kind: 'record',
    record: {
      index: bytes.readUIntLE(offset + 20, 6),
      term: bytes.readUIntLE(offset + 14, 6),
      type,
      payload: version === MASKED_VERSION ? unmasked(stored) : stored,
      batchFirstIndex: bytes.readUIntLE(offset + 26, 6),
      end,
    },
  };
}

/** Whether a sound header begins at `offset`; all of it must be within the bytes. */
export function isHeader(bytes: Buffer, offset: number): boolean {
  const header = bytes.subarray(offset + 8, offset + RECORD_HEADER_BYTES);
  return crc32c(header) === bytes.readUInt32LE(offset + 4);
}
