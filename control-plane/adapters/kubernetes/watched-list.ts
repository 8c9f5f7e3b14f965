/**
 * A list of the API server, kept current by a watch, so that looking at it costs no request. What is
 * held is given out only while its watch is open and was heard of lately; otherwise it is listed
 * anew, and when that fails there is no answer rather than an old one. An item never goes back to a
 * version before the one that is held, whatever arrives late.
 */

import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { backoffMs } from '../replicas/limits.ts';
import { KubernetesError, read } from './api.ts';
import type { Asked, KubernetesApi, WatchEvent } from './api.ts';
import type { KubernetesLimits } from './settings.ts';

export interface Versioned {
  readonly name: string;
  readonly resourceVersion: string;
}

export interface WatchedListOptions<Item extends Versioned> {
  readonly api: KubernetesApi;
  readonly limits: KubernetesLimits;
  /** What is listed and watched; asked before each list. */
  readonly asked: (signal: AbortSignal) => Promise<Omit<Asked, 'verb'>>;
  readonly schema: z.ZodType<Item>;
  /** Tried again after `retryInMs`. */
  readonly onTrouble: (error: unknown, retryInMs: number) => void;
}

const bookmarkSchema = z.object({ metadata: z.object({ resourceVersion: z.string() }) });

export class WatchedList<Item extends Versioned> {
  readonly #options: WatchedListOptions<Item>;
  readonly #ending = new AbortController();
  #items = new Map<string, Item>();
  /** Null: to be listed before it is watched. */
  #from: { readonly asked: Omit<Asked, 'verb'>; resourceVersion: string } | null = null;
  #listing: Promise<readonly Item[]> | null = null;
  #isOpen = false;
  #heardAtMs = -Infinity;
  #done: Promise<void> = Promise.resolve();

  constructor(options: WatchedListOptions<Item>) {
    this.#options = options;
  }

  /** Lists it and begins to watch. Rejects with KubernetesError when it cannot be listed. */
  async start(signal: AbortSignal): Promise<void> {
    await this.#list(signal);
    this.#done = this.#run();
  }

  /** Begins to watch behind the caller's back: the first look lists. */
  startLater(): void {
    this.#done = this.#run();
  }

  /** What is so now, or null where that is not known without asking. */
  current(): readonly Item[] | null {
    const { trustMs } = this.#options.limits;
    const isTrusted = this.#isOpen && performance.now() - this.#heardAtMs <= trustMs;
    return isTrusted ? [...this.#items.values()] : null;
  }

  /** What is so now, asked of the server where that is not known. Rejects with KubernetesError. */
  async read(): Promise<readonly Item[]> {
    return this.current() ?? (await this.#list(this.#ending.signal));
  }

  /** What one's own write has made of an item, before the watch tells. */
  saw(item: Item): void {
    const held = this.#items.get(item.name);
    if (held === undefined || !isOlder(item, held)) this.#items.set(item.name, item);
  }

  async close(): Promise<void> {
    this.#ending.abort();
    await this.#done;
  }

  /** Several that ask at once share one list. */
  #list(signal: AbortSignal): Promise<readonly Item[]> {
    this.#listing ??= this.#listNow(signal).finally(() => {
      this.#listing = null;
    });
    return this.#listing;
  }

  async #listNow(signal: AbortSignal): Promise<readonly Item[]> {
    const { api, schema } = this.#options;
    const begunMs = performance.now();
    const asked = await this.#options.asked(signal);
    const listing: Asked = { ...asked, verb: 'list' };
    const { items, resourceVersion } = await api.list(listing, signal);
    const listed = new Map(
      items.map((item): readonly [string, Item] => {
        const one = read(listing, schema, item);
        return [one.name, one];
      }),
    );
    // One's own write may be newer than the list.
    for (const held of this.#items.values()) {
      const one = listed.get(held.name) ?? { name: held.name, resourceVersion };
      if (isOlder(one, held)) listed.set(held.name, held);
    }
    this.#items = listed;
    this.#from = { asked, resourceVersion };
    this.#heardAtMs = Math.max(this.#heardAtMs, begunMs);
    return [...listed.values()];
  }

  async #run(): Promise<void> {
    const { limits, onTrouble } = this.#options;
    const { signal } = this.#ending;
    const isOver = (): boolean => signal.aborted;
    let failures = 0;
    while (!isOver()) {
      const begunMs = performance.now();
      let error: unknown = null;
      try {
        if (this.#from === null) await this.#list(signal);
        await this.#follow(() => {
          failures = 0;
        });
      } catch (cause) {
        error = cause;
        this.#isOpen = false;
      }
      // A server that ends each watch at once is not asked without a pause, either.
      const wasShort = performance.now() - begunMs < limits.backoffMinMs;
      if (isOver() || (error === null && !wasShort)) continue;
      const retryInMs = backoffMs(failures, limits);
      failures += 1;
      if (isExpired(error)) this.#from = null;
      // That a version is gone is a matter of course, the first time.
      if (isExpired(error) && failures === 1) continue;
      if (error !== null) onTrouble(error, retryInMs);
      await sleep(retryInMs, null, { signal }).catch(() => undefined);
    }
  }

  async #follow(onOpen: () => void): Promise<void> {
    const from = this.#from;
    if (from === null) return;
    const { api } = this.#options;
    const asked: Asked = { ...from.asked, verb: 'watch' };
    const opened = (): void => {
      onOpen();
      this.#isOpen = true;
      this.#heardAtMs = performance.now();
    };
    const events = api.watch(asked, from.resourceVersion, opened, this.#ending.signal);
    for await (const event of events) {
      this.#heardAtMs = performance.now();
      const resourceVersion = this.#apply(asked, event);
      // A list in between has set a point of its own, from which the next watch begins.
      from.resourceVersion = resourceVersion;
    }
    this.#heardAtMs = performance.now();
  }

  /** The version that it brings the list to. */
  #apply(asked: Asked, { type, object }: WatchEvent): string {
    if (type === 'BOOKMARK') return read(asked, bookmarkSchema, object).metadata.resourceVersion;
    const item = read(asked, this.#options.schema, object);
    const held = this.#items.get(item.name);
    if (held === undefined || !isOlder(item, held)) {
      if (type === 'DELETED') this.#items.delete(item.name);
      else this.#items.set(item.name, item);
    }
    return item.resourceVersion;
  }
}

/** Versions of one kind are numbers that grow; where a server counts otherwise, whatever comes counts. */
function isOlder(one: Pick<Versioned, 'resourceVersion'>, held: Versioned): boolean {
  const [a, b] = [one.resourceVersion, held.resourceVersion];
  return /^\d+$/.test(a) && /^\d+$/.test(b) && BigInt(a) < BigInt(b);
}

function isExpired(error: unknown): boolean {
  return error instanceof KubernetesError && error.failure === 'expired';
}
