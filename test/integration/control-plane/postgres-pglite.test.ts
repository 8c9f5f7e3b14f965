/** PGlite in its process: what becomes of records and of the process when either side dies. */

import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { getPriority, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createDecisionStore } from '../../../control-plane/adapters/postgres/decision-store.ts';
import type { PostgresDecisionStore } from '../../../control-plane/adapters/postgres/decision-store.ts';
import { startPgliteProcess } from '../../../control-plane/adapters/postgres/pglite-process.ts';
import type { PgliteProcess } from '../../../control-plane/adapters/postgres/pglite-process.ts';
import { decision, EVERYTHING, START_MS } from '../../contract/decision-store.ts';
import { until } from '../../support/postgres.ts';

const PARENT = fileURLToPath(new URL('../../support/postgres-pglite-parent.ts', import.meta.url));
const { signal } = new AbortController();

describe('PGlite process', function () {
  // The first start builds a database, which takes seconds and more on a busy machine.
  this.timeout(90_000);
  let directory: string;
  const exits: string[] = [];
  let pglite: PgliteProcess;
  let store: PostgresDecisionStore;
  let appended = 0;

  const append = async (count: number) => {
    for (let index = 0; index < count; index += 1) {
      await store.append([decision(START_MS + appended)]);
      appended += 1;
    }
  };
  const open = async () => {
    pglite = await startPgliteProcess({ directory, onExit: (detail) => void exits.push(detail) });
    store = await createDecisionStore({
      nowMs: () => START_MS,
      connectionUrl: pglite.url,
      connectionsMax: pglite.connectionsMax,
      spoolDirectory: join(directory, 'spool'),
      retryDelayMaxMs: 200,
      batchMax: 5,
    });
    await store.start();
  };
  const close = async () => {
    await store.stop();
    await pglite.stop();
  };
  const written = () => until(() => store.status().buffered === 0, 60_000);
  const count = async () => (await store.list(EVERYTHING, 1000, null, signal)).records.length;

  before(() => {
    directory = mkdtempSync(join(tmpdir(), 'omnimind-pglite-'));
  });
  after(async () => {
    await close();
    rmSync(directory, { recursive: true });
  });

  it('keeps nobody waiting: records are taken before the database answers', async () => {
    await open();
    await append(10);
    assert.equal(store.status().connected, false);
    await written();
    assert.equal(store.status().connected, true);
    assert.equal(await count(), 10);
  });

  it('lets only its own user at the socket', () => {
    const folder = new URL(pglite.url).searchParams.get('host') ?? '';
    assert.equal(statSync(folder).mode & 0o777, 0o700);
  });

  it('is started anew when it is killed while it writes, and has every record once', async () => {
    const killed = pglite.pid();
    assert.ok(killed !== null);
    const before = appended;
    const appending = append(100);
    await until(() => appended > before + 20, 5000);
    process.kill(killed, 'SIGKILL');
    await appending;
    await append(10);
    await until(() => pglite.pid() !== null && pglite.pid() !== killed, 10_000);
    await written();
    assert.equal(await count(), appended);
    assert.equal(exits.length, 1);
    assert.match(exits[0] ?? '', /SIGKILL/);
  });

  it('has everything after a stop and a start', async () => {
    await append(1);
    await close();
    await open();
    await until(() => store.status().connected, 30_000);
    await written();
    assert.equal(await count(), appended);
    assert.equal(exits.length, 1);
  });

  it('ends when its parent is killed, and the next one waits until it has', async () => {
    await close();
    const parent = spawn(process.execPath, [PARENT, directory], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let output = '';
    parent.stdout.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
    await until(() => output.includes('\n'), 10_000);
    const orphan = Number(output);
    parent.kill('SIGKILL');
    await once(parent, 'exit');
    await open();
    await until(() => store.status().connected, 30_000);
    assert.equal(await count(), appended);
    await until(() => !isAlive(orphan), 5000);
  });

  it('comes up in a process that was started with less priority than it takes', async () => {
    const niceness = Math.min(19, getPriority() + 15);
    const own = mkdtempSync(join(tmpdir(), 'omnimind-pglite-'));
    const parent = spawn('nice', ['-n', '15', process.execPath, PARENT, own], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let pid = 0;
    try {
      parent.stdout.setEncoding('utf8').on('data', (text: string) => (pid = Number(text)));
      await until(() => pid !== 0, 10_000);
      // It holds the directory from just after it has taken its priority.
      await until(() => readdirSync(own).some((name) => name.startsWith('lock.')), 30_000);
      assert.equal(getPriority(pid), niceness);
    } finally {
      parent.kill('SIGKILL');
      if (pid !== 0) process.kill(pid, 'SIGKILL');
      await until(() => pid === 0 || !isAlive(pid), 5_000);
      rmSync(own, { recursive: true });
    }
  });

  it('is gone when it was stopped', async () => {
    const pid = pglite.pid();
    assert.ok(pid !== null);
    const startedAt = performance.now();
    await close();
    assert.ok(performance.now() - startedAt < 4000);
    assert.equal(isAlive(pid), false);
  });
});

/** A process that has ended and that nobody has reaped yet is not alive. */
function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  const { stdout } = spawnSync('ps', ['-o', 'stat=', '-p', String(pid)], { encoding: 'utf8' });
  return !stdout.trim().startsWith('Z');
}
