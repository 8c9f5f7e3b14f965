/**
 * The votes that this member has cast and not sent yet, each a span in the trace of the candidate that
 * asked: from the request to the moment at which the answer leaves, its disk included. Bounded; one
 * whose answer is never sent ends as such.
 */

import type { MemberId } from '../../model/configuration.ts';
import type { VotePhase } from '../../model/election.ts';
import type { RaftEvent } from '../../raft/ready.ts';
import { openSpan, parseTraceparent } from '../../telemetry/span.ts';
import type { OpenSpan } from '../../telemetry/span.ts';

export type VoteCast = Extract<RaftEvent, { readonly kind: 'vote_cast' }>;

/** Votes that wait for the disk at one time; of more than that, the oldest are given up. */
export const OPEN_VOTES_MAX = 16;

interface OpenVote {
  readonly span: OpenSpan;
  readonly term: number;
  /** Wall clock minus monotonic clock, in ms. */
  readonly wallOffsetMs: number;
}

export class OpenVotes {
  readonly #memberId: MemberId;
  /** By phase and candidate, oldest first. */
  readonly #open = new Map<string, OpenVote>();

  constructor(memberId: MemberId) {
    this.#memberId = memberId;
  }

  /** Times are monotonic, in ms. */
  cast(vote: VoteCast, trace: string, atMs: number, wallOffsetMs: number): void {
    const { phase, candidateId, term, reason } = vote;
    const key = keyOf(phase, candidateId);
    const before = this.#open.get(key);
    // A repeated request gets the answer that is on its way.
    if (before?.term === term || parseTraceparent(trace) === null) return;
    this.#giveUp(key, atMs);
    const [oldest] = this.#open.keys();
    if (oldest !== undefined && this.#open.size >= OPEN_VOTES_MAX) this.#giveUp(oldest, atMs);
    const attributes = {
      'omnimind.member': this.#memberId,
      'omnimind.raft.candidate': candidateId,
      'omnimind.raft.term': term,
      'omnimind.raft.phase': phase,
      'omnimind.raft.granted': reason === 'granted',
      'omnimind.raft.reason': reason,
    };
    const startMs = atMs + wallOffsetMs;
    const span = openSpan('vote', attributes, { kind: 'server', parent: trace, startMs });
    this.#open.set(key, { span, term, wallOffsetMs });
  }

  /** The answer has left; false when it was no vote with a trace. */
  sent(phase: VotePhase, candidateId: MemberId, atMs: number): boolean {
    const key = keyOf(phase, candidateId);
    const vote = this.#open.get(key);
    if (vote === undefined) return false;
    this.#open.delete(key);
    vote.span.end(atMs + vote.wallOffsetMs);
    return true;
  }

  /** A later term has begun: answers for earlier ones will not leave any more. */
  overtaken(term: number, atMs: number): void {
    for (const [key, vote] of this.#open) if (vote.term < term) this.#giveUp(key, atMs);
  }

  stop(atMs: number): void {
    for (const key of this.#open.keys()) this.#giveUp(key, atMs);
  }

  #giveUp(key: string, atMs: number): void {
    const vote = this.#open.get(key);
    if (vote === undefined) return;
    this.#open.delete(key);
    vote.span.setAttributes({ 'omnimind.raft.answered': false });
    vote.span.end(atMs + vote.wallOffsetMs);
  }
}

function keyOf(phase: VotePhase, candidateId: MemberId): string {
  return `${phase} ${candidateId}`;
}
