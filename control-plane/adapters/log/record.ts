/**
 * One record of the log: a header of 32 bytes and a payload. All numbers are little-endian.
 *
 *   0  u32  CRC-32C of everything behind it: the rest of the header and the payload
 *   4  u32  CRC-32C of bytes 8 to 31, so that a header can be believed before its payload is there
 *   8  u32  length of the payload in bytes
 *  12  u8   type
 *  13  u8   version of the payload's format
 *  14  u48  term
 *  20  u48  index
 *  26  u48  index of the first record of the batch that was written, and synced, together with it
 *
 * The last field tells an interrupted write from damage: a batch is begun only after the one before
 * it was synced, so a record of a later batch proves that everything before that batch was durable.
 * Nothing here knows what a payload means.
 */

import { crc32c } from './crc32c.ts';

export const RECORD_HEADER_BYTES = 32;
export const PAYLOAD_VERSION = 1;
/** Larger payloads are refused on writing, and on reading taken for damage. */
export const PAYLOAD_BYTES_MAX = 64 * 1024 * 1024;

const TYPE_CODES = { command: 1, term_start: 2 } as const;

/** `term_start` opens a leader's term and carries nothing. */
export type RecordType = keyof typeof TYPE_CODES;

export interface LogEntry {
  readonly index: number;
  readonly term: number;
  readonly type: RecordType;
  readonly payload: Uint8Array;
}

export interface LogRecord extends LogEntry {
  readonly batchFirstIndex: number;
  /** Offset of the byte behind it. */
  readonly end: number;
}

export type RecordReading =
  | { readonly kind: 'record'; readonly record: LogRecord }
  /** The file ends within the header, or within the payload of a sound header. */
  | { readonly kind: 'cut_short'; readonly detail: string }
  | { readonly kind: 'broken'; readonly detail: string };

export function recordBytes(payload: Uint8Array): number {
  return RECORD_HEADER_BYTES + payload.length;
}

/** Writes a record at `offset` of a buffer that has room for it; returns the offset behind it. */
export function writeRecord(
  into: Buffer,
  offset: number,
  entry: LogEntry,
  batchFirstIndex: number,
): number {
  const end = offset + recordBytes(entry.payload);
  into.writeUInt32LE(entry.payload.length, offset + 8);
  into.writeUInt8(TYPE_CODES[entry.type], offset + 12);
  into.writeUInt8(PAYLOAD_VERSION, offset + 13);
  into.writeUIntLE(entry.term, offset + 14, 6);
  into.writeUIntLE(entry.index, offset + 20, 6);
  into.writeUIntLE(batchFirstIndex, offset + 26, 6);
  into.set(entry.payload, offset + RECORD_HEADER_BYTES);
  into.writeUInt32LE(crc32c(into.subarray(offset + 8, offset + RECORD_HEADER_BYTES)), offset + 4);
  into.writeUInt32LE(crc32c(into.subarray(offset + 4, end)), offset);
  return end;
}

/** Reads the record that begins at `offset`, believing nothing that no checksum covers. */
export function readRecord(bytes: Buffer, offset: number): RecordReading {
  const left = bytes.length - offset;
  if (left < RECORD_HEADER_BYTES) {
    return { kind: 'cut_short', detail: `the file ends ${left} bytes into a record's header` };
  }
  if (!isHeader(bytes, offset)) return broken('the header fails its checksum');
  const length = bytes.readUInt32LE(offset + 8);
  if (length > PAYLOAD_BYTES_MAX)
    return broken(`the payload of ${length} bytes is above the limit`);
  const end = offset + RECORD_HEADER_BYTES + length;
  if (end > bytes.length) {
    const there = bytes.length - offset - RECORD_HEADER_BYTES;
    return {
      kind: 'cut_short',
      detail: `the file ends ${there} bytes into a payload of ${length}`,
    };
  }
  if (crc32c(bytes.subarray(offset + 4, end)) !== bytes.readUInt32LE(offset)) {
    return broken('the record fails its checksum');
  }
  const type = typeOf(bytes.readUInt8(offset + 12));
  if (type === null) return broken('the record is of an unknown type: a newer version wrote it');
  const version = bytes.readUInt8(offset + 13);
  if (version > PAYLOAD_VERSION) {
    return broken(`the payload is of version ${version}, this program reads ${PAYLOAD_VERSION}`);
  }
  return {
    kind: 'record',
    record: {
      index: bytes.readUIntLE(offset + 20, 6),
      term: bytes.readUIntLE(offset + 14, 6),
      type,
      payload: bytes.subarray(offset + RECORD_HEADER_BYTES, end),
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

function typeOf(code: number): RecordType | null {
  if (code === TYPE_CODES.command) return 'command';
  return code === TYPE_CODES.term_start ? 'term_start' : null;
}

function broken(detail: string): RecordReading {
  return { kind: 'broken', detail };
}
