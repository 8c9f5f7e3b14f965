/**
 * Brings the elections that the replicated state holds into the archive, from the leader alone. It keeps
 * nothing of its own that matters: what it does not know to be stored it stores again, which changes
 * nothing, so that a new leader and a database that comes back need no help. While the archive is away
 * the state is the buffer; what leaves it meanwhile, its bound being named there, is told.
 */

import type { Election } from '../model/election.ts';
import type { Consensus } from '../ports/consensus.ts';
import type { ElectionArchive } from '../ports/election-archive.ts';
import { within } from './deadline.ts';
import type { LoopLogger } from './logger.ts';

export interface ArchivistOptions {
  readonly consensus: Pick<Consensus, 'leaseTerm' | 'readState'>;
  readonly archive: ElectionArchive;
  readonly logger: LoopLogger;
  /** Elections that are stored at once. */
  readonly batchMax?: number;
  /** Of each batch, in ms. */
  readonly timeoutMs: number;
}

const BATCH_MAX = 64;

export class ElectionArchivist {
  /** Ids that this member has stored, and ids that it saw and could not store yet. */
  #stored: ReadonlySet<string> = new Set();
  #waiting: ReadonlySet<string> = new Set();

  /** One run. Rejects when a batch could not be stored; it waits for the next run then. */
  async run(options: ArchivistOptions, signal: AbortSignal): Promise<void> {
    const { consensus, archive, batchMax = BATCH_MAX, timeoutMs } = options;
    if (consensus.leaseTerm() === null) {
      this.#waiting = new Set();
      return;
    }
    const { elections } = consensus.readState();
    // It may be another database that comes back, or an older copy of this one.
    if (!archive.isThere()) this.#stored = new Set();
    const missing = this.#look(elections, options);
    if (!archive.isThere()) return;
    for (let at = 0; at < missing.length; at += batchMax) {
      const batch = missing.slice(at, at + batchMax);
      await within(timeoutMs, signal, (deadline) => archive.storeElections(batch, deadline));
      const ids = new Set(batch.map(({ electionId }) => electionId));
      this.#stored = this.#stored.union(ids);
      this.#waiting = this.#waiting.difference(ids);
    }
  }

  /** The elections that are to be stored, oldest first; both sets are no larger than the state's list. */
  #look(
    elections: readonly Election[],
    { logger }: Pick<ArchivistOptions, 'logger'>,
  ): readonly Election[] {
    const present = new Set(elections.map(({ electionId }) => electionId));
    const lost = this.#waiting.difference(present);
    if (lost.size > 0) {
      logger.warn(
        { elections: lost.size },
        'elections left the replicated state before the database was there to keep them',
      );
    }
    this.#stored = this.#stored.intersection(present);
    this.#waiting = present.difference(this.#stored);
    return elections.filter(({ electionId }) => this.#waiting.has(electionId));
  }
}
