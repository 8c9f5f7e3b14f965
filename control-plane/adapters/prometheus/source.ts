/**
 * The metrics source over the Prometheus query API (Prometheus 2 and 3, Thanos, Mimir,
 * VictoriaMetrics). Reads, and judges no number: whether a sample is fresh, single and finite is
 * for those who asked. Trouble outside is a typed reading, never a rejection.
 */

import type {
  InstantReading,
  InstantSample,
  MetricsSource,
  RangeQuery,
  RangeReading,
  RangeSeries,
} from '../../ports/metrics-source.ts';
import { QueryApi, type RequestObservation } from './api.ts';
import { Breaker, type BreakerLimits, type BreakerState } from './breaker.ts';
import { type ConnectionOptions, createConnection } from './connection.ts';
import { Deadline } from './deadline.ts';
import { failedReading, MergedReader } from './merged-reader.ts';
import type { Part } from './merged-reader.ts';
import { groupBySpan, spanKey } from './ranges.ts';

/** What the connection is made with, and how long a read may take. */
export interface PrometheusOptions extends Omit<
  ConnectionOptions,
  'responseBytesMax' | 'socketsMax'
> {
  /** Deadline of one whole read, in ms. */
  readonly timeoutMs: number;
  readonly monotonicMs: () => number;
  /** This member's clock, UNIX time in ms, to hold the server's against; the host's unless given. */
  readonly nowMs?: () => number;
  /** Told of each HTTP request; null when nobody listens. */
  readonly onRequest?: ((observation: RequestObservation) => void) | null;
  readonly limits?: Partial<PrometheusLimits>;
}

export interface PrometheusLimits {
  /** Bytes of one answer; a larger one is not read to its end. */
  readonly responseBytesMax: number;
  /**
   * Distinct queries of one read; more are not asked and come back unavailable. A metric needs two or
   * three: enough for 5,000 policies with three metrics each.
   */
  readonly queriesMax: number;
  /**
   * Queries merged into one request. Measured against Prometheus 2.42 with 500 and 5000
   * queries: 50 takes a quarter to a fifth of the time of asking one by one; 500 is slower again.
   */
  readonly batchQueriesMax: number;
  readonly batchCharactersMax: number;
  /** Steps of all range queries of one request together: as many as Prometheus allows one of them. */
  readonly batchStepsMax: number;
  /** HTTP requests at once. */
  readonly concurrencyMax: number;
  /** A probe's deadline, in ms; the read's own if that is less. */
  readonly probeTimeoutMs: number;
  readonly breaker: BreakerLimits;
}

export const PROMETHEUS_LIMITS: PrometheusLimits = {
  responseBytesMax: 8 * 1024 * 1024,
  queriesMax: 50_000,
  batchQueriesMax: 50,
  batchCharactersMax: 256 * 1024,
  batchStepsMax: 11_000,
  concurrencyMax: 4,
  probeTimeoutMs: 2_000,
  breaker: { failuresMax: 3, openMs: 1_000 },
};

export interface PrometheusStatus {
  readonly breaker: BreakerState;
  /** Of the last request; null when it was answered, or when there was none yet. */
  readonly lastError: string | null;
}

export interface PrometheusSource extends MetricsSource {
  status(): PrometheusStatus;
  /** Asks the cheapest of queries and says how that went: evidence for readiness. */
  probe(signal: AbortSignal): Promise<PrometheusStatus>;
  /** Ends the kept-alive connections; reads after it still work, over new ones. */
  close(): void;
}

/** @throws when the URL or a PEM file cannot be read: a mistake of configuration. */
export function createPrometheusSource(options: PrometheusOptions): PrometheusSource {
  const limits = { ...PROMETHEUS_LIMITS, ...options.limits };
  const { monotonicMs, timeoutMs } = options;
  const connection = createConnection({
    ...options,
    responseBytesMax: limits.responseBytesMax,
    socketsMax: limits.concurrencyMax,
  });
  const breaker = new Breaker(limits.breaker, monotonicMs);
  const onRequest = options.onRequest ?? (() => undefined);
  const requestsMax = limits.concurrencyMax;
  const { nowMs = Date.now } = options;
  const api = new QueryApi({ connection, breaker, requestsMax, monotonicMs, nowMs, onRequest });
  const instants = new MergedReader<InstantSample>(limits.queriesMax);
  const ranges = new MergedReader<RangeSeries>(limits.queriesMax);
  const batch = { queriesMax: limits.batchQueriesMax, charactersMax: limits.batchCharactersMax };
  const status = () => ({ breaker: breaker.state, lastError: api.lastError });

  async function readInstant(
    queries: readonly string[],
    atMs: number,
    signal: AbortSignal,
  ): Promise<readonly InstantReading[]> {
    const deadline = new Deadline(timeoutMs, signal, monotonicMs);
    const distinct = [...new Set(queries)].slice(0, limits.queriesMax);
    const refusal = await api.admit(deadline, limits.probeTimeoutMs);
    if (refusal !== null) return queries.map(() => failedReading(refusal));
    const found = await instants.read(distinct, batch, (query) => {
      return api.instant(query, atMs, deadline);
    });
    const { clockAheadMs } = api;
    const clock = clockAheadMs > 0 ? { clockAheadMs } : {};
    return queries.map((query) => {
      const part = found.get(query) ?? overBound(limits.queriesMax);
      return part.kind === 'failed' ? part : { kind: 'vector', samples: part.parts, ...clock };
    });
  }

  async function readRange(
    queries: readonly RangeQuery[],
    signal: AbortSignal,
  ): Promise<readonly RangeReading[]> {
    const deadline = new Deadline(timeoutMs, signal, monotonicMs);
    const refusal = await api.admit(deadline, limits.probeTimeoutMs);
    if (refusal !== null) return queries.map(() => failedReading(refusal));
    const groups = groupBySpan(queries.slice(0, limits.queriesMax));
    const found = new Map<string, ReadonlyMap<string, Part<RangeSeries>>>();
    await Promise.all(
      [...groups].map(async ([key, { span, steps, texts }]) => {
        const queriesMax = Math.min(batch.queriesMax, Math.floor(limits.batchStepsMax / steps));
        const ask = (query: string) => api.range({ ...span, query }, deadline);
        found.set(key, await ranges.read([...texts], { ...batch, queriesMax }, ask));
      }),
    );
    return queries.map((query): RangeReading => {
      const part = found.get(spanKey(query))?.get(query.query) ?? overBound(limits.queriesMax);
      return part.kind === 'failed' ? part : { kind: 'matrix', series: part.parts };
    });
  }

  async function probe(signal: AbortSignal): Promise<PrometheusStatus> {
    const deadline = new Deadline(limits.probeTimeoutMs, signal, monotonicMs);
    const refusal = await api.admit(deadline, limits.probeTimeoutMs);
    if (refusal === null) await api.probe(deadline);
    return status();
  }

  return { readInstant, readRange, status, probe, close: () => connection.close() };
}

function overBound(queriesMax: number): ReturnType<typeof failedReading> {
  const detail = `not asked: one read asks at most ${queriesMax} queries`;
  return failedReading({ kind: 'unavailable', detail, transport: false });
}
