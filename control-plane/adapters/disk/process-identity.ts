/**
 * Which process a number means: its start time and the boot of the machine go with the number, so
 * that one used again is not taken for the process that had it before. When the system does not
 * say, the process counts as alive: who waits for nobody loses time, who takes a living process for
 * dead loses files. It signals nothing.
 */

import { codeOf, readUnless } from './reading.ts';

export interface ProcessIdentity {
  readonly pid: number;
  /** Clock ticks from boot to the start of the process; null where there is no /proc. */
  readonly startTicks: string | null;
  /** Null where there is no /proc. */
  readonly bootId: string | null;
}

export async function ownIdentity(): Promise<ProcessIdentity> {
  const stat = await readStat(process.pid);
  return { pid: process.pid, startTicks: stat?.startTicks ?? null, bootId: await readBootId() };
}

/** False for an ended process, for a zombie, and for a number that somebody else has now. */
export async function isAlive(identity: ProcessIdentity): Promise<boolean> {
  const bootId = await readBootId();
  if (bootId !== null && identity.bootId !== null && bootId !== identity.bootId) return false;
  const stat = await readStat(identity.pid);
  // Another user's process may be hidden in /proc; a signal still finds it.
  if (stat === null) return isThere(identity.pid);
  if (stat.ended) return false;
  return identity.startTicks === null || identity.startTicks === stat.startTicks;
}

/** Whether some process has the number, a zombie too. */
export function isThere(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: it is there and belongs to somebody else.
    return codeOf(error) === 'EPERM';
  }
}

/** Null for what is not an identity as `JSON.stringify` writes it. */
export function parseIdentity(text: string): ProcessIdentity | null {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== 'object' || value === null) return null;
    const { pid, startTicks, bootId } = value as Partial<Record<string, unknown>>;
    if (typeof pid !== 'number' || !Number.isSafeInteger(pid) || pid < 1) return null;
    return { pid, startTicks: textOrNull(startTicks), bootId: textOrNull(bootId) };
  } catch {
    return null;
  }
}

function textOrNull(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}

async function readBootId(): Promise<string | null> {
  return (await readProc('/proc/sys/kernel/random/boot_id'))?.trim() ?? null;
}

interface Stat {
  readonly startTicks: string;
  readonly ended: boolean;
}

async function readStat(pid: number): Promise<Stat | null> {
  const text = await readProc(`/proc/${pid}/stat`);
  if (text === null) return null;
  // The second field is the command in parentheses and may hold spaces and parentheses.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const [state, threads, startTicks] = [fields[0], fields[17], fields[19]];
  if (startTicks === undefined) return null;
  // A killed process shows as a zombie while one of its threads still ends a write to a disk.
  const isZombie = state === 'Z' && Number(threads) <= 1;
  return { startTicks, ended: isZombie || state === 'X' };
}

/** Null for what is gone or hidden, and where there is no /proc. */
function readProc(path: string): Promise<string | null> {
  return readUnless(['ENOENT', 'ESRCH', 'ENOTDIR', 'EACCES', 'EPERM'], path, 'latin1');
}
