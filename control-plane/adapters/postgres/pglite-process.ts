/**
 * Keeps a PGlite process (pglite-server.ts) running: starts it, starts it anew with back-off when it
 * dies, and stops it. It does not wait for it to be ready, which takes seconds: the address is known
 * at once, and the decision store retries until somebody answers there.
 */

import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { chmod, mkdir, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

export interface PgliteOptions {
  /** Where the database lives; created when it is missing. */
  readonly directory: string;
  /** Longest pause before a process that died is started anew, in ms; 10 000. */
  readonly restartDelayMaxMs?: number;
  /** From SIGTERM to SIGKILL, in ms; 1500. */
  readonly stopGraceMs?: number;
  /** Called when the process ended without being told to; with the last lines that it wrote. */
  readonly onExit?: (detail: string) => void;
  /** From 0 to 1, for the jitter of restarts. */
  readonly random?: () => number;
}

export interface PgliteProcess {
  /** For createDecisionStore; the same after every restart. */
  readonly url: string;
  /** PGlite is one session, had by one connection at a time: more would only wait. */
  readonly connectionsMax: 1;
  /** Null between a death and the restart. */
  readonly pid: () => number | null;
  /** Flushes and ends the process; within stopGraceMs and a little. */
  stop(): Promise<void>;
}

/** Resolves once the process is started; the database answers some seconds later. */
export async function startPgliteProcess(options: PgliteOptions): Promise<PgliteProcess> {
  const sockets = await socketDirectory(options.directory);
  const keeper = new Keeper(options, sockets);
  keeper.start();
  return {
    url: `postgres://postgres@localhost/postgres?host=${encodeURIComponent(sockets)}`,
    connectionsMax: 1,
    pid: () => keeper.pid,
    stop: () => keeper.stop(),
  };
}

const SERVER = fileURLToPath(new URL('./pglite-server.ts', import.meta.url));
const RESTART_DELAY_MIN_MS = 250;
/** A process that lived for so long was well: the back-off begins anew. */
const STABLE_MS = 30_000;
const OUTPUT_MAX = 2000;
/** The kernel's limit for a socket's path is 107 bytes; the longest name below it has 14. */
const SOCKET_DIRECTORY_BYTES_MAX = 90;

/**
 * The database asks for no password, so its socket lies in a folder that only this user may enter:
 * in the data directory, or, where that path is too long for a socket, under the system's folder for
 * temporary files, named after it.
 */
async function socketDirectory(directory: string): Promise<string> {
  const absolute = resolve(directory);
  await mkdir(absolute, { recursive: true, mode: 0o700 });
  const hash = createHash('sha256').update(absolute).digest('hex').slice(0, 16);
  const own = join(absolute, 'run');
  const path =
    Buffer.byteLength(own) <= SOCKET_DIRECTORY_BYTES_MAX
      ? own
      : join(tmpdir(), `omnimind-pglite-${hash}`);
  await mkdir(path, { recursive: true, mode: 0o700 });
  const { uid } = await stat(path);
  const self = process.getuid?.();
  if (self !== undefined && uid !== self) throw new Error(`${path} belongs to another user`);
  await chmod(path, 0o700);
  return path;
}

class Keeper {
  readonly #options: PgliteOptions;
  readonly #sockets: string;
  #child: ChildProcess | null = null;
  #restart: NodeJS.Timeout | null = null;
  #failures = 0;
  #stopped = false;

  constructor(options: PgliteOptions, sockets: string) {
    this.#options = options;
    this.#sockets = sockets;
  }

  get pid(): number | null {
    return this.#child?.pid ?? null;
  }

  start(): void {
    const startedAt = performance.now();
    // Only what the database needs: the plane's own environment may hold secrets.
    const { PATH, HOME, TMPDIR, TZ, NODE_OPTIONS } = process.env;
    const child = spawn(
      process.execPath,
      [SERVER, resolve(this.#options.directory), this.#sockets, 'with-parent'],
      {
        stdio: ['pipe', 'ignore', 'pipe'],
        env: { PATH, HOME, TMPDIR, TZ, NODE_OPTIONS },
      },
    );
    this.#child = child;
    let output = '';
    child.stderr.setEncoding('utf8');
    child.stderr.on('data', (text: string) => {
      output = (output + text).slice(-OUTPUT_MAX);
    });
    child.stdin.on('error', () => undefined);
    child.once('error', (cause) => {
      // Without a pid it never ran, and no exit follows.
      if (child.pid === undefined) this.#ended(child, startedAt, cause.message);
    });
    child.once('exit', (code, signal) => {
      this.#ended(
        child,
        startedAt,
        `ended with ${signal ?? `status ${code ?? 0}`}: ${output.trim()}`,
      );
    });
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    if (this.#restart !== null) clearTimeout(this.#restart);
    const child = this.#child;
    if (child === null) return;
    const exit = once(child, 'exit');
    child.kill('SIGTERM');
    const timer = setTimeout(() => child.kill('SIGKILL'), this.#options.stopGraceMs ?? 1500);
    await exit;
    clearTimeout(timer);
  }

  #ended(child: ChildProcess, startedAt: number, detail: string): void {
    if (this.#child === child) this.#child = null;
    if (this.#stopped) return;
    this.#options.onExit?.(detail);
    this.#failures = performance.now() - startedAt >= STABLE_MS ? 1 : this.#failures + 1;
    const { restartDelayMaxMs = 10_000, random = Math.random } = this.#options;
    const delay = Math.min(
      restartDelayMaxMs,
      RESTART_DELAY_MIN_MS * 2 ** Math.min(this.#failures - 1, 20),
    );
    this.#restart = setTimeout(() => this.start(), delay * (0.5 + random() / 2));
  }
}
