/** One database for several members: their stores at once on Postgres, and on one PGlite. */

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { createDecisionStore } from '../../../control-plane/adapters/postgres/decision-store.ts';
import type { PostgresDecisionStore } from '../../../control-plane/adapters/postgres/decision-store.ts';
import { startPgliteProcess } from '../../../control-plane/adapters/postgres/pglite-process.ts';
import { decision, EVERYTHING, START_MS } from '../../contract/decision-store.ts';
import { MIGRATIONS, postgresMissing, startPostgres, until } from '../../support/postgres.ts';
import { skipBecause } from '../../support/skip.ts';

const MEMBERS = 3;
const { signal } = new AbortController();

interface Database {
  readonly url: string;
  readonly stop: () => Promise<void>;
  /** Ends it without a word and brings it back. */
  readonly crash: () => Promise<void>;
}

suite('Postgres', async () => {
  const postgres = await startPostgres();
  const crash = async () => {
    await postgres.kill();
    await postgres.start();
  };
  return { url: postgres.url, stop: () => postgres.stop(), crash };
});
suite('PGlite', async (directory) => {
  const pglite = await startPgliteProcess({ directory: join(directory, 'pglite') });
  const crash = async () => {
    const before = pglite.pid();
    if (before !== null) process.kill(before, 'SIGKILL');
    await until(() => pglite.pid() !== null && pglite.pid() !== before, 10_000);
  };
  return { url: pglite.url, stop: () => pglite.stop(), crash };
});

function suite(name: string, openDatabase: (directory: string) => Promise<Database>): void {
  describe(`the stores of ${MEMBERS} members on one ${name}`, function () {
    this.timeout(90_000);
    let directory = '';
    let database: Database | null = null;
    let stores: readonly PostgresDecisionStore[] = [];
    const errors = new Set<string>();
    let watching: NodeJS.Timeout;
    let appended = 0;

    before(async function () {
      const missing = name === 'Postgres' ? postgresMissing() : null;
      if (missing !== null) skipBecause(this, missing);
      directory = mkdtempSync(join(tmpdir(), 'omnimind-shared-'));
      database = await openDatabase(directory);
      const connectionUrl = database.url;
      stores = await Promise.all(
        Array.from({ length: MEMBERS }, (_, member) =>
          createDecisionStore({
            nowMs: () => START_MS,
            connectionUrl,
            spoolDirectory: join(directory, `spool-${member}`),
            retryDelayMaxMs: 100,
            checkIntervalMs: 50,
            batchMax: 7,
          }),
        ),
      );
      watching = setInterval(() => {
        for (const { lastError } of stores.map((store) => store.status())) {
          if (lastError !== null && !AWAY.test(lastError)) errors.add(lastError);
        }
      }, 5);
    });
    after(async () => {
      clearInterval(watching);
      await Promise.all(stores.map((store) => store.stop()));
      await database?.stop();
      if (directory !== '') rmSync(directory, { recursive: true, force: true });
    });

    const append = async (count: number): Promise<void> => {
      for (let nth = 0; nth < count; nth += 1) {
        await stores[appended % MEMBERS]?.append([decision(START_MS + appended)]);
        appended += 1;
      }
    };
    const written = () =>
      until(
        () =>
          stores.map((store) => store.status()).every((one) => one.connected && one.buffered === 0),
        60_000,
      );
    const idsOf = async (store: PostgresDecisionStore): Promise<readonly string[]> => {
      const { records } = await store.list(EVERYTHING, 10_000, null, signal);
      return records.map(({ decisionId }) => decisionId);
    };
    const assertOneHistory = async (): Promise<void> => {
      for (const store of stores) {
        const ids = await idsOf(store);
        assert.equal(ids.length, appended);
        assert.deepEqual(ids, ids.toSorted().toReversed());
      }
    };

    it('bring it to their schema at the same time, once, and nobody fails', async () => {
      await Promise.all(stores.map((store) => store.start()));
      await append(90);
      await written();
      assert.deepEqual([...errors], []);
      const client = new pg.Client({ connectionString: database?.url });
      await client.connect();
      const { rows } = await client.query('select name from omnimind_migrations');
      await client.end();
      assert.equal(rows.length, MIGRATIONS.length);
    });

    it('make one history of what all of them record, the same for whom one asks', async () => {
      await append(300);
      await written();
      await assertOneHistory();
    });

    it('read and write at the same time without taking each other’s answers', async () => {
      const appending = append(200);
      const pages = await Promise.all(
        Array.from({ length: 30 }, async (_, nth) => {
          const wanted = decision(START_MS + nth);
          const found = await stores[nth % MEMBERS]?.read(wanted.decisionId, signal);
          return found?.decisionId === wanted.decisionId;
        }),
      );
      assert.ok(pages.every(Boolean));
      await appending;
      await written();
      await assertOneHistory();
      assert.deepEqual([...errors], []);
    });

    it('lose nothing of the others by one that vanishes within a transaction', async () => {
      const client = new pg.Client({ connectionString: database?.url });
      client.on('error', () => undefined);
      await client.connect();
      await client.query('begin');
      await client.query('delete from decisions');
      // Its end, without a good-bye.
      const { stream } = (client as unknown as { connection: { stream: { destroy(): void } } })
        .connection;
      await append(30);
      stream.destroy();
      await written();
      await assertOneHistory();
    });

    it('wait on their disks while it is away, and write each record once when it is back', async () => {
      const appending = append(120);
      await database?.crash();
      await appending;
      await written();
      await assertOneHistory();
      assert.deepEqual([...errors], []);
    });
  });
}

/** What may be said of a database that is not there, or that ends: everything but a refusal of what is asked. */
const AWAY =
  /ENOENT|ECONNREFUSED|ECONNRESET|EPIPE|terminat|starting up|not yet accepting|recovery|shutting down|timeout|Connection ended|socket/i;
