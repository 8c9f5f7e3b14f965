/**
 * Brings the database to the schema that this version writes: the files of migrations/, in their
 * order, each once. Two members may come at the same time: an advisory lock lets one work and the
 * other wait. It never goes back; a newer schema than ours is left as it is.
 */

import { fileURLToPath } from 'node:url';
import type { ClientBase } from 'pg';

const DIRECTORY = fileURLToPath(new URL('./migrations', import.meta.url));

/** Where the names of the files that ran are kept. */
const MIGRATIONS_TABLE = 'omnimind_migrations';

/** @param client its statement timeout bounds the wait for another member's migration */
export async function migrate(client: ClientBase): Promise<void> {
  // Loaded when it is needed: the plane starts and decides before there is a database. (It asks for
  // the working directory when it is loaded: that must exist.)
  const { runner } = await import('node-pg-migrate');
  const silent = () => undefined;
  await runner({
    dbClient: client,
    dir: DIRECTORY,
    migrationsTable: MIGRATIONS_TABLE,
    direction: 'up',
    advisoryLockMode: 'wait',
    // Another member may be newer than this one and have run files that this one does not know.
    checkOrder: false,
    logger: { debug: silent, info: silent, warn: silent, error: silent },
  });
}
