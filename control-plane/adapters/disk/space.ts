/**
 * How much room the file system under a directory has. One question to the kernel, which a dead
 * network mount may never answer: whoever asks sets the deadline and asks no second time meanwhile.
 */

import { statfs } from 'node:fs/promises';

export interface DiskSpace {
  /** What processes other than root's can still write. */
  readonly availableBytes: number;
  readonly sizeBytes: number;
}

/** Rejects with the system's error, when there is no such path for one. */
export async function readDiskSpace(path: string): Promise<DiskSpace> {
  const { bavail, blocks, bsize } = await statfs(path);
  return { availableBytes: bavail * bsize, sizeBytes: blocks * bsize };
}
