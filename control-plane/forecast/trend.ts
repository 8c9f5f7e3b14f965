/**
 * Damped linear trend (Holt's two averages with Gardner's damping) for samples at any distance: the
 * averages forget by time, not by count, so that a gap neither repeats nor invents a sample. After a
 * gap longer than the trend's memory the slope is forgotten.
 */

import { gainAfter } from './load-model.ts';
import type { LoadModel } from './load-model.ts';

export interface TrendOptions {
  readonly name: string;
  /** Memory of the level in ms. */
  readonly levelMs: number;
  /** Memory of the slope in ms; Infinity for a level without slope. */
  readonly slopeMs: number;
  /** How far ahead the slope is trusted: it adds slope × dampingMs at most. */
  readonly dampingMs: number;
}

export class Trend implements LoadModel {
  readonly name: string;
  readonly #options: TrendOptions;
  #level = 0;
  #slopePerMs = 0;
  #lastAtMs: number | null = null;
  #since: number | null = null;

  constructor(options: TrendOptions) {
    this.name = options.name;
    this.#options = options;
  }

  observe(atMs: number, load: number): void {
    const lastAtMs = this.#lastAtMs;
    this.#lastAtMs = atMs;
    if (lastAtMs === null || atMs - lastAtMs > this.#options.slopeMs) {
      this.#level = load;
      this.#slopePerMs = 0;
      this.#since = atMs;
      return;
    }
    const pauseMs = atMs - lastAtMs;
    const expected = this.#level + this.#slopePerMs * pauseMs;
    const level = expected + gainAfter(pauseMs, this.#options.levelMs) * (load - expected);
    const slope = (level - this.#level) / pauseMs;
    this.#slopePerMs += gainAfter(pauseMs, this.#options.slopeMs) * (slope - this.#slopePerMs);
    this.#level = level;
  }

  predict(atMs: number): number | null {
    const { dampingMs, levelMs } = this.#options;
    if (this.#lastAtMs === null || this.#since === null) return null;
    if (this.#lastAtMs - this.#since < levelMs) return null;
    const aheadMs = dampingMs * gainAfter(atMs - this.#lastAtMs, dampingMs);
    return Math.max(0, this.#level + this.#slopePerMs * aheadMs);
  }
}
