/**
 * The lock on a PGlite directory, waited for. After a SIGKILL of the plane its old database process
 * may still be closing when the new one starts, and two writers would ruin the files.
 */

import { setTimeout as sleep } from 'node:timers/promises';
import { DirectoryHeldError, takeDirectoryLock } from '../disk/directory-lock.ts';

const RETRY_MS = 50;

/**
 * Resolves, once this process holds the directory, to the function that gives it back.
 * @throws DirectoryHeldError when another still holds it after `timeoutMs`; the system's error
 */
export async function waitForDirectory(
  directory: string,
  timeoutMs: number,
): Promise<() => Promise<void>> {
  const endsAt = performance.now() + timeoutMs;
  for (;;) {
    try {
      return await takeDirectoryLock(directory);
    } catch (error) {
      if (!(error instanceof DirectoryHeldError) || performance.now() >= endsAt) throw error;
      await sleep(RETRY_MS);
    }
  }
}
