/**
 * What becomes of load that the ready capacity does not serve: it is lost, or it waits first in, first
 * out and is served late or given up. Amounts are load × seconds, and exact to the rounding of doubles.
 * It knows no replicas and no policy.
 */

import type { Overload } from '../model/backtest.ts';

/** What one step did with its work. */
export interface Served {
  readonly served: number;
  /** Given up in this step, never to be served. */
  readonly lost: number;
  /** Served in this step, later than allowed. */
  readonly late: number;
  /** Still waiting at its end. */
  readonly waiting: number;
}

export interface Backlog {
  /** Takes the work that came in a step and serves what the capacity allows, the oldest first. */
  step(work: number, capacity: number): Served;
  /** Work that waits at the end although it is late already. */
  lateAtEnd(): number;
}

/** Below this share of the capacity, what is left of a piece of work is rounding. */
const ROUNDING_SHARE = 1e-12;

export function createBacklog(overload: Overload, stepMs: number): Backlog {
  if (overload.kind === 'lost') return new NoBacklog();
  return new Queue(
    overload.lateAfterMs / stepMs,
    overload.timeoutMs === null ? Infinity : overload.timeoutMs / stepMs,
  );
}

class NoBacklog implements Backlog {
  step(work: number, capacity: number): Served {
    const served = Math.min(work, capacity);
    return { served, lost: work - served, late: 0, waiting: 0 };
  }

  lateAtEnd(): number {
    return 0;
  }
}

/** Work by the step in which it came: at most one piece per step. */
class Queue implements Backlog {
  readonly #lateSteps: number;
  readonly #timeoutSteps: number;
  #pieces: { readonly cameAt: number; work: number }[] = [];
  /** Pieces before this one are done; they are dropped in one go. */
  #head = 0;
  #waiting = 0;
  #now = -1;

  constructor(lateSteps: number, timeoutSteps: number) {
    this.#lateSteps = lateSteps;
    this.#timeoutSteps = timeoutSteps;
  }

  step(work: number, capacity: number): Served {
    this.#now += 1;
    const lost = this.#giveUp();
    if (work > 0) {
      this.#pieces.push({ cameAt: this.#now, work });
      this.#waiting += work;
    }
    const { served, late } = this.#serve(capacity);
    if (this.#head === this.#pieces.length) this.#waiting = 0;
    return { served, lost, late, waiting: this.#waiting };
  }

  lateAtEnd(): number {
    let late = 0;
    for (const { cameAt, work } of this.#pieces.slice(this.#head)) {
      if (this.#now - cameAt > this.#lateSteps) late += work;
    }
    return late;
  }

  #giveUp(): number {
    let lost = 0;
    for (let first = this.#pieces[this.#head]; first !== undefined;) {
      if (this.#now - first.cameAt <= this.#timeoutSteps) break;
      lost += first.work;
      first = this.#next();
    }
    this.#waiting -= lost;
    return lost;
  }

  #serve(capacity: number): { served: number; late: number } {
    const rounding = capacity * ROUNDING_SHARE;
    let served = 0;
    let late = 0;
    for (let first = this.#pieces[this.#head]; first !== undefined;) {
      const taken = Math.min(capacity - served, first.work);
      if (this.#now - first.cameAt > this.#lateSteps) late += taken;
      first.work -= taken;
      served += taken;
      if (first.work > rounding) break;
      first = this.#next();
    }
    this.#waiting = Math.max(0, this.#waiting - served);
    return { served, late };
  }

  #next(): { readonly cameAt: number; work: number } | undefined {
    this.#head += 1;
    if (this.#head > 1_024 && this.#head * 2 > this.#pieces.length) {
      this.#pieces = this.#pieces.slice(this.#head);
      this.#head = 0;
    }
    return this.#pieces[this.#head];
  }
}
