/** Who leads, as this member knows it at the end of a turn. */

import type { MemberId } from '../../model/configuration.ts';
import type { RaftStatus } from '../../raft/ready.ts';

export interface LeaderView {
  readonly term: number;
  /** Null while nobody is known, or this member is handing over. */
  readonly leaderId: MemberId | null;
}

/** The view itself when it has not changed. */
export function viewOf(status: RaftStatus, before: LeaderView): LeaderView {
  const { term, transferTo } = status;
  const leaderId = transferTo === null ? status.leaderId : null;
  return term === before.term && leaderId === before.leaderId ? before : { term, leaderId };
}
