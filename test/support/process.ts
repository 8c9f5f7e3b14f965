/**
 * Real processes for tests: started with their output kept, waited for with a bound, and gone when the
 * test is over. Nothing here sleeps for a fixed time; every wait polls a condition.
 */

import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, constants } from 'node:fs';
import { createServer } from 'node:net';
import type { Server } from 'node:net';
import { delimiter, join } from 'node:path';
import process from 'node:process';
import { setTimeout as delay } from 'node:timers/promises';

export interface RunningProcess {
  readonly child: ChildProcess;
  readonly pid: number;
  /** What it wrote to stdout and stderr until now. */
  output(): string;
  /** Resolves with its exit code, or the signal's name; rejects after `withinMs`. */
  exit(withinMs: number): Promise<number | NodeJS.Signals>;
  /** Kills its whole group, if it was started detached, otherwise itself. */
  kill(): void;
}

export interface StartOptions {
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  /** In a process group of its own. */
  readonly detached?: boolean;
}

export function startProcess(
  command: string,
  args: readonly string[],
  options: StartOptions = {},
): RunningProcess {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], ...options });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (output += text));
  // Without a listener a command that does not exist would end the test runner.
  child.on('error', (error) => (output += `${error.message}\n`));
  return {
    child,
    pid: child.pid ?? 0,
    output: () => output,
    async exit(withinMs) {
      const how = (): number | NodeJS.Signals | null => child.exitCode ?? child.signalCode;
      if (how() === null) {
        const bound = AbortSignal.timeout(withinMs);
        await once(child, 'exit', { signal: bound }).catch(() => {
          throw new Error(`process ${child.pid ?? '?'} still runs; it wrote:\n${output}`);
        });
      }
      return how() ?? 0;
    },
    kill() {
      if (child.pid === undefined) return;
      try {
        process.kill(options.detached === true ? -child.pid : child.pid, 'SIGKILL');
      } catch {
        // It has ended already.
      }
    },
  };
}

/** Polls until the condition gives something other than null, undefined or false. */
export async function pollUntil<T>(
  what: string,
  withinMs: number,
  condition: () => T | Promise<T>,
): Promise<NonNullable<T>> {
  const deadline = performance.now() + withinMs;
  for (;;) {
    const value = await condition();
    if (value !== null && value !== undefined && value !== false) return value;
    if (performance.now() > deadline) throw new Error(`not within ${withinMs} ms: ${what}`);
    await delay(25);
  }
}

/** Has the server listen on some free port of 127.0.0.1, which it gives. */
export async function listenLocally(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (typeof address !== 'object' || address === null) throw new Error('no port was bound');
  return address.port;
}

/** A port of 127.0.0.1 that is free at this moment. */
export async function freePort(): Promise<number> {
  const server = createServer();
  const port = await listenLocally(server);
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Whether PATH leads to a program of this name. */
export function isInstalled(program: string): boolean {
  return (process.env['PATH'] ?? '').split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
