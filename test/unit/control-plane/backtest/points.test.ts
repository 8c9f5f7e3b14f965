import assert from 'node:assert/strict';
import {
  loadFromPoints,
  observationsFromPoints,
} from '../../../../control-plane/backtest/points.ts';
import type { Point } from '../../../../control-plane/model/backtest.ts';

const GRID = { fromMs: 1_000, stepMs: 1_000, steps: 8 };
const POINTS: readonly Point[] = [
  [2_500, 4],
  [5_000, NaN],
  [5_500, -1],
  [6_000, 9],
];

describe('recorded points', () => {
  it('are seen at the end of each step with the time of the last one, until the lookback is over', () => {
    const seen = observationsFromPoints('load', POINTS, GRID, 2_000);
    const shown = seen.map((one) =>
      one.kind === 'sample' ? [one.value, one.sampledAtMs] : one.reason,
    );
    assert.deepEqual(shown, [
      'signal_absent', // 2 s: nothing so far
      [4, 2_500],
      [4, 2_500],
      'signal_not_a_number', // 5 s
      [9, 6_000],
      [9, 6_000],
      'signal_absent', // 8 s: two seconds old
      'signal_absent',
    ]);
  });

  it('are load where they are finite and not negative', () => {
    const load = loadFromPoints(POINTS, GRID, 2_000);
    assert.deepEqual(load, [null, 4, 4, null, 9, 9, null, null]);
    const negative = loadFromPoints([[2_000, -1]], { ...GRID, steps: 1 }, 2_000);
    assert.deepEqual(negative, [null]);
  });
});
