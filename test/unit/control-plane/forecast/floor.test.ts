import assert from 'node:assert/strict';
import fc from 'fast-check';
import { defaultOptions, defaultRules } from '../../../../control-plane/forecast/defaults.ts';
import { forecastFloor } from '../../../../control-plane/forecast/floor.ts';
import type { FloorRule } from '../../../../control-plane/forecast/floor.ts';
import type { HorizonForecast } from '../../../../control-plane/forecast/forecaster.ts';

const SCORE = { scored: 100, loss: 1, persistenceLoss: 2, skillRatio: 0.5, coverage: [0.5, 0.9] };

function forecast(median: number, high: number, horizonMs = 195_000): HorizonForecast {
  const quantiles = [
    { level: 0.5, load: median },
    { level: 0.9, load: high },
  ];
  return { kind: 'forecast', horizonMs, model: 'day', quantiles, score: SCORE };
}

function rule(overrides: Partial<FloorRule> = {}): FloorRule {
  return { kind: 'raise', horizonMs: 195_000, level: 0.9, target: 0.7, ...overrides };
}

describe('the floor of a forecast', () => {
  it('raises to the replicas that the quantile needs at the target', () => {
    const floor = forecastFloor([forecast(5, 7)], [rule()], 3);
    assert.equal(floor.replicas, 10);
    assert.deepEqual(floor.by, { rule: rule(), model: 'day', load: 7, skillRatio: 0.5 });
    assert.equal(forecastFloor([forecast(5, 7.001)], [rule()], 3).replicas, 11);
  });

  it('holds what is wanted and no more', () => {
    const hold = rule({ kind: 'hold' });
    assert.equal(forecastFloor([forecast(5, 7)], [hold], 4).replicas, 4);
    assert.equal(forecastFloor([forecast(5, 7)], [hold], 12).replicas, 10);
  });

  it('is the highest of all rules', () => {
    const rules = [rule({ level: 0.5 }), rule(), rule({ kind: 'hold', level: 0.5 })];
    assert.equal(forecastFloor([forecast(5, 7)], rules, 3).by?.rule.level, 0.9);
  });

  it('is nil without a forecast, for another horizon, or for a level that is not there', () => {
    const none = { kind: 'none', horizonMs: 195_000, reason: 'forecast_unproven' } as const;
    assert.deepEqual(forecastFloor([none], [rule()], 3), { replicas: 0, by: null });
    assert.equal(forecastFloor([forecast(5, 7, 1)], [rule()], 3).replicas, 0);
    assert.equal(forecastFloor([forecast(5, 7)], [rule({ level: 0.8 })], 3).replicas, 0);
    assert.equal(forecastFloor([forecast(0, 0)], [rule()], 3).by, null);
  });

  it('rises with the load that is forecast, and falls for nothing else', () => {
    const load = fc.double({ min: 0, max: 1_000, noNaN: true });
    fc.assert(
      fc.property(load, load, fc.integer({ min: 0, max: 100 }), (one, other, desired) => {
        const [low, high] = [Math.min(one, other), Math.max(one, other)];
        const rules = [rule(), rule({ kind: 'hold', level: 0.5 })];
        const below = forecastFloor([forecast(low, low)], rules, desired).replicas;
        const above = forecastFloor([forecast(high, high)], rules, desired).replicas;
        assert.ok(below <= above);
        const more = forecastFloor([forecast(low, high), forecast(high, high)], rules, desired);
        assert.ok(more.replicas >= below);
      }),
    );
  });

  it('comes with rules whose levels the forecaster has', () => {
    const options = defaultOptions(180_000, 15_000);
    for (const { level, horizonMs } of defaultRules(options, 0.7, 1)) {
      assert.ok(options.channel.levels.includes(level));
      assert.ok(options.horizonsMs.includes(horizonMs));
    }
  });
});
