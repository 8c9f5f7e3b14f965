/** A forecast as records keep it: with how well the model did, without the losses behind that. */

import type { HorizonForecast, LoadQuantile } from './forecaster.ts';

export type ForecastSummary =
  | {
      readonly kind: 'forecast';
      readonly horizonMs: number;
      readonly model: string;
      readonly quantiles: readonly LoadQuantile[];
      readonly scored: number;
      readonly skillRatio: number;
    }
  | Extract<HorizonForecast, { readonly kind: 'none' }>;

export function summaryOf(forecast: HorizonForecast): ForecastSummary {
  if (forecast.kind === 'none') return forecast;
  const { kind, horizonMs, model, quantiles, score } = forecast;
  const { scored, skillRatio } = score;
  return { kind, horizonMs, model, quantiles, scored, skillRatio };
}
