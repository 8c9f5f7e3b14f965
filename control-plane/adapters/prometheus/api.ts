/**
 * The query API behind its breaker: one typed answer per request, every request observed, never
 * more of them at once than allowed. Knows HTTP and the envelope, not what the queries are for.
 */

import type { InstantSample, RangeQuery, RangeSeries } from '../../ports/metrics-source.ts';
import {
  type Answer,
  type Failure,
  parseInstantAnswer,
  parseRangeAnswer,
  type RequestOutcome,
} from './answer.ts';
import type { Breaker } from './breaker.ts';
import type { Connection, Exchange } from './connection.ts';
import type { Deadline } from './deadline.ts';
import { Turns } from './turns.ts';

export interface RequestObservation {
  readonly outcome: RequestOutcome;
  readonly durationMs: number;
}

export interface ApiOptions {
  readonly connection: Connection;
  readonly breaker: Breaker;
  readonly requestsMax: number;
  readonly monotonicMs: () => number;
  readonly nowMs: () => number;
  readonly onRequest: (observation: RequestObservation) => void;
}

export class QueryApi {
  readonly #options: ApiOptions;
  readonly #turns: Turns;
  #lastError: string | null = null;
  #clockAheadMs = 0;
  #probe: Promise<void> | null = null;

  constructor(options: ApiOptions) {
    this.#options = options;
    this.#turns = new Turns(options.requestsMax);
  }

  /** What went wrong with the last request that got no usable answer; null once one did. */
  get lastError(): string | null {
    return this.#lastError;
  }

  /**
   * How far the server's clock was ahead of this member's by its last answer, in ms; 0 when it was not. A
   * date says no more than the second, which makes it at most that much too early.
   */
  get clockAheadMs(): number {
    return this.#clockAheadMs;
  }

  /**
   * Opens the way for a reader: null when requests may be sent, or why not. When the breaker's
   * pause is over, one probe is sent and all readers of that moment wait for it.
   */
  async admit(deadline: Deadline, probeTimeoutMs: number): Promise<Failure | null> {
    const { breaker } = this.#options;
    if (breaker.probeIsDue) {
      this.#probe = this.#runProbe(deadline.shortened(probeTimeoutMs)).finally(() => {
        this.#probe = null;
      });
    }
    if (this.#probe !== null) await this.#probe;
    return this.#refusal();
  }

  async instant(
    query: string,
    atMs: number,
    deadline: Deadline,
  ): Promise<Answer<readonly InstantSample[]>> {
    // VictoriaMetrics alone knows `nocache`: without it, it answers as of 30 s before the time asked for.
    const form = { query, time: secondsOf(atMs), nocache: '1' };
    return this.#ask('/api/v1/query', form, deadline, parseInstantAnswer);
  }

  async range(
    { query, startMs, endMs, stepMs }: RangeQuery,
    deadline: Deadline,
  ): Promise<Answer<readonly RangeSeries[]>> {
    const form = {
      query,
      start: secondsOf(startMs),
      end: secondsOf(endMs),
      step: secondsOf(stepMs),
      nocache: '1',
    };
    return this.#ask('/api/v1/query_range', form, deadline, parseRangeAnswer);
  }

  /** The cheapest of queries. Any server of the API answers it, and none without its engine. */
  async probe(deadline: Deadline): Promise<Answer<readonly InstantSample[]>> {
    return this.#send('/api/v1/query', { query: '1' }, deadline, parseInstantAnswer);
  }

  async #ask<T>(
    path: string,
    form: Readonly<Record<string, string>>,
    deadline: Deadline,
    parse: (exchange: Exchange) => Answer<T>,
  ): Promise<Answer<T>> {
    return this.#turns.take(async () => {
      const refusal = this.#refusal();
      if (refusal !== null) return refusal;
      // Its turn came too late. Says nothing of this query, so it is no timeout.
      if (deadline.signal.aborted) return { ...deadline.failure(), kind: 'unavailable' };
      return this.#send(path, form, deadline, parse);
    });
  }

  async #send<T>(
    path: string,
    form: Readonly<Record<string, string>>,
    deadline: Deadline,
    parse: (exchange: Exchange) => Answer<T>,
  ): Promise<Answer<T>> {
    const { connection, monotonicMs, onRequest } = this.#options;
    const startedAtMs = monotonicMs();
    const timeout = `${Math.max(1, Math.round(deadline.remainingMs()))}ms`;
    const exchange = await connection.post(path, { ...form, timeout }, deadline.signal);
    if (exchange.kind === 'answered') {
      this.#clockAheadMs = Math.max(0, (exchange.dateMs ?? 0) - this.#options.nowMs());
    }
    const answer = exchange.kind === 'aborted' ? deadline.failure() : parse(exchange);
    onRequest({ outcome: answer.kind, durationMs: monotonicMs() - startedAtMs });
    this.#learn(answer);
    return answer;
  }

  #learn(answer: Answer<unknown>): void {
    const { breaker } = this.#options;
    if (answer.kind === 'aborted') return;
    if (answer.kind !== 'ok' && answer.transport) breaker.failed(answer.detail);
    else breaker.succeeded();
    if (answer.kind === 'ok' || answer.kind === 'rejected') this.#lastError = null;
    else this.#lastError = `${answer.kind}: ${answer.detail}`;
  }

  #refusal(): Failure | null {
    const { breaker } = this.#options;
    if (breaker.state === 'closed') return null;
    return { kind: 'unavailable', detail: breaker.describe(), transport: false };
  }

  async #runProbe(deadline: Deadline): Promise<void> {
    const { breaker } = this.#options;
    breaker.beginProbe();
    const answer = await this.probe(deadline);
    if (answer.kind === 'aborted') breaker.abandonProbe();
  }
}

/** Prometheus takes times as seconds, to the millisecond. */
function secondsOf(ms: number): string {
  return (ms / 1_000).toFixed(3);
}
