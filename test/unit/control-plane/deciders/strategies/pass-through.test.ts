import assert from 'node:assert/strict';
import { proposePassThrough } from '../../../../../control-plane/deciders/strategies/pass-through.ts';
import type { PassThroughRules } from '../../../../../control-plane/deciders/strategies/pass-through.ts';
import type { SeriesInput } from '../../../../../control-plane/deciders/strategies/series.ts';
import { SERIES_AGE_MAX_MS, aged, answer, series } from '../../../../support/strategy-proposals.ts';

const pass = (overrides: Partial<PassThroughRules> = {}): PassThroughRules => ({
  compatibility: 'default',
  maxScaleUp: null,
  maxScaleDown: null,
  ...overrides,
});

const PASS_THROUGH: readonly [string, PassThroughRules, SeriesInput, number | string][] = [
  ['takes the metric for the number', pass(), series(3, 7), 7],
  ['goes in to it', pass(), series(3, 1), 1],
  ['goes to nothing', pass(), series(3, 0), 0],
  ['stays', pass(), series(3, 3), 3],
  ['default: 3.7 is 4', pass(), series(3, 3.7), 4],
  ['nomad: 3.7 is 3', pass({ compatibility: 'nomad' }), series(3, 3.7), 3],
  ['default: a rounding error is not one more', pass(), series(3, 3.0000000001), 3],
  ['adds at most so many', pass({ maxScaleUp: 2 }), series(3, 9), 5],
  ['adds so many exactly', pass({ maxScaleUp: 6 }), series(3, 9), 9],
  ['takes at most so many', pass({ maxScaleDown: 2 }), series(9, 3), 7],
  ['takes so many exactly', pass({ maxScaleDown: 6 }), series(9, 3), 3],
  ['uses the newest point', pass(), series(3, 9, 5), 5],
  ['has none without points', pass(), series(3), 'signal_absent'],
  ['has none for NaN', pass(), series(3, NaN), 'signal_not_a_number'],
  ['has none for a negative number', pass(), series(3, -1), 'signal_out_of_range'],
  ['has none when it is old', pass(), aged(series(3, 9), SERIES_AGE_MAX_MS + 1), 'signal_stale'],
];

describe(`pass-through: ${PASS_THROUGH.length} cases from nomad-autoscaler`, () => {
  for (const [title, rules, input, expected] of PASS_THROUGH) {
    it(title, () => assert.equal(answer(proposePassThrough(rules, input)), expected));
  }
});
