/**
 * One attempt to become leader: first the pre-vote (Raft dissertation, 9.6), which changes nothing
 * anywhere, then the vote. It counts answers; what follows from them is raft.ts's.
 */

import type { Configuration, MemberId } from '../model/configuration.ts';
import type { CampaignCause, VotePhase } from '../model/election.ts';
import { tallyVotes } from './quorum.ts';
import type { Tally } from './quorum.ts';

export class Campaign {
  readonly phase: VotePhase;
  readonly cause: CampaignCause;
  /** The term that is campaigned for. */
  readonly term: number;
  /** Monotonic ms at which it is given up. */
  readonly deadlineMs: number;
  readonly #votes = new Map<MemberId, boolean>();

  constructor(phase: VotePhase, cause: CampaignCause, term: number, deadlineMs: number) {
    this.phase = phase;
    this.cause = cause;
    this.term = term;
    this.deadlineMs = deadlineMs;
  }

  /** The first answer of a member counts; false for a repeated one. */
  count(voterId: MemberId, granted: boolean): boolean {
    if (this.#votes.has(voterId)) return false;
    this.#votes.set(voterId, granted);
    return true;
  }

  tally(configuration: Configuration): Tally {
    return tallyVotes(configuration, this.#votes);
  }
}
