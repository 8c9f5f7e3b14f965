/**
 * The forecast of a policy in a backtest: the forecaster that runs live, fed with what the policy's own
 * metric shows, step by step, after what a new leader would have read of the time before. It never knows
 * more than a plane that lived through the history.
 */

import {
  FORECAST_STEP_MS,
  createDefaultModels,
  defaultOptions,
  defaultRules,
} from '../forecast/defaults.ts';
import { Forecaster } from '../forecast/forecaster.ts';
import { summaryOf } from '../forecast/reading.ts';
import type { LoadModel } from '../forecast/load-model.ts';
import type { Point } from '../model/backtest.ts';
import type { ForecastInput, ForecastRule } from '../model/forecast.ts';
import type { Observation } from '../model/observation.ts';
import type { ForecastSpec, ScalePolicy } from '../model/policy.ts';

export class LiveForecast {
  readonly #metric: number;
  readonly #ageMaxMs: number;
  readonly #forecaster: Forecaster;
  readonly #rules: readonly ForecastRule[];
  #lastStep = -Infinity;

  /** `before` is what a leader would have read of the time before the beginning. */
  constructor(
    policy: ScalePolicy,
    spec: ForecastSpec,
    before: readonly Point[],
    models: readonly LoadModel[] = createDefaultModels(),
  ) {
    this.#metric = policy.metrics.findIndex(({ name }) => name === spec.metric);
    this.#ageMaxMs = policy.signalAgeMaxMs;
    const options = defaultOptions(spec.bootMs, FORECAST_STEP_MS);
    this.#forecaster = new Forecaster(options, models);
    const target = policy.metrics[this.#metric]?.target ?? spec.capacity;
    this.#rules = defaultRules(options, target, spec.capacity);
    for (const [atMs, value] of before) this.#take(atMs, value);
  }

  /** Takes what was seen at the end of a step. What is missing, or too old, moves nothing. */
  observe(nowMs: number, observations: readonly Observation[]): void {
    const seen = observations[this.#metric];
    if (seen?.kind !== 'sample' || seen.sampledAtMs === null) return;
    if (nowMs - seen.sampledAtMs <= this.#ageMaxMs) this.#take(nowMs, seen.value);
  }

  read(nowMs: number): ForecastInput {
    const forecasts = this.#forecaster.forecast(nowMs).map(summaryOf);
    return { kind: 'ready', forecasts, rules: this.#rules };
  }

  #take(atMs: number, value: number): void {
    const step = Math.floor(atMs / FORECAST_STEP_MS);
    if (step <= this.#lastStep) return;
    this.#lastStep = step;
    this.#forecaster.observe(step * FORECAST_STEP_MS, value);
  }
}
