/**
 * The files that version 1 of this log kept its hard state and its snapshots in: a magic of 8
 * characters, a CRC-32C over everything behind it, the length of the content (u48), the content.
 * They are read whole or not at all, and written no more.
 */

import { crc32c } from './crc32c.ts';
import { LogDamageError } from './damage.ts';
import type { Disk } from './disk.ts';

/** Files under this ending are unfinished; opening the log removes them. */
export const ASIDE_SUFFIX = '.tmp';

const MAGIC_BYTES = 8;
const HEADER_BYTES = MAGIC_BYTES + 4 + 6;

/** Bytes of the sealed file around a content of that many. */
export function sealedBytes(contentBytes: number): number {
  return HEADER_BYTES + contentBytes;
}

/** @throws LogDamageError when the file is not whole. */
export async function readSealed(disk: Disk, path: string, magic: string): Promise<Buffer> {
  const bytes = asBuffer(await disk.read(path));
  if (bytes.length < HEADER_BYTES || bytes.toString('latin1', 0, MAGIC_BYTES) !== magic) {
    throw new LogDamageError(path, 0, `it does not begin as a file of its kind`);
  }
  const length = bytes.readUIntLE(MAGIC_BYTES + 4, 6);
  if (length !== bytes.length - HEADER_BYTES) {
    const detail = `it holds ${bytes.length - HEADER_BYTES} bytes instead of ${length}`;
    throw new LogDamageError(path, MAGIC_BYTES + 4, detail);
  }
  if (crc32c(bytes.subarray(MAGIC_BYTES + 4)) !== bytes.readUInt32LE(MAGIC_BYTES)) {
    throw new LogDamageError(path, MAGIC_BYTES, 'it fails its checksum');
  }
  return bytes.subarray(HEADER_BYTES);
}

/** The same bytes with a Buffer's methods; nothing is copied. */
export function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
