/**
 * What replicas write to their standard streams: one file each, opened to append so that cutting
 * it never leaves a hole, cut to its last part when it grows beyond the bound, and the files of
 * replicas that are gone kept up to a number.
 */

import { copyFile, mkdir, open, readdir, rm, stat, truncate } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { join } from 'node:path';

export interface ReplicaLogs {
  /** For the child's streams; the caller closes it after the start. */
  open(replicaId: string): Promise<FileHandle>;
  /** Cuts what is too long, and removes the oldest files of replicas that are not `living`. */
  trim(living: ReadonlySet<string>): Promise<void>;
}

const SUFFIX = '.log';
const OLDER_SUFFIX = '.log.1';

export function createReplicaLogs(
  directory: string,
  limits: { readonly bytesMax: number; readonly goneMax: number },
): ReplicaLogs {
  const pathOf = (replicaId: string): string => join(directory, replicaId + SUFFIX);
  return {
    async open(replicaId) {
      await mkdir(directory, { recursive: true, mode: 0o700 });
      return open(pathOf(replicaId), 'a', 0o600);
    },
    async trim(living) {
      await mkdir(directory, { recursive: true, mode: 0o700 });
      const gone: { replicaId: string; changedMs: number }[] = [];
      for (const name of await readdir(directory)) {
        if (!name.endsWith(SUFFIX)) continue;
        const replicaId = name.slice(0, -SUFFIX.length);
        const { size, mtimeMs } = await stat(pathOf(replicaId));
        if (!living.has(replicaId)) gone.push({ replicaId, changedMs: mtimeMs });
        if (size <= limits.bytesMax) continue;
        // The replica holds the file open: its content moves, the file stays. What it writes
        // between the two calls is lost.
        await copyFile(pathOf(replicaId), join(directory, replicaId + OLDER_SUFFIX));
        await truncate(pathOf(replicaId), 0);
      }
      gone.sort((a, b) => b.changedMs - a.changedMs);
      for (const { replicaId } of gone.slice(limits.goneMax)) {
        await rm(pathOf(replicaId), { force: true });
        await rm(join(directory, replicaId + OLDER_SUFFIX), { force: true });
      }
    },
  };
}
