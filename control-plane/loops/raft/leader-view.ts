/**
 * Who leads, as this member knows it at the end of a turn, and whether it is one of those that hear of
 * leaders.
 */

import type { Configuration, MemberId } from '../../model/configuration.ts';
import type { Standing } from '../../ports/consensus.ts';
import type { RaftStatus } from '../../raft/ready.ts';

export interface LeaderView {
  readonly term: number;
  /** Null while nobody is known, or this member is handing over. */
  readonly leaderId: MemberId | null;
  readonly standing: Standing;
}

/** The view itself when it has not changed. */
export function viewOf(status: RaftStatus, before: LeaderView): LeaderView {
  const { term, transferTo, configuration, memberId } = status;
  const leaderId = transferTo === null ? status.leaderId : null;
  const standing = standingOf(configuration, memberId);
  const isSame =
    term === before.term && leaderId === before.leaderId && standing === before.standing;
  return isSame ? before : { term, leaderId, standing };
}

/**
 * By the configuration in force, committed or not: after a restart a removed member cannot know that
 * its removal was committed, and nobody tells it.
 */
export function standingOf(
  { voters, outgoing, learners }: Configuration,
  memberId: MemberId,
): Standing {
  if ([voters, outgoing, learners].some((ids) => ids.includes(memberId))) return 'member';
  return voters.length === 0 ? 'waiting' : 'outside';
}
