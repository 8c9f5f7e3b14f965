/**
 * Files that survive a crash at any point: replaced as a whole (written aside, synced, renamed, the
 * directory synced), so that a reader finds the old content or the new one and never a part.
 */

import { open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';

const ASIDE_SUFFIX = '.tmp';

/** True for what an interrupted write left behind. */
export function isAside(name: string): boolean {
  return name.endsWith(ASIDE_SUFFIX);
}

/** Durable under its name when it resolves. One writer per path. */
export async function replaceFile(path: string, content: string): Promise<void> {
  const aside = path + ASIDE_SUFFIX;
  const file = await open(aside, 'w', 0o600);
  try {
    await file.writeFile(content);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(aside, path);
  await syncDirectory(dirname(path));
}

/** Durably gone when it resolves. */
export async function removeFile(path: string): Promise<void> {
  await rm(path, { force: true });
  await syncDirectory(dirname(path));
}

async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}
