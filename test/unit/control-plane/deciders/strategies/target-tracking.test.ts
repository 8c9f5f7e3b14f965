import assert from 'node:assert/strict';
import fc from 'fast-check';
import {
  NEW_TRACKING,
  TRACKING_DEFAULTS,
  combineTracking,
  observeTracking,
  proposeTracking,
} from '../../../../../control-plane/deciders/strategies/target-tracking.ts';
import type { TrackingRules } from '../../../../../control-plane/deciders/strategies/target-tracking.ts';
import { BROKEN_VALUES, NOW_MS, answer } from '../../../../support/strategy-proposals.ts';

const PERIOD_MS = 60_000;

/** The periods end one after another, the last one now. */
const ending = (count: number, index: number) => NOW_MS - (count - 1 - index) * PERIOD_MS;
const tracking = (overrides: Partial<TrackingRules> = {}): TrackingRules => ({
  ...TRACKING_DEFAULTS,
  target: 50,
  ...overrides,
});
const track = (
  rules: TrackingRules,
  current: number,
  warming: number,
  values: readonly (number | null)[],
  lateMs = 0,
) => {
  let state = NEW_TRACKING;
  values.forEach((value, index) => {
    state = observeTracking(rules, state, { atMs: ending(values.length, index), value });
  });
  return proposeTracking(rules, { nowMs: NOW_MS + lateMs, current, warming }, state);
};
const times = (count: number, value: number) => Array.from({ length: count }, () => value);

const TRACKING: readonly [
  string,
  TrackingRules,
  current: number,
  warming: number,
  readonly (number | null)[],
  number | string,
][] = [
  ['stays with two periods above', tracking(), 4, 0, times(2, 100), 4],
  ['goes out in proportion with three', tracking(), 4, 0, times(3, 100), 8],
  ['by the last of them', tracking(), 4, 0, [60, 70, 75], 6],
  ['rounds up', tracking(), 4, 0, times(3, 51), 5],
  ['stays on the target', tracking(), 4, 0, times(20, 50), 4],
  ['does not round binary fractions up', tracking({ target: 0.1 }), 1, 0, times(3, 0.3), 3],
  ['leaves warming ones out of the quotient', tracking(), 6, 2, times(3, 100), 8],
  ['and never falls for them', tracking(), 10, 8, times(3, 100), 10],
  ['stays with fourteen below', tracking(), 10, 0, times(14, 20), 10],
  ['goes in with fifteen', tracking(), 10, 0, times(15, 20), 4],
  ['stays at 90 % of the target', tracking(), 10, 0, times(15, 45), 10],
  ['goes in just below', tracking(), 10, 0, times(15, 44.9), 9],
  ['of 1.5 that could go one goes', tracking(), 10, 0, times(15, 42.5), 9],
  ['of 2 that could go both go', tracking(), 10, 0, times(15, 40), 8],
  ['of less than one none goes', tracking(), 3, 0, times(15, 44), 3],
  ['does not go in while one warms up', tracking(), 10, 1, times(15, 20), 10],
  ['goes out while one warms up', tracking(), 3, 1, times(3, 100), 4],
  ['does not go in when disabled', tracking({ disableScaleIn: true }), 10, 0, times(15, 20), 10],
  [
    'goes out when going in is disabled',
    tracking({ disableScaleIn: true }),
    4,
    0,
    times(3, 100),
    8,
  ],
  ['goes to nothing without load', tracking(), 10, 0, times(15, 0), 0],
  ['has its own periods out', tracking({ outPeriods: 1 }), 4, 0, [100], 8],
  ['has its own periods in', tracking({ inPeriods: 2 }), 10, 0, times(2, 20), 4],
  ['has its own share', tracking({ scaleInRatio: 0.5 }), 10, 0, times(15, 25), 10],
  ['and acts below it', tracking({ scaleInRatio: 0.5 }), 10, 0, times(15, 24), 5],
  ['begins anew after a missing period', tracking(), 10, 0, [...times(14, 20), null, 20], 10],
  ['proposes nothing before a period', tracking(), 10, 0, [], 'signal_stale'],
  ['nothing after a missing one', tracking(), 10, 0, [...times(15, 20), null], 'signal_absent'],
  ['nothing after a broken one', tracking(), 10, 0, [...times(15, 20), NaN], 'signal_not_a_number'],
  [
    'nothing for a ratio beyond numbers',
    tracking({ target: 1e-9 }),
    1,
    0,
    times(3, 1e308),
    'signal_out_of_range',
  ],
];

describe(`proposeTracking: ${TRACKING.length} cases from AWS target tracking`, () => {
  for (const [title, rules, current, warming, values, expected] of TRACKING) {
    it(title, () => assert.equal(answer(track(rules, current, warming, values)), expected));
  }

  it('proposes nothing two and a half periods after the last one', () => {
    assert.equal(answer(track(tracking(), 10, 0, times(15, 20), 150_000)), 4);
    assert.equal(answer(track(tracking(), 10, 0, times(15, 20), 150_001)), 'signal_stale');
  });
});

const vote = (replicas: number | null, disableScaleIn = false) => ({
  disableScaleIn,
  proposal:
    replicas === null
      ? ({ kind: 'none', reason: 'signal_absent', detail: '' } as const)
      : ({
          kind: 'replicas',
          replicas,
          ratio: null,
          withinTolerance: false,
          limited: null,
          detail: '',
        } as const),
});

const COMBINED: readonly [string, readonly ReturnType<typeof vote>[], number | string][] = [
  ['out if any', [vote(3), vote(7)], 7],
  ['out to the most', [vote(9), vote(7)], 9],
  ['in only if all', [vote(3), vote(5)], 5],
  ['in to the most', [vote(3), vote(4)], 4],
  ['one without data stops going in', [vote(3), vote(null)], 'signal_absent'],
  ['one without data does not stop going out', [vote(7), vote(null)], 7],
  ['one that only adds has no say in going in', [vote(3), vote(5, true)], 3],
  ['but its data must be there', [vote(3), vote(null, true)], 'signal_absent'],
  ['one that only adds may add', [vote(3), vote(7, true)], 7],
  ['only such ones stay', [vote(5, true), vote(5, true)], 5],
  ['no policies is none', [], 'signal_absent'],
];

describe(`combineTracking with 5 wanted: ${COMBINED.length} cases`, () => {
  for (const [title, votes, expected] of COMBINED) {
    it(title, () => {
      assert.equal(answer(combineTracking(votes, 5)), expected);
      assert.equal(answer(combineTracking(votes.toReversed(), 5)), expected);
    });
  }
});

const anyValue = fc.option(fc.double({ min: 0, max: 500, noNaN: true }), { freq: 8 });

describe('target tracking: properties', () => {
  it('keeps a bounded state that is JSON', () => {
    fc.assert(
      fc.property(fc.array(anyValue, { maxLength: 60 }), (values) => {
        const rules = tracking();
        let state = NEW_TRACKING;
        values.forEach((value, index) => {
          state = observeTracking(rules, state, { atMs: index * PERIOD_MS, value });
          assert.ok(state.high.beyond <= rules.outPeriods);
          assert.ok(state.low.beyond <= rules.inPeriods);
        });
        assert.deepEqual(JSON.parse(JSON.stringify(state)), state);
      }),
      { numRuns: 500 },
    );
  });

  it('is monotone in load and bounded', () => {
    const counts = fc.nat(100);
    fc.assert(
      fc.property(
        counts,
        fc.nat(5),
        fc.array(fc.double({ min: 0, max: 200, noNaN: true }), { minLength: 1, maxLength: 20 }),
        fc.double({ min: 0, max: 100, noNaN: true }),
        (current, warming, values, more) => {
          const light = track(tracking(), current, warming, values);
          const heavier = values.map((value) => value + more);
          const heavy = track(tracking(), current, warming, heavier);
          assert.ok(light.kind === 'replicas' && heavy.kind === 'replicas');
          assert.ok(heavy.replicas >= light.replicas);
          assert.ok(Number.isSafeInteger(light.replicas) && light.replicas >= 0);
        },
      ),
      { numRuns: 2_000 },
    );
  });

  it('never lowers on a broken, missing or late last period', () => {
    const broken = fc.constantFrom(...BROKEN_VALUES, null);
    fc.assert(
      fc.property(fc.nat(100), broken, (current, value) => {
        const bad = track(tracking(), current, 0, [...times(20, 1), value]);
        assert.equal(bad.kind, 'none');
        const late = track(tracking(), current, 0, times(20, 1), 3 * PERIOD_MS);
        assert.equal(late.kind, 'none');
      }),
      { numRuns: 500 },
    );
  });
});
