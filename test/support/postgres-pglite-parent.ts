/**
 * A process that keeps a PGlite and prints its pid, until it is killed. argv: the directory. For
 * tests only.
 */

import { startPgliteProcess } from '../../control-plane/adapters/postgres/pglite-process.ts';

const pglite = await startPgliteProcess({ directory: process.argv[2] ?? '' });
process.stdout.write(`${pglite.pid() ?? 0}\n`);
setInterval(() => undefined, 1000);
