/**
 * Brings the database to the schema that this version writes: the files of migrations/, in their
 * order, each once, all in one transaction. Several members may come at the same time: a lock lets
 * one work and the others wait, after which there is nothing left for them to do. It never goes
 * back; a newer schema than ours is left as it is.
 */

import { fileURLToPath } from 'node:url';
import type { ClientBase } from 'pg';

const DIRECTORY = fileURLToPath(new URL('./migrations', import.meta.url));

/** Where the names of the files that ran are kept. */
const MIGRATIONS_TABLE = 'omnimind_migrations';

/** The lock that node-pg-migrate takes itself when it is left to, so that all its users exclude each other. */
const LOCK_ID = '7241865325823964';

/**
 * @param client its statement timeout bounds the wait for another member's migration
 * @throws the database's error, with nothing changed
 */
export async function migrate(client: ClientBase): Promise<void> {
  // Loaded when it is needed: the plane starts and decides before there is a database. (It asks for
  // the working directory when it is loaded: that must exist.)
  const { runner } = await import('node-pg-migrate');
  const silent = () => undefined;
  await client.query('begin');
  try {
    // Of the transaction and not of the session, which is what runner takes: members that share a
    // PGlite share its session too, and a session never waits for itself.
    await client.query(`select pg_advisory_xact_lock(${LOCK_ID})`);
    await runner({
      dbClient: client,
      dir: DIRECTORY,
      migrationsTable: MIGRATIONS_TABLE,
      direction: 'up',
      noLock: true,
      // Its own begin, if there is something to do, is a warning within ours; its commit is ours.
      singleTransaction: true,
      // Another member may be newer than this one and have run files that this one does not know.
      checkOrder: false,
      logger: { debug: silent, info: silent, warn: silent, error: silent },
    });
    await client.query('commit');
  } catch (cause) {
    // When the connection is what failed, its end rolls back.
    await client.query('rollback').catch(() => undefined);
    throw cause;
  }
}
