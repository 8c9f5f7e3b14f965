/** The disk of the machine, through node:fs. It adds no retry: after a failed sync none can be trusted. */

import { constants } from 'node:fs';
import { mkdir, open, readFile, readdir, rename, rm } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import process from 'node:process';
import { DirectoryHeldError, takeDirectoryLock } from '../disk/directory-lock.ts';
import { LogLockedError } from './damage.ts';
import type { Disk, DiskFile } from './disk.ts';

export const NODE_DISK: Disk = {
  makeDirectory,
  list: (directory) => readdir(directory),
  read: (path) => readFile(path),
  readRange,
  create: async (path) => fileOn(await open(path, 'w'), null),
  open: openFile,
  rename,
  remove: (path) => rm(path),
  syncDirectory,
  lock,
};

/**
 * A write and a sync are two errands of two threads, and under load each waits for its turn on a
 * processor; where the system can do both in one call, a second descriptor asks for that.
 */
async function openFile(path: string): Promise<DiskFile> {
  const handle = await open(path, 'r+');
  if (process.platform !== 'linux') return fileOn(handle, null);
  try {
    return fileOn(handle, await open(path, constants.O_WRONLY | constants.O_DSYNC));
  } catch (error) {
    await handle.close();
    throw error;
  }
}

/** @param through a descriptor of the same file whose writes are durable; null for none */
function fileOn(handle: FileHandle, through: FileHandle | null): DiskFile {
  return {
    write: (bytes, position) => writeAll(handle, bytes, position),
    writeThrough: async (bytes, position) => {
      await writeAll(through ?? handle, bytes, position);
      if (through === null) await handle.datasync();
    },
    truncate: (length) => handle.truncate(length),
    sync: () => handle.datasync(),
    close: async () => {
      await through?.close();
      await handle.close();
    },
  };
}

async function writeAll(handle: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  let done = 0;
  while (done < bytes.length) {
    const left = bytes.length - done;
    const { bytesWritten } = await handle.write(bytes, done, left, position + done);
    done += bytesWritten;
  }
}

async function readRange(path: string, position: number, length: number): Promise<Uint8Array> {
  const handle = await open(path, 'r');
  try {
    const bytes = new Uint8Array(length);
    let done = 0;
    while (done < length) {
      const { bytesRead } = await handle.read(bytes, done, length - done, position + done);
      if (bytesRead === 0) break;
      done += bytesRead;
    }
    return bytes.subarray(0, done);
  } finally {
    await handle.close();
  }
}

/** Syncs every directory that gained a name, from the first new one's parent down. */
async function makeDirectory(path: string): Promise<void> {
  const wanted = resolve(path);
  const first = await mkdir(wanted, { recursive: true });
  if (first === undefined) return;
  const top = dirname(first);
  for (let at = dirname(wanted); ; at = dirname(at)) {
    await syncDirectory(at);
    if (at === top) return;
  }
}

async function syncDirectory(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function lock(directory: string): Promise<() => Promise<void>> {
  try {
    return await takeDirectoryLock(directory);
  } catch (cause) {
    if (!(cause instanceof DirectoryHeldError)) throw cause;
    throw new LogLockedError(cause.message, { cause });
  }
}
