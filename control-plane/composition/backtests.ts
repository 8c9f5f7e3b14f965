/**
 * Runs backtests for the API, each in a thread of its own: few at once, within a deadline and within a
 * bound of memory, and ended when nobody waits for it any more. The member's event loop starts a thread
 * and passes bytes on; it reads no history and runs no step.
 */

import { Worker } from 'node:worker_threads';
import type { BacktestAnswer, BacktestFormat, Backtests } from '../http/backtest-routes.ts';
import type { BacktestRequest, Point } from '../model/backtest.ts';
import type { PrometheusConfig } from '../prometheus-config.ts';

/** What a thread is started with. */
export interface BacktestOrder {
  /** Without its points: numbers in a row are handed over in no time, lists of pairs are not. */
  readonly request: BacktestRequest;
  /** Times and values in turn, by the name of the series; null where there are no points. */
  readonly points: Readonly<Record<string, Float64Array<ArrayBuffer>>> | null;
  readonly format: BacktestFormat;
  readonly prometheus: PrometheusConfig;
}

/** What a thread answers. */
export type BacktestThreadAnswer =
  | {
      readonly kind: 'done';
      readonly bytes: Uint8Array<ArrayBuffer>;
      readonly contentSecurityPolicy: string | null;
    }
  | { readonly kind: 'refused'; readonly faults: readonly string[] }
  | { readonly kind: 'source_failed'; readonly detail: string };

export interface BacktestsLimits {
  /** Backtests at once; more are refused, not queued. */
  readonly concurrencyMax: number;
  /** From its beginning to its answer, in ms; less than an idle connection is kept. */
  readonly timeoutMs: number;
  /** Of one answer of the metrics source, in ms. */
  readonly sourceTimeoutMs: number;
  /** Memory of one thread for objects that live long, in MB. */
  readonly heapMbMax: number;
}

export const BACKTESTS_LIMITS: BacktestsLimits = {
  concurrencyMax: 1,
  timeoutMs: 50_000,
  sourceTimeoutMs: 20_000,
  heapMbMax: 768,
};

export interface RunningBacktests extends Backtests {
  /** Ends what runs; resolves once it has ended. */
  stop(): Promise<void>;
}

export function createBacktests(
  prometheus: PrometheusConfig,
  limits: BacktestsLimits = BACKTESTS_LIMITS,
): RunningBacktests {
  const running = new Set<Worker>();
  return {
    run: async (request, format, signal) => {
      if (running.size >= limits.concurrencyMax) return { kind: 'busy' };
      signal.throwIfAborted();
      const timed = { ...prometheus, timeoutMs: limits.sourceTimeoutMs };
      const order: BacktestOrder = { ...packed(request), format, prometheus: timed };
      const worker = new Worker(new URL('../backtest-worker.ts', import.meta.url), {
        workerData: order,
        resourceLimits: { maxOldGenerationSizeMb: limits.heapMbMax },
      });
      running.add(worker);
      try {
        return await answerOf(worker, limits.timeoutMs, signal);
      } finally {
        await worker.terminate();
        running.delete(worker);
      }
    },
    stop: async () => {
      await Promise.all([...running].map((worker) => worker.terminate()));
    },
  };
}

function packed(request: BacktestRequest): Pick<BacktestOrder, 'request' | 'points'> {
  const { source } = request;
  if (source.kind !== 'points') return { request, points: null };
  const series = Object.entries(source.series).map(([name, list]) => {
    const numbers = new Float64Array(2 * list.length);
    for (const [at, [time, value]] of list.entries()) {
      numbers[2 * at] = time;
      numbers[2 * at + 1] = value;
    }
    return [name, numbers] as const;
  });
  const emptied = { ...request, source: { ...source, series: {} } };
  return { request: emptied, points: Object.fromEntries(series) };
}

/** The request of an order, whole again; for the thread. */
export function requestOf({ request, points }: BacktestOrder): BacktestRequest {
  const { source } = request;
  if (points === null || source.kind !== 'points') return request;
  const series = Object.entries(points).map(([name, numbers]) => {
    const list = Array.from({ length: numbers.length / 2 }, (_, at): Point => {
      return [numbers[2 * at] ?? 0, numbers[2 * at + 1] ?? NaN];
    });
    return [name, list] as const;
  });
  return { ...request, source: { ...source, series: Object.fromEntries(series) } };
}

function answerOf(worker: Worker, timeoutMs: number, signal: AbortSignal): Promise<BacktestAnswer> {
  return new Promise((resolve, reject) => {
    const deadline = setTimeout(() => resolve({ kind: 'too_long', limitMs: timeoutMs }), timeoutMs);
    const settle = (end: () => void) => () => {
      clearTimeout(deadline);
      signal.removeEventListener('abort', abort);
      end();
    };
    const abort = settle(() => reject(signal.reason as Error));
    signal.addEventListener('abort', abort, { once: true });
    worker.once('message', (answer: BacktestThreadAnswer) => settle(() => resolve(answer))());
    worker.once('error', (cause) => {
      settle(() => {
        if (isOutOfMemory(cause)) resolve({ kind: 'too_large' });
        else reject(new Error('the thread of a backtest died', { cause }));
      })();
    });
    worker.once('exit', (code) => {
      settle(() => reject(new Error(`the thread of a backtest ended with ${code}`)))();
    });
  });
}

function isOutOfMemory(cause: unknown): boolean {
  return cause instanceof Error && 'code' in cause && cause.code === 'ERR_WORKER_OUT_OF_MEMORY';
}
