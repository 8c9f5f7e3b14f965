/**
 * How late the event loop runs. Node's histogram is fed by a timer and counts that timer's period
 * as delay; a coarse period costs next to nothing and is taken off again here. Refuses to be reset
 * by a reader: two scrapers would hide each other's spikes, so a window ends by age alone.
 */

import { monitorEventLoopDelay } from 'node:perf_hooks';

/** In seconds, over the last one to two windows. */
export interface EventLoopLag {
  readonly meanSeconds: number;
  readonly p99Seconds: number;
  readonly maxSeconds: number;
}

export interface EventLoopMonitor {
  read(): EventLoopLag;
  stop(): void;
}

const NONE: EventLoopLag = { meanSeconds: 0, p99Seconds: 0, maxSeconds: 0 };

/**
 * @param resolutionMs period of the sampling timers; a shorter delay is seen by chance
 * @param windowMs a spike shows for at least one window and at most two, or until it was read
 */
export function monitorEventLoop(resolutionMs = 100, windowMs = 15_000): EventLoopMonitor {
  const create = () => {
    const histogram = monitorEventLoopDelay({ resolution: resolutionMs });
    histogram.enable();
    return histogram;
  };
  // A reset forgets the delay that is under way, so there are two and the older alone is reset, once
  // the newer runs: what blocks the loop right now is seen by that, which is then the one to be read.
  let older = create();
  let newer = create();
  let startedAt = performance.now();
  return {
    read: () => {
      const lag = (nanoseconds: number) => Math.max(0, (nanoseconds / 1e6 - resolutionMs) / 1000);
      const shown =
        older.count === 0
          ? NONE
          : {
              meanSeconds: lag(older.mean),
              p99Seconds: lag(older.percentile(99)),
              maxSeconds: lag(older.max),
            };
      if (newer.count > 0 && performance.now() - startedAt >= windowMs) {
        startedAt = performance.now();
        older.reset();
        [older, newer] = [newer, older];
      }
      return shown;
    },
    stop: () => {
      older.disable();
      newer.disable();
    },
  };
}
