import assert from 'node:assert/strict';
import {
  carryForward,
  parseTrace,
  ratePerStep,
  scaleToPeak,
  TraceError,
} from '../../../../control-plane/backtest/trace.ts';

describe('a trace', () => {
  it('is read from two columns, and buckets that are left out are missing', () => {
    const trace = parseTrace('minute,requests,more\n0,42,x\n1,62,x\n3,58,x\n', 60_000);
    assert.deepEqual(trace, { bucketMs: 60_000, counts: [42, 62, null, 58] });
  });

  it('may have buckets wider than the unit of its times', () => {
    assert.deepEqual(parseTrace('t_s,n\n0,1\n10,2\n20,3', 1_000), {
      bucketMs: 10_000,
      counts: [1, 2, 3],
    });
  });

  for (const [what, text] of [
    ['a word', 'a,b\n0,1\n1,x'],
    ['an empty cell', 'a,b\n0,1\n1,'],
    ['a negative count', 'a,b\n0,1\n1,-1'],
    ['a bucket twice', 'a,b\n0,1\n1,1\n1,1'],
    ['a bucket before the last', 'a,b\n0,1\n1,1\n0,1'],
    ['a bucket off the grid', 'a,b\n0,1\n2,1\n3,1'],
    ['one bucket', 'a,b\n0,1'],
    ['no bucket', ''],
  ] as const) {
    it(`is refused with ${what}`, () => {
      assert.throws(() => parseTrace(text, 1_000), TraceError);
    });
  }

  it('keeps its total when buckets are longer or shorter than steps', () => {
    const long = ratePerStep({ bucketMs: 60_000, counts: [60, 120] }, 15_000);
    assert.deepEqual(
      long.map((rate) => (rate ?? NaN) * 15_000),
      [15, 15, 15, 15, 30, 30, 30, 30],
    );
    const short = ratePerStep({ bucketMs: 10_000, counts: [10, 20, 30] }, 15_000);
    assert.deepEqual(
      short.map((rate) => (rate ?? NaN) * 15_000),
      [20, 40],
    );
  });

  it('is missing in a step that touches a missing bucket', () => {
    assert.deepEqual(ratePerStep({ bucketMs: 10_000, counts: [1, null, 1] }, 15_000), [null, null]);
  });

  it('is scaled so that its largest step is the peak, and silence stays silence', () => {
    assert.deepEqual(scaleToPeak([1, null, 4], 50), [12.5, null, 50]);
    assert.deepEqual(scaleToPeak([0, null], 50), [0, null]);
  });

  it('is carried forward over what is missing, and backward to its beginning', () => {
    assert.deepEqual(carryForward([null, 2, null, 3]), [2, 2, 2, 3]);
    assert.deepEqual(carryForward([null]), [0]);
  });
});
