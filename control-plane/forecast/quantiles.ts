/**
 * Quantiles of what a forecast misses by, followed online with one number each: after every sample
 * the number goes up by gain × level when the miss was larger, and down by gain × (1 − level) when
 * it was not, which is the gradient of the pinball loss (Koenker and Bassett 1978) and keeps the
 * long-run coverage at the level whatever the load does (Gibbs and Candès 2021, Angelopoulos et al.
 * 2023, "conformal PID"). The gain follows the size of the misses, so no unit is assumed.
 */

import { gainAfter } from './load-model.ts';

/** Misses are averaged over this many samples to size the steps. */
const SPREAD_SAMPLES = 500;

/** Pinball loss of a quantile forecast, in the unit of the load; 0 is perfect. */
export function pinballLoss(level: number, forecast: number, actual: number): number {
  const miss = actual - forecast;
  return miss >= 0 ? level * miss : (level - 1) * miss;
}

export class MissQuantiles {
  readonly #levels: readonly number[];
  readonly #gain: number;
  readonly #values: Float64Array;
  #spread = 0;
  #seen = 0;

  /** `levels` rise within 0 to 1, both excluded; `gain` is the step as a share of the misses' spread. */
  constructor(levels: readonly number[], gain: number) {
    this.#levels = levels;
    this.#gain = gain;
    this.#values = new Float64Array(levels.length);
  }

  observe(miss: number): void {
    this.#seen += 1;
    const pace = Math.max(1 / this.#seen, gainAfter(1, SPREAD_SAMPLES));
    this.#spread += pace * (Math.abs(miss) - this.#spread);
    // Early on the steps are large, so that the first hundreds of samples place the quantiles.
    const step = this.#spread * Math.max(this.#gain, 2 / Math.sqrt(this.#seen) / 4);
    // Counted loops here and in channel.ts: iterators cost five times as much, at every sample.
    for (let index = 0; index < this.#values.length; index += 1) {
      const value = this.#values[index] ?? 0;
      const level = this.#levels[index] ?? 0;
      this.#values[index] = value + step * (miss > value ? level : level - 1);
    }
  }

  /** `point` + miss × `scale` for each level, in the order of the levels, never falling, not negative. */
  around(point: number, scale: number): readonly number[] {
    const loads: number[] = [];
    let largest = 0;
    for (let index = 0; index < this.#values.length; index += 1) {
      largest = Math.max(largest, point + (this.#values[index] ?? 0) * scale);
      loads.push(largest);
    }
    return loads;
  }
}
