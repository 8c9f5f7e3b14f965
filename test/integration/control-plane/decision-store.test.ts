/** The decision store while its database, or its own process, fails. */

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { createDecisionStore } from '../../../control-plane/adapters/postgres/decision-store.ts';
import type {
  DecisionStoreOptions,
  PostgresDecisionStore,
} from '../../../control-plane/adapters/postgres/decision-store.ts';
import { DecisionStoreError } from '../../../control-plane/ports/decision-store.ts';
import { decision, EVERYTHING, START_MS } from '../../contract/decision-store.ts';
import {
  EMPTY_DATABASE,
  MIGRATIONS,
  postgresMissing,
  startPostgres,
  until,
} from '../../support/postgres.ts';
import type { TestPostgres } from '../../support/postgres.ts';
import { skipBecause } from '../../support/skip.ts';

const APPENDER = fileURLToPath(new URL('../../support/postgres-appender.ts', import.meta.url));
const ROUNDS = 15;
const { signal } = new AbortController();

describe('decision store and its failing database', () => {
  let postgres: TestPostgres | null = null;
  let spoolDirectory: string;
  const stores: PostgresDecisionStore[] = [];

  const database = () => {
    assert.ok(postgres !== null);
    return postgres;
  };
  const openStore = async (options: Partial<DecisionStoreOptions> = {}) => {
    const store = await createDecisionStore({
      nowMs: () => START_MS,
      connectionUrl: database().url,
      spoolDirectory,
      retryDelayMaxMs: 200,
      checkIntervalMs: 50,
      ...options,
    });
    stores.push(store);
    await store.start();
    return store;
  };
  const query = async (text: string): Promise<readonly Record<string, unknown>[]> => {
    const client = new pg.Client({ connectionString: database().url });
    await client.connect();
    try {
      return (await client.query<Record<string, unknown>>(text)).rows;
    } finally {
      await client.end();
    }
  };
  const storedIds = async () =>
    (await query('select decision_id from decisions order by decision_id')).map(
      ({ decision_id }) => decision_id,
    );

  before(async function () {
    const missing = postgresMissing();
    if (missing !== null) skipBecause(this, missing);
    postgres = await startPostgres();
  });
  beforeEach(async () => {
    spoolDirectory = mkdtempSync(join(tmpdir(), 'omnimind-spool-'));
    await query(EMPTY_DATABASE);
  });
  afterEach(async () => {
    for (const store of stores.splice(0)) await store.stop();
    rmSync(spoolDirectory, { recursive: true });
  });
  after(() => postgres?.stop());

  it('loses nothing and doubles nothing when its process is killed again and again', async function () {
    this.timeout(60_000);
    const appended: string[] = [];
    for (let round = 0; round < ROUNDS; round += 1) {
      const lifeMs = 30 + Math.random() * 250;
      appended.push(...(await appendUntilKilled(round, lifeMs)));
    }
    const store = await openStore();
    await until(() => store.status().connected && store.status().buffered === 0, 10_000);
    const stored = await storedIds();
    assert.ok(appended.length > ROUNDS, `only ${appended.length} records were appended`);
    const present = new Set(stored);
    assert.deepEqual(
      appended.filter((id) => !present.has(id)),
      [],
    );
    // Per life at most one record was on its way: written, and its append not yet resolved.
    assert.ok(stored.length - appended.length <= ROUNDS);
    assert.equal(store.status().dropped, 0);
  });

  async function appendUntilKilled(round: number, lifeMs: number): Promise<string[]> {
    const first = START_MS + round * 1_000_000;
    const child = spawn(
      process.execPath,
      [APPENDER, database().url, spoolDirectory, String(first)],
      {
        stdio: ['ignore', 'pipe', 'inherit'],
      },
    );
    let output = '';
    child.stdout.setEncoding('utf8');
    child.stdout.on('data', (text: string) => {
      output += text;
    });
    const closed = once(child, 'close');
    await until(() => output.includes('\n'), 10_000);
    const killAt = performance.now() + lifeMs;
    await until(() => performance.now() >= killAt, 10_000);
    child.kill('SIGKILL');
    await closed;
    // What follows the last newline was cut by the kill.
    return output.split('\n').slice(0, -1);
  }

  it('goes on appending while the database is killed, and brings everything in when it is back', async () => {
    const batches = { ok: 0, failed: 0 };
    const onBatch = (outcome: 'ok' | 'failed', seconds: number) => {
      assert.ok(seconds >= 0);
      batches[outcome] += 1;
    };
    const store = await openStore({ batchMax: 5, onBatch });
    await until(() => store.status().connected, 10_000);
    const ids: string[] = [];
    const append = async (count: number) => {
      for (let index = 0; index < count; index += 1) {
        const record = decision(START_MS + ids.length);
        ids.push(record.decisionId);
        await store.append([record]);
      }
    };
    await append(50);
    await database().kill();
    await append(50);
    await until(() => !store.status().connected, 5000);
    assert.ok(store.status().buffered >= 50);
    assert.notEqual(store.status().lastError, null);
    const { spoolBytes, spoolBytesMax } = store.status();
    assert.ok(spoolBytes > 50 * 100 && spoolBytes < spoolBytesMax, `${spoolBytes}`);
    assert.ok(batches.ok > 0 && batches.failed > 0);
    await assert.rejects(store.list(EVERYTHING, 1, null, signal), DecisionStoreError);
    await database().start();
    await append(50);
    await until(() => store.status().buffered === 0, 10_000);
    assert.deepEqual(await storedIds(), ids);
    assert.deepEqual([store.status().connected, store.status().dropped], [true, 0]);
  });

  it('starts without a database and creates its table when one comes', async () => {
    await database().kill();
    const store = await openStore();
    await store.append([decision(START_MS)]);
    await until(() => store.status().lastError !== null, 5000);
    assert.equal(store.status().connected, false);
    await database().start();
    await until(() => store.status().buffered === 0, 10_000);
    assert.equal((await storedIds()).length, 1);
  });

  it('gives up a read at its deadline, appends meanwhile, and stops in time when the database hangs', async () => {
    const store = await openStore({ queryTimeoutMs: 300, drainTimeoutMs: 300 });
    await until(() => store.status().connected, 10_000);
    database().freeze();
    try {
      const deadline = AbortSignal.timeout(100);
      const startedAt = performance.now();
      await assert.rejects(store.read('x', deadline), DecisionStoreError);
      assert.ok(performance.now() - startedAt < 1000);
      await store.append([decision(START_MS)]);
      await until(() => !store.status().connected, 5000);
      const stoppedAt = performance.now();
      await store.stop();
      assert.ok(performance.now() - stoppedAt < 1500);
    } finally {
      database().thaw();
    }
    const next = await openStore();
    await until(() => next.status().connected && next.status().buffered === 0, 10_000);
    assert.equal((await storedIds()).length, 1);
  });

  it('lets two members migrate one database at the same time', async () => {
    const other = mkdtempSync(join(tmpdir(), 'omnimind-spool-'));
    const both = await Promise.all([openStore(), openStore({ spoolDirectory: other })]);
    await until(() => both.every((store) => store.status().connected), 10_000);
    const files = await query('select name from omnimind_migrations order by id');
    assert.deepEqual(
      files,
      MIGRATIONS.map((name) => ({ name })),
    );
    assert.deepEqual(
      both.map((store) => store.status().lastError),
      [null, null],
    );
    rmSync(other, { recursive: true });
  });

  it('makes its table again when the database that comes back is an empty one', async () => {
    const store = await openStore();
    await until(() => store.status().connected, 10_000);
    await query(EMPTY_DATABASE);
    await store.append([decision(START_MS)]);
    await until(() => store.status().buffered === 0, 10_000);
    assert.equal((await storedIds()).length, 1);
  });

  it('gives up the one record that the database refuses, and says which', async () => {
    const store = await openStore();
    const refused = { ...decision(START_MS + 1), policyVersion: 3e9 };
    await store.append([decision(START_MS), refused, decision(START_MS + 2)]);
    await until(() => store.status().buffered === 0, 10_000);
    assert.equal((await storedIds()).length, 2);
    assert.equal(store.status().dropped, 1);
    assert.match(store.status().lastError ?? '', new RegExp(refused.decisionId));
  });

  it('deletes what is older than it shall keep, and nothing younger', async () => {
    const ages = [1_001, 1_000, 999, 0];
    const records = ages.map((ageMs) => decision(START_MS - ageMs));
    const store = await openStore({ keepMs: 1_000 });
    await store.append(records);
    await until(() => store.status().buffered === 0, 5_000);
    await until(async () => (await storedIds()).length === 3, 5_000);
    assert.deepEqual(
      await storedIds(),
      records.slice(1).map(({ decisionId }) => decisionId),
    );
  });

  it('writes what waits when it is stopped', async () => {
    const store = await openStore({ batchMax: 10 });
    await until(() => store.status().connected, 10_000);
    const records = Array.from({ length: 100 }, (_, index) => decision(START_MS + index));
    await store.append(records);
    await store.stop();
    assert.equal((await storedIds()).length, 100);
  });

  it('refuses more reads at once than it is told to serve', async () => {
    const store = await openStore({ readsMax: 2 });
    await until(() => store.status().connected, 10_000);
    const reads = Array.from({ length: 5 }, () => store.read('x', signal));
    const outcomes = (await Promise.allSettled(reads)).map(({ status }) => status);
    assert.deepEqual(outcomes.sort(), [
      'fulfilled',
      'fulfilled',
      'rejected',
      'rejected',
      'rejected',
    ]);
  });
});
