/**
 * From quantiles of the load to a floor under the number of replicas. A floor only ever raises: with
 * no forecast, or a low one, it is 0 and everything else decides alone. A rule either raises, for
 * load that replicas must be booted for now, or holds, for load that comes back too soon for
 * scale-in to be worth it: holding never goes above what is wanted already.
 */

import type { HorizonForecast } from './forecaster.ts';

export interface FloorRule {
  readonly kind: 'raise' | 'hold';
  readonly horizonMs: number;
  /** The level of the quantile; one that the forecasts do not have gives no floor. */
  readonly level: number;
  /** Load that one replica shall carry at that quantile; positive, in the unit of the samples. */
  readonly target: number;
}

export interface ForecastFloor {
  /** 0 when nothing is to be raised or held. */
  readonly replicas: number;
  /** The rule and forecast that gave it; null when the floor is 0. */
  readonly by: {
    readonly rule: FloorRule;
    readonly model: string;
    readonly load: number;
    readonly skillRatio: number;
  } | null;
}

/** Below this, a distance from a whole number is rounding of binary fractions, not load. */
const ROUNDING_SLACK = 1e-9;

/** The highest floor of all rules, `desired` being the number wanted now. */
export function forecastFloor(
  forecasts: readonly HorizonForecast[],
  rules: readonly FloorRule[],
  desired: number,
): ForecastFloor {
  let floor: ForecastFloor = { replicas: 0, by: null };
  for (const rule of rules) {
    for (const forecast of forecasts) {
      if (forecast.kind !== 'forecast' || forecast.horizonMs !== rule.horizonMs) continue;
      const load = forecast.quantiles.find(({ level }) => level === rule.level)?.load;
      if (load === undefined) continue;
      const asked = Math.max(0, Math.ceil(load / rule.target - ROUNDING_SLACK));
      const replicas = rule.kind === 'hold' ? Math.min(desired, asked) : asked;
      if (replicas <= floor.replicas) continue;
      const { skillRatio } = forecast.score;
      floor = { replicas, by: { rule, model: forecast.model, load, skillRatio } };
    }
  }
  return floor;
}
