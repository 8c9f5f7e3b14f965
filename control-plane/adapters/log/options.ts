/** What a log can be told, and what it takes where it is told nothing. */

import { NODE_DISK } from './node-disk.ts';
import type { Disk } from './disk.ts';
import type { DiskStall } from './watched-disk.ts';

export interface LogOptions {
  readonly directory: string;
  /** The member whose log this is; a directory never changes hands. */
  readonly memberId: string;
  readonly disk?: Disk;
  /** Size from which the next append begins a new segment. Default 16 MiB. */
  readonly segmentBytesMax?: number;
  /** Zeros written ahead of the entries, so that most syncs need not grow the file. Default 256 KiB. */
  readonly reserveBytes?: number;
  /** Told the duration of every append: encoding, write and sync, in seconds. */
  readonly onAppend?: (seconds: number) => void;
  /** Told how long appended entries took to become durable: write and sync, in seconds. */
  readonly onFsync?: (seconds: number) => void;
  /** A disk operation under way for longer is a stall. Default 1,000 ms. */
  readonly stallAfterMs?: number;
  /** A disk operation under way for longer has failed, and the log with it. Default 60,000 ms. */
  readonly ioTimeoutMs?: number;
  /** Told once for each stall, while it lasts. Must not throw. */
  readonly onStall?: (stall: DiskStall) => void;
}

export function withDefaults(options: LogOptions): Required<LogOptions> {
  return {
    disk: NODE_DISK,
    segmentBytesMax: 16 * 1024 * 1024,
    reserveBytes: 256 * 1024,
    onAppend: () => undefined,
    onFsync: () => undefined,
    stallAfterMs: 1_000,
    ioTimeoutMs: 60_000,
    onStall: () => undefined,
    ...options,
  };
}
