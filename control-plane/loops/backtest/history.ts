/**
 * Reads the history that a backtest asks for: from a server of the Prometheus query API, in pieces that
 * it answers, or from points that were sent along. An observation of the past is made as the scale loop
 * makes one of the present: value and age are two queries, and no gap is filled. What cannot be read
 * whole fails the backtest: half a history would be another question.
 */

import {
  LOOKBACK_MS,
  isLoad,
  loadFromPoints,
  observationsFromPoints,
} from '../../backtest/points.ts';
import { FORECAST_STEP_MS } from '../../forecast/defaults.ts';
import type { PlannedSignal } from '../../backtest/signals.ts';
import { stepEndMs, stepsOf } from '../../model/backtest.ts';
import type { BacktestRequest, Point } from '../../model/backtest.ts';
import type { Observation } from '../../model/observation.ts';
import type { InstantSample, MetricsSource, RangeSeries } from '../../ports/metrics-source.ts';
import { single } from '../single-reading.ts';

/** Why there is no history: one sentence for whoever asked. */
export class HistoryError extends Error {
  override readonly name = 'HistoryError';
  /** `asked`: the request is at fault. `source`: the metrics source is. */
  readonly fault: 'asked' | 'source';

  constructor(fault: 'asked' | 'source', message: string, options?: ErrorOptions) {
    super(message, options);
    this.fault = fault;
  }
}

export interface History {
  /** Observations of a signal whose rule is `total`, one per step. */
  observations(signal: PlannedSignal): Promise<readonly Observation[]>;
  /** What a signal was before the beginning, once per minute, as far back as that. */
  before(signal: PlannedSignal, historyMs: number): Promise<readonly Point[]>;
  /** The load in each step; null where there is none. Of a series' own name, or of a query. */
  load(from: {
    readonly query: string;
    readonly name: string;
  }): Promise<readonly (number | null)[]>;
}

interface Grid {
  readonly fromMs: number;
  readonly stepMs: number;
  readonly steps: number;
}

/**
 * Points of one request. Prometheus answers at most 11,000 and refuses more; fewer keep the reading of
 * an answer short.
 */
const POINTS_PER_REQUEST = 5_000;

/** The history in points that came with the request. */
export function pointHistory(
  request: BacktestRequest,
  series: Readonly<Record<string, readonly Point[]>>,
  lookbackMs: number = LOOKBACK_MS,
): History {
  const { fromMs, stepMs } = request;
  const grid = { fromMs, stepMs, steps: stepsOf(request) };
  const find = (name: string): readonly Point[] => {
    const own = Object.hasOwn(series, name) ? series[name] : undefined;
    const all = Object.values(series);
    const found = own ?? (all.length === 1 ? all[0] : undefined);
    if (found !== undefined) return found;
    const names = Object.keys(series).join(', ');
    throw new HistoryError('asked', `there is no series for ${name}; there are: ${names}`);
  };
  const give = <T>(make: () => T): Promise<T> => new Promise((resolve) => resolve(make()));
  return {
    observations: ({ name }) =>
      give(() => observationsFromPoints(name, find(name), grid, lookbackMs)),
    before: ({ name }, historyMs) =>
      give(() => {
        const steps = minutesBefore(request, historyMs);
        const seen = observationsFromPoints(name, find(name), steps, lookbackMs);
        return seen.flatMap((one, at): Point[] =>
          one.kind === 'sample' ? [[stepEndMs(steps, at), one.value]] : [],
        );
      }),
    load: ({ name }) => give(() => loadFromPoints(find(name), grid, lookbackMs)),
  };
}

/** The history in a metrics source; each query is read once. */
export function sourceHistory(
  request: BacktestRequest,
  source: MetricsSource,
  signal: AbortSignal,
): History {
  const cache = new Map<string, Promise<readonly RangeSeries[]>>();
  const grid = { fromMs: request.fromMs, stepMs: request.stepMs, steps: stepsOf(request) };
  const read = (query: string): Promise<readonly RangeSeries[]> => {
    const known = cache.get(query) ?? readWhole(grid, query, source, signal);
    cache.set(query, known);
    return known;
  };
  return {
    observations: async (planned) => {
      const values = stepped(request, await read(planned.query));
      const times =
        planned.timestampQuery === '' ? null : stepped(request, await read(planned.timestampQuery));
      return observedSteps(request, planned.name, values, times);
    },
    before: async ({ query }, historyMs) => {
      const steps = minutesBefore(request, historyMs);
      const found = await readWhole(steps, query, source, signal);
      const sets = new Set(found.map(({ labels }) => JSON.stringify(labels)));
      // Of several series none is the signal: a leader would not learn from them either.
      return sets.size > 1 ? [] : found.flatMap(({ points }) => points).sort(byTime);
    },
    load: async ({ query }) => {
      const steps = stepped(request, await read(query));
      return steps.map((samples) => {
        if (samples.length > 1) {
          const detail = `the load ${query} has ${samples.length} series; sum them up, as in sum(...)`;
          throw new HistoryError('asked', detail);
        }
        const value = samples[0]?.value ?? NaN;
        return isLoad(value) ? value : null;
      });
    },
  };
}

/** Whole minutes up to the beginning. */
function minutesBefore({ fromMs }: BacktestRequest, historyMs: number): Grid {
  const stepMs = FORECAST_STEP_MS;
  const steps = Math.floor(historyMs / stepMs);
  return { fromMs: (Math.floor(fromMs / stepMs) - steps) * stepMs, stepMs, steps };
}

function byTime([a]: Point, [b]: Point): number {
  return a - b;
}

async function readWhole(
  grid: Grid,
  query: string,
  source: MetricsSource,
  signal: AbortSignal,
): Promise<readonly RangeSeries[]> {
  const { steps, stepMs } = grid;
  const found: RangeSeries[] = [];
  for (let first = 0; first < steps; first += POINTS_PER_REQUEST) {
    signal.throwIfAborted();
    const startMs = stepEndMs(grid, first);
    const endMs = stepEndMs(grid, Math.min(steps, first + POINTS_PER_REQUEST) - 1);
    const [reading] = await source.readRange([{ query, startMs, endMs, stepMs }], signal);
    signal.throwIfAborted();
    if (reading === undefined) throw new HistoryError('source', 'the metrics source said nothing');
    if (reading.kind === 'failed') {
      const fault = reading.reason === 'signal_rejected' ? 'asked' : 'source';
      throw new HistoryError(fault, `${reading.reason}: ${reading.detail}, of the query ${query}`);
    }
    found.push(...reading.series);
  }
  return found;
}

/** The samples at the end of each step, of all series that have one. */
function stepped(
  request: BacktestRequest,
  series: readonly RangeSeries[],
): readonly (readonly InstantSample[])[] {
  const steps: InstantSample[][] = Array.from({ length: stepsOf(request) }, () => []);
  const firstMs = stepEndMs(request, 0);
  for (const { labels, points } of series) {
    for (const [atMs, value] of points) {
      steps[Math.round((atMs - firstMs) / request.stepMs)]?.push({
        labels,
        value,
        evaluatedAtMs: atMs,
      });
    }
  }
  return steps;
}

/** As the scale loop would have observed it. Without a query for it, the age is 0. */
function observedSteps(
  request: BacktestRequest,
  metric: string,
  values: readonly (readonly InstantSample[])[],
  times: readonly (readonly InstantSample[])[] | null,
): readonly Observation[] {
  return values.map((samples, at): Observation => {
    const value = single({ kind: 'vector', samples }, 'the value');
    if (value.kind === 'failed') return { metric, ...value };
    const seen = { kind: 'sample', metric, value: value.value, reporting: null } as const;
    if (times === null) return { ...seen, sampledAtMs: stepEndMs(request, at) };
    const time = single({ kind: 'vector', samples: times[at] ?? [] }, 'the timestamp');
    if (time.kind === 'value') return { ...seen, sampledAtMs: Math.round(time.value * 1_000) };
    if (time.reason === 'signal_absent') return { ...seen, sampledAtMs: null };
    return { metric, ...time };
  });
}
