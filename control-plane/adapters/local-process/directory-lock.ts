/**
 * One control plane per directory: numbered lock files, each naming a process with its start time
 * and boot; the highest number holds. A lock whose holder is gone is taken over by making the next
 * number, which only one can. Moving a stale file away instead has a gap in which two can hold it.
 * It guards one host: a directory shared between hosts, or between containers that cannot see each
 * other's processes, is beyond it.
 */

import { randomUUID } from 'node:crypto';
import { link, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { ScaleTargetError } from '../../ports/scale-target.ts';
import { codeOf, readIfThere } from './files.ts';
import { identityOf, isAlive, readBootId } from './processes.ts';
import type { ProcessIdentity } from './processes.ts';

/** Rounds against others who take over the same stale lock, before giving up. */
const ATTEMPTS_MAX = 16;

/**
 * Resolves to the function that gives the lock back.
 * @throws ScaleTargetError `unavailable` while the holder lives
 */
export async function lockDirectory(directory: string): Promise<() => Promise<void>> {
  const mine = `${JSON.stringify(await identityOf(process.pid, await readBootId()))}\n`;
  const aside = join(directory, `lock-${randomUUID()}.tmp`);
  await writeFile(aside, mine);
  try {
    for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt += 1) {
      const number = await takeNext(directory, aside);
      if (number !== null) return () => giveBack(directory, number);
    }
    const detail = `${directory} was taken by others ${ATTEMPTS_MAX} times`;
    throw new ScaleTargetError('unavailable', detail);
  } finally {
    await rm(aside, { force: true });
  }
}

/** The number taken; null when another was faster. @throws ScaleTargetError while the holder lives */
async function takeNext(directory: string, aside: string): Promise<number | null> {
  const highest = Math.max(0, ...(await numbers(directory)));
  if (highest > 0) {
    const held = await readIfThere(pathOf(directory, highest));
    if (held === null) return null;
    const holder = parseHolder(held);
    if (holder !== null && (await isAlive(holder))) {
      throw new ScaleTargetError('unavailable', `${directory} is in use by process ${holder.pid}`);
    }
  }
  const next = highest + 1;
  // A link appears whole or not at all, unlike a file that is created and then written.
  if (!(await linked(aside, pathOf(directory, next)))) return null;
  const found = await numbers(directory);
  if (found.some((number) => number > next)) {
    // This number had been passed and cleared away since it was looked up.
    await rm(pathOf(directory, next), { force: true });
    return null;
  }
  for (const number of found) {
    if (number < next) await rm(pathOf(directory, number), { force: true });
  }
  return next;
}

/** The number stays, so that numbers never fall: only the name in it goes. */
async function giveBack(directory: string, number: number): Promise<void> {
  const aside = join(directory, `lock-${randomUUID()}.tmp`);
  await writeFile(aside, 'released\n');
  await rename(aside, pathOf(directory, number));
}

function pathOf(directory: string, number: number): string {
  return join(directory, `lock.${number}`);
}

async function numbers(directory: string): Promise<readonly number[]> {
  const names = await readdir(directory);
  return names
    .map((name) => Number(/^lock\.(\d{1,15})$/.exec(name)?.[1] ?? 0))
    .filter((number) => number > 0);
}

async function linked(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to);
    return true;
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false;
    throw error;
  }
}

/** Null for a lock that was given back, or that a crash of the machine cut short. */
function parseHolder(text: string): ProcessIdentity | null {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== 'object' || value === null) return null;
    const { pid, startTicks, bootId } = value as Partial<Record<string, unknown>>;
    if (typeof pid !== 'number' || !Number.isSafeInteger(pid) || pid < 1) return null;
    if (typeof startTicks !== 'string' || typeof bootId !== 'string') return null;
    return { pid, startTicks, bootId };
  } catch {
    return null;
  }
}
