/**
 * The PGlite process: Postgres as WebAssembly behind a socket, for a plane that is given no
 * database. A process of its own since it takes some 550 MB and blocks its event loop with each
 * statement. Several members of one host may use it at once.
 *
 * argv: the data directory, the folder of the sockets, and how it ends. `with-parent`, which is what
 * a member asks for: with its parent, whatever ends that, since the parent holds our standard input.
 * `on-signal`: on SIGTERM alone, for members that share it.
 */

import { access, mkdir, rename, rm, unlink } from 'node:fs/promises';
import { getPriority, setPriority } from 'node:os';
import { join } from 'node:path';
import { PGlite } from '@electric-sql/pglite';
import { waitForDirectory } from './directory-lock.ts';
import { openGate } from './pglite-gate.ts';

/** How long a predecessor may take to close. */
const LOCK_TIMEOUT_MS = 30_000;
/** From the order to end until the process ends with or without a clean close. */
const CLOSE_TIMEOUT_MS = 1200;
/**
 * Making a database takes five seconds of CPU time; deciding goes first. A third of the usual share:
 * with a tenth (10) it took minutes beside replicas that started all the time.
 */
const NICENESS = 5;

let close: () => Promise<void> = () => Promise.resolve();
let ending = false;

/** Closes the database, which flushes it, and ends the process. */
function end(code: number): void {
  if (ending) return;
  ending = true;
  setTimeout(() => process.exit(code), CLOSE_TIMEOUT_MS);
  close().then(
    () => process.exit(code),
    () => process.exit(1),
  );
}

async function serve(dataDirectory: string, socketDirectory: string): Promise<void> {
  await mkdir(dataDirectory, { recursive: true, mode: 0o700 });
  const giveBack = await waitForDirectory(dataDirectory, LOCK_TIMEOUT_MS);
  const database = await openDatabase(dataDirectory);
  const closeDatabase = async () => {
    await database.close();
    await giveBack();
  };
  close = closeDatabase;
  const path = join(socketDirectory, '.s.PGSQL.5432');
  await unlink(path).catch(() => undefined);
  const gate = await openGate(database, { path, onBroken: exitBroken });
  close = async () => {
    await gate.close();
    await closeDatabase();
  };
}

/**
 * A new database is made beside and renamed into place: a process that is killed meanwhile, which
 * takes seconds, must not leave half of one that later counts as whole.
 */
async function openDatabase(directory: string): Promise<PGlite> {
  const path = join(directory, 'data');
  const exists = await access(path).then(
    () => true,
    () => false,
  );
  if (!exists) {
    const aside = join(directory, 'data.new');
    await rm(aside, { recursive: true, force: true });
    const created = await PGlite.create({ dataDir: aside });
    await created.close();
    await rename(aside, path);
  }
  return PGlite.create({ dataDir: path });
}

/** An instance that failed takes no other statement: whoever started us does so anew, and Postgres recovers from its log. */
function exitBroken(cause: unknown): void {
  const detail = cause instanceof Error ? (cause.stack ?? cause.message) : String(cause);
  process.stderr.write(`${detail}\n`);
  process.exit(1);
}

function endWithParent(): void {
  process.stdin.on('end', () => end(0));
  process.stdin.on('close', () => end(0));
  process.stdin.on('error', () => end(0));
  process.stdin.resume();
}

// Whoever was started with less than that stays there: taking more is refused to all but root.
setPriority(Math.max(getPriority(), NICENESS));
process.on('SIGTERM', () => end(0));
// Ctrl-C reaches the whole process group; the parent decides when the database may go.
process.on('SIGINT', () => undefined);

const [dataDirectory, socketDirectory, ends] = process.argv.slice(2);
if (
  dataDirectory === undefined ||
  socketDirectory === undefined ||
  (ends !== 'with-parent' && ends !== 'on-signal')
) {
  process.stderr.write(
    'usage: pglite-server.ts DATA_DIRECTORY SOCKET_DIRECTORY with-parent|on-signal\n',
  );
  process.exit(2);
}
if (ends === 'with-parent') endWithParent();
serve(dataDirectory, socketDirectory).catch(exitBroken);
