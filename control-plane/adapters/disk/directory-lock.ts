/**
 * One holder per directory: numbered files, of which the highest tells. `lock.N` names the process
 * that holds; `free.N` says that its holder gave it back. A free directory, and one whose holder is
 * gone, is taken by making the next number, which only one can, so that of several who start at once
 * one always wins. Numbers never fall: whoever was slow and makes one that has been passed sees
 * that, and tries again. Rejected: a stale file moved away, and a socket unlinked, before one's own
 * is made; between the two steps a second can do the same, and both hold it.
 *
 * It guards against a mistake on one host. A process in another pid namespace is not seen and counts
 * as gone: a directory shared between hosts, or between containers, is beyond it. Where there is no
 * /proc a holder is known by its number alone, and a number used again keeps the directory locked.
 */

import { randomUUID } from 'node:crypto';
import { link, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { isAlive, isThere, ownIdentity, parseIdentity } from './process-identity.ts';
import { codeOf, readIfThere } from './reading.ts';

/** The directory is in use by a living process. */
export class DirectoryHeldError extends Error {
  override readonly name = 'DirectoryHeldError';
  readonly directory: string;
  /** Null when others took the directory, and gave it back, whenever it was tried. */
  readonly pid: number | null;

  constructor(directory: string, pid: number | null) {
    const who = pid === null ? `others, ${ATTEMPTS_MAX} times in turn` : `process ${pid}`;
    super(`${directory} is in use by ${who}`);
    this.directory = directory;
    this.pid = pid;
  }
}

/** Rounds against others who take the directory at the same time, before giving up. */
const ATTEMPTS_MAX = 16;

/**
 * Takes a directory that exists; resolves to the function that gives it back, which may be
 * called twice and leaves one mark. The end of the process gives it back too, however it ends.
 * @throws DirectoryHeldError while the holder lives, this process included; the system's error
 */
export async function takeDirectoryLock(directory: string): Promise<() => Promise<void>> {
  const identity = JSON.stringify(await ownIdentity());
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt += 1) {
    const number = await nextNumber(directory);
    if (number !== null && (await takeNumber(directory, number, identity))) {
      return () => giveBack(directory, number);
    }
  }
  throw new DirectoryHeldError(directory, null);
}

/** Null when the highest number changed while it was read. @throws DirectoryHeldError */
async function nextNumber(directory: string): Promise<number | null> {
  const marks = await readMarks(directory);
  const highest = Math.max(0, ...marks.map((mark) => mark.number));
  if (highest === 0 || marks.some((mark) => mark.number === highest && mark.isFree)) {
    return highest + 1;
  }
  const content = await readIfThere(join(directory, `lock.${highest}`));
  if (content === null) return null;
  // One that cannot be read was cut short by a crash of the machine: its holder is gone.
  const holder = parseIdentity(content);
  if (holder !== null && (await isAlive(holder))) {
    throw new DirectoryHeldError(directory, holder.pid);
  }
  return highest + 1;
}

/** False when another was faster. */
async function takeNumber(directory: string, number: number, identity: string): Promise<boolean> {
  const path = join(directory, `lock.${number}`);
  if (!(await createWhole(directory, path, identity))) return false;
  try {
    const marks = await readMarks(directory);
    if (marks.some((mark) => mark.number > number || (mark.number === number && mark.isFree))) {
      // This number had been passed and cleared away since it was looked up.
      await rm(path, { force: true });
      return false;
    }
    await clear(directory, marks, number);
    return true;
  } catch (error) {
    await giveBack(directory, number);
    throw error;
  }
}

/** A link appears whole or not at all, unlike a file that is created and then written. */
async function createWhole(directory: string, path: string, content: string): Promise<boolean> {
  const aside = join(directory, `claim-${process.pid}-${randomUUID()}.tmp`);
  try {
    await writeFile(aside, content);
    await link(aside, path);
    return true;
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false;
    throw error;
  } finally {
    await rm(aside, { force: true });
  }
}

/** Removes the numbers below, and what starters that were killed left aside. */
async function clear(directory: string, marks: readonly Mark[], number: number): Promise<void> {
  for (const mark of marks) {
    if (mark.number < number) await rm(join(directory, mark.name), { force: true });
  }
  for (const name of await readdir(directory)) {
    const pid = /^claim-(\d{1,10})-[0-9a-f-]{36}\.tmp$/.exec(name)?.[1];
    if (pid !== undefined && !isThere(Number(pid)))
      await rm(join(directory, name), { force: true });
  }
}

/** The number stays, so that numbers never fall. */
async function giveBack(directory: string, number: number): Promise<void> {
  try {
    await rename(join(directory, `lock.${number}`), join(directory, `free.${number}`));
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error;
  }
}

interface Mark {
  readonly name: string;
  readonly number: number;
  readonly isFree: boolean;
}

async function readMarks(directory: string): Promise<readonly Mark[]> {
  const names = await readdir(directory);
  return names.flatMap((name) => {
    const number = Number(/^(?:lock|free)\.(\d{1,15})$/.exec(name)?.[1] ?? 0);
    return number > 0 ? [{ name, number, isFree: name.startsWith('free') }] : [];
  });
}
