/**
 * Persistence: the load stays what it is. The yardstick of every other model, since a forecast that
 * does not beat it knows nothing; it never raises anything itself.
 */

import type { LoadModel } from './load-model.ts';

export class Persistence implements LoadModel {
  readonly name = 'persistence';
  #load: number | null = null;

  observe(_atMs: number, load: number): void {
    this.#load = load;
  }

  predict(): number | null {
    return this.#load;
  }
}
