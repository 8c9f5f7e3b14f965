/**
 * Reads the small text files of /proc and /sys below a configurable root. Descriptors are kept open
 * and read again from the start, in one thread, one file after another: that costs a tenth of
 * fs.promises, and parallel reads of procfs slow the kernel down. For files that the kernel answers
 * from memory only; what may wait for hardware is read by slow-files.ts.
 */

import { closeSync, openSync, readdirSync, readSync } from 'node:fs';
import { join } from 'node:path';

export interface KernelFiles {
  /** The text, or null where the kernel has no such file. Throws what else the system says (EACCES, EIO …). */
  read(path: string): string | null;
  /** The first of the files that exists and may be read. */
  readFirst(paths: readonly string[]): string | null;
  /** Names in a folder, sorted; empty where there is none. */
  list(path: string): readonly string[];
  close(): void;
}

/** A file that grows beyond this is refused (EFBIG): /proc/stat of 1024 CPUs takes 0.3 MB. */
const FILE_BYTES_MAX = 8 * 1024 * 1024;
const DESCRIPTORS_MAX = 64;
/** How many reads pass before an absent file is looked for again. */
const ABSENT_READS = 64;
const ABSENT_CODES = new Set(['ENOENT', 'ENOTDIR', 'ENODEV', 'ENXIO', 'EOPNOTSUPP', 'ESRCH']);

/** @param root of the host, `/` outside containers; paths are relative to it: proc/stat. */
export function createKernelFiles(root: string): KernelFiles {
  const descriptors = keepDescriptors(root);
  const readWhole = createWholeReader();
  const absent = new Map<string, number>();

  function read(path: string): string | null {
    const waits = absent.get(path) ?? 0;
    if (waits > 0) {
      absent.set(path, waits - 1);
      return null;
    }
    try {
      return readWhole(descriptors.of(path), path);
    } catch (error) {
      descriptors.drop(path);
      if (!isAbsent(error)) throw error;
      absent.set(path, ABSENT_READS);
      return null;
    }
  }

  return {
    read,
    readFirst(paths) {
      for (const [index, path] of paths.entries()) {
        try {
          const text = read(path);
          if (text !== null) return text;
        } catch (error) {
          if (index === paths.length - 1) throw error;
        }
      }
      return null;
    },
    list(path) {
      try {
        return readdirSync(join(root, path)).sort();
      } catch (error) {
        if (isAbsent(error)) return [];
        throw error;
      }
    },
    close: () => descriptors.close(),
  };
}

function keepDescriptors(root: string) {
  const open = new Map<string, number>();
  const drop = (path: string): void => {
    const descriptor = open.get(path);
    open.delete(path);
    if (descriptor !== undefined) closeSync(descriptor);
  };
  return {
    drop,
    of(path: string): number {
      const kept = open.get(path);
      if (kept !== undefined) return kept;
      const descriptor = openSync(join(root, path), 'r');
      if (open.size >= DESCRIPTORS_MAX) drop(open.keys().next().value ?? path);
      open.set(path, descriptor);
      return descriptor;
    },
    close() {
      for (const path of [...open.keys()]) drop(path);
    },
  };
}

/** One buffer for all files, as large as the largest of them needed. */
function createWholeReader(): (descriptor: number, path: string) => string {
  let buffer = Buffer.allocUnsafeSlow(32 * 1024);
  return (descriptor, path) => {
    let length = 0;
    for (;;) {
      const count = readSync(descriptor, buffer, length, buffer.length - length, length);
      length += count;
      if (count === 0) return buffer.toString('latin1', 0, length);
      if (length < buffer.length) continue;
      if (length >= FILE_BYTES_MAX) throw tooLarge(path);
      const larger = Buffer.allocUnsafeSlow(length * 2);
      buffer.copy(larger);
      buffer = larger;
    }
  };
}

/** Whether an error says that there is no such file or that the device behind it is gone. */
export function isAbsent(error: unknown): boolean {
  return error instanceof Error && 'code' in error && ABSENT_CODES.has(String(error.code));
}

function tooLarge(path: string): Error {
  return Object.assign(new Error(`${path} is larger than ${FILE_BYTES_MAX} bytes`), {
    code: 'EFBIG',
  });
}
