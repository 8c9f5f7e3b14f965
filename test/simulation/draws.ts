/**
 * The choices of a simulated world. Each part of it draws from a stream of its own, so that leaving
 * out a fault changes as little as possible of what the other parts do. Nothing here knows what is
 * chosen.
 */

import { seededRandom } from '../support/seeded-random.ts';

export class Draws {
  /** Uniform in [0, 1). */
  readonly next: () => number;

  constructor(seed: number, stream: number) {
    this.next = seededRandom(mixed(seed, stream));
  }

  /** Uniform in [min, max). */
  between(min: number, max: number): number {
    return min + (max - min) * this.next();
  }

  /** Uniform among the whole numbers from min to max, both included. */
  whole(min: number, max: number): number {
    return min + Math.floor(this.next() * (max - min + 1));
  }

  chance(probability: number): boolean {
    return this.next() < probability;
  }

  /** Mostly short, sometimes long. */
  exponential(mean: number): number {
    return -mean * Math.log(1 - this.next());
  }

  pick<T>(list: readonly T[]): T {
    return elementAt(list, Math.floor(this.next() * list.length));
  }
}

/** The element that must be there. */
export function elementAt<T>(list: readonly T[], index: number): T {
  const element = list[index];
  if (element === undefined) throw new Error(`no element ${index} in a list of ${list.length}`);
  return element;
}

/** Neighbouring seeds and streams give streams that have nothing in common (murmur3's finalizer). */
function mixed(seed: number, stream: number): number {
  let hash = (Math.imul(seed, 0x9e3779b1) ^ Math.imul(stream + 1, 0x85ebca6b)) >>> 0;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
