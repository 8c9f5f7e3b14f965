/** Reads the last lines of a log file without reading the file: at most 16 KiB from its end. */

import { closeSync, fstatSync, openSync, readSync } from 'node:fs';

const BYTES_MAX = 16_384;

/** Oldest first; empty when the file is empty or cannot be read. */
export function readTail(path: string, lines: number): readonly string[] {
  let file: number;
  try {
    file = openSync(path, 'r');
  } catch {
    return [];
  }
  try {
    const size = fstatSync(file).size;
    const buffer = Buffer.alloc(Math.min(size, BYTES_MAX));
    const read = readSync(file, buffer, 0, buffer.length, size - buffer.length);
    return buffer
      .toString('utf8', 0, read)
      .split('\n')
      .filter((line) => line.trim() !== '')
      .slice(-lines);
  } finally {
    closeSync(file);
  }
}
