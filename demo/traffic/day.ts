/**
 * A day of users, compressed into ten minutes: night, a steep morning, lunch, the afternoon's peak,
 * evening, and a burst that nobody announced. It says when requests come, and sends none itself.
 */

import type { Random } from './random.ts';

/** Length of the compressed day, in seconds; then the next begins where this one ended. */
export const DAY_SECONDS = 600;

/**
 * Requests per second at points of the day; between them the curve runs as half a cosine. A replica
 * of `demo-inference` serves ten requests a second and is asked for seven, so the morning needs five
 * replicas, the afternoon seven.
 */
const CURVE: readonly (readonly [atSeconds: number, perSecond: number])[] = [
  [0, 4],
  [15, 6],
  [60, 34],
  [95, 34],
  [140, 9],
  [210, 9],
  [320, 46],
  [400, 46],
  [490, 14],
  [600, 4],
];

/** The burst, on top of the curve. */
const BURST = { fromSeconds: 500, toSeconds: 525, perSecond: 32 } as const;

/** Planned requests per second at a time since the start; positive. */
export function rateAt(seconds: number): number {
  const ofDay = seconds % DAY_SECONDS;
  const burst = ofDay >= BURST.fromSeconds && ofDay < BURST.toSeconds ? BURST.perSecond : 0;
  return curveAt(ofDay) + burst;
}

/** The most that `rateAt` may return: the envelope of the thinning below. */
export const RATE_MAX = Math.max(...CURVE.map(([, perSecond]) => perSecond)) + BURST.perSecond;

/**
 * Arrival times in seconds since the start, rising without end: a Poisson process whose rate follows
 * the day, by thinning (Lewis and Shedler 1979). `scale` multiplies the rate.
 */
export function* arrivals(random: Random, scale = 1): Generator<number, never> {
  let at = 0;
  for (;;) {
    at -= Math.log(1 - random()) / (RATE_MAX * scale);
    if (random() * RATE_MAX < rateAt(at)) yield at;
  }
}

function curveAt(ofDay: number): number {
  for (let index = 1; index < CURVE.length; index += 1) {
    const [fromSeconds, from] = CURVE[index - 1] ?? [0, 0];
    const [toSeconds, to] = CURVE[index] ?? [DAY_SECONDS, from];
    if (ofDay > toSeconds) continue;
    const progress = (ofDay - fromSeconds) / (toSeconds - fromSeconds);
    return from + ((to - from) * (1 - Math.cos(Math.PI * progress))) / 2;
  }
  return CURVE.at(-1)?.[1] ?? 0;
}
