/**
 * Has the elections of this member written into the replicated state, where any member shows them, and
 * raises the format in force once this member leads a cluster that is still of an older one. An election
 * may end while nobody leads: it waits here, within a bound, and the oldest gives way.
 */

import type { Election } from '../../model/election.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Consensus } from '../../ports/consensus.ts';
import { FORMAT_UNASKED } from '../../state/format.ts';
import { ELECTION_VOTES_MAX } from '../../state/model-shape.ts';
import { within } from '../deadline.ts';

/** The format from which elections are recorded. */
const ELECTIONS_SINCE = 2;
const WAITING_MAX = 32;

export interface RecorderOptions {
  readonly consensus: Consensus;
  readonly clock: Clock;
  /** Of each proposal, in ms. */
  readonly timeoutMs: number;
}

export class ElectionRecorder {
  readonly #waiting: Election[] = [];

  add(election: Election): void {
    this.#waiting.push(election);
    if (this.#waiting.length > WAITING_MAX) this.#waiting.shift();
  }

  /** Rejects when something could not be committed; it waits for the next run then. */
  async run(options: RecorderOptions, signal: AbortSignal): Promise<void> {
    const { consensus, clock } = options;
    if (consensus.status().leadership.leaderId === null) return;
    await this.#raiseFormat(options, signal);
    if (consensus.readState().formatVersion < ELECTIONS_SINCE) return;
    for (;;) {
      const election = this.#waiting[0];
      if (election === undefined) return;
      const key = `election/${election.electionId}`.slice(0, 128);
      const votes = election.votes.slice(0, ELECTION_VOTES_MAX);
      await within(options.timeoutMs, signal, (deadline) =>
        consensus.propose(
          {
            kind: 'record_election',
            key,
            atMs: clock.nowMs(),
            election: { ...election, votes },
          },
          deadline,
        ),
      );
      if (this.#waiting[0] === election) this.#waiting.shift();
    }
  }

  /** Every member of a cluster of several reads this format; later ones are raised where they are needed. */
  async #raiseFormat(
    { consensus, clock, timeoutMs }: RecorderOptions,
    signal: AbortSignal,
  ): Promise<void> {
    const { formatVersion } = consensus.readState();
    if (formatVersion >= FORMAT_UNASKED || consensus.leaseTerm() === null) return;
    const command = {
      kind: 'raise_format' as const,
      key: `raise-format/${FORMAT_UNASKED}`,
      atMs: clock.nowMs(),
      formatVersion: FORMAT_UNASKED,
    };
    await within(timeoutMs, signal, (deadline) => consensus.propose(command, deadline));
  }
}
