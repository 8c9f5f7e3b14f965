/**
 * Whether a member gets this one's vote, or would get it (Raft paper, 5.2 and 5.4.1; dissertation,
 * 4.2.3 and 9.6). Pure arithmetic on what is known; raising terms and answering is raft.ts's.
 */

import type { MessageOf, VoteReason } from '../model/raft-message.ts';
import type { Core } from './core.ts';

export interface VoterView {
  /** Monotonic ms until which a leader, heard or promised, is taken for alive. */
  readonly stickyUntilMs: number;
  readonly nowMs: number;
  readonly leads: boolean;
  /** Its disk does not keep up: a vote could not be made durable. */
  readonly diskStalled: boolean;
}

export function judgeVote(
  core: Core,
  request: MessageOf<'pre_vote' | 'vote'>,
  view: VoterView,
): VoteReason {
  const { from, term, transfer, lastIndex, lastTerm } = request;
  if (term < core.term) return 'term_stale';
  const sticky = view.leads || view.nowMs < view.stickyUntilMs;
  // A leader that hands over has given up its lease first.
  if (sticky && !transfer) return 'leader_alive';
  if (term === core.term && core.votedFor !== from) {
    if (core.votedFor !== null || view.leads) return 'already_voted';
  }
  if (!core.log.isUpToDate(lastIndex, lastTerm)) return 'log_behind';
  return view.diskStalled ? 'not_able' : 'granted';
}
