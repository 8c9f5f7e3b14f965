/**
 * What the operating system says about processes: who lives, who descends from whom, who carries a
 * mark in its environment. A process is named by its id and the moment it started, since ids are used
 * again; without both nothing is ever signalled. Reads /proc where there is one, `ps` elsewhere.
 */

import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import process from 'node:process';

export interface ProcessIdentity {
  readonly pid: number;
  /** Opaque; differs for every process that ever has this id. */
  readonly startMark: string;
}

export interface ProcessEntry extends ProcessIdentity {
  readonly parentPid: number;
  readonly groupId: number;
  /** Dead, and only waiting for its parent to read the exit status. */
  readonly zombie: boolean;
}

const HAS_PROC = existsSync('/proc/self/stat');
const BOOT = HAS_PROC ? readBootId() : '';

export function listProcesses(): readonly ProcessEntry[] {
  if (!HAS_PROC) return listWithPs();
  return readdirSync('/proc').flatMap((name) => {
    const entry = /^\d+$/.test(name) ? readProcEntry(Number(name)) : null;
    return entry === null ? [] : [entry];
  });
}

/** Null when there is no such process. */
export function readProcess(pid: number): ProcessEntry | null {
  if (HAS_PROC) return readProcEntry(pid);
  return listWithPs().find((entry) => entry.pid === pid) ?? null;
}

/** True while this very process runs; a zombie does not. */
export function isAlive(identity: ProcessIdentity): boolean {
  const entry = readProcess(identity.pid);
  return entry !== null && !entry.zombie && entry.startMark === identity.startMark;
}

/** Every living descendant of the given processes, themselves excluded. */
export function descendantsOf(pids: ReadonlySet<number>): readonly ProcessEntry[] {
  const entries = listProcesses();
  const family = new Set(pids);
  let grown = true;
  while (grown) {
    grown = false;
    for (const entry of entries) {
      if (family.has(entry.pid) || !family.has(entry.parentPid)) continue;
      family.add(entry.pid);
      grown = true;
    }
  }
  return entries.filter((entry) => family.has(entry.pid) && !pids.has(entry.pid) && !entry.zombie);
}

/** Every living process whose environment holds `name=value`; none where there is no /proc. */
export function processesWithEnvironment(name: string, value: string): readonly ProcessEntry[] {
  if (!HAS_PROC) return [];
  const mark = `${name}=${value}`;
  return listProcesses().filter((entry) => {
    if (entry.zombie) return false;
    try {
      return readFileSync(`/proc/${entry.pid}/environ`, 'latin1').split('\0').includes(mark);
    } catch {
      // Another user's process, or one that has just ended.
      return false;
    }
  });
}

/** Signals this very process; false when it is gone or not ours to signal. */
export function signalProcess(identity: ProcessIdentity, signal: NodeJS.Signals): boolean {
  if (!isAlive(identity)) return false;
  try {
    return process.kill(identity.pid, signal);
  } catch {
    return false;
  }
}

function readProcEntry(pid: number): ProcessEntry | null {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  } catch {
    return null;
  }
  // The name in parentheses may hold spaces and parentheses: fields count from the last one.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return {
    pid,
    startMark: `${BOOT}:${fields[19] ?? ''}`,
    parentPid: Number(fields[1]),
    groupId: Number(fields[2]),
    zombie: fields[0] === 'Z' || fields[0] === 'X',
  };
}

function readBootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim().slice(0, 8);
  } catch {
    return 'boot';
  }
}

function listWithPs(): readonly ProcessEntry[] {
  const output = execFileSync('ps', ['-A', '-o', 'pid=,ppid=,pgid=,stat=,lstart='], {
    encoding: 'latin1',
    timeout: 5000,
    maxBuffer: 16_777_216,
    env: { ...process.env, LC_ALL: 'C' },
  });
  return output.split('\n').flatMap((line) => {
    const match = /^\s*(\d+)\s+(\d+)\s+(\d+)\s+(\S+)\s+(.+?)\s*$/.exec(line);
    if (match === null) return [];
    const [, pid, parentPid, groupId, state = '', startMark = ''] = match;
    return [
      {
        pid: Number(pid),
        startMark,
        parentPid: Number(parentPid),
        groupId: Number(groupId),
        zombie: state.startsWith('Z'),
      },
    ];
  });
}
