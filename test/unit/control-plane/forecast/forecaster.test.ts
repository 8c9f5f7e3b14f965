import assert from 'node:assert/strict';
import fc from 'fast-check';
import {
  createDefaultModels,
  defaultOptions,
} from '../../../../control-plane/forecast/defaults.ts';
import { Forecaster } from '../../../../control-plane/forecast/forecaster.ts';
import type { HorizonForecast } from '../../../../control-plane/forecast/forecaster.ts';
import type { LoadModel } from '../../../../control-plane/forecast/load-model.ts';
import { seededRandom } from '../../../support/seeded-random.ts';

const STEP_MS = 15_000;
const OPTIONS = defaultOptions(180_000, STEP_MS);
const [HORIZON_MS = 0] = OPTIONS.horizonsMs;

/** Knows the load in advance, up to a time from which it knows only the mean. */
class Clairvoyant implements LoadModel {
  readonly name = 'clairvoyant';
  readonly #load: (atMs: number) => number;
  readonly #wrongFromMs: number;

  constructor(load: (atMs: number) => number, wrongFromMs: number) {
    this.#load = load;
    this.#wrongFromMs = wrongFromMs;
  }

  observe(): void {
    return;
  }

  predict(atMs: number): number {
    return atMs < this.#wrongFromMs ? this.#load(atMs) : 50;
  }
}

const wave = (atMs: number): number => 50 + 40 * Math.sin(atMs / 600_000);

function show(
  forecaster: Forecaster,
  fromStep: number,
  toStep: number,
  load: (atMs: number) => number = wave,
): void {
  for (let step = fromStep; step < toStep; step += 1) {
    forecaster.observe(step * STEP_MS, load(step * STEP_MS));
  }
}

function first(forecasts: readonly HorizonForecast[]): HorizonForecast {
  const [forecast] = forecasts;
  assert.ok(forecast !== undefined);
  return forecast;
}

describe('the forecaster', () => {
  it('looks ahead by boot time and one tick at least', () => {
    assert.equal(HORIZON_MS, 195_000);
    assert.deepEqual(defaultOptions(1_800_000, STEP_MS).horizonsMs, [1_815_000]);
  });

  it('says nothing before a model has proven itself', () => {
    const forecaster = new Forecaster(OPTIONS, [new Clairvoyant(wave, Infinity)]);
    assert.deepEqual(first(forecaster.forecast(0)), {
      kind: 'none',
      horizonMs: HORIZON_MS,
      reason: 'forecast_unproven',
    });
    const ripe = 13 + OPTIONS.channel.scoredMin;
    show(forecaster, 0, ripe - 1);
    assert.equal(first(forecaster.forecast((ripe - 2) * STEP_MS)).kind, 'none');
    show(forecaster, ripe - 1, ripe);
    const proven = first(forecaster.forecast((ripe - 1) * STEP_MS));
    assert.ok(proven.kind === 'forecast');
    assert.equal(proven.model, 'clairvoyant');
    assert.equal(proven.score.scored, OPTIONS.channel.scoredMin);
  });

  it('demotes a model that is worse than persistence, and promotes it when it is better again', () => {
    const wrong = new Forecaster(OPTIONS, [new Clairvoyant(wave, 500 * STEP_MS)]);
    show(wrong, 0, 500);
    assert.equal(wrong.standings()[0]?.promoted, true);
    show(wrong, 500, 3_000);
    const [standing] = wrong.standings();
    assert.ok(standing !== undefined && !standing.promoted);
    assert.ok(standing.score.skillRatio < 0 && standing.score.skillRatio > -3);
    assert.equal(first(wrong.forecast(3_000 * STEP_MS)).kind, 'none');

    const late = new Forecaster(OPTIONS, [
      new Clairvoyant((atMs) => (atMs < 200 * STEP_MS ? 1_000 : wave(atMs)), Infinity),
    ]);
    show(late, 0, 200);
    assert.equal(late.standings()[0]?.promoted, false);
    show(late, 200, 40_000);
    assert.equal(late.standings()[0]?.promoted, true);
  });

  it('never promotes a model on a load that does not move', () => {
    const forecaster = new Forecaster(OPTIONS, createDefaultModels());
    show(forecaster, 0, 2_000, () => 5);
    for (const { promoted } of forecaster.standings()) assert.equal(promoted, false);
  });

  it('refuses what cannot be a sample and remembers nothing of it', () => {
    const forecaster = new Forecaster(OPTIONS, createDefaultModels());
    const clean = new Forecaster(OPTIONS, createDefaultModels());
    for (const each of [forecaster, clean]) show(each, 0, 500);
    for (const load of [NaN, Infinity, -Infinity, -1, 1e300]) {
      assert.equal(forecaster.observe(500 * STEP_MS, load), false);
    }
    assert.equal(forecaster.observe(499 * STEP_MS, 9), false);
    assert.equal(forecaster.observe(NaN, 9), false);
    for (const each of [forecaster, clean]) show(each, 500, 600);
    assert.deepEqual(forecaster.standings(), clean.standings());
    assert.deepEqual(forecaster.forecast(600 * STEP_MS), clean.forecast(600 * STEP_MS));
  });

  it('takes a gap for a gap: nothing is scored in it, and no forecast falls for it', () => {
    const forecaster = new Forecaster(OPTIONS, createDefaultModels());
    const noisy = seededRandom(3);
    show(forecaster, 0, 1_000, () => 40 + 20 * noisy());
    const before = first(forecaster.forecast(999 * STEP_MS));
    const scored = forecaster.standings()[0]?.score.scored;
    const after = first(forecaster.forecast(1_019 * STEP_MS));
    assert.ok(before.kind === 'forecast' && after.kind === 'forecast');
    for (const [index, { load }] of after.quantiles.entries()) {
      assert.ok(load > 0.9 * (before.quantiles[index]?.load ?? Infinity));
    }
    forecaster.observe(1_019 * STEP_MS, 50);
    assert.equal(forecaster.standings()[0]?.score.scored, scored);
  });

  it('gives no forecast when its last sample is older than allowed', () => {
    const forecaster = new Forecaster(OPTIONS, [new Clairvoyant(wave, Infinity)]);
    show(forecaster, 0, 200);
    const lastMs = 199 * STEP_MS;
    assert.equal(first(forecaster.forecast(lastMs + OPTIONS.ageMaxMs)).kind, 'forecast');
    const stale = first(forecaster.forecast(lastMs + OPTIONS.ageMaxMs + 1));
    assert.ok(stale.kind === 'none' && stale.reason === 'forecast_stale');
  });

  it('covers the load as its levels say once it has settled', () => {
    const noisy = seededRandom(11);
    const forecaster = new Forecaster(OPTIONS, createDefaultModels());
    show(forecaster, 0, 12_000, (atMs) => wave(atMs / 20) * (0.7 + 0.6 * noisy()));
    for (const { model, promoted, score } of forecaster.standings()) {
      if (!promoted) continue;
      for (const [index, level] of OPTIONS.channel.levels.entries()) {
        const share = score.coverage[index] ?? 0;
        assert.ok(Math.abs(share - level) < 0.03, `${model}: ${share} at ${level}`);
      }
    }
    assert.ok(forecaster.standings().some(({ promoted }) => promoted));
  });

  it('orders its quantiles, keeps them finite, and repeats itself, whatever it is shown', () => {
    const samples = fc.array(
      fc.tuple(
        fc.integer({ min: 1, max: 100_000 }),
        fc.oneof(fc.double({ min: 0, max: 1e9, noNaN: true }), fc.double(), fc.constant(0)),
      ),
      { maxLength: 300 },
    );
    const options = { ...OPTIONS, channel: { ...OPTIONS.channel, scoredMin: 1 } };
    fc.assert(
      fc.property(samples, (shown) => {
        const forecasters = [0, 1].map(() => new Forecaster(options, createDefaultModels()));
        let atMs = 0;
        for (const [pauseMs, load] of shown) {
          atMs += pauseMs;
          for (const forecaster of forecasters) forecaster.observe(atMs, load);
        }
        const [one, other] = forecasters.map((forecaster) => forecaster.forecast(atMs));
        assert.deepEqual(one, other);
        for (const forecast of one ?? []) {
          if (forecast.kind === 'none') continue;
          let last = 0;
          for (const { load } of forecast.quantiles) {
            assert.ok(Number.isFinite(load) && load >= last);
            last = load;
          }
        }
      }),
    );
  });
});
