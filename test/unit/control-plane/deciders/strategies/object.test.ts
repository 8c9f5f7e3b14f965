import assert from 'node:assert/strict';
import fc from 'fast-check';
import { proposeFromObject } from '../../../../../control-plane/deciders/strategies/object.ts';
import type { ObjectMetric } from '../../../../../control-plane/deciders/strategies/object.ts';

const NOW_MS = 1_000_000_000;
const AGE_MAX_MS = 60_000;

const metric = (overrides: Partial<ObjectMetric> = {}): ObjectMetric => ({
  kind: 'value',
  target: 10,
  toleranceUpRatio: 0.1,
  toleranceDownRatio: 0.1,
  compatibility: 'default',
  sampleAgeMaxMs: AGE_MAX_MS,
  ...overrides,
});
const VALUE = metric();
const AVERAGE = metric({ kind: 'average_value' });
const HPA_VALUE = metric({ compatibility: 'hpa-v2' });
const HPA_AVERAGE = metric({ kind: 'average_value', compatibility: 'hpa-v2' });
const NO_TOLERANCE = { toleranceUpRatio: 0, toleranceDownRatio: 0 };

const run = (
  asked: ObjectMetric,
  current: number,
  ready: number,
  values: readonly number[],
  ageMs = 0,
) =>
  proposeFromObject(asked, {
    nowMs: NOW_MS,
    current,
    ready,
    series: values.map((value) => ({ value, sampledAtMs: NOW_MS - ageMs })),
  });

type Case = readonly [
  title: string,
  ObjectMetric,
  current: number,
  ready: number,
  values: readonly number[],
  expected: number | string,
];

/** A number is the replicas proposed, a text the reason for none. */
const CASES: readonly Case[] = [
  // Value.
  ['goes out by the ratio', VALUE, 3, 3, [15], 5],
  ['goes in by the ratio', VALUE, 5, 5, [5], 3],
  ['sums the series', VALUE, 3, 3, [5, 5, 5], 5],
  ['stays at the upper edge of the tolerance', VALUE, 4, 4, [11], 4],
  ['goes out just beyond it', VALUE, 4, 4, [11.01], 5],
  ['stays at the lower edge of the tolerance', VALUE, 20, 20, [9], 20],
  ['goes in just below it', VALUE, 20, 20, [8.99], 18],
  ['has a tolerance of its own upwards', metric({ toleranceUpRatio: 1 }), 4, 4, [20], 4],
  ['and acts just beyond that', metric({ toleranceUpRatio: 1 }), 4, 4, [20.01], 9],
  ['has a tolerance of its own downwards', metric({ toleranceDownRatio: 0.5 }), 4, 4, [5], 4],
  ['and acts just below that', metric({ toleranceDownRatio: 0.5 }), 4, 4, [4.99], 2],
  ['proposes none at no load', VALUE, 3, 3, [0], 0],
  ['from zero takes the ratio itself', VALUE, 0, 0, [25], 3],
  ['from zero knows no tolerance', VALUE, 0, 0, [10.5], 2],
  ['from zero stays without load', VALUE, 0, 0, [0], 0],
  ['from zero takes a little for one', VALUE, 0, 0, [0.001], 1],
  [
    'does not add one for binary fractions',
    metric({ target: 0.1, ...NO_TOLERANCE }),
    3,
    3,
    [0.3],
    9,
  ],
  ['hpa-v2 reads thousandths, so needs no slack', hpa({ target: 0.1 }), 3, 3, [0.3], 9],
  ['hpa-v2 rounds a quantity up', hpa({ target: 0.001 }), 2, 2, [0.0011], 4],
  ['hpa-v2 from zero takes the ratio itself', HPA_VALUE, 0, 0, [25], 3],
  ['hpa-v2 stays at the upper edge', HPA_VALUE, 4, 4, [11], 4],
  ['hpa-v2 goes out just beyond it', HPA_VALUE, 4, 4, [11.001], 5],
  ['hpa-v2 stays at the lower edge', HPA_VALUE, 20, 20, [9], 20],
  ['hpa-v2 goes in just below it', HPA_VALUE, 20, 20, [8.999], 18],
  ['hpa-v2 bounds a large proposal', HPA_VALUE, 1, 1, [1e15], 2 ** 31 - 1],
  ['default bounds a large proposal', VALUE, 1, 1, [1e15], 2 ** 31 - 1],

  ['(0.1 + 0.2) ÷ 0.1 is 3', metric({ kind: 'average_value', target: 0.1 }), 1, 1, [0.1, 0.2], 3],

  // B: ready replicas.
  ['hpa-v2 shrinks 3 to 2 under overload', HPA_VALUE, 3, 1, [15], 2],
  ['default stays at 3', VALUE, 3, 1, [15], 3],
  ['default goes out when the ready ones justify it', VALUE, 3, 1, [40], 4],
  ['hpa-v2 shrinks to nothing with none ready', HPA_VALUE, 3, 0, [50], 0],
  ['default proposes nothing with none ready', VALUE, 3, 0, [50], 'no_replica_ready'],
  ['default stays within tolerance with none ready', VALUE, 3, 0, [10], 3],
  ['hpa-v2 grows under low load with a surge', HPA_VALUE, 2, 4, [8], 4],
  ['default does not', VALUE, 2, 4, [8], 2],
  ['goes in from the ready ones', VALUE, 6, 3, [5], 2],

  // Average value.
  ['shares a total out', AVERAGE, 3, 3, [50], 5],
  ['rounds up', AVERAGE, 3, 3, [50.1], 6],
  ['goes in', AVERAGE, 5, 5, [20], 2],
  ['ignores who is ready', AVERAGE, 3, 0, [50], 5],
  ['stays at the upper edge', AVERAGE, 10, 10, [110], 10],
  ['goes out just beyond it', AVERAGE, 10, 10, [110.1], 12],
  ['stays at the lower edge', AVERAGE, 10, 10, [90], 10],
  ['goes in just below it', AVERAGE, 10, 10, [89.9], 9],
  ['sums external series', AVERAGE, 1, 1, [10, 20, 5], 4],
  ['from zero knows no tolerance', AVERAGE, 0, 0, [10.1], 2],
  ['from zero stays without load', AVERAGE, 0, 0, [0], 0],
  ['proposes none at no load', AVERAGE, 3, 3, [0], 0],
  ['hpa-v2 shares out alike', HPA_AVERAGE, 3, 3, [50], 5],
  ['hpa-v2 stays at the upper edge', HPA_AVERAGE, 10, 10, [110], 10],
  ['hpa-v2 goes out just beyond it', HPA_AVERAGE, 10, 10, [110.001], 12],
  ['hpa-v2 from zero', HPA_AVERAGE, 0, 0, [10.1], 2],
  ['hpa-v2 from zero without load', HPA_AVERAGE, 0, 0, [0], 0],
  ['stays with what there is when rounding gives that', AVERAGE, 2, 2, [17], 2],

  // Nothing to go by.
  ['has none without series', VALUE, 3, 3, [], 'signal_absent'],
  ['has none for NaN', VALUE, 3, 3, [NaN], 'signal_not_a_number'],
  ['has none for one NaN among others', AVERAGE, 3, 3, [90, NaN], 'signal_not_a_number'],
  ['has none for infinity', HPA_VALUE, 3, 3, [Infinity], 'signal_not_a_number'],
  ['has none for a negative value', HPA_AVERAGE, 3, 3, [-1], 'signal_out_of_range'],
  ['has none for one negative among others', VALUE, 3, 3, [100, -1], 'signal_out_of_range'],
  ['has none for a sum beyond numbers', VALUE, 3, 3, [1e308, 1e308], 'signal_out_of_range'],
  [
    'has none for a ratio beyond numbers',
    metric({ target: 1e-5 }),
    3,
    3,
    [1e308],
    'signal_out_of_range',
  ],
];

function hpa(overrides: Partial<ObjectMetric>) {
  return metric({ ...NO_TOLERANCE, ...overrides, compatibility: 'hpa-v2' });
}

describe(`proposeFromObject: ${CASES.length} cases from autoscaling/v2`, () => {
  for (const [title, asked, current, ready, values, expected] of CASES) {
    it(`${asked.kind}: ${title}`, () => {
      const proposal = run(asked, current, ready, values);
      const got = proposal.kind === 'none' ? proposal.reason : proposal.replicas;
      assert.equal(got, expected);
    });
  }

  it('tells staying within the tolerance from proposing the same number', () => {
    const within = run(AVERAGE, 2, 2, [20]);
    const rounded = run(AVERAGE, 2, 2, [17]);
    assert.ok(within.kind === 'replicas' && within.withinTolerance);
    assert.ok(rounded.kind === 'replicas' && !rounded.withinTolerance);
  });

  it('uses a sample as old as allowed, in either direction of time, and no older', () => {
    assert.equal(run(VALUE, 3, 3, [5], AGE_MAX_MS).kind, 'replicas');
    assert.equal(run(VALUE, 3, 3, [5], -AGE_MAX_MS).kind, 'replicas');
    for (const ageMs of [AGE_MAX_MS + 1, -AGE_MAX_MS - 1]) {
      const proposal = run(VALUE, 3, 3, [5], ageMs);
      assert.ok(proposal.kind === 'none' && proposal.reason === 'signal_stale');
    }
    const unjudged = run(metric({ sampleAgeMaxMs: null }), 3, 3, [5], 9e9);
    assert.equal(unjudged.kind, 'replicas');
  });

  it('does not use a sample whose age is not known', () => {
    for (const sampledAtMs of [null, NaN]) {
      const series = [{ value: 5, sampledAtMs }];
      const proposal = proposeFromObject(VALUE, { nowMs: NOW_MS, current: 3, ready: 3, series });
      assert.ok(proposal.kind === 'none' && proposal.reason === 'signal_stale');
    }
  });
});

const anyMetric = fc
  .record({
    kind: fc.constantFrom('value', 'average_value'),
    target: fc.double({ min: 0.01, max: 1_000, noNaN: true }),
    toleranceUpRatio: fc.double({ min: 0, max: 1, noNaN: true }),
    toleranceDownRatio: fc.double({ min: 0, max: 1, noNaN: true }),
    compatibility: fc.constantFrom('default', 'hpa-v2'),
  })
  .map((drawn) => metric(drawn));
const anyCount = fc.integer({ min: 0, max: 100 });
const anySeries = fc.array(fc.double({ min: 0, max: 10_000, noNaN: true }), {
  minLength: 1,
  maxLength: 6,
});

describe('proposeFromObject: properties', () => {
  it('is bounded, whole and independent of the order of the series', () => {
    fc.assert(
      fc.property(anyMetric, anyCount, anyCount, anySeries, (asked, current, ready, values) => {
        const proposal = run(asked, current, ready, values);
        assert.deepEqual(run(asked, current, ready, values.toReversed()), proposal);
        if (proposal.kind === 'none') return;
        assert.ok(Number.isSafeInteger(proposal.replicas) && proposal.replicas >= 0);
        assert.ok(Number.isFinite(proposal.ratio));
      }),
      { numRuns: 4_000 },
    );
  });

  it('is monotone in load', () => {
    fc.assert(
      fc.property(
        anyMetric,
        anyCount,
        anyCount,
        anySeries,
        fc.double({ min: 0, max: 10_000, noNaN: true }),
        (drawn, current, ready, values, more) => {
          const asked = { ...drawn, compatibility: 'default' } as const;
          const light = run(asked, current, ready, values);
          const heavy = run(asked, current, ready, [...values, more]);
          if (light.kind === 'none' || heavy.kind === 'none') return;
          assert.ok(heavy.replicas >= light.replicas);
        },
      ),
      { numRuns: 6_000 },
    );
  });

  it('proposes nothing from any series with a broken or old value', () => {
    const broken = fc.constantFrom(NaN, Infinity, -Infinity, -1, -1e-9);
    fc.assert(
      fc.property(anyMetric, anyCount, anySeries, broken, (asked, current, values, one) => {
        assert.equal(run(asked, current, current, [...values, one]).kind, 'none');
        assert.equal(run(asked, current, current, values, AGE_MAX_MS + 1).kind, 'none');
      }),
      { numRuns: 1_000 },
    );
  });
});
