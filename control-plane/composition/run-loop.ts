/** Starts a loop that runs until the member stops, with its duration, lag and outcome as series. */

import { runTicker } from '../loops/ticker.ts';
import type { Context } from './parts.ts';

export function startLoop(
  context: Context,
  loop: string,
  intervalMs: number,
  work: (signal: AbortSignal) => Promise<void>,
): void {
  const { clock, series, logger, stops } = context;
  const abort = new AbortController();
  const timed = async (signal: AbortSignal): Promise<void> => {
    const startMs = clock.monotonicMs();
    try {
      await work(signal);
      series.loopRuns.inc({ loop, outcome: 'ok' });
    } catch (error) {
      series.loopRuns.inc({ loop, outcome: 'failed' });
      throw error;
    } finally {
      series.loopDuration.observe({ loop }, (clock.monotonicMs() - startMs) / 1_000);
    }
  };
  const running = runTicker(
    {
      intervalMs,
      clock,
      onLag: (lagMs) => series.loopLag.observe({ loop }, lagMs / 1_000),
      onError: (err) => logger.warn({ loop, err }, 'a run of the loop failed'),
    },
    timed,
    abort.signal,
  );
  stops.push(`loop ${loop}`, async () => {
    abort.abort();
    await running;
  });
}
