/**
 * One scrape: runs every collector under its own deadline and publishes what came in time. A
 * collector that fails or is late costs its own values and nothing else; one whose last run still
 * hangs is not started again. Scrapes that overlap share one collection. It knows no HTTP.
 */

import type { Collector, Family } from './collector.ts';
import { FAILURE_CAUSES, failureCauseOf } from './failures.ts';
import type { FailureCause } from './failures.ts';
import type { Log } from './log.ts';
import { messageOf } from './log.ts';
import { DROP_CAUSES } from './metrics.ts';
import type { Exposition, Run, Section } from './metrics.ts';

export interface CollectorSlot {
  readonly collector: Collector;
  /** Longest run in ms; a scrape that has less time left makes it shorter. */
  readonly deadlineMs: number;
}

export interface Scraper {
  /** Collects into the exposition; resolves when every collector answered or ran out of time, never rejects. */
  collect(budgetMs: number): Promise<void>;
  /** Names of the collectors whose last run failed, in the order of the slots. */
  failing(): readonly string[];
}

/** @param slots in the order in which their families appear. */
export function createScraper(
  slots: readonly CollectorSlot[],
  exposition: Exposition,
  log: Log,
): Scraper {
  const runners = slots.map((slot) =>
    createRunner(slot, exposition.section(slot.collector.families), log),
  );
  const own = exposition.section(Object.values(families));
  let inFlight: Promise<void> | null = null;

  async function collectOnce(budgetMs: number): Promise<void> {
    await Promise.all(runners.map((runner) => runner.run(budgetMs)));
    const run = own.open();
    for (const runner of runners) runner.report(run);
    run.commit();
  }

  return {
    collect(budgetMs) {
      inFlight ??= collectOnce(budgetMs).finally(() => (inFlight = null));
      return inFlight;
    },
    failing: () => runners.filter((runner) => runner.failing()).map((runner) => runner.name),
  };
}

const families = {
  success: {
    name: 'omnimind_collector_success',
    help: 'Whether the last run of the collector gave all its values (1) or failed or ran out of time (0).',
    type: 'gauge',
    labels: ['collector'],
  },
  duration: {
    name: 'omnimind_collector_duration_seconds',
    help: 'Wall time of the last run of the collector.',
    type: 'gauge',
    labels: ['collector'],
  },
  lastSuccess: {
    name: 'omnimind_collector_last_success_timestamp_seconds',
    help: 'When the collector last succeeded; absent until it has.',
    type: 'gauge',
    labels: ['collector'],
  },
  lastError: {
    name: 'omnimind_collector_last_error_info',
    help: `Why the collector failed last, kept after it recovered: ${FAILURE_CAUSES.join(', ')}.`,
    type: 'gauge',
    labels: ['collector', 'error'],
  },
  dropped: {
    name: 'omnimind_collector_dropped_samples_total',
    help: `Samples that were refused, by cause: ${DROP_CAUSES.join(', ')}.`,
    type: 'counter',
    labels: ['collector', 'cause'],
  },
} as const satisfies Record<string, Family>;

interface Runner {
  readonly name: string;
  run(budgetMs: number): Promise<void>;
  report(run: Run): void;
  failing(): boolean;
}

interface LastRun {
  readonly failure: FailureCause | null;
  readonly durationMs: number;
}

function createRunner(slot: CollectorSlot, section: Section, log: Log): Runner {
  const { collector } = slot;
  const { name } = collector;
  let lastRun: LastRun | null = null;
  let lastSuccessMs: number | null = null;
  let lastError: FailureCause | null = null;
  let isHanging = false;

  function conclude(
    run: Run,
    startedMs: number,
    failure: FailureCause | null,
    detail: string,
  ): void {
    if (failure === null) {
      run.commit();
      lastSuccessMs = Date.now();
    } else {
      run.discard();
      lastError = failure;
    }
    if (failure !== (lastRun?.failure ?? null)) {
      if (failure === null) log('info', 'collector_recovered', { collector: name });
      else log('warn', 'collector_failed', { collector: name, error: failure, detail });
    }
    lastRun = { failure, durationMs: performance.now() - startedMs };
  }

  return {
    name,
    async run(budgetMs) {
      const startedMs = performance.now();
      const run = section.open();
      if (isHanging) {
        conclude(run, startedMs, 'timeout', 'the run before this one has not ended');
        return;
      }
      isHanging = true;
      const settled = (): void => void (isHanging = false);
      try {
        await runWithin(collector, run, Math.min(slot.deadlineMs, budgetMs), settled);
        conclude(run, startedMs, null, '');
      } catch (error) {
        conclude(run, startedMs, failureCauseOf(error), messageOf(error));
      }
    },
    failing: () => lastRun !== null && lastRun.failure !== null,
    report(run) {
      if (lastRun === null) return;
      run.emit(families.success, lastRun.failure === null ? 1 : 0, name);
      run.emit(families.duration, lastRun.durationMs / 1000, name);
      if (lastSuccessMs !== null) run.emit(families.lastSuccess, lastSuccessMs / 1000, name);
      if (lastError !== null) run.emit(families.lastError, 1, name, lastError);
      for (const cause of DROP_CAUSES)
        run.emit(families.dropped, section.dropped[cause], name, cause);
    },
  };
}

/** Rejects at the deadline whether the collector heeds its signal or not; `settled` is called when it has ended. */
function runWithin(
  collector: Collector,
  run: Run,
  limitMs: number,
  settled: () => void,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const abort = new AbortController();
    const timer = setTimeout(() => {
      const late = new DOMException(`no answer within ${limitMs} ms`, 'TimeoutError');
      abort.abort(late);
      reject(late);
    }, limitMs);
    const ended = (): void => {
      clearTimeout(timer);
      settled();
    };
    // The call itself may throw before it returns its promise.
    new Promise<void>((begin) => begin(collector.collect(run.emit, abort.signal)))
      .finally(ended)
      .then(resolve, reject);
  });
}
