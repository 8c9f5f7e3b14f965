/** The reads that a follower has passed on to its leader, until they are answered, or void. */

import type { MemberId } from '../model/configuration.ts';
import type { Core } from './core.ts';

interface ForwardedRead {
  readonly leaderId: MemberId;
  readonly deadlineMs: number;
}

export class ForwardedReads {
  readonly #core: Core;
  readonly #waiting = new Map<number, ForwardedRead>();

  constructor(core: Core) {
    this.#core = core;
  }

  /** Asks the leader, within the bound; otherwise the read is answered with null. */
  ask(readId: number, leaderId: MemberId | null, nowMs: number): void {
    const { readsMax, electionTimeoutMaxMs } = this.#core.options;
    if (leaderId === null || this.#waiting.size >= readsMax) {
      this.#core.reads.push({ readId, index: null });
      return;
    }
    this.#waiting.set(readId, { leaderId, deadlineMs: nowMs + electionTimeoutMaxMs });
    this.#core.send(leaderId, { kind: 'read_index', readId });
  }

  answered(readId: number, from: MemberId, index: number | null): void {
    if (this.#waiting.get(readId)?.leaderId === from) this.#end(readId, index);
  }

  expire(nowMs: number): void {
    for (const [readId, { deadlineMs }] of this.#waiting) {
      if (nowMs >= deadlineMs) this.#end(readId, null);
    }
  }

  /** Another leader's answer would say nothing of these. */
  refuseAll(): void {
    for (const readId of this.#waiting.keys()) this.#end(readId, null);
  }

  #end(readId: number, index: number | null): void {
    this.#waiting.delete(readId);
    this.#core.reads.push({ readId, index });
  }
}
