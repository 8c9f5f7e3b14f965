import assert from 'node:assert/strict';
import fc from 'fast-check';
import {
  CONCURRENCY_DEFAULTS,
  DELAYED_MAX,
  excessBurstCapacity,
  initialConcurrencyState,
  proposeFromConcurrency,
} from '../../../../../control-plane/deciders/strategies/concurrency.ts';
import type {
  ConcurrencyInput,
  ConcurrencyRules,
  ConcurrencyState,
} from '../../../../../control-plane/deciders/strategies/concurrency.ts';

const NOW_MS = 1_000_000_000;
const CALM: ConcurrencyState = {
  panicAtMs: null,
  panicReplicasMax: 0,
  idleSinceMs: null,
  delayed: [],
};

const rules = (overrides: Partial<ConcurrencyRules> = {}): ConcurrencyRules => ({
  ...CONCURRENCY_DEFAULTS,
  target: 10,
  capacity: 14,
  ...overrides,
});
/** A point in the panic window, and one more that brings the stable mean to `stable`. */
const input = (
  ready: number,
  stable: number,
  panic = stable,
  current = ready,
): ConcurrencyInput => ({
  nowMs: NOW_MS,
  current,
  ready,
  points: [
    { value: panic, atMs: NOW_MS },
    { value: 2 * stable - panic, atMs: NOW_MS - 30_000 },
  ],
});
const panicking = (ageMs: number, replicas: number): ConcurrencyState => ({
  ...CALM,
  panicAtMs: NOW_MS - ageMs,
  panicReplicasMax: replicas,
});
const idle = (ageMs: number): ConcurrencyState => ({ ...CALM, idleSinceMs: NOW_MS - ageMs });

type Mode = 'panic' | 'calm';
type Case = readonly [
  title: string,
  ConcurrencyRules,
  ConcurrencyInput,
  ConcurrencyState,
  replicas: number,
  mode: Mode,
];

const CASES: readonly Case[] = [
  // Stable.
  ['takes what the stable window needs', rules(), input(5, 50), CALM, 5, 'calm'],
  ['rounds up', rules(), input(5, 50.1), CALM, 6, 'calm'],
  ['does not round binary fractions up', rules({ target: 0.1 }), input(3, 0.3), CALM, 3, 'calm'],
  ['goes in', rules(), input(5, 31), CALM, 4, 'calm'],
  ['goes in to half of the ready ones at most', rules(), input(8, 10), CALM, 4, 'calm'],
  ['rounds that half down', rules(), input(9, 10), CALM, 4, 'calm'],
  [
    'has a rate of its own for going in',
    rules({ maxScaleDownRate: 4 }),
    input(8, 10),
    CALM,
    2,
    'calm',
  ],
  [
    'goes in at once when nothing reaches it',
    rules({ reachable: false }),
    input(8, 10),
    CALM,
    1,
    'calm',
  ],
  ['listens to the stable window when calm', rules(), input(10, 80, 120), CALM, 8, 'calm'],
  [
    'counts none ready as one',
    rules({ maxScaleUpRate: 3, panicThresholdRatio: 100 }),
    input(0, 90, 90, 1),
    CALM,
    3,
    'calm',
  ],

  // Rates.
  [
    'goes out by the rate at most',
    rules({ maxScaleUpRate: 1.5, panicThresholdRatio: 100 }),
    input(4, 100),
    CALM,
    6,
    'calm',
  ],
  [
    'rounds that rate up',
    rules({ maxScaleUpRate: 1.1, panicThresholdRatio: 100 }),
    input(3, 100),
    CALM,
    4,
    'calm',
  ],

  // Panic.
  ['panics at twice the ready ones', rules(), input(5, 60, 100), CALM, 10, 'panic'],
  ['does not panic below that', rules(), input(5, 60, 90), CALM, 6, 'calm'],
  ['rounds up before it compares', rules(), input(5, 60, 90.1), CALM, 10, 'panic'],
  [
    'has a threshold of its own',
    rules({ panicThresholdRatio: 1.5 }),
    input(4, 40, 60),
    CALM,
    6,
    'panic',
  ],
  ['and is calm below it', rules({ panicThresholdRatio: 1.6 }), input(4, 40, 60), CALM, 4, 'calm'],
  [
    'compares without the rate',
    rules({ maxScaleUpRate: 1.5 }),
    input(5, 60, 100),
    CALM,
    8,
    'panic',
  ],
  ['takes the larger of both windows', rules(), input(3, 70, 60), CALM, 7, 'panic'],
  ['never falls in panic', rules(), input(10, 50, 40), panicking(10_000, 10), 10, 'panic'],
  ['rises in panic', rules(), input(10, 60, 120), panicking(10_000, 10), 12, 'panic'],
  [
    'is still in panic after a stable window',
    rules(),
    input(10, 50),
    panicking(60_000, 10),
    10,
    'panic',
  ],
  ['is calm 1 ms later', rules(), input(10, 50), panicking(60_001, 10), 5, 'calm'],
  [
    'starts anew after a window when over again',
    rules(),
    input(5, 60, 100),
    panicking(60_001, 7),
    10,
    'panic',
  ],
  [
    'keeps the maximum when over again',
    rules(),
    input(5, 60, 100),
    panicking(60_001, 12),
    12,
    'panic',
  ],

  // Activation.
  ['activates with so many', rules({ activationScale: 4 }), input(0, 5, 5, 0), CALM, 4, 'calm'],
  ['goes beyond them when needed', rules({ activationScale: 4 }), input(3, 50), CALM, 5, 'calm'],
  [
    'an activation scale holds nothing at no load',
    rules({ activationScale: 4 }),
    input(1, 0),
    CALM,
    1,
    'calm',
  ],
  [
    'nor lets it go above zero by itself',
    rules({ activationScale: 4 }),
    input(0, 0),
    CALM,
    0,
    'calm',
  ],
  ['activates in panic too', rules({ activationScale: 4 }), input(1, 10, 20), CALM, 4, 'panic'],

  // Zero.
  ['keeps the last one at first', rules(), input(1, 0), CALM, 1, 'calm'],
  ['keeps it until the grace is over', rules(), input(1, 0), idle(29_999), 1, 'calm'],
  ['lets it go then', rules(), input(1, 0), idle(30_000), 0, 'calm'],
  [
    'keeps it for good when told so',
    rules({ scaleToZero: false }),
    input(1, 0),
    idle(9e9),
    1,
    'calm',
  ],
  ['a little load keeps it', rules(), input(1, 0.001), idle(30_000), 1, 'calm'],
  ['does not come back from zero to wait', rules(), input(0, 0), CALM, 0, 'calm'],
  ['comes from zero at once', rules(), input(0, 0.001), CALM, 1, 'calm'],
  ['the rate keeps one of two', rules(), input(2, 0), idle(30_000), 1, 'calm'],
  ['does not go to zero in panic', rules(), input(1, 0), panicking(10_000, 3), 3, 'panic'],
];

describe(`proposeFromConcurrency: ${CASES.length} cases from Knative`, () => {
  for (const [title, asked, given, state, replicas, mode] of CASES) {
    it(title, () => {
      const answer = proposeFromConcurrency(asked, given, state);
      assert.ok(answer.proposal.kind === 'replicas');
      assert.equal(answer.proposal.replicas, replicas);
      assert.equal(answer.state.panicAtMs === null ? 'calm' : 'panic', mode);
      assert.ok(answer.proposal.detail.startsWith(mode));
    });
  }
});

describe('the state of panic', () => {
  it('begins anew each time the threshold is crossed', () => {
    const over = proposeFromConcurrency(rules(), input(5, 60, 100), panicking(50_000, 10));
    assert.equal(over.state.panicAtMs, NOW_MS);
    const under = proposeFromConcurrency(rules(), input(10, 60, 80), panicking(50_000, 10));
    assert.equal(under.state.panicAtMs, NOW_MS - 50_000);
  });

  it('is forgotten whole', () => {
    const { state } = proposeFromConcurrency(rules(), input(10, 50), panicking(60_001, 10));
    assert.deepEqual([state.panicAtMs, state.panicReplicasMax], [null, 0]);
  });

  it('is where a new memory of more than one replica starts', () => {
    assert.deepEqual(initialConcurrencyState(2, NOW_MS), panicking(0, 2));
    assert.deepEqual(initialConcurrencyState(1, NOW_MS), CALM);
    assert.deepEqual(initialConcurrencyState(0, NOW_MS), CALM);
    const started = initialConcurrencyState(8, NOW_MS);
    const { proposal } = proposeFromConcurrency(rules(), input(8, 10), started);
    assert.ok(proposal.kind === 'replicas' && proposal.replicas === 8);
  });

  it('remembers since when nothing is wanted, until something is', () => {
    const first = proposeFromConcurrency(rules(), input(1, 0), CALM).state;
    assert.equal(first.idleSinceMs, NOW_MS);
    assert.equal(
      proposeFromConcurrency(rules(), input(1, 0), idle(5)).state.idleSinceMs,
      NOW_MS - 5,
    );
    assert.equal(proposeFromConcurrency(rules(), input(1, 1), idle(5)).state.idleSinceMs, null);
  });
});

describe('the delay of going in', () => {
  const slow = rules({ scaleDownDelayMs: 20_000 });
  const wanted = (ageMs: number, replicas: number): ConcurrencyState => ({
    ...CALM,
    delayed: [{ atMs: NOW_MS - ageMs, replicas }],
  });
  const propose = (state: ConcurrencyState, load = 50) => {
    const { proposal, state: after } = proposeFromConcurrency(slow, input(10, load), state);
    assert.ok(proposal.kind === 'replicas');
    return [proposal.replicas, after.delayed.map(({ replicas }) => replicas)];
  };

  it('holds the largest of the delay, up to its last ms', () => {
    assert.deepEqual(propose(wanted(19_999, 9)), [9, [9, 5]]);
    assert.deepEqual(propose(wanted(20_000, 9)), [5, [5]]);
  });

  it('does not delay going out', () => {
    assert.deepEqual(propose(wanted(1_000, 9), 120), [12, [12]]);
  });

  it('keeps one of equals, the newest', () => {
    assert.deepEqual(propose(wanted(1_000, 5)), [5, [5]]);
  });

  it('remembers nothing without a delay', () => {
    const { state } = proposeFromConcurrency(rules(), input(10, 50), wanted(1_000, 9));
    assert.deepEqual(state.delayed, []);
  });

  it('stays bounded, and forgets nothing too early', () => {
    let state: ConcurrencyState = CALM;
    const steady = rules({ target: 1, scaleDownDelayMs: 1e9, reachable: false });
    const from = DELAYED_MAX + 100;
    for (let step = 0; step < 100 + DELAYED_MAX; step += 1) {
      const given = { ...input(from, from - step), nowMs: NOW_MS };
      state = proposeFromConcurrency(steady, given, state).state;
    }
    assert.equal(state.delayed.length, DELAYED_MAX);
    assert.equal(state.delayed[0]?.replicas, from);
  });
});

/** ready × capacity − wanted burst − panic value, rounded down. */
const BURST: readonly [string, burst: number, ready: number, panic: number, expected: number][] = [
  ['what is left', 200, 30, 100, 120],
  ['rounded down', 200, 30, 100.5, 119],
  ['exactly nothing', 200, 30, 220, 0],
  ['less than nothing', 200, 30, 220.1, -1],
  ['nothing ready', 200, 0, 0, -200],
  ['none asked for', 0, 30, 1_000, 0],
  ['all asked for', -1, 30, 0, -1],
];

describe(`excessBurstCapacity: ${BURST.length} cases from Knative`, () => {
  for (const [title, targetBurstCapacity, ready, panic, expected] of BURST) {
    it(title, () => {
      const asked = { targetBurstCapacity, capacity: 14 };
      assert.equal(excessBurstCapacity(asked, ready, panic), expected);
    });
  }

  it('is answered with the proposal, from the panic window', () => {
    const answer = proposeFromConcurrency(rules(), input(30, 200, 100), CALM);
    assert.equal(answer.excessBurstCapacity, 120);
  });
});

describe('windows of concurrency', () => {
  const at = (...points: readonly [value: number, ageMs: number][]) => ({
    ...input(5, 0),
    points: points.map(([value, ageMs]) => ({ value, atMs: NOW_MS - ageMs })),
  });
  const run = (given: ConcurrencyInput) => {
    const { proposal } = proposeFromConcurrency(rules(), given, CALM);
    return proposal.kind === 'none' ? proposal.reason : proposal.replicas;
  };

  it('see points younger than the window', () => {
    assert.equal(run(at([50, 0], [70, 59_999])), 6);
    assert.equal(run(at([50, 0], [70, 60_000])), 5);
  });

  it('panic: the same at its own edge', () => {
    assert.equal(run(at([100, 5_999], [0, 30_000])), 10);
    assert.equal(run(at([100, 6_000], [0, 30_000])), 'signal_stale');
    assert.equal(run(at([50, 0], [500, 6_000], [0, 30_000], [0, 40_000], [0, 50_000])), 11);
  });

  it('do not see the future', () => {
    assert.equal(run(at([50, 0], [500, -1])), 5);
  });

  const nothing: readonly [string, ConcurrencyInput, string][] = [
    ['no points', at(), 'signal_absent'],
    ['only old points', at([50, 60_000]), 'signal_stale'],
    ['no point in the panic window', at([50, 6_000]), 'signal_stale'],
    ['NaN', at([50, 0], [NaN, 1]), 'signal_not_a_number'],
    ['infinity', at([Infinity, 0]), 'signal_not_a_number'],
    ['a negative value', at([50, 0], [-1, 1]), 'signal_out_of_range'],
    ['an unknown time', at([50, 0], [50, NaN]), 'signal_stale'],
    ['values beyond numbers', at([1e308, 0], [1e308, 1]), 'signal_out_of_range'],
  ];
  for (const [title, given, reason] of nothing) {
    it(`propose nothing with ${title}, and remember what they did`, () => {
      const state = panicking(1e9, 7);
      const answer = proposeFromConcurrency(rules(), given, state);
      assert.ok(answer.proposal.kind === 'none');
      assert.equal(answer.proposal.reason, reason);
      assert.deepEqual(answer.state, state);
      assert.equal(answer.excessBurstCapacity, null);
    });
  }
});

const anyRules = fc
  .record({
    target: fc.double({ min: 0.1, max: 100, noNaN: true }),
    panicThresholdRatio: fc.double({ min: 1.1, max: 10, noNaN: true }),
    maxScaleUpRate: fc.double({ min: 1.1, max: 1_000, noNaN: true }),
    maxScaleDownRate: fc.double({ min: 1.1, max: 10, noNaN: true }),
    reachable: fc.boolean(),
    activationScale: fc.integer({ min: 1, max: 10 }),
    scaleDownDelayMs: fc.constantFrom(0, 30_000),
    scaleToZero: fc.boolean(),
  })
  .map(rules);
const anyState = fc.record({
  panicAtMs: fc.option(fc.integer({ min: NOW_MS - 120_000, max: NOW_MS })),
  panicReplicasMax: fc.integer({ min: 0, max: 50 }),
  idleSinceMs: fc.option(fc.integer({ min: NOW_MS - 60_000, max: NOW_MS })),
  delayed: fc.constant([]),
});
const anyPoints = fc.array(
  fc.record({
    value: fc.double({ min: 0, max: 5_000, noNaN: true }),
    atMs: fc.integer({ min: NOW_MS - 90_000, max: NOW_MS }),
  }),
  { minLength: 1, maxLength: 8 },
);
const given = (points: ConcurrencyInput['points'], ready: number): ConcurrencyInput => ({
  nowMs: NOW_MS,
  current: ready,
  ready,
  points,
});

describe('proposeFromConcurrency: properties', () => {
  it('is whole, bounded by its rates or its activation, and independent of the order', () => {
    fc.assert(
      fc.property(anyRules, anyState, anyPoints, fc.nat(100), (asked, state, points, ready) => {
        const answer = proposeFromConcurrency(asked, given(points, ready), state);
        const turned = proposeFromConcurrency(asked, given(points.toReversed(), ready), state);
        assert.deepEqual(turned, answer);
        if (answer.proposal.kind === 'none') return;
        const { replicas } = answer.proposal;
        assert.ok(Number.isSafeInteger(replicas) && replicas >= 0);
        const highest = Math.max(
          Math.ceil(Math.max(1, ready) * asked.maxScaleUpRate),
          asked.activationScale,
          answer.state.panicReplicasMax,
          state.panicReplicasMax,
        );
        assert.ok(replicas <= highest);
      }),
      { numRuns: 6_000 },
    );
  });

  it('is monotone in load', () => {
    fc.assert(
      fc.property(
        anyRules,
        anyState,
        anyPoints,
        fc.nat(100),
        fc.nat(7),
        (asked, state, points, ready, at) => {
          const more = points.map((point, index) =>
            index === at ? { ...point, value: point.value * 1.5 + 1 } : point,
          );
          const light = proposeFromConcurrency(asked, given(points, ready), state).proposal;
          const heavy = proposeFromConcurrency(asked, given(more, ready), state).proposal;
          if (light.kind === 'none' || heavy.kind === 'none') return;
          assert.ok(heavy.replicas >= light.replicas);
        },
      ),
      { numRuns: 6_000 },
    );
  });

  it('never falls while in panic', () => {
    fc.assert(
      fc.property(anyRules, anyPoints, fc.nat(100), fc.nat(50), (asked, points, ready, most) => {
        const answer = proposeFromConcurrency(asked, given(points, ready), panicking(0, most + 1));
        if (answer.proposal.kind === 'none') return;
        assert.ok(answer.proposal.replicas >= most + 1);
      }),
      { numRuns: 4_000 },
    );
  });

  it('proposes nothing with any point broken, or when all are old', () => {
    const broken = fc.constantFrom(NaN, Infinity, -Infinity, -1, -1e-9);
    fc.assert(
      fc.property(anyRules, anyState, anyPoints, broken, (asked, state, points, value) => {
        const worse = [...points, { value, atMs: NOW_MS }];
        assert.equal(proposeFromConcurrency(asked, given(worse, 9), state).proposal.kind, 'none');
        const late = { ...given(points, 9), nowMs: NOW_MS + 60_000 };
        assert.equal(proposeFromConcurrency(asked, late, state).proposal.kind, 'none');
      }),
      { numRuns: 1_000 },
    );
  });

  it('keeps a bounded state over many ticks', () => {
    fc.assert(
      fc.property(anyRules, fc.array(fc.nat(2_000), { maxLength: 60 }), (asked, loads) => {
        let state = initialConcurrencyState(3, NOW_MS);
        loads.forEach((value, tick) => {
          const nowMs = NOW_MS + tick * 2_000;
          const points = [{ value, atMs: nowMs }];
          state = proposeFromConcurrency(
            asked,
            { nowMs, current: 3, ready: 3, points },
            state,
          ).state;
          assert.ok(state.delayed.length <= 16);
          assert.deepEqual(JSON.parse(JSON.stringify(state)), state);
        });
      }),
      { numRuns: 300 },
    );
  });
});
