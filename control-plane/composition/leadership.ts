/**
 * What only the member that leads may have open: opened when it begins to lead, closed when it does
 * not any more, one after the other and never twice at once. Whoever had it before may be slow to
 * let go, on this host or elsewhere; opening is tried again until it works or leadership is lost.
 *
 * It is no fence: leadership may end between a look and an act. What acts asks `mayAct` of its own
 * just before it does, and carries a fencing token.
 */

import { setTimeout as sleep } from 'node:timers/promises';

export interface LeaderScopedOptions<T> {
  /**
   * Whether this member leads: true of a leader whose lease is about to be renewed, false as soon as
   * it has stepped down. Asked often; must not wait.
   */
  readonly leads: () => boolean;
  /** Whether it may act right now; opening waits for that. */
  readonly mayAct: () => boolean;
  /** Rejects while somebody else has it. */
  readonly open: () => Promise<T>;
  /** Lets go when leadership is lost. */
  readonly close: (opened: T) => Promise<void>;
  /** Once per different message in a row; opening that fails is tried again. */
  readonly onTrouble: (doing: 'open' | 'close', error: unknown) => void;
  /** Between two looks, in ms; 50. */
  readonly pollMs?: number;
  /** Between two attempts to open, in ms; 100. */
  readonly retryMs?: number;
}

export interface LeaderScoped<T> {
  /** What is open; null while this member does not lead, or cannot have it yet. */
  current(): T | null;
  /** Why it is not open although this member leads, in words; null otherwise. */
  trouble(): string | null;
  /** Looks now instead of at the next poll. */
  leadershipChanged(): void;
  /** Never opens again; closes what is open, in the given way or as at the loss of leadership. */
  stop(close?: (opened: T) => Promise<void>): Promise<void>;
}

const POLL_MS = 50;
const RETRY_MS = 100;

/** Begins to look at once. */
export function createLeaderScoped<T>(options: LeaderScopedOptions<T>): LeaderScoped<T> {
  const scoped = new Scoped(options);
  scoped.run();
  return scoped;
}

class Scoped<T> implements LeaderScoped<T> {
  readonly #options: LeaderScopedOptions<T>;
  #opened: { readonly value: T } | null = null;
  #trouble: string | null = null;
  #stopping = false;
  #wake = new AbortController();
  #running: Promise<void> = Promise.resolve();

  constructor(options: LeaderScopedOptions<T>) {
    this.#options = options;
  }

  run(): void {
    this.#running = this.#loop();
  }

  current(): T | null {
    return this.#opened?.value ?? null;
  }

  trouble(): string | null {
    return this.#trouble;
  }

  leadershipChanged(): void {
    this.#wake.abort();
  }

  async stop(close: (opened: T) => Promise<void> = this.#options.close): Promise<void> {
    this.#stopping = true;
    this.#wake.abort();
    await this.#running;
    await this.#close(close);
  }

  async #loop(): Promise<void> {
    const { leads, mayAct, close, pollMs = POLL_MS, retryMs = RETRY_MS } = this.#options;
    while (!this.#stopping) {
      let pauseMs = pollMs;
      if (!leads()) {
        this.#trouble = null;
        await this.#close(close);
      } else if (this.#opened === null && mayAct() && !(await this.#open())) {
        pauseMs = retryMs;
      }
      await this.#pause(pauseMs);
    }
  }

  /** False when it could not be opened. */
  async #open(): Promise<boolean> {
    try {
      this.#opened = { value: await this.#options.open() };
      this.#trouble = null;
      return true;
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      if (message !== this.#trouble) this.#options.onTrouble('open', error);
      this.#trouble = message;
      return false;
    }
  }

  /** From the first moment nobody is given it any more. */
  async #close(close: (opened: T) => Promise<void>): Promise<void> {
    const closing = this.#opened;
    this.#opened = null;
    if (closing === null) return;
    try {
      await close(closing.value);
    } catch (error) {
      this.#options.onTrouble('close', error);
    }
  }

  async #pause(ms: number): Promise<void> {
    const { signal } = this.#wake;
    await sleep(ms, undefined, { signal }).catch(() => undefined);
    if (signal.aborted) this.#wake = new AbortController();
  }
}
