/**
 * A circuit breaker: after several transport failures in a row nothing is sent for a short while,
 * then one probe decides. It keeps a dead server from costing every reader a full deadline; it is
 * no judge of answers, and a server that refuses a query is alive.
 */

export type BreakerState = 'closed' | 'open' | 'half_open';

export interface BreakerLimits {
  /** Consecutive transport failures that open it, at least 1. */
  readonly failuresMax: number;
  /** How long nothing is sent, in ms. No longer than a tick, so that decisions resume with it. */
  readonly openMs: number;
}

export class Breaker {
  readonly #limits: BreakerLimits;
  readonly #monotonicMs: () => number;
  #failures = 0;
  #openedAtMs: number | null = null;
  #probing = false;
  #lastFailure: string | null = null;

  constructor(limits: BreakerLimits, monotonicMs: () => number) {
    this.#limits = limits;
    this.#monotonicMs = monotonicMs;
  }

  get state(): BreakerState {
    if (this.#probing) return 'half_open';
    return this.#openedAtMs === null ? 'closed' : 'open';
  }

  /** Whether the pause is over and a probe should be sent. */
  get probeIsDue(): boolean {
    return this.#openedAtMs !== null && !this.#probing && this.#remainingMs() === 0;
  }

  /** The last transport failure; null once something succeeded. */
  get lastFailure(): string | null {
    return this.#lastFailure;
  }

  /** What to tell a reader who was not let through. */
  describe(): string {
    const pause = `next probe in ${(this.#remainingMs() / 1_000).toFixed(1)} s`;
    return `breaker open after ${this.#failures} failures in a row, ${pause}; the last: ${this.#lastFailure ?? 'unknown'}`;
  }

  beginProbe(): void {
    this.#probing = true;
  }

  /** A probe that was abandoned says nothing; the next reader probes again. */
  abandonProbe(): void {
    this.#probing = false;
  }

  succeeded(): void {
    this.#failures = 0;
    this.#openedAtMs = null;
    this.#probing = false;
    this.#lastFailure = null;
  }

  failed(detail: string): void {
    this.#failures += 1;
    this.#lastFailure = detail;
    if (this.#probing || this.#failures >= this.#limits.failuresMax) {
      this.#openedAtMs = this.#monotonicMs();
    }
    this.#probing = false;
  }

  #remainingMs(): number {
    if (this.#openedAtMs === null) return 0;
    return Math.max(0, this.#openedAtMs + this.#limits.openMs - this.#monotonicMs());
  }
}
