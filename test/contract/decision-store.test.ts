/** The decision store's contract, over memory, PGlite and a real Postgres. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { createDecisionStore } from '../../control-plane/adapters/postgres/decision-store.ts';
import type { PostgresDecisionStore } from '../../control-plane/adapters/postgres/decision-store.ts';
import { startPgliteProcess } from '../../control-plane/adapters/postgres/pglite-process.ts';
import type { PgliteProcess } from '../../control-plane/adapters/postgres/pglite-process.ts';
import { createMemoryDecisionStore } from '../support/memory-decision-store.ts';
import { EMPTY_DATABASE, postgresMissing, startPostgres, until } from '../support/postgres.ts';
import type { TestPostgres } from '../support/postgres.ts';
import { skipBecause } from '../support/skip.ts';
import { START_MS, decisionStoreContract } from './decision-store.ts';

describe('decision store in memory', () => {
  decisionStoreContract(() =>
    Promise.resolve({ store: createMemoryDecisionStore(), settle: () => Promise.resolve() }),
  );
});

describe('decision store on PGlite', () => {
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
  decisionStoreContract(suite.create);
});

describe('decision store on Postgres', () => {
  let postgres: TestPostgres | null = null;
  const suite = suiteOn(() => ({ url: postgres?.url ?? '', connectionsMax: 4 }));

  before(async function () {
    const missing = postgresMissing();
    if (missing !== null) skipBecause(this, missing);
    postgres = await startPostgres();
  });
  after(async () => {
    await suite.stop();
    await postgres?.stop();
  });
  decisionStoreContract(suite.create);
});

/** One store for a suite, emptied before each test. */
function suiteOn(database: () => { url: string; connectionsMax: number }) {
  let spoolDirectory: string | null = null;
  let store: PostgresDecisionStore | null = null;
  const open = async (): Promise<PostgresDecisionStore> => {
    const { url, connectionsMax } = database();
    spoolDirectory ??= mkdtempSync(join(tmpdir(), 'omnimind-spool-'));
    const opened = await createDecisionStore({
      nowMs: () => START_MS,
      connectionUrl: url,
      connectionsMax,
      spoolDirectory,
      retryDelayMaxMs: 300,
    });
    await opened.start();
    await until(() => opened.status().connected, 40_000);
    return opened;
  };
  const empty = async () => {
    await store?.stop();
    // PGlite takes the next connection once it has seen the end of the last.
    await until(() => emptyDatabase(database().url), 5000);
  };
  return {
    create: async () => {
      if (store !== null) await empty();
      const opened = await open();
      store = opened;
      return {
        store: opened,
        settle: () => until(() => opened.status().buffered === 0, 10_000),
      };
    },
    stop: async () => {
      await store?.stop();
      if (spoolDirectory !== null) rmSync(spoolDirectory, { recursive: true });
    },
  };
}

async function emptyDatabase(url: string): Promise<boolean> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => undefined);
  try {
    await client.connect();
    await client.query(EMPTY_DATABASE);
    return true;
  } catch {
    return false;
  } finally {
    await client.end().catch(() => undefined);
  }
}
