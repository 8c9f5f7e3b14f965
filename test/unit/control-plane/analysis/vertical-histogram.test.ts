import assert from 'node:assert/strict';
import fc from 'fast-check';
import {
  decayedWeight,
  UsageHistogram,
} from '../../../../control-plane/analysis/vertical-histogram.ts';

describe('a histogram of usage', () => {
  it('answers with the end of the bucket in which the share is reached', () => {
    const histogram = new UsageHistogram(0.01);
    // Buckets end at 0.01, 0.0205, 0.031525.
    for (const value of [0.005, 0.011, 0.012, 0.03]) histogram.add(value, 1);
    assert.equal(histogram.percentile(0.25), 0.01);
    assert.ok(near(histogram.percentile(0.26), 0.0205));
    assert.ok(near(histogram.percentile(0.75), 0.0205));
    assert.equal(histogram.percentile(0.76), 0.03);
    assert.equal(histogram.percentile(1), 0.03);
  });

  it('counts weights, not values', () => {
    const histogram = new UsageHistogram(0.01);
    histogram.add(1, 0.125);
    histogram.add(0.1, 0.875);
    assert.ok((histogram.percentile(0.875) ?? 1) < 0.1104);
    assert.equal(histogram.percentile(0.876), 1);
  });

  it('has no percentile without weight, and none below its first bucket', () => {
    const histogram = new UsageHistogram(0.01);
    assert.equal(histogram.percentile(0.5), null);
    histogram.add(3, 0);
    assert.equal(histogram.percentile(0.5), null);
    histogram.add(0, 1);
    assert.equal(histogram.percentile(0.5), 0.01);
  });

  it('is never more than 5 % and a first bucket above the exact percentile, and never below it', () => {
    const values = fc.array(fc.double({ min: 0, max: 1e13, noNaN: true }), {
      minLength: 1,
      maxLength: 60,
    });
    fc.assert(
      fc.property(values, fc.double({ min: 0.01, max: 1, noNaN: true }), (list, share) => {
        const histogram = new UsageHistogram(1e7);
        for (const value of list) histogram.add(value, 1);
        const sorted = [...list].sort((a, b) => a - b);
        const rank = sorted.findIndex((_, index) => index + 1 >= share * list.length);
        const exact = sorted[rank] ?? 0;
        const found = histogram.percentile(share) ?? 0;
        assert.ok(found >= exact * (1 - 1e-9), `${found} < ${exact}`);
        assert.ok(found <= exact * 1.05 + 1e7 + 1, `${found} > ${exact}`);
      }),
    );
  });
});

describe('the weight of a sample', () => {
  it('halves with each half-life', () => {
    assert.deepEqual(
      [0, 10, 20, 30].map((ageMs) => decayedWeight(ageMs, 10)),
      [1, 0.5, 0.25, 0.125],
    );
  });
});

function near(found: number | null, wanted: number): boolean {
  return found !== null && Math.abs(found - wanted) < 1e-9;
}
