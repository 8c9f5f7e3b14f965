/**
 * Forecasts of a load: several models, each scored at each horizon by what comes true, and for each
 * horizon the quantiles of the best model that beats persistence. Quantiles are of the load, in its
 * own unit; replicas are made of them elsewhere (deciders/forecast-stage.ts). Deterministic: the same samples in the
 * same order give the same forecasts, so a new leader that reads the history again knows the same.
 *
 * A missing sample is missing: it is neither 0 nor the last value, moves no model and no score. A
 * sample that is not finite, negative, absurdly large, or not later than the one before it is refused.
 *
 * Memory is bounded by the options: the shapes of the seasons and, for each model and horizon, the
 * forecasts that wait for their time.
 */

import { Channel } from './channel.ts';
import type { ChannelOptions, ForecastScore } from './channel.ts';
import { gainAfter } from './load-model.ts';
import type { LoadModel } from './load-model.ts';
import { Persistence } from './persistence.ts';

export interface ForecasterOptions {
  /** From now to the moment forecast, in ms, rising; the first should be boot time plus one tick. */
  readonly horizonsMs: readonly number[];
  /** Distance of the samples in ms; a sample counts for a forecast that is due within half of it. */
  readonly stepMs: number;
  /** A last sample older than this carries no forecast, in ms. */
  readonly ageMaxMs: number;
  readonly channel: ChannelOptions;
}

export interface LoadQuantile {
  readonly level: number;
  /** In the unit of the samples. */
  readonly load: number;
}

/** The forecast for one horizon. */
export type HorizonForecast =
  | {
      readonly kind: 'forecast';
      readonly horizonMs: number;
      readonly model: string;
      /** Rising levels, loads that never fall. */
      readonly quantiles: readonly LoadQuantile[];
      readonly score: ForecastScore;
    }
  | {
      readonly kind: 'none';
      readonly horizonMs: number;
      readonly reason: 'forecast_stale' | 'forecast_unproven';
    };

/** How one model does at one horizon, promoted or not. */
export interface ModelStanding {
  readonly model: string;
  readonly horizonMs: number;
  readonly promoted: boolean;
  readonly score: ForecastScore;
}

interface Entrant {
  readonly model: LoadModel;
  /** One per horizon. */
  readonly channels: readonly Channel[];
}

/** A larger sample is no load, and would drown every average. */
const LOAD_MAX = Number.MAX_SAFE_INTEGER;

/** The typical load is the mean over this long, in ms. */
const TYPICAL_MS = 86_400_000;

export class Forecaster {
  readonly #options: ForecasterOptions;
  readonly #persistence: Entrant;
  readonly #entrants: readonly Entrant[];
  #lastAtMs: number | null = null;
  #firstAtMs = 0;
  #typical = 0;

  constructor(options: ForecasterOptions, models: readonly LoadModel[]) {
    this.#options = options;
    const entrant = (model: LoadModel): Entrant => ({
      model,
      channels: options.horizonsMs.map(() => new Channel(options.channel)),
    });
    this.#persistence = entrant(new Persistence());
    this.#entrants = models.map(entrant);
  }

  /** Takes a sample. Answers false, and remembers nothing, when it cannot be one. */
  observe(atMs: number, load: number): boolean {
    if (!(load >= 0 && load <= LOAD_MAX) || !Number.isFinite(atMs)) return false;
    if (this.#lastAtMs !== null && atMs <= this.#lastAtMs) return false;
    this.#settle(atMs, load);
    this.#averageTypical(atMs, load);
    this.#lastAtMs = atMs;
    for (const { model, channels } of [this.#persistence, ...this.#entrants]) {
      model.observe(atMs, load);
      for (const [index, horizonMs] of this.#options.horizonsMs.entries()) {
        const point = model.predict(atMs + horizonMs);
        if (point !== null) channels[index]?.expect(atMs + horizonMs, point, this.#typical);
      }
    }
    return true;
  }

  /** The best promoted forecast per horizon, counted from now. */
  forecast(nowMs: number): readonly HorizonForecast[] {
    return this.#options.horizonsMs.map((horizonMs, index) => {
      const none = (reason: 'forecast_stale' | 'forecast_unproven') =>
        ({ kind: 'none', horizonMs, reason }) as const;
      if (this.#lastAtMs === null) return none('forecast_unproven');
      if (nowMs - this.#lastAtMs > this.#options.ageMaxMs) return none('forecast_stale');
      return this.#bestAt(index, horizonMs, nowMs + horizonMs) ?? none('forecast_unproven');
    });
  }

  /** Every model at every horizon, persistence left out: it is what they are measured by. */
  standings(): readonly ModelStanding[] {
    return this.#entrants.flatMap(({ model, channels }) =>
      channels.map((channel, index) => ({
        model: model.name,
        horizonMs: this.#options.horizonsMs[index] ?? 0,
        promoted: channel.promoted,
        score: channel.read(),
      })),
    );
  }

  #settle(atMs: number, load: number): void {
    const slackMs = this.#options.stepMs / 2;
    for (const index of this.#options.horizonsMs.keys()) {
      const settle = (entrant: Entrant) =>
        entrant.channels[index]?.settle(atMs, load, this.#typical, slackMs) ?? null;
      const yardstick = settle(this.#persistence);
      for (const entrant of this.#entrants) {
        const outcome = settle(entrant);
        if (outcome === null || yardstick === null) continue;
        entrant.channels[index]?.score(atMs, outcome, yardstick);
      }
    }
  }

  #averageTypical(atMs: number, load: number): void {
    if (this.#lastAtMs === null) {
      this.#firstAtMs = atMs;
      this.#typical = load;
      return;
    }
    const pauseMs = atMs - this.#lastAtMs;
    const gain = Math.max(gainAfter(pauseMs, TYPICAL_MS), pauseMs / (atMs - this.#firstAtMs));
    this.#typical += gain * (load - this.#typical);
  }

  #bestAt(index: number, horizonMs: number, dueMs: number): HorizonForecast | null {
    let best: HorizonForecast | null = null;
    let bestSkill = -Infinity;
    for (const { model, channels } of this.#entrants) {
      const channel = channels[index];
      if (channel?.promoted !== true) continue;
      const point = model.predict(dueMs);
      if (point === null) continue;
      const score = channel.read();
      if (score.skillRatio <= bestSkill) continue;
      bestSkill = score.skillRatio;
      const loads = channel.quantiles(point, this.#typical);
      const quantiles = this.#options.channel.levels.map((level, at) => ({
        level,
        load: loads[at] ?? 0,
      }));
      best = { kind: 'forecast', horizonMs, model: model.name, quantiles, score };
    }
    return best;
  }
}
