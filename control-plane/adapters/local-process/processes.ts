/**
 * Processes as Linux's /proc tells of them: which one a number means, which ones a directory
 * owns, and signals that reach the one that was meant. A process is its number, its start time and
 * the boot, so that a number used again is never taken for the old holder. It starts nothing.
 */

import { readdir, readFile } from 'node:fs/promises';

import { codeOf, readUnless } from '../disk/reading.ts';

/** Variables that mark a replica's process and whatever it starts. */
export const OWNER_VARIABLE = 'OMNIMIND_REPLICA_OWNER';
export const REPLICA_VARIABLE = 'OMNIMIND_REPLICA_ID';
export const PORT_VARIABLE = 'PORT';

export interface ProcessIdentity {
  readonly pid: number;
  /** Clock ticks from boot to the start of the process, as /proc writes them. */
  readonly startTicks: string;
  readonly bootId: string;
}

/** A process that carries a directory's mark. */
export interface OwnedProcess {
  readonly identity: ProcessIdentity;
  readonly replicaId: string;
  /** The replica itself rather than something that it started: it leads its process group. */
  readonly leads: boolean;
}

let bootIdRead: string | null = null;

/** @throws Error where there is no /proc */
export async function readBootId(): Promise<string> {
  bootIdRead ??= (await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim();
  return bootIdRead;
}

/** The process behind a number now; null when there is none or only its zombie. */
export async function identityOf(pid: number, bootId: string): Promise<ProcessIdentity | null> {
  const stat = await readStat(pid);
  return stat === null ? null : { pid, startTicks: stat.startTicks, bootId };
}

/** False for an ended process, for a zombie, and for a number that somebody else has now. */
export async function isAlive(identity: ProcessIdentity): Promise<boolean> {
  const stat = await readStat(identity.pid);
  if (stat?.startTicks !== identity.startTicks) return false;
  return identity.bootId === (await readBootId());
}

/**
 * Every living process that carries the owner's mark, the oldest first: a replica comes before what
 * it started. Costs one read per process of this user.
 */
export async function findOwned(owner: string): Promise<readonly OwnedProcess[]> {
  const bootId = await readBootId();
  const mark = `${OWNER_VARIABLE}=${owner}`;
  const found: OwnedProcess[] = [];
  for (const entry of await readdir('/proc')) {
    const pid = Number(entry);
    if (!Number.isSafeInteger(pid)) continue;
    const variables = (await readProc(`/proc/${pid}/environ`))?.split('\0') ?? [];
    if (!variables.includes(mark)) continue;
    const stat = await readStat(pid);
    if (stat === null) continue;
    const replica = variables.find((variable) => variable.startsWith(`${REPLICA_VARIABLE}=`));
    found.push({
      identity: { pid, startTicks: stat.startTicks, bootId },
      replicaId: replica?.slice(REPLICA_VARIABLE.length + 1) ?? '',
      leads: stat.groupId === pid,
    });
  }
  return found.sort((a, b) => Number(a.identity.startTicks) - Number(b.identity.startTicks));
}

/**
 * Signals the process and its group when it is still the one meant, and `may` still says so. False
 * when it was not signalled.
 */
export async function signalGroup(
  identity: ProcessIdentity,
  signal: 'SIGTERM' | 'SIGKILL',
  may: () => boolean = always,
): Promise<boolean> {
  return (await isAlive(identity)) && may() && send(-identity.pid, signal);
}

/** Signals the one process. False when it was not signalled. */
export async function signalProcess(
  identity: ProcessIdentity,
  signal: 'SIGTERM' | 'SIGKILL',
  may: () => boolean = always,
): Promise<boolean> {
  return (await isAlive(identity)) && may() && send(identity.pid, signal);
}

const always = (): boolean => true;

function send(pid: number, signal: 'SIGTERM' | 'SIGKILL'): boolean {
  try {
    process.kill(pid, signal);
    return true;
  } catch (error) {
    if (codeOf(error) === 'ESRCH') return false;
    throw error;
  }
}

interface Stat {
  readonly groupId: number;
  readonly startTicks: string;
}

async function readStat(pid: number): Promise<Stat | null> {
  const text = await readProc(`/proc/${pid}/stat`);
  // The second field is the command in parentheses and may hold spaces and parentheses.
  const [state, , groupId, ...rest] = (text?.slice(text.lastIndexOf(')') + 2) ?? '').split(' ');
  const startTicks = rest[16];
  if (state === undefined || groupId === undefined || startTicks === undefined) return null;
  if (state === 'Z' || state === 'X') return null;
  return { groupId: Number(groupId), startTicks };
}

/** Null for what is gone, and for a process of another user. */
function readProc(path: string): Promise<string | null> {
  return readUnless(['ENOENT', 'ESRCH', 'EACCES', 'EPERM'], path, 'latin1');
}
