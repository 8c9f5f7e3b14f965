/**
 * What the scale loop shows of forecasts, shadows, budgets and what operators do by hand. It takes back
 * what is no more, and everything when this member leads no more; it changes nothing.
 */

import type { DecisionRecord } from '../model/decision.ts';
import type { ForecastInput, ForecastReading } from '../model/forecast.ts';
import { isInEffect } from '../model/intervention.ts';
import type { Pause } from '../model/intervention.ts';
import { valuesOf } from '../state/records.ts';
import type { PlaneState, WorkloadState } from '../state/state.ts';
import type { GaugeSeries, Labels } from '../telemetry/instruments.ts';
import type { Series } from '../telemetry/series.ts';
import { FORECAST_STATES } from '../telemetry/autoscaling-series-table.ts';
import type { ForecastState } from '../telemetry/autoscaling-series-table.ts';
import { BudgetUse } from './budget-use.ts';
import type { Forecasts } from './forecasts.ts';

type Coverage = Pick<Forecasts, 'coverageOf'>;

export class AutoscalingTelemetry {
  readonly #series: Series;
  readonly #gauges: ReturnType<typeof passingGauges>;
  readonly #directions = new Map<string, 'out' | 'in'>();

  constructor(series: Series) {
    this.#series = series;
    this.#gauges = passingGauges(series);
  }

  /** What the state and the newest decisions say, as of `nowMs`. */
  show(
    state: PlaneState,
    records: readonly DecisionRecord[],
    nowMs: number,
    forecasts: Coverage,
  ): void {
    for (const entry of valuesOf(state.workloads)) this.#interventions(entry, nowMs);
    this.#shadows(state);
    this.#budgets(state);
    for (const record of records) {
      this.#forecast(record, forecasts);
      this.#turned(record);
    }
    for (const workload of this.#directions.keys()) {
      if (state.workloads[workload] === undefined) this.#directions.delete(workload);
    }
    this.#sweep();
  }

  /** This member leads no more. */
  rests(): void {
    this.#sweep();
    this.#directions.clear();
  }

  #turned({ workloadId: workload, outcome: { verdict } }: DecisionRecord): void {
    if (verdict.kind === 'hold' || verdict.reason === 'override_set') return;
    const last = this.#directions.get(workload);
    if (last !== undefined && last !== verdict.direction) this.#series.reversals.inc({ workload });
    this.#directions.set(workload, verdict.direction);
  }

  #forecast(record: DecisionRecord, forecasts: Coverage): void {
    const { workloadId: workload, policyId, input } = record;
    const { forecast } = input;
    if (forecast === undefined) return;
    const state = stateOf(forecast);
    for (const one of FORECAST_STATES) {
      this.#gauges.forecastState.set({ workload, state: one }, one === state ? 1 : 0);
    }
    const load = loadOf(input);
    if (load !== null) this.#gauges.forecastMetricLoad.set({ workload }, load);
    if (forecast.kind === 'warming') return;
    for (const one of forecast.forecasts) this.#horizon(workload, one);
    for (const { horizonMs, shares } of forecasts.coverageOf(policyId)) {
      for (const { level, ratio } of shares) {
        const labels = { workload, horizon: secondsOf(horizonMs), level: String(level) };
        this.#gauges.forecastCoverage.set(labels, ratio);
      }
    }
  }

  #horizon(workload: string, reading: ForecastReading): void {
    if (reading.kind === 'none') return;
    const horizon = secondsOf(reading.horizonMs);
    this.#gauges.forecastSkill.set({ workload, horizon }, reading.skillRatio);
    this.#gauges.forecastScored.set({ workload, horizon }, reading.scored);
    for (const { level, load } of reading.quantiles) {
      this.#gauges.forecastLoad.set({ workload, horizon, level: String(level) }, load);
    }
  }

  #interventions({ workload: { id }, pause, override }: WorkloadState, nowMs: number): void {
    if (pause !== undefined) this.#intervention(id, `pause_${pause.direction}`, pause, nowMs);
    if (override !== undefined) this.#intervention(id, 'override', override, nowMs);
  }

  #intervention(
    workload: string,
    kind: string,
    span: Pick<Pause, 'sinceMs' | 'untilMs'>,
    nowMs: number,
  ): void {
    if (!isInEffect(span, nowMs)) return;
    const labels = { workload, kind };
    this.#gauges.intervention.set(labels, 1);
    this.#gauges.interventionSince.set(labels, span.sinceMs / 1_000);
    if (span.untilMs !== null) this.#gauges.interventionEnd.set(labels, span.untilMs / 1_000);
  }

  #shadows(state: PlaneState): void {
    for (const { policy, shadow } of valuesOf(state.policies)) {
      if (shadow === undefined) continue;
      const workload = policy.workloadId;
      if (shadow.desired !== null) this.#gauges.shadowReplicas.set({ workload }, shadow.desired);
      this.#gauges.shadowReversals.set({ workload }, shadow.reversals);
    }
  }

  #budgets(state: PlaneState): void {
    const budgets = valuesOf(state.budgets);
    if (budgets.length === 0) return;
    const use = new BudgetUse(state);
    for (const { budget } of budgets) {
      this.#gauges.budgetLimit.set({ budget: budget.id }, budget.limit);
      this.#gauges.budgetUsed.set({ budget: budget.id }, use.usedOf(budget.id));
    }
  }

  #sweep(): void {
    for (const gauge of Object.values(this.#gauges)) gauge.sweep();
  }
}

/** A gauge whose every child goes at the next sweep, unless it was set again before it. */
class PassingGauge<L extends string> {
  readonly #gauge: GaugeSeries<L>;
  #shown = new Map<string, Labels<L>>();
  #next = new Map<string, Labels<L>>();

  constructor(gauge: GaugeSeries<L>) {
    this.#gauge = gauge;
  }

  set(labels: Labels<L>, value: number): void {
    this.#gauge.set(labels, value);
    this.#next.set(Object.values(labels).join(' '), labels);
  }

  sweep(): void {
    for (const [key, labels] of this.#shown) if (!this.#next.has(key)) this.#gauge.remove(labels);
    this.#shown = this.#next;
    this.#next = new Map();
  }
}

function passingGauges(series: Series) {
  return {
    forecastLoad: new PassingGauge(series.forecastLoad),
    forecastMetricLoad: new PassingGauge(series.forecastMetricLoad),
    forecastCoverage: new PassingGauge(series.forecastCoverage),
    forecastSkill: new PassingGauge(series.forecastSkill),
    forecastScored: new PassingGauge(series.forecastScored),
    forecastState: new PassingGauge(series.forecastState),
    shadowReplicas: new PassingGauge(series.shadowReplicas),
    shadowReversals: new PassingGauge(series.shadowReversals),
    intervention: new PassingGauge(series.intervention),
    interventionSince: new PassingGauge(series.interventionSince),
    interventionEnd: new PassingGauge(series.interventionEnd),
    budgetLimit: new PassingGauge(series.budgetLimit),
    budgetUsed: new PassingGauge(series.budgetUsed),
  };
}

/** Null when it could not be read. */
function loadOf({ policy, observations }: DecisionRecord['input']): number | null {
  const at = policy.metrics.findIndex(({ name }) => name === policy.forecast?.metric);
  const seen = observations[at];
  return seen?.kind === 'sample' ? seen.value : null;
}

function stateOf(forecast: ForecastInput): ForecastState {
  if (forecast.kind === 'warming') return 'warming';
  const isTrusted = forecast.forecasts.some(({ kind }) => kind === 'forecast');
  if (isTrusted) return 'trusted';
  const isStale = forecast.forecasts.some((one) => reasonOf(one) === 'forecast_stale');
  return isStale ? 'stale' : 'unproven';
}

function reasonOf(reading: ForecastReading): string | null {
  return reading.kind === 'none' ? reading.reason : null;
}

function secondsOf(ms: number): string {
  return String(Math.round(ms / 1_000));
}
