/**
 * One run of an outside tool in a process group of its own, from spawn to the last of the group:
 * lines out, a bounded tail of what it said for the failure's sake, and an end that is only
 * reported once the process is really gone. It never starts a second one.
 */

import { spawn, type ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createLineCutter } from '../gpu/lines.ts';

export interface Tool {
  /** Null when it could not be started. */
  readonly groupId: number | null;
  /** Resolves when the process is gone; never rejects. */
  readonly ended: Promise<ToolEnd>;
  /** SIGTERM to the group, SIGKILL after the grace. Returns at once. */
  kill(): void;
}

export interface ToolEnd {
  /** Code of the failed spawn, such as ENOENT; null when it ran. */
  readonly spawnError: string | null;
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
  /** The last lines of stdout and stderr, at most TAIL_LENGTH characters. */
  readonly tail: string;
}

const TAIL_LENGTH = 600;
const LINE_BYTES_MAX = 16 * 1024;
const KILL_GRACE_MS = 500;
/** After the exit, what is still in the pipes is read for this long. */
const DRAIN_MS = 500;

export function startTool(
  path: string,
  parameters: readonly string[],
  onLine: (line: string) => void,
): Tool {
  const child = spawn(path, parameters, {
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, LC_ALL: 'C' },
  });
  if (child.pid === undefined) return failedTool(child);
  const groupId = child.pid;
  let tail = '';
  const remember = (line: string): void => {
    tail = `${tail}${line.replace(/[^\u0020-\u007e]/g, '?')} `.slice(-TAIL_LENGTH);
  };
  const out = createLineCutter(
    LINE_BYTES_MAX,
    (line) => {
      remember(line);
      onLine(line);
    },
    () => onLine(''),
  );
  const err = createLineCutter(LINE_BYTES_MAX, remember, () => remember('(a long line)'));
  child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => err.push(chunk));

  const ended = new Promise<ToolEnd>((resolve) => {
    child.on('error', (error) => remember(error.message));
    child.once('exit', (exitCode, signal) => {
      const finish = (): void => {
        clearTimeout(drain);
        child.stdout.destroy();
        child.stderr.destroy();
        // Whatever it left behind in its group ends with it.
        signalGroup(groupId, 'SIGKILL');
        resolve({ spawnError: null, exitCode, signal, tail: tail.trim() });
      };
      const drain = setTimeout(finish, DRAIN_MS);
      child.once('close', finish);
    });
  });

  let isKilled = false;
  return {
    groupId,
    ended,
    kill() {
      if (isKilled) return;
      isKilled = true;
      signalGroup(groupId, 'SIGTERM');
      const timer = setTimeout(() => signalGroup(groupId, 'SIGKILL'), KILL_GRACE_MS);
      void ended.then(() => clearTimeout(timer));
    },
  };
}

/** Without a process (no such file, no right, no memory) its streams may be missing too. */
function failedTool(child: ChildProcess): Tool {
  const ended = new Promise<ToolEnd>((resolve) => {
    child.once('error', (error: NodeJS.ErrnoException) => {
      const spawnError = error.code ?? 'unknown';
      resolve({ spawnError, exitCode: null, signal: null, tail: '' });
    });
  });
  return { groupId: null, ended, kill: () => undefined };
}

/**
 * True while the process runs or is stuck. A zombie is gone: where the agent is process 1 of a
 * container, an orphan that it never started is never reaped and would count as stuck for ever.
 */
export function isProcessAlive(processId: number | null): boolean {
  if (processId === null) return false;
  try {
    const stat = readFileSync(`/proc/${processId}/stat`, 'utf8');
    const state = stat.slice(stat.lastIndexOf(')') + 2, stat.lastIndexOf(')') + 3);
    return state !== 'Z' && state !== 'X';
  } catch {
    return process.platform === 'linux' ? false : signalGroup(processId, 0);
  }
}

/** True when the group was there to be signalled. Signal 0 only asks. */
export function signalGroup(groupId: number | null, signal: NodeJS.Signals | 0): boolean {
  if (groupId === null) return false;
  try {
    process.kill(-groupId, signal);
    return true;
  } catch (error) {
    // EPERM: there is one, of another user.
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}
