import assert from 'node:assert/strict';
import fc from 'fast-check';
import { MissQuantiles, pinballLoss } from '../../../../control-plane/forecast/quantiles.ts';
import { seededRandom } from '../../../support/seeded-random.ts';

const LEVELS = [0.5, 0.9, 0.99];

describe('the pinball loss', () => {
  it('weighs what a forecast was too low by with the level, and too high with the rest', () => {
    assert.equal(pinballLoss(0.9, 10, 14), 0.9 * 4);
    assert.ok(Math.abs(pinballLoss(0.9, 14, 10) - 0.1 * 4) < 1e-12);
    assert.equal(pinballLoss(0.9, 10, 10), 0);
  });
});

describe('the quantiles of the misses', () => {
  it('cover what they say, in any unit, and again after the misses have changed', () => {
    for (const unit of [1e-3, 1, 1e6]) {
      const random = seededRandom(7);
      const quantiles = new MissQuantiles(LEVELS, 0.02);
      for (const spread of [1, 5]) {
        const below = [0, 0, 0];
        for (let at = 0; at < 20_000; at += 1) {
          const miss = (random() - 0.5) * spread * unit;
          if (at >= 10_000) {
            const guesses = quantiles.around(1_000 * unit, 1);
            for (const [index, guess] of guesses.entries()) {
              if (1_000 * unit + miss <= guess) below[index] = (below[index] ?? 0) + 1;
            }
          }
          quantiles.observe(miss);
        }
        for (const [index, level] of LEVELS.entries()) {
          const share = (below[index] ?? 0) / 10_000;
          assert.ok(Math.abs(share - level) < 0.01, `${share} below the quantile of ${level}`);
        }
      }
    }
  });

  it('never fall from one level to the next and are never negative', () => {
    const misses = fc.array(fc.double({ min: -1e6, max: 1e6, noNaN: true }), { maxLength: 200 });
    const point = fc.double({ min: 0, max: 1e6, noNaN: true });
    fc.assert(
      fc.property(misses, point, (seen, load) => {
        const quantiles = new MissQuantiles(LEVELS, 0.5);
        for (const miss of seen) quantiles.observe(miss);
        let last = 0;
        for (const quantile of quantiles.around(load, 3)) {
          assert.ok(quantile >= last);
          last = quantile;
        }
      }),
    );
  });
});
