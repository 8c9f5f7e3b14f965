/**
 * One run of a loop as it shows itself: how long it took, how it ended, and a line in the log when it
 * failed. Called inside of the run's span, so that the exemplar and the line lead to its trace.
 */

import type { Clock } from '../ports/clock.ts';
import type { Series } from '../telemetry/series.ts';
import type { LoopLogger } from './logger.ts';

export interface RunReport {
  readonly loop: string;
  readonly series: Series;
  readonly clock: Clock;
  readonly logger: LoopLogger;
}

/** Passes on what the work gives or throws. A run that its signal ended is neither a failure nor a line. */
export async function reportedRun<T>(
  { loop, series, clock, logger }: RunReport,
  signal: AbortSignal,
  work: () => Promise<T> | T,
): Promise<T> {
  const startMs = clock.monotonicMs();
  try {
    const result = await work();
    series.loopRuns.inc({ loop, outcome: 'ok' });
    return result;
  } catch (err) {
    if (!signal.aborted) {
      series.loopRuns.inc({ loop, outcome: 'failed' });
      logger.warn({ loop, err }, 'a run of the loop failed');
    }
    throw err;
  } finally {
    series.loopDuration.observe({ loop }, (clock.monotonicMs() - startMs) / 1_000);
  }
}
