/**
 * Runs the contract of a store on PGlite and on a real Postgres: one database for a suite, emptied
 * between its tests, and a new store over it for each. For tests only.
 */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { startPgliteProcess } from '../../control-plane/adapters/postgres/pglite-process.ts';
import type { PgliteProcess } from '../../control-plane/adapters/postgres/pglite-process.ts';
import { postgresMissing, startPostgres, until } from './postgres.ts';
import type { TestPostgres } from './postgres.ts';
import { skipBecause } from './skip.ts';

/** What a suite needs of a store, beside its contract. */
interface DatabaseStore {
  stop(): Promise<void>;
  status(): { readonly connected: boolean; readonly buffered: number };
}

interface StoreOptions {
  readonly connectionUrl: string;
  readonly connectionsMax: number;
  readonly spoolDirectory: string;
  readonly retryDelayMaxMs: number;
}

export interface StoreSuites<Store extends DatabaseStore> {
  /** As titles say it. */
  readonly name: string;
  /** On Postgres. */
  readonly connectionsMax: number;
  /** Statements after which the database holds nothing of the store. */
  readonly emptied: string;
  /** A store that is started, connected or not. */
  readonly open: (options: StoreOptions) => Promise<Store>;
  /** @param create an empty store; called once before each test */
  readonly contract: (
    create: () => Promise<{ readonly store: Store; readonly settle: () => Promise<void> }>,
  ) => void;
}

export function storeSuites<Store extends DatabaseStore>(suites: StoreSuites<Store>): void {
  describe(`${suites.name} on PGlite`, () => {
    let directory: string;
    let pglite: PgliteProcess;
    const subject = subjectOf(suites, () => pglite);

    before(async () => {
      directory = mkdtempSync(join(tmpdir(), 'omnimind-pglite-'));
      pglite = await startPgliteProcess({ directory });
    });
    after(async () => {
      await subject.stop();
      await pglite.stop();
      rmSync(directory, { recursive: true });
    });
    suites.contract(subject.create);
  });

  describe(`${suites.name} on Postgres`, () => {
    const { connectionsMax } = suites;
    let postgres: TestPostgres | null = null;
    const subject = subjectOf(suites, () => ({ url: postgres?.url ?? '', connectionsMax }));

    before(async function () {
      const missing = postgresMissing();
      if (missing !== null) skipBecause(this, missing);
      postgres = await startPostgres();
    });
    after(async () => {
      await subject.stop();
      await postgres?.stop();
    });
    suites.contract(subject.create);
  });
}

interface TestDatabase {
  readonly url: string;
  readonly connectionsMax: number;
}

/** One store at a time. */
function subjectOf<Store extends DatabaseStore>(
  { open, emptied }: StoreSuites<Store>,
  database: () => TestDatabase,
) {
  let spoolDirectory: string | null = null;
  let store: Store | null = null;
  const empty = async (): Promise<void> => {
    await store?.stop();
    // PGlite takes the next connection once it has seen the end of the last.
    await until(() => emptyDatabase(database().url, emptied), 5_000);
  };
  return {
    create: async () => {
      if (store !== null) await empty();
      const { url, connectionsMax } = database();
      spoolDirectory ??= mkdtempSync(join(tmpdir(), 'omnimind-spool-'));
      const place = { connectionUrl: url, connectionsMax, spoolDirectory };
      const opened = await open({ ...place, retryDelayMaxMs: 300 });
      // One that never connects is stopped, too: it would keep the run from its end.
      store = opened;
      await until(() => opened.status().connected, 40_000);
      return { store: opened, settle: () => until(() => opened.status().buffered === 0, 10_000) };
    },
    stop: async () => {
      await store?.stop();
      if (spoolDirectory !== null) rmSync(spoolDirectory, { recursive: true });
    },
  };
}

async function emptyDatabase(url: string, statements: string): Promise<boolean> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => undefined);
  try {
    await client.connect();
    await client.query(statements);
    return true;
  } catch {
    return false;
  } finally {
    await client.end().catch(() => undefined);
  }
}
