/**
 * What a forecast says, as the decision record keeps it: quantiles of the load at several horizons, the
 * rules that make a floor of them, and how well the model did so far. Computing them is forecast/.
 */

export interface ForecastQuantile {
  readonly level: number;
  /** In the unit of the metric. */
  readonly load: number;
}

export type ForecastReading =
  | {
      readonly kind: 'forecast';
      readonly horizonMs: number;
      readonly model: string;
      /** Rising levels, loads that never fall. */
      readonly quantiles: readonly ForecastQuantile[];
      /** Forecasts that came true and were compared. */
      readonly scored: number;
      /** 1 − loss ÷ loss of persistence: 1 is perfect, 0 no better than the last value. */
      readonly skillRatio: number;
    }
  | {
      readonly kind: 'none';
      readonly horizonMs: number;
      readonly reason: 'forecast_stale' | 'forecast_unproven';
    };

export interface ForecastRule {
  /** To raise for load that is coming, or to hold for load that comes back soon. */
  readonly kind: 'raise' | 'hold';
  readonly horizonMs: number;
  readonly level: number;
  /** Load that one replica shall carry at that quantile. */
  readonly target: number;
}

/** All that the decider reads of a policy's forecast. */
export type ForecastInput =
  /** The history was not read yet: nothing goes in until it was. */
  | { readonly kind: 'warming'; readonly detail: string }
  | {
      readonly kind: 'ready';
      readonly forecasts: readonly ForecastReading[];
      readonly rules: readonly ForecastRule[];
    };
