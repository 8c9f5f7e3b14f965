/**
 * The forecasts of this leader: one forecaster per policy that asks for one, filled from the metrics
 * source's history when leadership begins, fed with each look after it. Forecasters are in memory: they
 * follow from the history alone, so every leader arrives at the same. Until the history was read, what
 * they say is that they are warming up, and nothing goes in. A member that does not lead has none.
 */

import {
  FORECAST_STEP_MS,
  createDefaultModels,
  defaultOptions,
  defaultRules,
} from '../forecast/defaults.ts';
import { Forecaster } from '../forecast/forecaster.ts';
import type { HorizonForecast } from '../forecast/forecaster.ts';
import { summaryOf } from '../forecast/reading.ts';
import type { ForecastInput, ForecastRule } from '../model/forecast.ts';
import type { Observation } from '../model/observation.ts';
import type { ForecastSpec, MetricSpec, ScalePolicy } from '../model/policy.ts';
import type { Clock } from '../ports/clock.ts';
import type { Consensus } from '../ports/consensus.ts';
import type { MetricsSource, RangeReading } from '../ports/metrics-source.ts';
import { shadowBrakesId } from '../state/brakes.ts';
import type { Series } from '../telemetry/series.ts';
import type { LoopLogger } from './logger.ts';
import { reportedRun } from './reported-run.ts';
import type { Sight } from './sight.ts';

/** Points of one range query, under Prometheus' own bound of 11,000. */
const POINTS_PER_QUERY_MAX = 10_000;

/** Samples that are taken in at a time before the event loop has its turn. */
const SAMPLES_PER_TURN = 100;

/** Between two attempts to read a history, in ms: doubling, from and up to. */
const RETRY_FIRST_MS = 5_000;
const RETRY_MAX_MS = 300_000;

export interface ForecastsOptions {
  readonly source: MetricsSource;
  readonly clock: Clock;
  readonly logger: LoopLogger;
  /** Deadline of reading one history, in ms. */
  readonly refillTimeoutMs: number;
}

interface Kept {
  readonly policy: ScalePolicy;
  readonly spec: ForecastSpec;
  readonly metric: MetricSpec;
  readonly forecaster: Forecaster;
  readonly rules: readonly ForecastRule[];
  isReady: boolean;
  detail: string;
  /** Monotonic ms from which the history may be read (again). */
  dueMs: number;
  retryMs: number;
  /** The last step that was fed, in steps since 1970. */
  lastStep: number;
  /** What was said last, for whoever shows how well it does. */
  last: readonly HorizonForecast[];
}

/** How often the load stayed at or below what the trusted model forecast, at one horizon. */
export interface ForecastCoverage {
  readonly horizonMs: number;
  /** By level; equal to the level where the forecast is right. */
  readonly shares: readonly { readonly level: number; readonly ratio: number }[];
}

export class Forecasts {
  readonly #options: ForecastsOptions;
  #byKey = new Map<string, Kept>();

  constructor(options: ForecastsOptions) {
    this.#options = options;
  }

  /** Undefined for a policy that forecasts nothing. */
  forecastOf(key: string, policy: ScalePolicy, nowMs: number): ForecastInput | undefined {
    if (policy.forecast === undefined) return undefined;
    const kept = this.#keep(key, policy);
    if (kept === null) return undefined;
    if (!kept.isReady) return { kind: 'warming', detail: kept.detail };
    kept.last = kept.forecaster.forecast(nowMs);
    return { kind: 'ready', forecasts: kept.last.map(summaryOf), rules: kept.rules };
  }

  /** Of what was said last for a policy; empty where no model was trusted. */
  coverageOf(key: string): readonly ForecastCoverage[] {
    return (this.#byKey.get(key)?.last ?? []).flatMap((one) => {
      if (one.kind === 'none') return [];
      const { coverage } = one.score;
      const shares = one.quantiles.map(({ level }, at) => ({ level, ratio: coverage[at] ?? 0 }));
      return [{ horizonMs: one.horizonMs, shares }];
    });
  }

  /** The same for a policy that is not in force: what is kept stays as it is. */
  peek(key: string, policy: ScalePolicy, nowMs: number): ForecastInput | undefined {
    const made = begin(policy);
    if (made === null) return undefined;
    const known = this.#byKey.get(key);
    if (known?.isReady !== true || !asksTheSame(known, made)) {
      return { kind: 'warming', detail: 'the history is read once the policy is saved' };
    }
    const forecasts = known.forecaster.forecast(nowMs).map(summaryOf);
    return { kind: 'ready', forecasts, rules: made.rules };
  }

  /** Takes in what was just observed for a policy. */
  feed(key: string, policy: ScalePolicy, observations: readonly Observation[], atMs: number): void {
    if (policy.forecast === undefined) return;
    const kept = this.#keep(key, policy);
    if (kept === null || !kept.isReady) return;
    const step = Math.floor(atMs / FORECAST_STEP_MS);
    const seen = observations[policy.metrics.indexOf(kept.metric)];
    if (step <= kept.lastStep || seen?.kind !== 'sample') return;
    // A sample that is too old is a missing one: it moves no model and no score.
    if (seen.sampledAtMs === null || atMs - seen.sampledAtMs > policy.signalAgeMaxMs) return;
    kept.lastStep = step;
    kept.forecaster.observe(step * FORECAST_STEP_MS, seen.value);
  }

  /** Drops those of policies that are gone; `keys` are those that are there. */
  retain(keys: ReadonlySet<string>): void {
    for (const key of this.#byKey.keys()) if (!keys.has(key)) this.#byKey.delete(key);
  }

  /** Leadership is over: another leader's decisions go on without this member's looks. */
  clear(): void {
    this.#byKey = new Map();
  }

  /** Reads the histories that are due, one after the other. Rejects when the signal aborts. */
  async refill(signal: AbortSignal): Promise<void> {
    for (const [key, kept] of [...this.#byKey]) {
      signal.throwIfAborted();
      const isDue = !kept.isReady && this.#options.clock.monotonicMs() >= kept.dueMs;
      if (isDue && this.#byKey.get(key) === kept) await this.#refillOne(key, kept, signal);
    }
  }

  async #refillOne(key: string, kept: Kept, signal: AbortSignal): Promise<void> {
    const { clock, logger, refillTimeoutMs } = this.#options;
    const endMs = Math.floor(clock.nowMs() / FORECAST_STEP_MS) * FORECAST_STEP_MS;
    const deadline = AbortSignal.any([signal, AbortSignal.timeout(refillTimeoutMs)]);
    const readings = await this.#readHistory(kept, endMs, deadline);
    signal.throwIfAborted();
    const failed = readings.find((reading) => reading.kind === 'failed');
    if (failed?.kind === 'failed') {
      kept.detail = `the history of ${kept.metric.name} could not be read: ${failed.detail}`;
      kept.dueMs = clock.monotonicMs() + kept.retryMs;
      kept.retryMs = Math.min(RETRY_MAX_MS, kept.retryMs * 2);
      logger.warn({ policy: key, reason: failed.reason }, kept.detail);
      return;
    }
    const samples = await this.#takeIn(kept, readings, signal);
    kept.isReady = true;
    kept.lastStep = Math.max(kept.lastStep, Math.floor(endMs / FORECAST_STEP_MS));
    logger.info({ policy: key, samples }, 'the history behind a forecast was read');
  }

  async #readHistory(
    { spec, metric }: Kept,
    endMs: number,
    signal: AbortSignal,
  ): Promise<readonly RangeReading[]> {
    const stepMs = FORECAST_STEP_MS;
    const steps = Math.max(1, Math.floor(spec.historyMs / stepMs));
    const queries = [];
    for (let from = steps; from >= 0; from -= POINTS_PER_QUERY_MAX) {
      const until = Math.max(0, from - POINTS_PER_QUERY_MAX + 1);
      queries.push({
        query: metric.query,
        startMs: endMs - from * stepMs,
        endMs: endMs - until * stepMs,
        stepMs,
      });
    }
    try {
      return await this.#options.source.readRange(queries, signal);
    } catch (error) {
      const detail = error instanceof Error ? error.message : String(error);
      return [{ kind: 'failed', reason: 'signal_unavailable', detail }];
    }
  }

  /** Answers with how many samples there were. */
  async #takeIn(
    { forecaster }: Kept,
    readings: readonly RangeReading[],
    signal: AbortSignal,
  ): Promise<number> {
    let taken = 0;
    for (const reading of readings) {
      if (reading.kind === 'failed' || reading.series.length !== 1) continue;
      for (const [atMs, value] of reading.series[0]?.points ?? []) {
        if (forecaster.observe(atMs, value)) taken += 1;
        if (taken % SAMPLES_PER_TURN === 0) await turn();
        signal.throwIfAborted();
      }
    }
    return taken;
  }

  #keep(key: string, policy: ScalePolicy): Kept | null {
    const known = this.#byKey.get(key);
    if (known?.policy === policy) return known;
    const made = begin(policy);
    if (made === null) return null;
    const kept =
      known !== undefined && asksTheSame(known, made) ? { ...known, ...renewed(made) } : made;
    this.#byKey.set(key, kept);
    return kept;
  }
}

/** Takes one look into the forecasts of all policies and shadows, and drops those that are gone. */
export function feedForecasts(forecasts: Forecasts, { signals, atMs }: Sight): void {
  const keys = new Set<string>();
  for (const [id, { stored, observations, shadow }] of signals) {
    keys.add(id);
    forecasts.feed(id, stored.policy, observations, atMs);
    if (stored.shadow === undefined || shadow === null) continue;
    const key = shadowBrakesId(id);
    keys.add(key);
    forecasts.feed(key, stored.shadow.policy, shadow.observations, atMs);
  }
  forecasts.retain(keys);
}

export interface RefillOptions {
  readonly forecasts: Forecasts;
  readonly consensus: Pick<Consensus, 'leaseTerm'>;
  readonly clock: Clock;
  readonly series: Series;
  readonly logger: LoopLogger;
}

/** One run of the loop beside scaling that reads histories while this member leads. */
export async function runRefill(options: RefillOptions, signal: AbortSignal): Promise<void> {
  const { forecasts, consensus } = options;
  if (consensus.leaseTerm() === null) {
    forecasts.clear();
    return;
  }
  await reportedRun({ ...options, loop: 'forecasts' }, signal, () => forecasts.refill(signal));
}

/** Null when the policy names no metric of its own to forecast; such a policy is refused when put. */
function begin(policy: ScalePolicy): Kept | null {
  const { forecast: spec } = policy;
  const metric = policy.metrics.find(({ name }) => name === spec?.metric);
  if (spec === undefined || metric === undefined) return null;
  const options = defaultOptions(spec.bootMs, FORECAST_STEP_MS);
  return {
    policy,
    spec,
    metric,
    forecaster: new Forecaster(options, createDefaultModels()),
    rules: defaultRules(options, metric.target, spec.capacity),
    isReady: false,
    detail: 'the history was not read yet',
    dueMs: -Infinity,
    retryMs: RETRY_FIRST_MS,
    lastStep: -Infinity,
    last: [],
  };
}

/** A change of anything but the signal and its horizons keeps what was learnt. */
function asksTheSame(known: Kept, made: Kept): boolean {
  return (
    known.metric.query === made.metric.query &&
    known.spec.bootMs === made.spec.bootMs &&
    known.spec.historyMs >= made.spec.historyMs
  );
}

function renewed({ policy, spec, metric, rules }: Kept) {
  return { policy, spec, metric, rules };
}

function turn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
