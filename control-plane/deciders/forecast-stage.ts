/**
 * The forecast as a floor: it only ever raises. A rule either raises, for load that replicas must be
 * booted for before it comes, or holds, for load that comes back too soon for scale-in to be worth it;
 * holding never goes above what is wanted. While the history has not been read, nothing goes in: a new
 * leader must not take away what the last one had foreseen.
 */

import type { ScaleInput, StageRecord } from '../model/decision.ts';
import type { ForecastInput, ForecastRule } from '../model/forecast.ts';
import { ceilReplicas } from './strategies/strategy-proposal.ts';

interface Floor {
  readonly replicas: number;
  readonly detail: string;
}

/** Null when the policy has no forecast. */
export function forecastStage(input: ScaleInput, before: number): StageRecord | null {
  const { forecast, desired } = input;
  if (forecast === undefined) return null;
  const stage = (after: number, reason: StageRecord['reason'], detail: string): StageRecord => ({
    stage: 'forecast',
    before,
    after,
    reason,
    detail,
  });
  if (forecast.kind === 'warming') {
    return before < desired
      ? stage(desired, 'forecast_warming', forecast.detail)
      : stage(before, null, forecast.detail);
  }
  const floor = forecastFloor(forecast, desired);
  if (floor.replicas <= before) return stage(before, null, floor.detail);
  const reason = floor.replicas > desired ? 'forecast_floor' : 'forecast_holds';
  return stage(floor.replicas, reason, floor.detail);
}

/** The highest floor of all rules; 0 when none of them has a forecast. */
export function forecastFloor(
  { forecasts, rules }: Extract<ForecastInput, { kind: 'ready' }>,
  desired: number,
): Floor {
  let floor: Floor = { replicas: 0, detail: whyNone(forecasts) };
  for (const rule of rules) {
    for (const forecast of forecasts) {
      if (forecast.kind !== 'forecast' || forecast.horizonMs !== rule.horizonMs) continue;
      const load = forecast.quantiles.find(({ level }) => level === rule.level)?.load;
      if (load === undefined) continue;
      const replicas = floorOf(rule, load, desired);
      // A load that is not a number is above nothing.
      if (!(replicas > floor.replicas)) continue;
      floor = { replicas, detail: inWords(rule, load, forecast.model) };
    }
  }
  return floor;
}

function floorOf({ kind, target }: ForecastRule, load: number, desired: number): number {
  const asked = ceilReplicas(load / target);
  return kind === 'hold' ? Math.min(desired, asked) : asked;
}

function inWords({ level, horizonMs, target }: ForecastRule, load: number, model: string): string {
  const within = `in ${Math.round(horizonMs / 1_000)} s`;
  const share = `${(level * 100).toFixed(0)} % of the forecasts of “${model}”`;
  return `${share} stay below ${load.toPrecision(4)} ${within}, at ${target} per replica`;
}

function whyNone(forecasts: Extract<ForecastInput, { kind: 'ready' }>['forecasts']): string {
  const reasons = forecasts.flatMap((one) => (one.kind === 'none' ? [one.reason] : []));
  return [...new Set(reasons)].join(', ');
}
