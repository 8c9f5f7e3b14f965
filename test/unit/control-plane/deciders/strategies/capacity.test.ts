import assert from 'node:assert/strict';
import fc from 'fast-check';
import { proposeCapacity } from '../../../../../control-plane/deciders/strategies/capacity.ts';
import type { CapacityRules } from '../../../../../control-plane/deciders/strategies/capacity.ts';
import { BROKEN_VALUES, NOW_MS, answer } from '../../../../support/strategy-proposals.ts';

const AGE_MAX_MS = 60_000;
const reading = (value: number, ageMs = 0) => ({ value, sampledAtMs: NOW_MS - ageMs });

const capacity = (overrides: Partial<CapacityRules> = {}): CapacityRules => ({
  concurrency: 8,
  peakFactor: 1,
  marginRatio: 0,
  redundantReplicas: 0,
  sampleAgeMaxMs: AGE_MAX_MS,
  ...overrides,
});

const CAPACITY: readonly [
  string,
  CapacityRules,
  rate: number | null,
  latencyMs: number | null,
  number | string,
][] = [
  ['rate × latency ÷ concurrency', capacity(), 100, 800, 10],
  ['rounds up', capacity(), 100, 801, 11],
  ['does not round binary fractions up', capacity({ concurrency: 0.1 }), 0.3, 1_000, 3],
  ['a margin on top', capacity({ marginRatio: 0.2 }), 100, 800, 12],
  ['a peak factor on top', capacity({ peakFactor: 1.5 }), 100, 800, 15],
  ['both multiply', capacity({ marginRatio: 0.2, peakFactor: 1.5 }), 100, 800, 18],
  ['N+1', capacity({ redundantReplicas: 1 }), 100, 800, 11],
  ['N+2', capacity({ redundantReplicas: 2 }), 100, 800, 12],
  ['redundancy is not multiplied', capacity({ redundantReplicas: 2, peakFactor: 2 }), 100, 800, 22],
  ['nothing at no rate', capacity(), 0, 800, 0],
  ['redundant ones stay at no rate', capacity({ redundantReplicas: 1 }), 0, 800, 1],
  ['no rate and no latency is no load', capacity(), 0, 0, 0],
  ['one for a little', capacity(), 0.001, 1, 1],
  ['none without a rate', capacity(), null, 800, 'signal_absent'],
  ['none without a latency', capacity(), 100, null, 'signal_absent'],
  ['none for a rate of NaN', capacity(), NaN, 800, 'signal_not_a_number'],
  ['none for a negative rate', capacity(), -1, 800, 'signal_out_of_range'],
  ['none for a latency of NaN', capacity(), 100, NaN, 'signal_not_a_number'],
  ['none for a negative latency', capacity(), 100, -1, 'signal_out_of_range'],
  ['none for requests without time', capacity(), 100, 0, 'signal_out_of_range'],
  ['none beyond numbers', capacity(), 1e308, 1e308, 'signal_out_of_range'],
  ['bounded', capacity({ redundantReplicas: 2 }), 1e200, 1, 2 ** 31 - 1],
];

describe(`proposeCapacity: ${CAPACITY.length} cases`, () => {
  for (const [title, rules, rate, latencyMs, expected] of CAPACITY) {
    it(title, () => {
      const proposal = proposeCapacity(rules, {
        nowMs: NOW_MS,
        rate: rate === null ? null : reading(rate),
        latencyMs: latencyMs === null ? null : reading(latencyMs),
      });
      assert.equal(answer(proposal), expected);
    });
  }

  it('needs both to be as fresh as allowed', () => {
    const of = (rateAgeMs: number, latencyAgeMs: number) =>
      proposeCapacity(capacity(), {
        nowMs: NOW_MS,
        rate: reading(100, rateAgeMs),
        latencyMs: reading(800, latencyAgeMs),
      });
    assert.equal(answer(of(AGE_MAX_MS, AGE_MAX_MS)), 10);
    assert.deepEqual(of(AGE_MAX_MS + 1, 0), {
      kind: 'none',
      reason: 'signal_stale',
      detail: 'rate: the sample is 60001 ms old, the policy allows 60000 ms',
    });
    assert.equal(answer(of(0, AGE_MAX_MS + 1)), 'signal_stale');
  });
});

describe('proposeCapacity: properties', () => {
  it('is monotone in rate and latency, bounded and whole', () => {
    const load = fc.double({ min: 0.001, max: 1e6, noNaN: true });
    fc.assert(
      fc.property(load, load, load, load, (rate, latencyMs, moreRate, moreLatency) => {
        const of = (r: number, l: number) => {
          const rules = capacity({ peakFactor: 1.3, marginRatio: 0.1, redundantReplicas: 1 });
          const input = { nowMs: NOW_MS, rate: reading(r), latencyMs: reading(l) };
          const proposal = proposeCapacity(rules, input);
          assert.ok(proposal.kind === 'replicas');
          return proposal.replicas;
        };
        const light = of(rate, latencyMs);
        assert.ok(of(rate + moreRate, latencyMs + moreLatency) >= light);
        assert.ok(Number.isSafeInteger(light) && light >= 1);
      }),
      { numRuns: 3_000 },
    );
  });

  it('proposes nothing from anything broken', () => {
    fc.assert(
      fc.property(fc.constantFrom(...BROKEN_VALUES), fc.nat(1_000), (value, age) => {
        const good = reading(10, age);
        for (const [rate, latencyMs] of [
          [reading(value), good],
          [good, reading(value)],
        ] as const) {
          const proposal = proposeCapacity(capacity(), { nowMs: NOW_MS, rate, latencyMs });
          assert.equal(proposal.kind, 'none');
        }
      }),
      { numRuns: 500 },
    );
  });
});
