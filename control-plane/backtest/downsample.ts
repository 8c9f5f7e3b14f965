/**
 * A long series in few points: time is cut into buckets of equal length, and of each the smallest and the
 * largest number are kept, so that no peak and no gap is lost to the eye. It averages nothing.
 */

import type { Band } from '../model/backtest.ts';

/** Which bucket each step falls in. */
export interface Buckets {
  readonly count: number;
  readonly stepsEach: number;
}

/** At most `pointsMax` buckets, each of a whole number of steps, at least one. */
export function bucketsOf(steps: number, pointsMax: number): Buckets {
  const stepsEach = Math.max(1, Math.ceil(steps / pointsMax));
  return { count: Math.ceil(steps / stepsEach), stepsEach };
}

/** Collects one series. */
export class BandBuilder {
  readonly #stepsEach: number;
  readonly #min: number[];
  readonly #max: number[];

  constructor({ count, stepsEach }: Buckets) {
    this.#stepsEach = stepsEach;
    this.#min = new Array<number>(count).fill(Infinity);
    this.#max = new Array<number>(count).fill(-Infinity);
  }

  take(step: number, value: number): void {
    const bucket = Math.floor(step / this.#stepsEach);
    this.#min[bucket] = Math.min(this.#min[bucket] ?? Infinity, value);
    this.#max[bucket] = Math.max(this.#max[bucket] ?? -Infinity, value);
  }

  band(): Band {
    return { min: this.#min.map(rounded), max: this.#max.map(rounded) };
  }
}

/** Six significant digits: what a chart can show, in a third of the text. */
function rounded(value: number): number {
  return Number.isFinite(value) ? Number(value.toPrecision(6)) : 0;
}
