/**
 * The part of the table of series that is about what policies may have beside signals and brakes:
 * forecasts, shadows, budgets, and what operators do by hand. All are the leader's, as those of workloads.
 */

import { PAUSES } from '../model/intervention.ts';
import type { SeriesMaker } from './instruments.ts';

/** Horizons of one forecast, and levels of its quantiles. */
const HORIZONS_MAX = 2;
const LEVELS_MAX = 9;

export function autoscalingSeries(make: SeriesMaker) {
  return {
    ...forecastSeries(make),
    ...shadowSeries(make),
    ...handSeries(make),
    ...budgetSeries(make),
  };
}

function forecastSeries(make: SeriesMaker) {
  return {
    forecastLoad: make.gauge({
      name: 'omnimind_forecast_load',
      help: 'Load that the forecast says not to be exceeded with the probability `level`, so many seconds ahead.',
      labels: ['workload', 'horizon', 'level'],
      capFactor: HORIZONS_MAX * LEVELS_MAX,
    }),
    forecastMetricLoad: make.gauge({
      name: 'omnimind_forecast_metric_load',
      help: 'The load that a forecast is about, as the last decision read it; absent when it could not be read.',
      labels: ['workload'],
    }),
    forecastCoverage: make.gauge({
      name: 'omnimind_forecast_coverage_ratio',
      help: 'Share of the loads of lately that stayed at or below the quantile `level` that was forecast for them: equal to the level where the forecast is right; absent while no model is trusted.',
      labels: ['workload', 'horizon', 'level'],
      capFactor: HORIZONS_MAX * LEVELS_MAX,
    }),
    forecastSkill: make.gauge({
      name: 'omnimind_forecast_skill_ratio',
      help: 'How much better than the last value the forecast was lately: 1 is perfect, 0 no better; absent while no model is trusted.',
      labels: ['workload', 'horizon'],
      capFactor: HORIZONS_MAX,
    }),
    forecastScored: make.gauge({
      name: 'omnimind_forecast_scored',
      help: 'Forecasts that came true or not and were compared, of the model that is trusted.',
      labels: ['workload', 'horizon'],
      capFactor: HORIZONS_MAX,
    }),
    forecastState: make.gauge({
      name: 'omnimind_forecast_state',
      help: '1 for the state of a forecast: warming (the history is being read), unproven (no model beats the last value), stale (no recent sample), or trusted.',
      labels: ['workload', 'state'],
      capFactor: FORECAST_STATES.length,
    }),
  };
}

function shadowSeries(make: SeriesMaker) {
  return {
    shadowReplicas: make.gauge({
      name: 'omnimind_shadow_replicas',
      help: 'Replicas that the shadow of a workload’s policy wants.',
      labels: ['workload'],
    }),
    shadowReversals: make.gauge({
      name: 'omnimind_shadow_reversals',
      help: 'How often the direction of the shadow has turned since it was put.',
      labels: ['workload'],
    }),
    reversals: make.counter({
      name: 'omnimind_scale_reversals_total',
      help: 'Decisions that went the other way than the one before them for the workload, an operator’s own left out.',
      labels: ['workload'],
    }),
  };
}

function handSeries(make: SeriesMaker) {
  return {
    intervention: make.gauge({
      name: 'omnimind_intervention_info',
      help: 'Always 1; one per pause or number set by hand that is in force.',
      labels: ['workload', 'kind'],
      capFactor: PAUSES.length + 1,
    }),
    interventionSince: make.gauge({
      name: 'omnimind_intervention_start_timestamp_seconds',
      help: 'UNIX time at which a pause or a number set by hand was given.',
      labels: ['workload', 'kind'],
      capFactor: PAUSES.length + 1,
    }),
    interventionEnd: make.gauge({
      name: 'omnimind_intervention_end_timestamp_seconds',
      help: 'UNIX time at which a pause or a number set by hand ends by itself; absent for one that does not.',
      labels: ['workload', 'kind'],
      capFactor: PAUSES.length + 1,
    }),
  };
}

function budgetSeries(make: SeriesMaker) {
  return {
    budgetLimit: make.gauge({
      name: 'omnimind_budget_limit',
      help: 'Units of a budget that all its workloads may have together.',
      labels: ['budget'],
    }),
    budgetUsed: make.gauge({
      name: 'omnimind_budget_used',
      help: 'Units of a budget that its workloads have.',
      labels: ['budget'],
    }),
  };
}

export const FORECAST_STATES = ['warming', 'unproven', 'stale', 'trusted'] as const;
export type ForecastState = (typeof FORECAST_STATES)[number];
