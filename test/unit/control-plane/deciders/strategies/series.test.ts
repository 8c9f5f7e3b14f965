import assert from 'node:assert/strict';
import fc from 'fast-check';
import { proposePassThrough } from '../../../../../control-plane/deciders/strategies/pass-through.ts';
import type { SeriesInput } from '../../../../../control-plane/deciders/strategies/series.ts';
import { proposeTargetValue } from '../../../../../control-plane/deciders/strategies/target-value.ts';
import { proposeThreshold } from '../../../../../control-plane/deciders/strategies/threshold.ts';
import type { ThresholdAction } from '../../../../../control-plane/deciders/strategies/threshold.ts';
import {
  BROKEN_VALUES,
  NOW_MS,
  SERIES_AGE_MAX_MS,
  answer,
  series,
} from '../../../../support/strategy-proposals.ts';

const delta = (replicas: number): ThresholdAction => ({ kind: 'delta', replicas });
const percentage = (percent: number): ThresholdAction => ({ kind: 'percentage', percent });
const setTo = (replicas: number): ThresholdAction => ({ kind: 'value', replicas });
const pass = { compatibility: 'default', maxScaleUp: null, maxScaleDown: null } as const;

const anyInput = (values: fc.Arbitrary<number>) =>
  fc.record({
    nowMs: fc.constant(NOW_MS),
    current: fc.integer({ min: 0, max: 500 }),
    points: fc.array(
      fc.record({
        value: values,
        atMs: fc.integer({ min: NOW_MS - SERIES_AGE_MAX_MS, max: NOW_MS }),
      }),
      { minLength: 1, maxLength: 8 },
    ),
    sampleAgeMaxMs: fc.constant(SERIES_AGE_MAX_MS),
  });
const anyLoad = fc.double({ min: 0, max: 1_000, noNaN: true });
const anyLimit = fc.option(fc.integer({ min: 0, max: 50 }));
const anyTarget = fc.record({
  target: fc.oneof(fc.constant(0), fc.double({ min: 0.1, max: 100, noNaN: true })),
  thresholdRatio: fc.double({ min: 0, max: 1, noNaN: true }),
  maxScaleUp: anyLimit,
  maxScaleDown: anyLimit,
});
const anyBand = fc.record({
  lowerBound: fc.option(anyLoad),
  upperBound: fc.option(anyLoad),
  withinBoundsTrigger: fc.integer({ min: 1, max: 5 }),
  action: fc.oneof(
    fc.integer({ min: -20, max: 20 }).map(delta),
    fc.integer({ min: -200, max: 200 }).map(percentage),
    fc.integer({ min: 0, max: 50 }).map(setTo),
  ),
});
const strategies = fc.oneof(
  anyTarget.map((rules) => (input: SeriesInput) => proposeTargetValue(rules, input)),
  anyBand.map((rules) => (input: SeriesInput) => proposeThreshold(rules, input)),
  fc
    .record({
      compatibility: fc.constantFrom('default' as const, 'nomad' as const),
      maxScaleUp: anyLimit,
      maxScaleDown: anyLimit,
    })
    .map((rules) => (input: SeriesInput) => proposePassThrough(rules, input)),
);

describe('strategies on a series: properties', () => {
  it('are bounded, whole and independent of the order of points', () => {
    fc.assert(
      fc.property(strategies, anyInput(anyLoad), (run, input) => {
        const proposal = run(input);
        assert.deepEqual(run({ ...input, points: input.points.toReversed() }), proposal);
        if (proposal.kind === 'none') return;
        assert.ok(Number.isSafeInteger(proposal.replicas) && proposal.replicas >= 0);
      }),
      { numRuns: 3_000 },
    );
  });

  it('never lower when the newest point is broken, old or not there', () => {
    const broken = fc.constantFrom(...BROKEN_VALUES);
    fc.assert(
      fc.property(strategies, anyInput(anyLoad), broken, (run, input, value) => {
        const newest = { value, atMs: NOW_MS };
        assert.equal(run({ ...input, points: [...input.points, newest] }).kind, 'none');
        assert.equal(run({ ...input, points: [] }).kind, 'none');
        assert.equal(run({ ...input, nowMs: NOW_MS + SERIES_AGE_MAX_MS + 1 }).kind, 'none');
      }),
      { numRuns: 1_000 },
    );
  });

  it('target-value and pass-through are monotone in load', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          anyTarget.map((rules) => (input: SeriesInput) => proposeTargetValue(rules, input)),
          fc.constant((input: SeriesInput) => proposePassThrough(pass, input)),
        ),
        fc.integer({ min: 0, max: 500 }),
        anyLoad,
        anyLoad,
        (run, current, value, more) => {
          const light = answer(run(series(current, value)));
          const heavy = answer(run(series(current, value + more)));
          assert.ok(heavy >= light, `${light} → ${heavy}`);
        },
      ),
      { numRuns: 3_000 },
    );
  });

  it('threshold never lowers with any point broken', () => {
    fc.assert(
      fc.property(anyBand, anyInput(anyLoad), fc.constantFrom(NaN, -1), (rules, input, value) => {
        const points = [...input.points, { value, atMs: NOW_MS - SERIES_AGE_MAX_MS - 1 }];
        const proposal = proposeThreshold(rules, { ...input, points });
        if (proposal.kind === 'replicas') assert.ok(proposal.replicas >= input.current);
      }),
      { numRuns: 1_000 },
    );
  });
});
