/**
 * Asks a child process (statfs-child.ts) for the sizes of remote file systems. The child is started
 * beforehand and never by a question; when it ends it is started again after a pause, and while it
 * is away every question is refused. At most `questionsMax` are out at once.
 */

import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { FilesystemSize } from '../collectors/node-filesystem.ts';
import { CollectorError } from '../failures.ts';
import { childEntry } from './child-entry.ts';
import type { MeasureFilesystem } from './filesystem-sizes.ts';

export interface StatfsProcess {
  readonly measure: MeasureFilesystem;
  /** Starts the child unless it runs or ended less than the pause ago. */
  ensure(): void;
  stop(): void;
}

export interface StatfsProcessOptions {
  /** Script of the child; a test may name another. */
  readonly entry?: string;
  readonly questionsMax?: number;
  /** Least time between two starts, in ms. */
  readonly restartPauseMs?: number;
}

interface Question {
  readonly resolve: (size: FilesystemSize) => void;
  readonly reject: (error: Error) => void;
}

export function createStatfsProcess(options: StatfsProcessOptions = {}): StatfsProcess {
  const { questionsMax = 64, restartPauseMs = 30_000 } = options;
  const entry = options.entry ?? childEntry(import.meta.filename, 'statfs-child');
  const questions = new Map<string, Question>();
  let child: ChildProcess | null = null;
  let startedMs = -Infinity;

  function ended(which: ChildProcess): void {
    if (child !== which) return;
    child = null;
    for (const { reject } of questions.values()) {
      reject(new CollectorError('unavailable', 'the process for remote file systems ended'));
    }
    questions.clear();
  }

  function answered(line: string): void {
    const answer = parseAnswer(line);
    const question = answer === null ? undefined : questions.get(answer.path);
    if (answer === null || question === undefined) return;
    questions.delete(answer.path);
    if (answer.size !== null) question.resolve(answer.size);
    else question.reject(new CollectorError('unavailable', `${answer.path} refused`));
  }

  return {
    ensure() {
      if (child !== null || performance.now() - startedMs < restartPauseMs) return;
      startedMs = performance.now();
      // The pool bounds how many dead servers can be waited for at once; more wait behind them.
      const env = { ...process.env, UV_THREADPOOL_SIZE: '16' };
      const started = spawn(process.execPath, [...process.execArgv, entry], {
        env,
        stdio: ['pipe', 'pipe', 'ignore'],
      });
      child = started;
      started.once('exit', () => ended(started)).once('error', () => ended(started));
      started.stdin.on('error', () => ended(started));
      createInterface({ input: started.stdout }).on('line', answered);
      started.unref();
    },
    measure(path) {
      return new Promise((resolve, reject) => {
        if (
          child?.stdin?.writable !== true ||
          questions.size >= questionsMax ||
          questions.has(path)
        ) {
          reject(new CollectorError('unavailable', `${path} cannot be asked now`));
          return;
        }
        questions.set(path, { resolve, reject });
        child.stdin.write(`${JSON.stringify(path)}\n`);
      });
    },
    stop() {
      const stopping = child;
      startedMs = Infinity;
      if (stopping !== null) {
        ended(stopping);
        stopping.kill('SIGKILL');
      }
    },
  };
}

const SIZE_FIELDS = [
  'blockBytes',
  'blocks',
  'blocksFree',
  'blocksAvailable',
  'files',
  'filesFree',
] as const;

function parseAnswer(line: string): { path: string; size: FilesystemSize | null } | null {
  try {
    const { path, size } = JSON.parse(line) as { path?: unknown; size?: Record<string, unknown> };
    if (typeof path !== 'string') return null;
    if (size === undefined) return { path, size: null };
    const sound = SIZE_FIELDS.every((field) => typeof size[field] === 'number');
    return sound ? { path, size: size as unknown as FilesystemSize } : null;
  } catch {
    return null;
  }
}
