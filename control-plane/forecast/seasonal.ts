/**
 * A season with a level: the shape of one period (an hour, a day, a week) in slots, learned as an
 * average over periods, and the present level: the load of the last while ÷ the shape of that while.
 * The forecast is level × shape at the time asked for. It knows nothing before the same time was seen
 * one period before; a slot that was never seen, or a shape that is nil, is no forecast.
 *
 * Slots follow the UNIX clock (00:00 UTC, Thursdays for weeks); local time would shift them twice a
 * year, and a day's shape relearns that within a few days.
 */

import { gainAfter } from './load-model.ts';
import type { LoadModel } from './load-model.ts';

export interface SeasonalOptions {
  readonly name: string;
  readonly periodMs: number;
  /** Divides the period: periodMs ÷ slotMs numbers are kept. */
  readonly slotMs: number;
  /** Slots on each side that are averaged into a slot when it is read; smooths young shapes. */
  readonly neighbours: number;
  /** Share of its difference that a slot takes over from each period, 0 to 1. */
  readonly gain: number;
  /** Memory of the level in ms. */
  readonly levelMs: number;
}

export class Seasonal implements LoadModel {
  readonly name: string;
  readonly #options: SeasonalOptions;
  readonly #shape: Float64Array;
  /** The slot being filled, as a count of slots since 1970, its sum and its number of samples. */
  #slot = -1;
  #sum = 0;
  #samples = 0;
  /** Slots that are full and not in the shape yet, oldest first; as many as the neighbours, and two. */
  readonly #closed: { readonly slot: number; readonly mean: number }[] = [];
  /** Short averages of the load and of the shape at the same times; their ratio is the level. */
  #load = 0;
  #shaped = 0;
  #lastAtMs: number | null = null;

  constructor(options: SeasonalOptions) {
    this.name = options.name;
    this.#options = options;
    this.#shape = new Float64Array(Math.round(options.periodMs / options.slotMs)).fill(NaN);
  }

  observe(atMs: number, load: number): void {
    this.#fillSlot(Math.floor(atMs / this.#options.slotMs), load);
    const pauseMs = this.#lastAtMs === null ? Infinity : atMs - this.#lastAtMs;
    this.#lastAtMs = atMs;
    const shape = this.#shapeAt(atMs);
    if (shape === null) return;
    const gain = this.#shaped === 0 ? 1 : gainAfter(pauseMs, this.#options.levelMs);
    this.#load += gain * (load - this.#load);
    this.#shaped += gain * (shape - this.#shaped);
  }

  predict(atMs: number): number | null {
    const shape = this.#shapeAt(atMs);
    return shape === null || this.#shaped === 0 ? null : (this.#load / this.#shaped) * shape;
  }

  #fillSlot(slot: number, load: number): void {
    if (slot !== this.#slot) {
      if (this.#samples > 0)
        this.#closed.push({ slot: this.#slot, mean: this.#sum / this.#samples });
      this.#slot = slot;
      this.#sum = 0;
      this.#samples = 0;
      this.#learn();
    }
    this.#sum += load;
    this.#samples += 1;
  }

  /** Slots enter the shape once no reading of the present touches them: else it would follow the level. */
  #learn(): void {
    const { gain, neighbours } = this.#options;
    for (let next = this.#closed[0]; next !== undefined; next = this.#closed[0]) {
      if (next.slot >= this.#slot - neighbours - 1) return;
      const index = next.slot % this.#shape.length;
      const known = this.#shape[index] ?? NaN;
      this.#shape[index] = Number.isNaN(known) ? next.mean : known + gain * (next.mean - known);
      this.#closed.shift();
    }
  }

  /** The smoothed shape, linear between the middles of slots; null where nothing was learned. */
  #shapeAt(atMs: number): number | null {
    const position = atMs / this.#options.slotMs - 0.5;
    const before = Math.floor(position);
    const left = this.#smoothed(before);
    const right = this.#smoothed(before + 1);
    const shape = left + (position - before) * (right - left);
    return shape > 0 ? shape : null;
  }

  #smoothed(slot: number): number {
    const { neighbours } = this.#options;
    let sum = 0;
    let known = 0;
    for (let at = slot - neighbours; at <= slot + neighbours; at += 1) {
      const length = this.#shape.length;
      const mean = this.#shape[((at % length) + length) % length] ?? NaN;
      if (Number.isNaN(mean)) continue;
      sum += mean;
      known += 1;
    }
    return known === 0 ? NaN : sum / known;
  }
}
