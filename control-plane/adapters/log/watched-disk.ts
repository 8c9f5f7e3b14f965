/**
 * A disk whose operations are timed and whose errors name the file. One that takes long is told of
 * while it lasts; one that outlasts its time limit is given up, and since nobody can call it back, the
 * log above fails closed and its directory stays locked. It retries nothing.
 */

import type { Disk, DiskFile } from './disk.ts';

export interface DiskStall {
  readonly operation: string;
  readonly file: string;
  readonly forMs: number;
}

export interface WatchOptions {
  /** An operation under way for longer is a stall. */
  readonly stallAfterMs: number;
  /** An operation under way for longer has failed. */
  readonly ioTimeoutMs: number;
  /** Told once for each such operation, while it lasts. */
  readonly onStall: (stall: DiskStall) => void;
}

interface Operation {
  readonly name: string;
  readonly file: string;
  readonly startedAtMs: number;
}

export class WatchedDisk implements Disk {
  readonly #disk: Disk;
  readonly #options: WatchOptions;
  /** Oldest first. */
  readonly #underWay = new Set<Operation>();

  constructor(disk: Disk, options: WatchOptions) {
    this.#disk = disk;
    this.#options = options;
  }

  /** How long the oldest operation has been under way, in ms, once that is a stall; else 0. */
  get stalledForMs(): number {
    for (const { startedAtMs } of this.#underWay) {
      const forMs = performance.now() - startedAtMs;
      return forMs > this.#options.stallAfterMs ? forMs : 0;
    }
    return 0;
  }

  /** Whether an operation is under way, given up or not: it may still change a file. */
  get isBusy(): boolean {
    return this.#underWay.size > 0;
  }

  makeDirectory(path: string): Promise<void> {
    return this.#watch('makeDirectory', path, this.#disk.makeDirectory(path));
  }

  list(directory: string): Promise<readonly string[]> {
    return this.#watch('list', directory, this.#disk.list(directory));
  }

  read(path: string): Promise<Uint8Array> {
    return this.#watch('read', path, this.#disk.read(path));
  }

  readRange(path: string, position: number, length: number): Promise<Uint8Array> {
    return this.#watch('read', path, this.#disk.readRange(path, position, length));
  }

  async create(path: string): Promise<DiskFile> {
    return this.#file(path, await this.#watch('create', path, this.#disk.create(path)));
  }

  async open(path: string): Promise<DiskFile> {
    return this.#file(path, await this.#watch('open', path, this.#disk.open(path)));
  }

  rename(from: string, to: string): Promise<void> {
    return this.#watch('rename', to, this.#disk.rename(from, to));
  }

  remove(path: string): Promise<void> {
    return this.#watch('remove', path, this.#disk.remove(path));
  }

  syncDirectory(path: string): Promise<void> {
    return this.#watch('sync', path, this.#disk.syncDirectory(path));
  }

  lock(directory: string): Promise<() => Promise<void>> {
    return this.#disk.lock(directory);
  }

  #file(path: string, file: DiskFile): DiskFile {
    return {
      write: (bytes, position) => this.#watch('write', path, file.write(bytes, position)),
      writeThrough: (bytes, position) =>
        this.#watch('write through', path, file.writeThrough(bytes, position)),
      truncate: (length) => this.#watch('truncate', path, file.truncate(length)),
      sync: () => this.#watch('sync', path, file.sync()),
      close: () => this.#watch('close', path, file.close()),
    };
  }

  #watch<T>(name: string, file: string, work: Promise<T>): Promise<T> {
    const operation = { name, file, startedAtMs: performance.now() };
    this.#underWay.add(operation);
    return new Promise<T>((resolve, reject) => {
      let timer = setTimeout(() => {
        const { stallAfterMs, ioTimeoutMs, onStall } = this.#options;
        timer = setTimeout(
          () => {
            reject(new Error(`${name} ${file} has not ended for ${ioTimeoutMs} ms`));
          },
          Math.max(0, ioTimeoutMs - stallAfterMs),
        ).unref();
        onStall({ operation: name, file, forMs: performance.now() - operation.startedAtMs });
      }, this.#options.stallAfterMs).unref();
      const ended = (): void => {
        clearTimeout(timer);
        this.#underWay.delete(operation);
      };
      work.then(
        (value) => {
          ended();
          resolve(value);
        },
        (error: unknown) => {
          ended();
          reject(named(error, name, file));
        },
      );
    });
  }
}

/** The system's error, code and all, in words that name operation and file. */
function named(error: unknown, name: string, file: string): Error {
  if (!(error instanceof Error)) return new Error(`${name} ${file}: ${String(error)}`);
  if (error.message.includes(file)) return error;
  const message = `${name} ${file}: ${error.message}`;
  return Object.assign(new Error(message, { cause: error }), error);
}
