/**
 * Majorities of a configuration. A joint one needs a majority of both its halves (Raft dissertation,
 * 4.3); one without voters never has any. Learners count for nothing.
 */

import type { Configuration, MemberId } from '../model/configuration.ts';

/**
 * The largest value that a quorum has reached, or passed: with the match indices, the index that a
 * quorum holds; with times, the moment since which a quorum was heard. -Infinity without voters.
 */
export function quorumValue(
  configuration: Configuration,
  valueOf: (memberId: MemberId) => number,
): number {
  const incoming = majorityValue(configuration.voters, valueOf);
  if (configuration.outgoing.length === 0) return incoming;
  return Math.min(incoming, majorityValue(configuration.outgoing, valueOf));
}

export type Tally = 'won' | 'lost' | 'open';

/** `lost` once no further answer could make it a quorum. */
export function tallyVotes(
  configuration: Configuration,
  votes: ReadonlyMap<MemberId, boolean>,
): Tally {
  const incoming = tallyHalf(configuration.voters, votes);
  if (configuration.outgoing.length === 0) return incoming;
  const outgoing = tallyHalf(configuration.outgoing, votes);
  if (incoming === 'lost' || outgoing === 'lost') return 'lost';
  return incoming === 'won' && outgoing === 'won' ? 'won' : 'open';
}

function majorityValue(
  voters: readonly MemberId[],
  valueOf: (memberId: MemberId) => number,
): number {
  if (voters.length === 0) return -Infinity;
  const values = voters.map(valueOf).sort((a, b) => b - a);
  return values[Math.floor(voters.length / 2)] ?? -Infinity;
}

function tallyHalf(voters: readonly MemberId[], votes: ReadonlyMap<MemberId, boolean>): Tally {
  const majority = Math.floor(voters.length / 2) + 1;
  let granted = 0;
  let refused = 0;
  for (const voter of voters) {
    const vote = votes.get(voter);
    if (vote === true) granted += 1;
    if (vote === false) refused += 1;
  }
  if (voters.length === 0) return 'lost';
  if (granted >= majority) return 'won';
  return voters.length - refused < majority ? 'lost' : 'open';
}
