/**
 * A real Postgres for tests: initialised in a temporary folder, on a Unix socket alone, run as
 * another user when the tests run as root, which Postgres refuses. For tests only.
 */

import { spawn, spawnSync } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';

export interface TestPostgres {
  readonly url: string;
  /** SIGKILL to all of it, as a machine that fails. */
  kill(): Promise<void>;
  /** SIGSTOP and SIGCONT to the processes that serve connections: the database hangs. */
  freeze(): void;
  thaw(): void;
  /** Starts it again; resolves when it answers. */
  start(): Promise<void>;
  /** Ends it and removes its folder. */
  stop(): Promise<void>;
}

/** Statements after which a database has nothing of ours, as a new one. */
export const EMPTY_DATABASE = 'drop schema public cascade; create schema public';

/** Names of the migrations of this version, in the order in which they run. */
export const MIGRATIONS = readdirSync(
  new URL('../../control-plane/adapters/postgres/migrations', import.meta.url),
)
  .sort()
  .map((file) => basename(file, '.sql'));

/** Polls until the condition holds; rejects when it does not within the time. */
export async function until(
  condition: () => boolean | Promise<boolean>,
  timeoutMs: number,
): Promise<void> {
  const endsAt = performance.now() + timeoutMs;
  while (!(await condition())) {
    if (performance.now() > endsAt) throw new Error(`not true within ${timeoutMs} ms`);
    await sleep(10);
  }
}

/** Why there is no Postgres to test with; null when there is. */
export function postgresMissing(): string | null {
  if (binaries() === null) return 'no postgres and initdb on this machine';
  if (process.getuid?.() === 0 && runAs() === null) {
    return 'Postgres refuses root, and there is no user postgres or nobody';
  }
  return null;
}

export async function startPostgres(): Promise<TestPostgres> {
  const bin = binaries();
  if (bin === null) throw new Error('no postgres');
  const user = process.getuid?.() === 0 ? runAs() : null;
  const directory = mkdtempSync(join(tmpdir(), 'omnimind-postgres-'));
  if (user !== null) chownSync(directory, user.uid, user.gid);
  const data = join(directory, 'data');
  const identity = user ?? {};
  const initialise = (...locale: string[]) =>
    spawnSync(
      join(bin, 'initdb'),
      ['-D', data, '-U', 'postgres', '-A', 'trust', '-N', '-E', 'UTF8', ...locale],
      { ...identity, encoding: 'utf8', cwd: directory },
    );
  // A language's order, where this Postgres knows one: it shows whether a query relies on bytes.
  const inEnglish = initialise('--locale=C.UTF-8', '--locale-provider=icu', '--icu-locale=en');
  const made = inEnglish.status === 0 ? inEnglish : initialise('--locale=C.UTF-8');
  if (made.status !== 0) throw new Error(`initdb failed: ${made.stderr}`);
  const url = `postgres://postgres@localhost/postgres?host=${encodeURIComponent(directory)}`;
  let child: ChildProcess | null = null;
  const descendants = (): number[] => {
    if (child?.pid === undefined) return [];
    const listed = spawnSync('pgrep', ['-P', String(child.pid)], { encoding: 'utf8' });
    return listed.stdout.split('\n').filter(Boolean).map(Number);
  };
  const kill = async () => {
    if (child === null) return;
    const ended = once(child, 'exit');
    const others = descendants();
    child.kill('SIGKILL');
    for (const pid of others) signal(pid, 'SIGKILL');
    await ended;
    child = null;
  };
  const start = async () => {
    child = spawn(join(bin, 'postgres'), ['-D', data, '-k', directory, '-h', ''], {
      ...identity,
      stdio: 'ignore',
      cwd: directory,
    });
    await until(() => answers(url), 20_000);
  };
  await start();
  return {
    url,
    kill,
    start,
    freeze: () => {
      for (const pid of descendants()) signal(pid, 'SIGSTOP');
      child?.kill('SIGSTOP');
    },
    thaw: () => {
      child?.kill('SIGCONT');
      for (const pid of descendants()) signal(pid, 'SIGCONT');
    },
    stop: async () => {
      await kill();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

function binaries(): string | null {
  const debian = '/usr/lib/postgresql';
  const versions = existsSync(debian) ? readdirSync(debian) : [];
  const folders = [
    ...(process.env['PATH'] ?? '').split(delimiter),
    ...versions.map((version) => join(debian, version, 'bin')),
  ];
  const found = folders.find(
    (folder) => existsSync(join(folder, 'initdb')) && existsSync(join(folder, 'postgres')),
  );
  return found ?? null;
}

function runAs(): { uid: number; gid: number } | null {
  for (const name of ['postgres', 'nobody']) {
    const uid = spawnSync('id', ['-u', name], { encoding: 'utf8' });
    const gid = spawnSync('id', ['-g', name], { encoding: 'utf8' });
    if (uid.status === 0 && gid.status === 0) {
      return { uid: Number(uid.stdout), gid: Number(gid.stdout) };
    }
  }
  return null;
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // It ended meanwhile.
  }
}

async function answers(url: string): Promise<boolean> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 1000 });
  client.on('error', () => undefined);
  try {
    await client.connect();
    await client.query('select 1');
    return true;
  } catch {
    return false;
  } finally {
    await client.end().catch(() => undefined);
  }
}
