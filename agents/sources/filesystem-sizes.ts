/**
 * Measures file systems without ever waiting long for one. Each mount has at most one question out,
 * and all local ones together at most two, so that dying disks cannot take the threads that the rest
 * of the process needs; remote ones are asked through a process of their own. Who does not answer
 * within the patience is stuck, and its last size is given until it is stale.
 */

import { statfs } from 'node:fs';
import { join } from 'node:path';
import type { FilesystemSize, FilesystemState, Mount } from '../collectors/node-filesystem.ts';

/** Rejects when the file system refuses; may never settle. */
export type MeasureFilesystem = (path: string) => Promise<FilesystemSize>;

export interface FilesystemSizesOptions {
  readonly hostRoot: string;
  /** Age in ms from which a size is dropped. */
  readonly stalenessMs: number;
  /** How long one call of `read` waits for answers, in ms. */
  readonly patienceMs: number;
  readonly measureLocal: MeasureFilesystem;
  readonly measureRemote: MeasureFilesystem;
  /** Monotonic, in ms. */
  readonly now: () => number;
}

export interface FilesystemSizes {
  /** One state per mount, in the order given; waits no longer than the patience and never rejects. */
  read(mounts: readonly Mount[]): Promise<readonly FilesystemState[]>;
}

const LOCAL_IN_FLIGHT_MAX = 2;

interface Entry {
  readonly mount: Mount;
  isAsked: boolean;
  /** Set by the last answer. */
  last: { readonly atMs: number; readonly size: FilesystemSize } | 'refused' | null;
}

export function createFilesystemSizes(options: FilesystemSizesOptions): FilesystemSizes {
  const entries = new Map<string, Entry>();
  const asking = createAsking(options);

  function entryOf(mount: Mount): Entry {
    const key = `${mount.mountpoint}\u0000${mount.device}`;
    let entry = entries.get(key);
    if (entry === undefined) {
      entry = { mount, isAsked: false, last: null };
      entries.set(key, entry);
    }
    return entry;
  }

  function stateOf(entry: Entry, mount: Mount): FilesystemState {
    const { last } = entry;
    const isFresh =
      last !== null && last !== 'refused' && options.now() - last.atMs < options.stalenessMs;
    const size = isFresh ? last.size : null;
    if (entry.isAsked) return { mount, size, state: 'stuck' };
    return { mount, size, state: last === 'refused' ? 'failed' : 'ok' };
  }

  return {
    async read(mounts) {
      const wanted = mounts.map(entryOf);
      await asking.askAll(wanted);
      const states = wanted.map((entry, index) => stateOf(entry, mounts[index] ?? entry.mount));
      const kept = new Set(wanted);
      for (const [key, entry] of entries) {
        if (!kept.has(entry) && !entry.isAsked) entries.delete(key);
      }
      return states;
    },
  };
}

function createAsking(options: FilesystemSizesOptions) {
  let localInFlight = 0;

  function ask(entry: Entry, answered: () => void): void {
    const { mount } = entry;
    const measure = mount.isRemote ? options.measureRemote : options.measureLocal;
    const share = mount.isRemote ? 0 : 1;
    entry.isAsked = true;
    localInFlight += share;
    void measure(join(options.hostRoot, mount.mountpoint))
      .then(
        (size) => (entry.last = { atMs: options.now(), size }),
        () => (entry.last = 'refused'),
      )
      .finally(() => {
        entry.isAsked = false;
        localInFlight -= share;
        answered();
      });
  }

  /** Asks all that may be asked now; returns those that have to wait for a place. */
  function askSome(queue: readonly Entry[], answered: () => void): readonly Entry[] {
    return queue.filter((entry) => {
      const mustWait = !entry.mount.isRemote && localInFlight >= LOCAL_IN_FLIGHT_MAX;
      if (!mustWait) ask(entry, answered);
      return mustWait;
    });
  }

  return {
    /** Resolves when all were asked and answered, or at the end of the patience. */
    askAll(wanted: readonly Entry[]): Promise<void> {
      let queue: readonly Entry[] = wanted.filter((entry) => !entry.isAsked);
      let outstanding = queue.length;
      return new Promise((resolve) => {
        const done = (): void => {
          clearTimeout(timer);
          queue = [];
          resolve();
        };
        const timer = setTimeout(done, options.patienceMs);
        const answered = (): void => {
          outstanding--;
          queue = askSome(queue, answered);
          if (outstanding === 0) done();
        };
        queue = askSome(queue, answered);
        if (outstanding === 0) done();
      });
    },
  };
}

/** statfs(2) on the thread pool of this process. */
export const measureHere: MeasureFilesystem = (path) =>
  new Promise((resolve, reject) => {
    statfs(path, (error, stats) => {
      if (error !== null) {
        reject(error);
        return;
      }
      resolve({
        blockBytes: stats.bsize,
        blocks: stats.blocks,
        blocksFree: stats.bfree,
        blocksAvailable: stats.bavail,
        files: stats.files,
        filesFree: stats.ffree,
      });
    });
  });
