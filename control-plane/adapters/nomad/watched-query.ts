/**
 * The answer to a query, kept current by asking it again as a blocking query, so that looking at it
 * costs no request. What is held is given out only while it was confirmed lately; otherwise it is
 * asked for anew, and when that fails there is no answer rather than an old one.
 */

import { setTimeout as sleep } from 'node:timers/promises';
import { backoffMs } from '../replicas/limits.ts';
import type { Blocking, Indexed } from './api.ts';
import type { NomadLimits } from './settings.ts';

export interface WatchedQueryOptions<T> {
  readonly limits: NomadLimits;
  readonly ask: (blocking: Blocking, signal: AbortSignal) => Promise<Indexed<T>>;
  /** Asked again after `retryInMs`. */
  readonly onTrouble: (error: unknown, retryInMs: number) => void;
}

export class WatchedQuery<T> {
  readonly #options: WatchedQueryOptions<T>;
  readonly #ending = new AbortController();
  #held: Indexed<T> | null = null;
  #asking: Promise<Indexed<T>> | null = null;
  #isFollowed = false;
  #heardAtMs = -Infinity;
  /** What one's own write has made of it: an answer from before that is history. */
  #needed: { readonly index: number; readonly atMs: number } | null = null;
  #done: Promise<void> = Promise.resolve();

  constructor(options: WatchedQueryOptions<T>) {
    this.#options = options;
  }

  /** Asks and begins to follow. Rejects with NomadError when there is no answer. */
  async start(): Promise<void> {
    await this.#ask();
    this.#done = this.#run();
  }

  /** Begins to follow behind the caller's back: the first look asks. */
  startLater(): void {
    this.#done = this.#run();
  }

  /** What is so now, or null where that is not known without asking. */
  current(): T | null {
    const { trustMs } = this.#options.limits;
    const isTrusted = this.#isFollowed && performance.now() - this.#heardAtMs <= trustMs;
    return isTrusted && this.#held !== null && this.#needed === null ? this.#held.value : null;
  }

  /** What is so now, asked where that is not known. Rejects with NomadError. */
  async read(): Promise<T> {
    const known = this.current();
    if (known !== null) return known;
    const answer = await this.#ask();
    // It may have been under way already when one's own write came to be.
    return this.#needed === null ? answer.value : (await this.#ask()).value;
  }

  /** One's own write has brought it to this index: nothing older is given out from now on. */
  needs(index: number): void {
    if ((this.#held?.index ?? 0) < index) this.#needed = { index, atMs: performance.now() };
  }

  async close(): Promise<void> {
    this.#ending.abort();
    await this.#done;
  }

  /** Several that ask at once share one answer. */
  #ask(): Promise<Indexed<T>> {
    this.#asking ??= this.#askNow().finally(() => {
      this.#asking = null;
    });
    return this.#asking;
  }

  async #askNow(): Promise<Indexed<T>> {
    const begunMs = performance.now();
    const answer = await this.#options.ask({ index: 0 }, this.#ending.signal);
    // A blocking query that was answered meanwhile may know more.
    if (this.#held === null || answer.index >= this.#held.index) this.#hold(answer, begunMs);
    // Asked after the write, it is right whatever its index: servers may have been restored.
    if (this.#needed !== null && this.#needed.atMs <= begunMs) this.#hold(answer, begunMs, true);
    return this.#held ?? answer;
  }

  async #run(): Promise<void> {
    const { limits, onTrouble } = this.#options;
    const { signal } = this.#ending;
    const isOver = (): boolean => signal.aborted;
    let failures = 0;
    while (!isOver()) {
      try {
        const { index } = this.#held ?? (await this.#ask());
        this.#isFollowed = true;
        await this.#follow(index);
        failures = 0;
        await sleep(limits.pauseMs, null, { signal }).catch(() => undefined);
      } catch (error) {
        this.#isFollowed = false;
        if (isOver()) return;
        const retryInMs = backoffMs(failures, limits);
        failures += 1;
        onTrouble(error, retryInMs);
        await sleep(retryInMs, null, { signal }).catch(() => undefined);
      }
    }
  }

  async #follow(index: number): Promise<void> {
    const before = this.#held;
    const answer = await this.#options.ask({ index }, this.#ending.signal);
    // An index that goes back is of servers that were restored, unless somebody has asked meanwhile.
    if (this.#held !== before && answer.index < (this.#held?.index ?? 0)) return;
    this.#hold(answer, performance.now());
  }

  #hold(answer: Indexed<T>, atMs: number, isRight = false): void {
    this.#held = answer;
    this.#heardAtMs = Math.max(this.#heardAtMs, atMs);
    if (isRight || answer.index >= (this.#needed?.index ?? 0)) this.#needed = null;
  }
}
