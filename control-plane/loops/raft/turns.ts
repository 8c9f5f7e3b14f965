/**
 * When a member works: once per turn of the event loop in which something arrived, and with each
 * tick. After a pause the tick comes first: whoever stood still must know before it acts on what has
 * arrived meanwhile. Measures how late the ticks are.
 */

export interface TurnsOptions {
  readonly tickMs: number;
  readonly monotonicMs: () => number;
  readonly every: (intervalMs: number, run: () => void) => () => void;
  onTick(nowMs: number): void;
  onTurn(nowMs: number): void;
  onLoopLag(seconds: number): void;
}

export class Turns {
  readonly #options: TurnsOptions;
  #tickedAtMs: number;
  #timedAtMs: number;
  #scheduled: NodeJS.Immediate | null = null;
  #endTimer: (() => void) | null = null;
  #stopped = false;

  constructor(options: TurnsOptions) {
    this.#options = options;
    this.#tickedAtMs = options.monotonicMs();
    this.#timedAtMs = this.#tickedAtMs;
  }

  start(): void {
    const { every, tickMs, monotonicMs } = this.#options;
    this.#timedAtMs = monotonicMs();
    this.#endTimer = every(tickMs, () => {
      if (this.#stopped) return;
      const nowMs = monotonicMs();
      this.#options.onLoopLag(Math.max(0, nowMs - this.#timedAtMs - tickMs) / 1_000);
      this.#timedAtMs = nowMs;
      this.#tick(nowMs);
      this.wake();
    });
  }

  /** There is something to do at the end of this turn. */
  wake(): void {
    if (this.#stopped || this.#scheduled !== null) return;
    this.#scheduled = setImmediate(() => {
      this.#scheduled = null;
      if (this.#stopped) return;
      this.#options.onTurn(this.tickIfDue());
    });
  }

  /** The time, after a tick when the last one is longer ago than it should be. */
  tickIfDue(): number {
    const nowMs = this.#options.monotonicMs();
    if (!this.#stopped && nowMs - this.#tickedAtMs > this.#options.tickMs) {
      this.#tick(nowMs);
      this.wake();
    }
    return nowMs;
  }

  stop(): void {
    this.#stopped = true;
    this.#endTimer?.();
    if (this.#scheduled !== null) clearImmediate(this.#scheduled);
    this.#scheduled = null;
  }

  #tick(nowMs: number): void {
    this.#tickedAtMs = nowMs;
    this.#options.onTick(nowMs);
  }
}

/** By a timer that does not keep the process alive. */
export function everyInterval(intervalMs: number, run: () => void): () => void {
  const timer = setInterval(run, intervalMs);
  timer.unref();
  return () => clearInterval(timer);
}
