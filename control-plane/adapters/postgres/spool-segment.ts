/**
 * One file of the spool: lines of checksum, kind and JSON. A line whose checksum does not fit is
 * damage and is never handed on; an end without a newline is a write that was cut short.
 */

import { open, readFile, rename, unlink } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { crc32 } from 'node:zlib';
import type { RecordText } from './record-text.ts';

/** Which file: `sequence` orders them, `generation` counts its rewrites. */
export interface SegmentName {
  readonly sequence: number;
  readonly generation: number;
}

export interface Lines {
  readonly records: readonly RecordText[];
  readonly damaged: number;
  /** Bytes up to and with the last newline. */
  readonly bytes: number;
}

export function segmentFile({ sequence, generation }: SegmentName): string {
  return `${String(sequence).padStart(12, '0')}.${generation}.spool`;
}

/** Null for a file that is no segment. */
export function parseSegmentFile(file: string): SegmentName | null {
  const found = /^(\d{12})\.(\d+)\.spool$/.exec(file);
  return found === null ? null : { sequence: Number(found[1]), generation: Number(found[2]) };
}

export function formatLines(records: readonly RecordText[]): Buffer {
  let text = '';
  for (const { act, json } of records) {
    const body = `${act ? 'a' : 'h'} ${json}`;
    text += `${checksum(body)} ${body}\n`;
  }
  return Buffer.from(text);
}

/**
 * The lines of any number of records, and how many of them are acts. The records of a large fleet are
 * made and formatted over several turns of the event loop: heartbeats and leases do not wait for them.
 */
export async function formatInTurns(
  records: Iterable<RecordText>,
): Promise<{ readonly bytes: Buffer; readonly acts: number; readonly holds: number }> {
  const pieces: Buffer[] = [];
  let piece: RecordText[] = [];
  let acts = 0;
  let holds = 0;
  for (const record of records) {
    if (record.act) acts += 1;
    else holds += 1;
    piece.push(record);
    if (piece.length < RECORDS_PER_TURN) continue;
    pieces.push(formatLines(piece));
    piece = [];
    await nextTurn();
  }
  pieces.push(formatLines(piece));
  return { bytes: Buffer.concat(pieces), acts, holds };
}

/** Reads whole lines, at most `recordsMax`; what follows the last newline is left alone. */
export function parseLines(bytes: Buffer, recordsMax = Infinity): Lines {
  const records: RecordText[] = [];
  let damaged = 0;
  let start = 0;
  while (records.length < recordsMax) {
    const end = bytes.indexOf(NEWLINE, start);
    if (end < 0) break;
    const record = parseLine(bytes.subarray(start, end));
    if (record === null) damaged += 1;
    else records.push(record);
    start = end + 1;
  }
  return { records, damaged, bytes: start };
}

export async function readSegment(path: string): Promise<Lines> {
  return parseLines(await readFile(path));
}

/**
 * Reads whole lines from `offset` up to `end`: at most `recordsMax`, and about `bytesMax` bytes, but
 * at least one line.
 */
export async function readSegmentFrom(
  path: string,
  range: { readonly offset: number; readonly end: number },
  recordsMax: number,
  bytesMax: number,
): Promise<Lines> {
  const handle = await open(path, 'r');
  try {
    let length = Math.min(bytesMax, range.end - range.offset);
    for (;;) {
      const lines = parseLines(await readBytes(handle, range.offset, length), recordsMax);
      if (lines.bytes > 0 || length >= range.end - range.offset) return lines;
      length = Math.min(length * 2, range.end - range.offset);
    }
  } finally {
    await handle.close();
  }
}

/** Writes a file beside and renames it into place, so that it is there whole or not at all. */
export async function writeDurably(path: string, bytes: Buffer): Promise<void> {
  const aside = `${path}.tmp`;
  const handle = await open(aside, 'w');
  try {
    await handle.writeFile(bytes);
    await handle.datasync();
  } finally {
    await handle.close();
  }
  await rename(aside, path);
  await syncDirectory(dirname(path));
}

/** Makes the directory's entries durable: a new file's bytes are lost without its name. */
export async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

export async function removeSegment(directory: string, name: SegmentName): Promise<void> {
  await unlink(join(directory, segmentFile(name)));
}

const NEWLINE = 0x0a;

/** Two to four milliseconds of a processor. */
const RECORDS_PER_TURN = 200;
const SPACE = 0x20;

/** As many bytes as there are, up to `length`: a single read may return fewer. */
async function readBytes(handle: FileHandle, offset: number, length: number): Promise<Buffer> {
  const buffer = Buffer.alloc(length);
  let filled = 0;
  while (filled < length) {
    const { bytesRead } = await handle.read(buffer, filled, length - filled, offset + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return buffer.subarray(0, filled);
}

/** 8 hexadecimal digits, a space, `a` or `h`, a space: what stands before the JSON. */
const HEAD_LENGTH = 11;

function parseLine(line: Buffer): RecordText | null {
  if (line.length <= HEAD_LENGTH || line[8] !== SPACE) return null;
  const body = line.subarray(9);
  if (line.toString('latin1', 0, 8) !== checksum(body)) return null;
  return { act: body.toString('latin1', 0, 1) === 'a', json: body.toString('utf8', 2) };
}

function checksum(body: Buffer | string): string {
  return crc32(body).toString(16).padStart(8, '0');
}
