import assert from 'node:assert/strict';
import fc from 'fast-check';
import { proposeFromQueue } from '../../../../../control-plane/deciders/strategies/queue-depth.ts';
import type {
  QueueRules,
  QueueState,
} from '../../../../../control-plane/deciders/strategies/queue-depth.ts';
import { BROKEN_VALUES, NOW_MS, answer } from '../../../../support/strategy-proposals.ts';

const AGE_MAX_MS = 60_000;
const reading = (value: number, ageMs = 0) => ({ value, sampledAtMs: NOW_MS - ageMs });

const queue = (overrides: Partial<QueueRules> = {}): QueueRules => ({
  target: 10,
  activation: 0,
  cooldownMs: 300_000,
  toleranceUpRatio: 0.1,
  toleranceDownRatio: 0.1,
  sampleAgeMaxMs: AGE_MAX_MS,
  ...overrides,
});
const FRESH: QueueState = { activeAtMs: null };
const active = (ageMs: number): QueueState => ({ activeAtMs: NOW_MS - ageMs });
const fromQueue = (rules: QueueRules, current: number, depth: number | null, state = FRESH) =>
  proposeFromQueue(
    rules,
    { nowMs: NOW_MS, current, depth: depth === null ? null : reading(depth) },
    state,
  );

const QUEUE: readonly [
  string,
  QueueRules,
  current: number,
  depth: number | null,
  QueueState,
  number | string,
][] = [
  ['shares the queue out', queue(), 2, 45, FRESH, 5],
  ['goes in', queue(), 9, 45, FRESH, 5],
  ['stays at the upper edge of the tolerance', queue(), 10, 110, FRESH, 10],
  ['goes out beyond it', queue(), 10, 110.1, FRESH, 12],
  ['stays at the lower edge', queue(), 10, 90, FRESH, 10],
  ['goes in below it', queue(), 10, 89.9, FRESH, 9],
  ['wakes at the first item', queue(), 0, 1, FRESH, 1],
  ['wakes with what is needed', queue(), 0, 45, FRESH, 5],
  ['sleeps at the activation', queue({ activation: 5 }), 0, 5, FRESH, 0],
  ['wakes above it', queue({ activation: 5 }), 0, 5.1, FRESH, 1],
  ['stays asleep with nothing', queue(), 0, 0, FRESH, 0],
  ['keeps one at first', queue(), 3, 0, FRESH, 1],
  ['keeps one until the cooldown is over', queue(), 3, 0, active(299_999), 1],
  ['sleeps then', queue(), 3, 0, active(300_000), 0],
  ['keeps what the rest needs meanwhile', queue({ activation: 30 }), 3, 25, active(1_000), 3],
  ['and no more than there are', queue({ activation: 90 }), 3, 85, active(1_000), 3],
  [
    'sleeps at the activation after the cooldown',
    queue({ activation: 5 }),
    3,
    5,
    active(300_000),
    0,
  ],
  ['sleeps at once without a cooldown', queue({ cooldownMs: 0 }), 3, 0, FRESH, 0],
  ['none without a depth', queue(), 3, null, active(9e8), 'signal_absent'],
  ['none for NaN', queue(), 3, NaN, active(9e8), 'signal_not_a_number'],
  ['none for a negative depth', queue(), 3, -1, active(9e8), 'signal_out_of_range'],
  ['none beyond numbers', queue({ target: 1e-9 }), 3, 1e308, FRESH, 'signal_out_of_range'],
];

describe(`proposeFromQueue: ${QUEUE.length} cases from KEDA`, () => {
  for (const [title, rules, current, depth, state, expected] of QUEUE) {
    it(title, () => {
      assert.equal(answer(fromQueue(rules, current, depth, state).proposal), expected);
    });
  }

  it('remembers when it was last needed', () => {
    assert.equal(fromQueue(queue(), 1, 1, active(5)).state.activeAtMs, NOW_MS);
    assert.equal(fromQueue(queue(), 1, 0, active(5)).state.activeAtMs, NOW_MS - 5);
  });

  it('starts the cooldown at the first look at an idle queue, not before', () => {
    assert.equal(fromQueue(queue(), 1, 0, FRESH).state.activeAtMs, NOW_MS);
  });

  it('does not let an outage of the metric use up the memory', () => {
    assert.deepEqual(fromQueue(queue(), 3, null, active(5)).state, active(5));
    assert.deepEqual(fromQueue(queue(), 3, NaN, FRESH).state, FRESH);
  });

  it('proposes nothing from an old depth', () => {
    const of = (ageMs: number) =>
      proposeFromQueue(
        queue(),
        { nowMs: NOW_MS, current: 3, depth: reading(0, ageMs) },
        active(9e8),
      ).proposal;
    assert.equal(answer(of(AGE_MAX_MS)), 0);
    assert.equal(answer(of(AGE_MAX_MS + 1)), 'signal_stale');
  });
});

const anyRules = fc.record({
  target: fc.double({ min: 0.1, max: 100, noNaN: true }),
  activation: fc.double({ min: 0, max: 100, noNaN: true }),
  cooldownMs: fc.constantFrom(0, 300_000),
  toleranceUpRatio: fc.double({ min: 0, max: 1, noNaN: true }),
  toleranceDownRatio: fc.double({ min: 0, max: 1, noNaN: true }),
});
const anyState = fc.option(fc.nat(600_000)).map((age) => (age === null ? FRESH : active(age)));
const anyLoad = fc.double({ min: 0, max: 5_000, noNaN: true });

describe('proposeFromQueue: properties', () => {
  it('is monotone in its depth, bounded and whole', () => {
    fc.assert(
      fc.property(
        anyRules,
        anyState,
        fc.nat(100),
        anyLoad,
        anyLoad,
        (drawn, state, current, depth, more) => {
          const light = fromQueue(queue(drawn), current, depth, state).proposal;
          const heavy = fromQueue(queue(drawn), current, depth + more, state).proposal;
          assert.ok(light.kind === 'replicas' && heavy.kind === 'replicas');
          assert.ok(heavy.replicas >= light.replicas);
          assert.ok(Number.isSafeInteger(light.replicas) && light.replicas >= 0);
        },
      ),
      { numRuns: 5_000 },
    );
  });

  it('proposes nothing from anything broken, and remembers as before', () => {
    fc.assert(
      fc.property(anyRules, anyState, fc.constantFrom(...BROKEN_VALUES), (drawn, state, value) => {
        const fromBroken = fromQueue(queue(drawn), 5, value, state);
        assert.equal(fromBroken.proposal.kind, 'none');
        assert.deepEqual(fromBroken.state, state);
      }),
      { numRuns: 1_000 },
    );
  });
});
