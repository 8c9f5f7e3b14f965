import assert from 'node:assert/strict';
import {
  TARGET_VALUE_THRESHOLD_RATIO,
  proposeTargetValue,
} from '../../../../../control-plane/deciders/strategies/target-value.ts';
import type { TargetValueRules } from '../../../../../control-plane/deciders/strategies/target-value.ts';
import type { SeriesInput } from '../../../../../control-plane/deciders/strategies/series.ts';
import {
  NOW_MS,
  SERIES_AGE_MAX_MS,
  aged,
  answer,
  series,
} from '../../../../support/strategy-proposals.ts';

const target = (value: number, overrides: Partial<TargetValueRules> = {}): TargetValueRules => ({
  target: value,
  thresholdRatio: TARGET_VALUE_THRESHOLD_RATIO,
  maxScaleUp: null,
  maxScaleDown: null,
  ...overrides,
});

const TARGET_VALUE: readonly [string, TargetValueRules, SeriesInput, number | string][] = [
  ['multiplies what there is', target(10), series(4, 20), 8],
  ['rounds up', target(10), series(3, 15), 5],
  ['goes in', target(10), series(4, 5), 2],
  ['rounds up going in', target(10), series(3, 5), 2],
  ['goes to nothing at no load', target(10), series(4, 0), 0],
  ['stays at the upper edge of 1 %', target(100), series(200, 101), 200],
  ['goes out beyond it', target(100), series(200, 101.1), 203],
  ['stays at the lower edge of 1 %', target(100), series(200, 99), 200],
  ['goes in below it', target(100), series(200, 98.9), 198],
  ['stays at the edge of a wider one', target(100, { thresholdRatio: 0.5 }), series(10, 150), 10],
  ['acts beyond a wider one', target(100, { thresholdRatio: 0.5 }), series(10, 150.1), 16],
  ['uses the newest point alone', target(10), series(4, 100, 100, 20), 8],
  ['uses the newest of points out of order', target(10), unordered(), 8],
  ['takes the largest of one time', target(10), sameTime(20, 5), 8],
  ['needs all of one time', target(10), sameTime(20, NaN), 'signal_not_a_number'],
  ['from zero takes the factor', target(10), series(0, 25), 3],
  ['from zero knows no threshold', target(10), series(0, 10), 1],
  ['from zero stays without load', target(10), series(0, 0), 0],
  ['with target 0 takes the value as the factor', target(0), series(3, 4), 12],
  ['with target 0 and nothing waiting goes to nothing', target(0), series(3, 0), 0],
  ['with target 0 stays at a factor of 1', target(0), series(3, 1), 3],
  ['with target 0 from zero takes the value', target(0), series(0, 4), 4],
  ['adds at most so many', target(10, { maxScaleUp: 3 }), series(4, 20), 7],
  ['adds so many exactly', target(10, { maxScaleUp: 4 }), series(4, 20), 8],
  ['takes at most so many', target(10, { maxScaleDown: 1 }), series(4, 5), 3],
  ['takes so many exactly', target(10, { maxScaleDown: 2 }), series(4, 5), 2],
  ['a limit of one direction leaves the other', target(10, { maxScaleUp: 0 }), series(4, 5), 2],
  ['does not add one for binary fractions', target(0.1), series(1, 0.3), 3],
  ['has none without points', target(10), series(4), 'signal_absent'],
  ['has none for a newest NaN', target(10), series(4, 20, NaN), 'signal_not_a_number'],
  ['does not mind an older NaN', target(10), series(4, NaN, 20), 8],
  ['has none for a negative value', target(10), series(4, -1), 'signal_out_of_range'],
  ['has none for infinity', target(10), series(4, Infinity), 'signal_not_a_number'],
  ['has one at the allowed age', target(10), aged(series(4, 20), SERIES_AGE_MAX_MS), 8],
  ['has none beyond it', target(10), aged(series(4, 20), SERIES_AGE_MAX_MS + 1), 'signal_stale'],
  ['has none for an unknown time', target(10), aged(series(4, 20), NaN), 'signal_stale'],
  ['has none for a factor beyond numbers', target(1e-9), series(4, 1e308), 'signal_out_of_range'],
];

function unordered(): SeriesInput {
  const given = series(4, 100, 20);
  return { ...given, points: given.points.toReversed() };
}
function sameTime(...values: number[]): SeriesInput {
  return { ...series(4), points: values.map((value) => ({ value, atMs: NOW_MS })) };
}

describe(`target-value: ${TARGET_VALUE.length} cases from nomad-autoscaler`, () => {
  for (const [title, rules, input, expected] of TARGET_VALUE) {
    it(title, () => assert.equal(answer(proposeTargetValue(rules, input)), expected));
  }
});
