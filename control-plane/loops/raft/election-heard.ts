/**
 * The contexts that messages about elections came with, until the core says what it made of them:
 * several messages may be stepped before it is asked. Keeps the newest per sender and kind, and no
 * more senders than a group may have.
 */

import type { MemberId } from '../../model/configuration.ts';
import type { VotePhase } from '../../model/election.ts';
import type { RaftMessage } from '../../model/raft-message.ts';

const SENDERS_MAX = 64;

interface Heard {
  readonly trace: string;
  readonly from: MemberId;
  readonly term: number;
}

export class HeardTraces {
  /** By phase and candidate. */
  readonly #requests = new Map<string, Heard>();
  #leader: Heard | null = null;
  #handOver: Heard | null = null;

  add(message: RaftMessage, trace: string): void {
    const { from, term, kind } = message;
    const heard = { trace, from, term };
    if (kind === 'pre_vote' || kind === 'vote') {
      const key = keyOf(kind, from);
      if (this.#requests.size < SENDERS_MAX || this.#requests.has(key)) {
        this.#requests.set(key, heard);
      }
    } else if (kind === 'append' || kind === 'heartbeat' || kind === 'snapshot_chunk') {
      this.#leader = heard;
    } else if (kind === 'timeout_now') {
      this.#handOver = heard;
    }
  }

  /** Of a candidate's request; once. */
  takeRequest(phase: VotePhase, candidateId: MemberId): string | null {
    const key = keyOf(phase, candidateId);
    const heard = this.#requests.get(key);
    this.#requests.delete(key);
    return heard?.trace ?? null;
  }

  ofLeader(leaderId: MemberId, term: number): string | null {
    const heard = this.#leader;
    return heard?.from === leaderId && heard.term === term ? heard.trace : null;
  }

  /** Of the leader that handed over; once. */
  takeHandOver(): string | null {
    const heard = this.#handOver;
    this.#handOver = null;
    return heard?.trace ?? null;
  }
}

function keyOf(phase: VotePhase, candidateId: MemberId): string {
  return `${phase} ${candidateId}`;
}
