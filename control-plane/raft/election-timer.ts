/**
 * When a member suspects its leader, and until when it holds a leader for alive. The timeout is drawn
 * anew each time, so that members do not campaign together again and again (Raft paper, 5.2, 9.3).
 */

import type { RaftOptions } from './options.ts';

export class ElectionTimer {
  readonly #options: RaftOptions;
  readonly #random: () => number;
  #timeoutMs = 0;
  #deadlineMs = 0;
  #heardMs: number;
  #stickyUntilMs: number;

  /** @param random in [0, 1) */
  constructor(options: RaftOptions, random: () => number, nowMs: number) {
    this.#options = options;
    this.#random = random;
    this.#heardMs = nowMs;
    // Before its crash this member may have confirmed a leader's lease, and has forgotten it.
    this.#stickyUntilMs = nowMs + options.electionTimeoutMinMs;
    this.restart(nowMs);
  }

  get timeoutMs(): number {
    return this.#timeoutMs;
  }

  get deadlineMs(): number {
    return this.#deadlineMs;
  }

  /** The last message of a leader; the start, or the end of this member's own term, before any. */
  get heardMs(): number {
    return this.#heardMs;
  }

  /** No vote is given before, but to a candidate that the leader itself has sent. */
  get stickyUntilMs(): number {
    return this.#stickyUntilMs;
  }

  restart(nowMs: number): void {
    const { electionTimeoutMinMs, electionTimeoutMaxMs } = this.#options;
    const range = electionTimeoutMaxMs - electionTimeoutMinMs;
    this.#timeoutMs = electionTimeoutMinMs + this.#random() * range;
    this.#deadlineMs = nowMs + this.#timeoutMs;
  }

  heardLeader(nowMs: number): void {
    this.#heardMs = nowMs;
    this.#stickyUntilMs = nowMs + this.#options.electionTimeoutMinMs;
    this.restart(nowMs);
  }

  /** This member led until now. */
  ledUntil(nowMs: number): void {
    this.#heardMs = nowMs;
    this.restart(nowMs);
  }
}
