/**
 * Reads that must see everything that was committed before them: the readers of one turn share one
 * read index (Raft dissertation, 6.4) and wait for it to be applied here. A read that nobody could
 * answer is asked again, for a bounded time.
 */

import { ConsensusError } from '../../ports/consensus.ts';
import type { ReadAnswer } from '../../raft/ready.ts';

export interface ReadsOptions {
  readonly readsMax: number;
  /** A reader waits so long at most, in ms. */
  readonly patienceMs: number;
  /** A question that got no answer is asked again after so long, in ms. */
  readonly askAgainMs: number;
  readonly monotonicMs: () => number;
  /** Uniform in [0, 1). */
  readonly random: () => number;
}

/** Ids are sent in 48 bits; this leaves room to count up. */
const READ_ID_START_MAX = 2 ** 47;

interface Reader {
  readonly deadlineMs: number;
  readonly resolve: () => void;
  readonly reject: (error: ConsensusError) => void;
}

interface Asked {
  readonly readers: readonly Reader[];
  readonly atMs: number;
}

interface Indexed {
  readonly index: number;
  readonly readers: readonly Reader[];
}

export class Reads {
  readonly #options: ReadsOptions;
  readonly #open = new Set<Reader>();
  /** To be asked for in this turn. */
  #fresh: Reader[] = [];
  /** To be asked for again with the next tick. */
  #unanswered: Reader[] = [];
  readonly #asked = new Map<number, Asked>();
  #indexed: Indexed[] = [];
  /** Begins anywhere: an answer to the life before a restart must not answer a read of this one. */
  #lastId: number;

  constructor(options: ReadsOptions) {
    this.#options = options;
    this.#lastId = Math.floor(options.random() * READ_ID_START_MAX);
  }

  get hasFresh(): boolean {
    return this.#fresh.length > 0;
  }

  /** @throws ConsensusError */
  barrier(signal: AbortSignal): Promise<void> {
    if (signal.aborted) return Promise.reject(givenUp(signal));
    if (this.#open.size >= this.#options.readsMax) {
      const message = `${this.#open.size} reads wait`;
      return Promise.reject(new ConsensusError('overloaded', message));
    }
    return new Promise((resolve, reject) => {
      const onAbort = (): void => reader.reject(givenUp(signal));
      const done = (): void => {
        signal.removeEventListener('abort', onAbort);
        this.#open.delete(reader);
      };
      const reader: Reader = {
        deadlineMs: this.#options.monotonicMs() + this.#options.patienceMs,
        resolve: () => {
          done();
          resolve();
        },
        reject: (error) => {
          done();
          reject(error);
        },
      };
      this.#open.add(reader);
      this.#fresh.push(reader);
      signal.addEventListener('abort', onAbort, { once: true });
    });
  }

  /** The id to ask the core with for the readers of this turn; null when there is none. */
  ask(): number | null {
    const readers = this.#fresh.filter((reader) => this.#open.has(reader));
    this.#fresh = [];
    if (readers.length === 0) return null;
    this.#lastId += 1;
    this.#asked.set(this.#lastId, { readers, atMs: this.#options.monotonicMs() });
    return this.#lastId;
  }

  answered({ readId, index }: ReadAnswer, appliedIndex: number): void {
    const asked = this.#asked.get(readId);
    if (asked === undefined) return;
    this.#asked.delete(readId);
    if (index === null) this.#unanswered.push(...asked.readers);
    else if (index <= appliedIndex) for (const reader of asked.readers) reader.resolve();
    else this.#indexed.push({ index, readers: asked.readers });
  }

  applied(appliedIndex: number): void {
    if (this.#indexed.length === 0) return;
    const stillWaiting: Indexed[] = [];
    for (const indexed of this.#indexed) {
      if (indexed.index > appliedIndex) stillWaiting.push(indexed);
      else for (const reader of indexed.readers) reader.resolve();
    }
    this.#indexed = stillWaiting;
  }

  /** With each tick: who has waited too long is told, and what got no answer is asked again. */
  tick(nowMs: number): void {
    for (const reader of this.#open) {
      // In the order of their arrival, and so of their deadlines.
      if (reader.deadlineMs > nowMs) break;
      reader.reject(
        new ConsensusError('no_leader', 'nobody could say how far the log is committed'),
      );
    }
    for (const [readId, { readers, atMs }] of this.#asked) {
      if (atMs + this.#options.askAgainMs > nowMs) break;
      this.#asked.delete(readId);
      this.#unanswered.push(...readers);
    }
    this.#indexed = this.#indexed.filter(({ readers }) => readers.some((r) => this.#open.has(r)));
    this.#fresh.push(...this.#unanswered);
    this.#unanswered = [];
  }

  rejectAll(error: ConsensusError): void {
    for (const reader of this.#open) reader.reject(error);
    this.#fresh = [];
    this.#unanswered = [];
    this.#indexed = [];
    this.#asked.clear();
  }
}

function givenUp(signal: AbortSignal): ConsensusError {
  return new ConsensusError('aborted', 'the reader gave up', { cause: signal.reason });
}
