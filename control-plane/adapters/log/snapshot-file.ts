/**
 * A snapshot on disk: the place it was taken at and the state, as opaque bytes. It is written aside,
 * piece by piece, and gets its name when it is whole and durable. Numbers are little-endian.
 *
 *   0  8    magic
 *   8  u32  CRC-32C of bytes 12 to 63
 *  12  u32  CRC-32C of everything from byte 64 on
 *  16  u48  length of the payload
 *  22  u32  length of the configuration
 *  26  u48  index and
 *  32  u48  term of the last entry in it
 *  38  u48  generation: segments of an older one belong to a log that this snapshot replaced
 *  44       zeros
 *  64       the payload, then the configuration as configurationText; none: before there were members
 *
 * Files of version 1 (a sealed file of index, term and payload) are read.
 */

import { configurationText, parseConfiguration } from '../../model/configuration.ts';
import type { Configuration } from '../../model/configuration.ts';
import type { SnapshotPlace } from '../../model/log-entry.ts';
import { crc32c, crc32cInTurns } from './crc32c.ts';
import { LogDamageError } from './damage.ts';
import type { Disk, DiskFile } from './disk.ts';
import { asBuffer, readSealed, sealedBytes } from './sealed-file.ts';

const OLD_MAGIC = 'OMNISNP1';
const OLD_PLACE_BYTES = 12;
const MAGIC = 'OMNISNP2';
const HEADER_BYTES = 64;
/** Read and checked at a time. */
const PIECE_BYTES = 1024 * 1024;

export interface SnapshotOnDisk extends SnapshotPlace {
  readonly generation: number;
  readonly payloadAt: number;
  readonly payloadBytes: number;
  /** Size of the file. */
  readonly bytes: number;
}

/** Writes a snapshot's file under a name that means nothing yet. */
export class SnapshotWriter {
  readonly #disk: Disk;
  readonly #path: string;
  readonly #file: DiskFile;
  #payloadBytes = 0;
  #crc = 0;
  #isOpen = true;

  private constructor(disk: Disk, path: string, file: DiskFile) {
    this.#disk = disk;
    this.#path = path;
    this.#file = file;
  }

  static async create(disk: Disk, path: string): Promise<SnapshotWriter> {
    return new SnapshotWriter(disk, path, await disk.create(path));
  }

  get payloadBytes(): number {
    return this.#payloadBytes;
  }

  async append(piece: Uint8Array): Promise<void> {
    this.#crc = await crc32cInTurns(piece, this.#crc);
    for (let at = 0; at < piece.length; at += PIECE_BYTES) {
      const part = piece.subarray(at, at + PIECE_BYTES);
      await this.#file.write(part, HEADER_BYTES + this.#payloadBytes);
      this.#payloadBytes += part.length;
    }
  }

  sync(): Promise<void> {
    return this.#file.sync();
  }

  /** Makes the file whole and durable, and reads it back: what is there is what was handed in. */
  async finish(place: SnapshotPlace, generation: number): Promise<SnapshotOnDisk> {
    const { configuration } = place;
    const tail = Buffer.from(configuration === null ? '' : configurationText(configuration));
    const header = Buffer.alloc(HEADER_BYTES);
    header.write(MAGIC, 'latin1');
    header.writeUInt32LE(crc32c(tail, this.#crc), 12);
    header.writeUIntLE(this.#payloadBytes, 16, 6);
    header.writeUInt32LE(tail.length, 22);
    header.writeUIntLE(place.index, 26, 6);
    header.writeUIntLE(place.term, 32, 6);
    header.writeUIntLE(generation, 38, 6);
    header.writeUInt32LE(crc32c(header.subarray(12)), 8);
    if (tail.length > 0) await this.#file.write(tail, HEADER_BYTES + this.#payloadBytes);
    await this.#file.write(header, 0);
    await this.#file.sync();
    await this.close();
    return verifySnapshot(this.#disk, this.#path, place.index);
  }

  /** The file is not needed any more. */
  async discard(): Promise<void> {
    await this.close();
    await this.#disk.remove(this.#path);
  }

  /** May be called twice. */
  async close(): Promise<void> {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    await this.#file.close();
  }
}

/**
 * Reads the whole file, piece by piece, and says what is in it.
 * @throws LogDamageError
 */
export async function verifySnapshot(
  disk: Disk,
  path: string,
  index: number,
): Promise<SnapshotOnDisk> {
  const header = asBuffer(await disk.readRange(path, 0, HEADER_BYTES));
  if (header.toString('latin1', 0, OLD_MAGIC.length) === OLD_MAGIC) {
    return verifyOld(disk, path, index);
  }
  if (header.length < HEADER_BYTES || header.toString('latin1', 0, MAGIC.length) !== MAGIC) {
    throw new LogDamageError(path, 0, 'it does not begin as a file of its kind');
  }
  if (crc32c(header.subarray(12)) !== header.readUInt32LE(8)) {
    throw new LogDamageError(path, 8, 'the header fails its checksum');
  }
  if (header.readUIntLE(26, 6) !== index) {
    throw new LogDamageError(path, 0, `it is not the snapshot at index ${index}`);
  }
  const payloadBytes = header.readUIntLE(16, 6);
  const configurationAt = HEADER_BYTES + payloadBytes;
  const bytes = configurationAt + header.readUInt32LE(22);
  await checkContent(disk, path, bytes, header.readUInt32LE(12));
  const tail = asBuffer(await disk.readRange(path, configurationAt, bytes - configurationAt));
  return {
    index,
    term: header.readUIntLE(32, 6),
    configuration: configurationOf(path, configurationAt, tail),
    generation: header.readUIntLE(38, 6),
    payloadAt: HEADER_BYTES,
    payloadBytes,
    bytes,
  };
}

/** The payload of a snapshot that was verified before, verified again. @throws LogDamageError */
export async function readPayload(
  disk: Disk,
  path: string,
  { payloadAt, payloadBytes, bytes }: SnapshotOnDisk,
): Promise<Uint8Array> {
  const file = asBuffer(await disk.read(path));
  if (file.length !== bytes) {
    throw new LogDamageError(path, 0, `it has ${file.length} bytes instead of ${bytes}`);
  }
  const isOld = payloadAt !== HEADER_BYTES;
  const said = isOld ? file.readUInt32LE(OLD_MAGIC.length) : file.readUInt32LE(12);
  const covered = file.subarray(isOld ? OLD_MAGIC.length + 4 : HEADER_BYTES);
  if ((await crc32cInTurns(covered)) !== said) {
    throw new LogDamageError(path, isOld ? 8 : 12, 'the content fails its checksum');
  }
  return file.subarray(payloadAt, payloadAt + payloadBytes);
}

async function checkContent(disk: Disk, path: string, end: number, said: number): Promise<void> {
  let crc = 0;
  let at = HEADER_BYTES;
  for (;;) {
    const piece = await disk.readRange(path, at, PIECE_BYTES);
    crc = await crc32cInTurns(piece, crc);
    at += piece.length;
    if (piece.length === 0 || at > end) break;
  }
  if (at !== end) {
    const there = at > end ? 'more' : String(at);
    throw new LogDamageError(path, 16, `it holds ${there} bytes instead of ${end}`);
  }
  if (crc !== said) throw new LogDamageError(path, 12, 'the content fails its checksum');
}

function configurationOf(path: string, at: number, tail: Buffer): Configuration | null {
  if (tail.length === 0) return null;
  try {
    return parseConfiguration(tail.toString('utf8'));
  } catch (cause) {
    throw new LogDamageError(path, at, 'its configuration is not understood', { cause });
  }
}

async function verifyOld(disk: Disk, path: string, index: number): Promise<SnapshotOnDisk> {
  const content = await readSealed(disk, path, OLD_MAGIC);
  if (content.length < OLD_PLACE_BYTES || content.readUIntLE(0, 6) !== index) {
    throw new LogDamageError(path, 0, `it is not the snapshot at index ${index}`);
  }
  return {
    index,
    term: content.readUIntLE(6, 6),
    configuration: null,
    generation: 0,
    payloadAt: sealedBytes(OLD_PLACE_BYTES),
    payloadBytes: content.length - OLD_PLACE_BYTES,
    bytes: sealedBytes(content.length),
  };
}
