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

/** Where Node keeps compiled sources over this run (test/main.ts), also for who is given an environment. */
const COMPILE_CACHE = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => name === 'NODE_COMPILE_CACHE'),
);

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
  const env = options.env === undefined ? undefined : { ...COMPILE_CACHE, ...options.env };
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], ...options, env });
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

/**
 * A port of 127.0.0.1 that is free at this moment, for a process that is yet to start. None of those
 * that the system hands out: by the time that process listens, a server or a connection elsewhere
 * could have been given it. Each is tried in turn, so that another that asks gets another.
 */
export async function freePort(): Promise<number> {
  for (let tried = 0; tried < PORTS; tried += 1) {
    const port = PORTS_FROM + nextPort;
    nextPort = (nextPort + 1) % PORTS;
    if (await isFree(port)) return port;
  }
  throw new Error(`no port from ${PORTS_FROM} to ${PORTS_FROM + PORTS - 1} is free`);
}

/** Linux hands out those from 32768 on, and stub replicas have those from 21000 (plane-process.ts). */
const PORTS_FROM = 11_000;
const PORTS = 10_000;
/** Far from where the process with the next pid begins. */
let nextPort = (process.pid * 3_571) % PORTS;

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  server.listen(port, '127.0.0.1');
  const listens = await once(server, 'listening').then(
    () => true,
    () => false,
  );
  if (listens) await new Promise((resolve) => server.close(resolve));
  return listens;
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
