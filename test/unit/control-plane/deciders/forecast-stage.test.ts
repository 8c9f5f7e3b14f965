import assert from 'node:assert/strict';
import { forecastFloor } from '../../../../control-plane/deciders/forecast-stage.ts';
import { decideScale } from '../../../../control-plane/deciders/scale.ts';
import type { ScaleInput } from '../../../../control-plane/model/decision.ts';
import type {
  ForecastInput,
  ForecastReading,
  ForecastRule,
} from '../../../../control-plane/model/forecast.ts';
import { failed, policy, sample, scaleInput } from '../../../support/scale-input.ts';
import { told } from '../../../support/scale-verdicts.ts';

const HORIZON_MS = 300_000;
const at = (horizonMs: number, ...loads: number[]): ForecastReading => ({
  kind: 'forecast',
  horizonMs,
  model: 'day',
  quantiles: loads.map((load, index) => ({ level: [0.5, 0.9, 0.99][index] ?? 1, load })),
  scored: 100,
  skillRatio: 0.5,
});
const none: ForecastReading = { kind: 'none', horizonMs: HORIZON_MS, reason: 'forecast_stale' };
const rule = (kind: ForecastRule['kind'], overrides: Partial<ForecastRule> = {}): ForecastRule => ({
  kind,
  horizonMs: HORIZON_MS,
  level: 0.5,
  target: 10,
  ...overrides,
});
const ready = (forecasts: readonly ForecastReading[], ...rules: ForecastRule[]) => ({
  forecast: { kind: 'ready', forecasts, rules } as const,
});
const warming: { forecast: ForecastInput } = { forecast: { kind: 'warming', detail: 'reading' } };
const load = (value: number) => ({ observations: [sample(value)] });

describe('the forecast, with 4 wanted and 10 per replica', () => {
  const cases: readonly [string, Partial<ScaleInput>, string][] = [
    [
      'raises above what is wanted',
      ready([at(HORIZON_MS, 61)], rule('raise')),
      'out 7 forecast_floor',
    ],
    [
      'raises without any signal',
      { observations: [failed('signal_absent')], ...ready([at(HORIZON_MS, 61)], rule('raise')) },
      'out 7 forecast_floor',
    ],
    [
      'raises above what is asked for',
      { ...load(50), ...ready([at(HORIZON_MS, 61)], rule('raise')) },
      'out 7 forecast_floor',
    ],
    [
      'leaves what is asked for beyond it',
      { ...load(80), ...ready([at(HORIZON_MS, 61)], rule('raise')) },
      'out 8 above_target',
    ],
    [
      'leaves what is asked for at it',
      { ...load(70), ...ready([at(HORIZON_MS, 61)], rule('raise')) },
      'out 7 above_target',
    ],
    [
      'keeps from going in',
      { ...load(10), ...ready([at(HORIZON_MS, 40)], rule('raise')) },
      'hold 4 forecast_holds',
    ],
    [
      'lets in as far as itself',
      { ...load(10), ...ready([at(HORIZON_MS, 30)], rule('raise')) },
      'in 3 below_target',
    ],
    [
      'rounds up',
      { ...load(10), ...ready([at(HORIZON_MS, 20.1)], rule('raise')) },
      'in 3 below_target',
    ],
    [
      'never lowers',
      { ...load(40), ...ready([at(HORIZON_MS, 0)], rule('raise')) },
      'hold 4 within_tolerance',
    ],
    [
      'that holds does not raise',
      ready([at(HORIZON_MS, 90)], rule('hold')),
      'hold 4 within_tolerance',
    ],
    [
      'that holds keeps from going in',
      { ...load(10), ...ready([at(HORIZON_MS, 90)], rule('hold')) },
      'hold 4 forecast_holds',
    ],
    [
      'that holds lets in as far as itself',
      { ...load(10), ...ready([at(HORIZON_MS, 20)], rule('hold')) },
      'in 2 below_target',
    ],
    [
      'of another horizon does not count',
      ready([at(HORIZON_MS + 1, 90)], rule('raise')),
      'hold 4 within_tolerance',
    ],
    [
      'of another level does not count',
      ready([at(HORIZON_MS, 90)], rule('raise', { level: 0.51 })),
      'hold 4 within_tolerance',
    ],
    [
      'counts at its level',
      ready([at(HORIZON_MS, 10, 90)], rule('raise', { level: 0.9 })),
      'out 9 forecast_floor',
    ],
    [
      'shares out by its target',
      ready([at(HORIZON_MS, 90)], rule('raise', { target: 15 })),
      'out 6 forecast_floor',
    ],
    [
      'takes the highest floor',
      ready(
        [at(HORIZON_MS, 60), at(60_000, 80)],
        rule('raise'),
        rule('raise', { horizonMs: 60_000 }),
      ),
      'out 8 forecast_floor',
    ],
    [
      'takes the highest floor in any order',
      ready(
        [at(HORIZON_MS, 80), at(60_000, 60)],
        rule('raise'),
        rule('raise', { horizonMs: 60_000 }),
      ),
      'out 8 forecast_floor',
    ],
    [
      'is nothing where there is none',
      { ...load(10), ...ready([none], rule('raise')) },
      'in 1 below_target',
    ],
    [
      'is nothing without rules',
      { ...load(10), ...ready([at(HORIZON_MS, 90)]) },
      'in 1 below_target',
    ],
    [
      'is nothing where it is not a number',
      { ...load(10), ...ready([at(HORIZON_MS, NaN)], rule('raise')) },
      'in 1 below_target',
    ],
    [
      'goes no further than the maximum',
      ready([at(HORIZON_MS, 500)], rule('raise')),
      'out 10 forecast_floor',
    ],
    ['warming lets nothing in', { ...load(10), ...warming }, 'hold 4 forecast_warming'],
    ['warming lets out', { ...load(80), ...warming }, 'out 8 above_target'],
    [
      'warming has nothing to say to what stays',
      { ...load(40), ...warming },
      'hold 4 within_tolerance',
    ],
    [
      'warming lets no fallback in',
      {
        policy: policy({ onLost: { kind: 'static', replicas: 1, afterMs: 0 } }),
        observations: [failed('signal_absent')],
        ...warming,
      },
      'hold 4 forecast_warming',
    ],
  ];
  for (const [title, overrides, expected] of cases) {
    it(title, () => {
      assert.equal(told(overrides), expected);
    });
  }

  it('is remembered by the windows as what is asked for', () => {
    const outcome = decideScale(scaleInput(ready([at(HORIZON_MS, 61)], rule('raise'))));
    assert.equal(outcome.recommendation, 7);
  });

  it('says which forecast it was, or why there is none', () => {
    const { forecast } = ready([at(HORIZON_MS, 61)], rule('raise'));
    assert.equal(
      forecastFloor(forecast, 4).detail,
      '50 % of the forecasts of “day” stay below 61.00 in 300 s, at 10 per replica',
    );
    const without = ready([none, none], rule('raise')).forecast;
    assert.deepEqual(forecastFloor(without, 4), { replicas: 0, detail: 'forecast_stale' });
  });
});
