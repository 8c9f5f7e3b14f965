import assert from 'node:assert/strict';
import {
  WITHIN_BOUNDS_TRIGGER,
  proposeThreshold,
} from '../../../../../control-plane/deciders/strategies/threshold.ts';
import type {
  ThresholdAction,
  ThresholdRules,
} from '../../../../../control-plane/deciders/strategies/threshold.ts';
import type { SeriesInput } from '../../../../../control-plane/deciders/strategies/series.ts';
import { SERIES_AGE_MAX_MS, aged, answer, series } from '../../../../support/strategy-proposals.ts';

const delta = (replicas: number): ThresholdAction => ({ kind: 'delta', replicas });
const percentage = (percent: number): ThresholdAction => ({ kind: 'percentage', percent });
const setTo = (replicas: number): ThresholdAction => ({ kind: 'value', replicas });
const band = (
  lowerBound: number | null,
  upperBound: number | null,
  action: ThresholdAction,
  withinBoundsTrigger = 1,
): ThresholdRules => ({ lowerBound, upperBound, action, withinBoundsTrigger });

const THRESHOLD: readonly [string, ThresholdRules, SeriesInput, number | string][] = [
  ['adds a number in the band', band(80, null, delta(2)), series(5, 90), 7],
  ['the lower bound belongs to the band', band(80, 90, delta(2)), series(5, 80), 7],
  ['just below it does not', band(80, 90, delta(2)), series(5, 79.99), 5],
  ['the upper bound does not belong to it', band(80, 90, delta(2)), series(5, 90), 5],
  ['just below it does', band(80, 90, delta(2)), series(5, 89.99), 7],
  ['a band may lack a lower bound', band(null, 20, delta(-1)), series(5, 0), 4],
  ['a band may lack an upper bound', band(80, null, delta(1)), series(5, 1e12), 6],
  ['takes a number', band(null, 20, delta(-2)), series(5, 10), 3],
  ['ends at nothing', band(null, 20, delta(-9)), series(5, 10), 0],
  ['adds a percentage, rounded up', band(80, null, percentage(20)), series(6, 90), 8],
  ['adds a percentage exactly', band(80, null, percentage(10)), series(100, 90), 110],
  ['takes a percentage, rounded up', band(null, 20, percentage(-20)), series(6, 10), 5],
  ['takes it to nothing at most', band(null, 20, percentage(-150)), series(6, 10), 0],
  ['adds nothing to nothing by percentage', band(80, null, percentage(50)), series(0, 90), 0],
  ['sets a number', band(80, null, setTo(12)), series(5, 90), 12],
  ['sets a lower number', band(null, 20, setTo(1)), series(5, 10), 1],
  ['acts with just enough points', band(80, null, delta(1), 3), series(5, 90, 10, 90, 90), 6],
  ['stays with one too few', band(80, null, delta(1), 3), series(5, 90, 10, 10, 90), 5],
  ['counts any points, not the newest', band(80, null, delta(1), 2), series(5, 90, 90, 10), 6],
  ['asks for five when nothing is said', fiveOf(delta(1)), series(5, 9, 9, 9, 9, 9), 6],
  ['stays with four of them', fiveOf(delta(1)), series(5, 9, 9, 9, 9), 5],
  ['has none without points', band(0, null, delta(1)), series(5), 'signal_absent'],
  [
    'has none when the newest is old',
    band(0, null, delta(1)),
    aged(series(5, 9), SERIES_AGE_MAX_MS + 1),
    'signal_stale',
  ],
  ['has one at the allowed age', band(0, null, delta(1)), aged(series(5, 9), SERIES_AGE_MAX_MS), 6],
  [
    'has none when the newest is NaN',
    band(0, null, delta(1)),
    series(5, 9, NaN),
    'signal_not_a_number',
  ],
  ['does not lower with an older NaN', band(0, 20, delta(-1)), series(5, NaN, 9), 5],
  ['nor with an older negative one', band(0, 20, delta(-1)), series(5, -3, 9), 5],
  ['nor with one of an unknown time', band(0, 20, delta(-1)), timeless(), 'signal_stale'],
  ['raises with an older NaN', band(0, 20, delta(1)), series(5, NaN, 9), 6],
];

function fiveOf(action: ThresholdAction) {
  return band(0, null, action, WITHIN_BOUNDS_TRIGGER);
}
function timeless(): SeriesInput {
  const given = series(5, 9, 9);
  return { ...given, points: [...given.points, { value: 9, atMs: NaN }] };
}

describe(`threshold: ${THRESHOLD.length} cases from nomad-autoscaler`, () => {
  for (const [title, rules, input, expected] of THRESHOLD) {
    it(title, () => assert.equal(answer(proposeThreshold(rules, input)), expected));
  }

  it('says that it stays because too few points lie in the band', () => {
    const proposal = proposeThreshold(band(80, null, delta(1), 3), series(5, 90, 10));
    assert.ok(proposal.kind === 'replicas' && proposal.withinTolerance);
    assert.equal(proposal.detail, '1 of 2 points in the band');
  });
});
