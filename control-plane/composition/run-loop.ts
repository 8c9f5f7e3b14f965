/** Starts a loop that runs until the member stops; its interval and how late each run began are series. */

import { runTicker } from '../loops/ticker.ts';
import type { Context } from './parts.ts';

export interface LoopContext extends Pick<Context, 'clock' | 'series'> {
  readonly stops: Pick<Context['stops'], 'push'>;
}

export function startLoop(
  { clock, series, stops }: LoopContext,
  loop: string,
  intervalMs: number,
  work: (signal: AbortSignal) => Promise<void>,
): void {
  series.loopInterval.set({ loop }, intervalMs / 1_000);
  const abort = new AbortController();
  const running = runTicker(
    {
      intervalMs,
      clock,
      onLag: (lagMs) => series.loopLag.observe({ loop }, lagMs / 1_000),
      // Counted and logged where it happened, inside of the run's trace: loops/reported-run.ts.
      onError: () => undefined,
    },
    work,
    abort.signal,
  );
  stops.push(`loop ${loop}`, async () => {
    abort.abort();
    await running;
  });
}
