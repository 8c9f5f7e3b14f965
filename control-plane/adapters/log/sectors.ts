/**
 * What the log takes for granted of a disk: a sector of 512 bytes is written whole or not at all,
 * and one that was never written in a fresh part of a file reads as zeros. Whatever one sync makes
 * durable therefore begins at a sector of its own, and no sector that was written is all zeros, not
 * even after one of its bytes was damaged (record.ts, padding): so an interrupted write and damage
 * to a finished one never look alike.
 */

export const SECTOR_BYTES = 512;
/**
 * Fills what a write leaves of its last sector. Not 0xff: four of them and zeros behind are their own
 * CRC-32C, and would pass for a header.
 */
export const PADDING = 0x5a;

/** The first sector boundary at or behind the offset. */
export function sectorEnd(offset: number): number {
  return Math.ceil(offset / SECTOR_BYTES) * SECTOR_BYTES;
}

/** Whether a sector that the range touches is all zeros, as far as the bytes go. */
export function hasUnwrittenSector(bytes: Uint8Array, from: number, to: number): boolean {
  for (let at = from - (from % SECTOR_BYTES); at < Math.min(to, bytes.length); at += SECTOR_BYTES) {
    if (isAll(bytes, at, at + SECTOR_BYTES, 0)) return true;
  }
  return false;
}

/** Offset behind the last byte that is not zero. */
export function contentEnd(bytes: Uint8Array): number {
  let end = bytes.length;
  while (end > 0 && bytes[end - 1] === 0) end -= 1;
  return end;
}

/** Whether the range holds nothing but the value, as far as the bytes go. */
export function isAll(bytes: Uint8Array, from: number, to: number, value: number): boolean {
  const end = Math.min(to, bytes.length);
  for (let at = from; at < end; at += 1) if (bytes[at] !== value) return false;
  return true;
}
