/**
 * What the leader keeps in the database beside the record of decisions, for dashboards to read: the
 * elections, and the password of the role that they read with. Both wait for the database as long as
 * they must, and hold nobody up.
 */

import { insertElections } from '../adapters/postgres/elections.ts';
import { READER_ROLE, setReaderPassword } from '../adapters/postgres/reader.ts';
import type { PostgresDecisionStore } from '../adapters/postgres/decision-store.ts';
import { within } from '../loops/deadline.ts';
import { ElectionArchivist } from '../loops/election-archivist.ts';
import { reportedRun } from '../loops/reported-run.ts';
import type { Consensus } from '../ports/consensus.ts';
import type { ElectionArchive } from '../ports/election-archive.ts';
import type { Secret } from '../setting-values.ts';
import type { Context } from './parts.ts';
import { startLoop } from './run-loop.ts';

/** Between two looks at what is not kept yet, in ms. */
const ARCHIVE_INTERVAL_MS = 2_000;
/** Of each batch, and of giving the role its password, in ms. */
const ARCHIVE_TIMEOUT_MS = 5_000;
/** After the database refused the password of its role: a person has to do something first, in ms. */
const READER_RETRY_MS = 60_000;

type Database = Pick<PostgresDecisionStore, 'status' | 'withConnection'>;
type LeaderOnly = Pick<Consensus, 'leaseTerm' | 'readState'>;

export function electionArchiveOf(database: Database): ElectionArchive {
  return {
    isThere: () => database.status().connected,
    storeElections: (elections, signal) =>
      database.withConnection('keep elections', signal, (client) =>
        insertElections(client, elections),
      ),
  };
}

export function startArchive(context: Context, consensus: LeaderOnly, database: Database): void {
  const { config, logger } = context;
  const archivist = new ElectionArchivist();
  const archive = electionArchiveOf(database);
  const password = config.databaseReaderPassword;
  const reader = password === null ? null : createReader(context, database, password);
  startLoop(context, 'archive', ARCHIVE_INTERVAL_MS, (signal) =>
    reportedRun({ ...context, loop: 'archive' }, signal, async () => {
      await archivist.run({ consensus, archive, logger, timeoutMs: ARCHIVE_TIMEOUT_MS }, signal);
      await reader?.(consensus.leaseTerm(), signal);
    }),
  );
}

/** Gives the role its password once in each term that this member leads: members may have different files. */
function createReader(
  { clock, logger }: Pick<Context, 'clock' | 'logger'>,
  database: Database,
  password: Secret,
): (term: number | null, signal: AbortSignal) => Promise<void> {
  let doneInTerm: number | null = null;
  let notBeforeMs = -Infinity;
  return async (term, signal) => {
    if (term === null || term === doneInTerm || !database.status().connected) return;
    if (clock.monotonicMs() < notBeforeMs) return;
    notBeforeMs = clock.monotonicMs() + READER_RETRY_MS;
    try {
      await within(ARCHIVE_TIMEOUT_MS, signal, (deadline) =>
        database.withConnection(`set the password of ${READER_ROLE}`, deadline, (client) =>
          setReaderPassword(client, password.reveal()),
        ),
      );
      doneInTerm = term;
      notBeforeMs = -Infinity;
      logger.info({ role: READER_ROLE }, 'gave the role of the dashboards its password');
    } catch (err) {
      if (signal.aborted) throw err;
      logger.warn(
        { err, role: READER_ROLE },
        'the role of the dashboards has no password: let the user of OMNIMIND_DATABASE_URL create roles, or create it by hand',
      );
    }
  };
}
