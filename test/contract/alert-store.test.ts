/** The alert store's contract, over memory, PGlite and a real Postgres. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { createAlertStore } from '../../control-plane/adapters/postgres/alert-store.ts';
import type { PostgresAlertStore } from '../../control-plane/adapters/postgres/alert-store.ts';
import { startPgliteProcess } from '../../control-plane/adapters/postgres/pglite-process.ts';
import type { PgliteProcess } from '../../control-plane/adapters/postgres/pglite-process.ts';
import { createMemoryAlertStore } from '../support/memory-alert-store.ts';
import { postgresMissing, startPostgres, until } from '../support/postgres.ts';
import type { TestPostgres } from '../support/postgres.ts';
import { skipBecause } from '../support/skip.ts';
import { ALERTS_START_MS, alertStoreContract } from './alert-store.ts';

describe('alert store in memory', () => {
  alertStoreContract(() =>
    Promise.resolve({ store: createMemoryAlertStore(), settle: () => Promise.resolve() }),
  );
});

describe('alert store on PGlite', () => {
  let directory: string;
  let pglite: PgliteProcess;
  const suite = suiteOn(() => ({ url: pglite.url, connectionsMax: pglite.connectionsMax }));

  before(async () => {
    directory = mkdtempSync(join(tmpdir(), 'omnimind-pglite-'));
    pglite = await startPgliteProcess({ directory });
  });
  after(async () => {
    await suite.stop();
    await pglite.stop();
    rmSync(directory, { recursive: true });
  });
  alertStoreContract(suite.create);
});

describe('alert store on Postgres', () => {
  let postgres: TestPostgres | null = null;
  const suite = suiteOn(() => ({ url: postgres?.url ?? '', connectionsMax: 2 }));

  before(async function () {
    const missing = postgresMissing();
    if (missing !== null) skipBecause(this, missing);
    postgres = await startPostgres();
  });
  after(async () => {
    await suite.stop();
    await postgres?.stop();
  });
  alertStoreContract(suite.create);
});

/** A store per test, over one database that is emptied in between: the watchdog is remembered. */
function suiteOn(database: () => { url: string; connectionsMax: number }) {
  let directory: string | null = null;
  let store: PostgresAlertStore | null = null;
  const open = async (): Promise<PostgresAlertStore> => {
    const { url, connectionsMax } = database();
    directory ??= mkdtempSync(join(tmpdir(), 'omnimind-spool-'));
    const opened = await createAlertStore({
      nowMs: () => ALERTS_START_MS,
      connectionUrl: url,
      connectionsMax,
      spoolDirectory: directory,
      retryDelayMaxMs: 300,
    });
    opened.start();
    await until(() => opened.status().connected, 40_000);
    return opened;
  };
  return {
    create: async () => {
      if (store !== null) {
        await store.stop();
        await until(() => empty(database().url), 5_000);
      }
      const opened = await open();
      store = opened;
      return { store: opened, settle: () => until(() => opened.status().buffered === 0, 10_000) };
    },
    stop: async () => {
      await store?.stop();
      if (directory !== null) rmSync(directory, { recursive: true });
    },
  };
}

async function empty(url: string): Promise<boolean> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => undefined);
  try {
    await client.connect();
    await client.query('truncate alerts');
    return true;
  } catch {
    return false;
  } finally {
    await client.end().catch(() => undefined);
  }
}
