/**
 * One process per directory. Whoever wants it puts down a file of its own first and looks for others
 * after that: of two at once at least one sees the other, so never do both go on, and since names
 * are never used twice nobody can remove the wrong one. A file names its process by id, by the time
 * at which that process started and by the boot of the machine, so that an id used again is not
 * taken for the holder; a file whose process is gone is removed by whoever finds it.
 *
 * It guards against a mistake on one host. A directory shared between hosts, or between containers
 * that cannot see each other's processes, is beyond it.
 */

import { randomInt, randomUUID } from 'node:crypto';
import { readFile, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { LogLockedError } from './damage.ts';

const LOCK = /^lock-[0-9a-f-]{36}$/;
/** Another may only be passing by, about to give way: the lock is tried again after a random pause. */
const ATTEMPTS_MAX = 5;
const PAUSE_MS_MAX = 40;

/**
 * Takes the directory's lock; resolves to the function that gives it back.
 * @throws LogLockedError while the holder lives.
 */
export async function takeLock(directory: string): Promise<() => Promise<void>> {
  const content = JSON.stringify(await identity(process.pid));
  for (let attempt = 1; ; attempt += 1) {
    const mine = join(directory, `lock-${randomUUID()}`);
    await writeFile(`${mine}.tmp`, content);
    await rename(`${mine}.tmp`, mine);
    const other = await livingOther(directory, mine);
    if (other === null) return () => rm(mine, { force: true });
    await rm(mine, { force: true });
    if (attempt === ATTEMPTS_MAX) throw new LogLockedError(`${directory} is held: ${other}`);
    await pause(randomInt(1, PAUSE_MS_MAX));
  }
}

/** What the lock of another living process says, or null; locks of the dead are removed. */
async function livingOther(directory: string, mine: string): Promise<string | null> {
  let living: string | null = null;
  for (const name of await readdir(directory)) {
    const path = join(directory, name);
    if (!LOCK.test(name) || path === mine) continue;
    const holder = await readIfThere(path);
    if (holder === null) continue;
    if (await isAlive(holder)) living = `${name} ${holder}`;
    else await rm(path, { force: true });
  }
  return living;
}

interface Identity {
  readonly pid: number;
  /** Clock ticks from boot to the start of the process; null where the system does not say. */
  readonly startedAtTicks: string | null;
  readonly bootId: string | null;
}

/** Null for a zombie: it has ended, and only its parent has not looked yet. */
async function identity(pid: number): Promise<Identity | null> {
  const stat = await readIfThere(`/proc/${pid}/stat`);
  const boot = await readIfThere('/proc/sys/kernel/random/boot_id');
  // Fields 3 and 22; the second is the command in parentheses and may hold spaces.
  const fields = stat?.slice(stat.lastIndexOf(')') + 2).split(' ') ?? [];
  if (fields[0] === 'Z' || fields[0] === 'X') return null;
  return { pid, startedAtTicks: fields[19] ?? null, bootId: boot?.trim() ?? null };
}

/** A lock that cannot be read was cut short by a crash of the machine: its holder is gone. */
async function isAlive(holder: string): Promise<boolean> {
  const said = parseIdentity(holder);
  if (said === null || !exists(said.pid)) return false;
  const found = await identity(said.pid);
  return found?.startedAtTicks === said.startedAtTicks && found.bootId === said.bootId;
}

function parseIdentity(holder: string): Identity | null {
  try {
    const value = JSON.parse(holder) as Partial<Identity> | null;
    if (typeof value?.pid !== 'number' || !Number.isSafeInteger(value.pid) || value.pid < 1) {
      return null;
    }
    const { pid, startedAtTicks = null, bootId = null } = value;
    return { pid, startedAtTicks, bootId };
  } catch {
    return null;
  }
}

function exists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: it is there and belongs to somebody else.
    return codeOf(error) === 'EPERM';
  }
}

async function readIfThere(path: string): Promise<string | null> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    const code = codeOf(error);
    if (code === 'ENOENT' || code === 'ESRCH' || code === 'ENOTDIR') return null;
    throw error;
  }
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}
