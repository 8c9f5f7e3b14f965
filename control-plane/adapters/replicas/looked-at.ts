/**
 * Watches that begin when they are first looked at and end when nobody looks any more, a bounded number
 * of them. One for which there is no room is made for a single look and kept by nobody.
 */

export interface LookedAtOptions<Watch> {
  /** Watches at once. */
  readonly watchesMax: number;
  /** One that nobody looked at that long is closed, in ms. */
  readonly idleMs: number;
  readonly close: (watch: Watch) => Promise<void>;
}

export interface Look<Watch> {
  readonly watch: Watch;
  /** It is there for the next look, too. */
  readonly isKept: boolean;
  readonly isNew: boolean;
}

export class LookedAt<Watch> {
  readonly #options: LookedAtOptions<Watch>;
  readonly #watches = new Map<string, { readonly watch: Watch; askedAtMs: number }>();
  readonly #ending = new Set<Promise<void>>();
  #isClosed = false;

  constructor(options: LookedAtOptions<Watch>) {
    this.#options = options;
  }

  /** The watch of a key, made where there is none. */
  look(key: string, make: () => Watch): Look<Watch> {
    this.#endIdle();
    const askedAtMs = performance.now();
    const held = this.#watches.get(key);
    if (held !== undefined) {
      held.askedAtMs = askedAtMs;
      return { watch: held.watch, isKept: true, isNew: false };
    }
    const watch = make();
    // A look that was under way may come after the end.
    const isKept = this.#watches.size < this.#options.watchesMax && !this.#isClosed;
    if (isKept) this.#watches.set(key, { watch, askedAtMs });
    return { watch, isKept, isNew: true };
  }

  /** Without looking; null where none is kept. */
  held(key: string): Watch | null {
    return this.#watches.get(key)?.watch ?? null;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    const closing = [...this.#watches.values()].map(({ watch }) => this.#options.close(watch));
    this.#watches.clear();
    await Promise.all([...closing, ...this.#ending]);
  }

  #endIdle(): void {
    const nowMs = performance.now();
    for (const [key, { watch, askedAtMs }] of this.#watches) {
      if (nowMs - askedAtMs <= this.#options.idleMs) continue;
      this.#watches.delete(key);
      const ending = this.#options.close(watch).finally(() => this.#ending.delete(ending));
      this.#ending.add(ending);
    }
  }
}
