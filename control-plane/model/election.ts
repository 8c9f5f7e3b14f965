/**
 * One attempt of one member to become leader, won or lost, as it is remembered and shown. Its trace has
 * the same moments as spans of every member that took part.
 */

import type { MemberId } from './configuration.ts';
import type { VoteReason } from './raft-message.ts';

export const CAMPAIGN_CAUSES = [
  /** The leader was not heard from for the election timeout. */
  'leader_silent',
  /** No leader was known: an earlier election failed, or everybody has just started. */
  'no_leader',
  /** The leader handed over. */
  'transfer',
  /** A cluster of one needs no timeout. */
  'start',
] as const;
export type CampaignCause = (typeof CAMPAIGN_CAUSES)[number];

export const CAMPAIGN_LOSSES = [
  /** A quorum refused. */
  'refused',
  /** Nobody won within the election timeout: a split vote, or too few members are there. */
  'timed_out',
  'another_leader',
  'higher_term',
] as const;
export type CampaignLoss = (typeof CAMPAIGN_LOSSES)[number];

export const ELECTION_OUTCOMES = [
  'elected',
  ...CAMPAIGN_LOSSES,
  /** It was elected, and led no more before the first entry of its term was committed. */
  'deposed',
] as const;
export type ElectionOutcome = (typeof ELECTION_OUTCOMES)[number];

/** A campaign asks first whether it would win, and then for votes. */
export const VOTE_PHASES = ['pre_vote', 'vote'] as const;
export type VotePhase = (typeof VOTE_PHASES)[number];

export interface ElectionVote {
  readonly phase: VotePhase;
  readonly voterId: MemberId;
  readonly reason: VoteReason;
  /** From the start of the election to the arrival of the answer, in ms. */
  readonly afterMs: number;
}

export interface Election {
  /** Unique in the cluster: candidate, term and start. 1 to 128 characters of [a-z0-9-]. */
  readonly electionId: string;
  readonly candidateId: MemberId;
  /** The term that was campaigned for. */
  readonly term: number;
  readonly cause: CampaignCause;
  readonly outcome: ElectionOutcome;
  readonly suspectedLeaderId: MemberId | null;
  /** How long that leader had been silent at the start; null when none was known. */
  readonly silentForMs: number | null;
  /** The candidate's wall clock. */
  readonly startedAtMs: number;
  /** From the start to the first campaign for votes; null when it ended before, in ms. */
  readonly preVoteMs: number | null;
  /** From the start to the quorum of votes; null when it was not reached, in ms. */
  readonly electedMs: number | null;
  /** From the start to the commit of the term's first entry; null when it was not reached, in ms. */
  readonly committedMs: number | null;
  /** From the start to its end: the commit, or the loss; in ms. */
  readonly durationMs: number;
  /** In order of arrival. */
  readonly votes: readonly ElectionVote[];
  /** 32 lower-case hexadecimal digits. */
  readonly traceId: string;
  /** Of the span `raft election` in that trace, for links to it; 16 lower-case hexadecimal digits. */
  readonly rootSpanId: string;
  /** Of the election before, where the candidate knew it. */
  readonly previousTraceId: string | null;
}
