/**
 * Adds up what a run was worth, step by step, in a few numbers. It compares with nothing; where overload
 * is lost it agrees with scores.ts.
 */

import type { Measures, Overload } from '../model/backtest.ts';
import type { Step } from './simulate.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

export class Measuring {
  readonly #stepMs: number;
  readonly #capacity: number;
  readonly #overload: Overload;
  readonly #maximum: number;
  #steps = 0;
  #offered = 0;
  #served = 0;
  #lost = 0;
  #late = 0;
  #paid = 0;
  #actions = 0;
  #reversals = 0;
  #direction = 0;
  #atMaximum = 0;
  #peak = 0;

  /** `maximum` is the number at which the policy can go no further. */
  constructor(
    world: {
      readonly stepMs: number;
      readonly replicaCapacity: number;
      readonly overload: Overload;
    },
    maximum: number,
  ) {
    this.#stepMs = world.stepMs;
    this.#capacity = world.replicaCapacity;
    this.#overload = world.overload;
    this.#maximum = maximum;
  }

  take({ load, ready, booting, served, lost, late, desired }: Step): void {
    this.#steps += 1;
    this.#offered += (load * this.#stepMs) / 1_000;
    this.#served += served;
    this.#lost += lost;
    this.#late += late;
    this.#paid += ready + booting;
    this.#peak = Math.max(this.#peak, desired);
    if (desired >= this.#maximum) this.#atMaximum += 1;
    const move = Math.sign(desired - ready - booting);
    if (move === 0) return;
    this.#actions += 1;
    if (this.#direction !== 0 && move !== this.#direction) this.#reversals += 1;
    this.#direction = move;
  }

  /** @param lateAtEnd what `simulate` returned */
  read(lateAtEnd: number): Measures {
    const share = (part: number, whole: number): number => (whole === 0 ? 0 : part / whole);
    const days = (this.#steps * this.#stepMs) / DAY_MS;
    const capacity = (this.#paid * this.#capacity * this.#stepMs) / 1_000;
    const late = share(this.#lost + this.#late + lateAtEnd, this.#offered);
    return {
      unservedRatio: share(this.#lost, this.#offered),
      lateRatio: this.#overload.kind === 'queue' ? Math.min(1, late) : null,
      slackRatio: capacity === 0 ? 0 : Math.max(0, 1 - this.#served / capacity),
      replicaHours: (this.#paid * this.#stepMs) / HOUR_MS,
      actions: this.#actions,
      reversalsPerDay: share(this.#reversals, days),
      atMaximumRatio: share(this.#atMaximum, this.#steps),
      replicasPeak: this.#peak,
    };
  }
}
