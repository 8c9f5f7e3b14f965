import assert from 'node:assert/strict';
import fc from 'fast-check';
import {
  INFERENCE_DEFAULTS,
  proposeForInference,
} from '../../../../../control-plane/deciders/strategies/inference.ts';
import type {
  InferenceInput,
  InferenceReplica,
  InferenceRules,
} from '../../../../../control-plane/deciders/strategies/inference.ts';

const NOW_MS = 1_000_000_000;
const AGE_MAX_MS = INFERENCE_DEFAULTS.sampleAgeMaxMs;

const rules = (overrides: Partial<InferenceRules> = {}): InferenceRules => ({
  ...INFERENCE_DEFAULTS,
  ...overrides,
});
const SLO = rules({ timeToFirstToken: { targetMs: 1_000, scaleInRatio: 0.5 } });

type Load = readonly [queue: number | null, kvCache: number | null, latencyMs?: number | null];
const input = (
  loads: readonly Load[],
  overrides: Partial<InferenceInput> = {},
  ageMs = 0,
): InferenceInput => ({
  nowMs: NOW_MS,
  current: loads.length,
  starting: 0,
  replicas: loads.map(([queueDepth, kvCacheRatio, latencyMs = null], index) => ({
    id: `r${index}`,
    sampledAtMs: NOW_MS - ageMs,
    queueDepth,
    kvCacheRatio,
    timeToFirstTokenMs: latencyMs,
  })),
  ...overrides,
});
const each = (count: number, load: Load): readonly Load[] =>
  Array.from({ length: count }, () => load);

type Expected = number | string | readonly [number, string];
const CASES: readonly [string, InferenceRules, InferenceInput, Expected][] = [
  // Out.
  ['stays when there is enough to spare', rules(), input(each(2, [1, 0.5])), 2],
  ['goes out when the cache is short of spare', rules(), input(each(3, [0, 0.75])), 4],
  ['stays at the least spare of the cache', rules(), input(each(3, [0, 0.7])), 3],
  ['goes out just beyond it', rules(), input(each(3, [0, 0.701])), 4],
  ['goes out when the queues are short of spare', rules(), input(each(3, [3, 0.1])), 4],
  ['stays at the least spare of the queue', rules(), input(each(3, [2, 0.1])), 3],
  ['goes out just beyond it', rules(), input(each(3, [2.001, 0.1])), 4],
  [
    'takes the mean over replicas',
    rules(),
    input([
      [0, 0.79],
      [0, 0.6],
    ]),
    2,
  ],
  [
    'a saturated one has nothing to spare',
    rules(),
    input([
      [0, 1],
      [0, 0.7],
    ]),
    3,
  ],
  [
    'more than saturated is no less',
    rules(),
    input([
      [90, 0.1],
      [0, 0.1],
      [0, 0.1],
    ]),
    3,
  ],
  ['all saturated goes out', rules(), input(each(2, [9, 0.95])), 3],
  ['adds one only, however much it is', rules(), input(each(2, [900, 1])), 3],
  [
    'has bounds of its own',
    rules({ queueSaturation: 50, spareQueueMin: 10 }),
    input(each(2, [40, 0.1])),
    2,
  ],
  [
    'and acts beyond them',
    rules({ queueSaturation: 50, spareQueueMin: 10 }),
    input(each(2, [41, 0.1])),
    3,
  ],

  // In.
  ['goes in when one fewer can carry it', rules(), input(each(4, [1, 0.5])), 3],
  ['stays when the cache of fewer would be short', rules(), input(each(2, [0, 0.4])), 2],
  ['goes in when it is just enough', rules(), input(each(2, [0, 0.35])), 1],
  ['stays just beyond that', rules(), input(each(2, [0, 0.351])), 2],
  ['goes in when the queues are just enough', rules(), input(each(2, [1, 0.1])), 1],
  ['stays just beyond that', rules(), input(each(2, [1.001, 0.1])), 2],
  ['many carry one more easily', rules(), input(each(10, [0, 0.63])), 9],
  ['but not beyond', rules(), input(each(10, [0, 0.631])), 10],
  ['a replica with a saturated queue stops it', rules(), input([[5, 0], ...each(9, [0, 0])]), 10],
  ['one just below it does not', rules(), input([[4.999, 0], ...each(9, [0, 0])]), 9],
  ['a replica with a saturated cache stops it', rules(), input([[0, 0.8], ...each(9, [0, 0])]), 10],
  ['one just below that does not', rules(), input([[0, 0.799], ...each(9, [0, 0])]), 9],
  ['the last one stays', rules(), input(each(1, [0, 0])), 1],
  ['idle ones go one by one', rules(), input(each(5, [0, 0])), 4],

  // Time to first token.
  ['goes out when all are slow', SLO, input(each(3, [0, 0.1, 1_001])), 4],
  ['stays at the target', SLO, input(each(3, [0, 0.1, 1_000])), 3],
  [
    'stays when one is not slow',
    SLO,
    input([
      [0, 0.1, 9_000],
      [0, 0.1, 1_000],
    ]),
    2,
  ],
  [
    'one that was asked nothing is not slow',
    SLO,
    input([
      [0, 0.1, 9_000],
      [0, 0.1, null],
    ]),
    2,
  ],
  ['goes in when all are fast', SLO, input(each(3, [0, 0.1, 499])), 2],
  [
    'stays when one is not fast',
    SLO,
    input([
      [0, 0, 499],
      [0, 0, 500],
      [0, 0, 1],
    ]),
    3,
  ],
  ['goes in when nothing was asked', SLO, input(each(3, [0, 0, null])), 2],
  ['does not judge it unless told', rules(), input(each(3, [0, 0.1, 9_000])), 2],

  // Starting.
  [
    'does not add while one starts',
    rules(),
    input(each(3, [9, 0.9]), { current: 4, starting: 1 }),
    4,
  ],
  [
    'does not take while one starts',
    rules(),
    input(each(3, [0, 0]), { current: 4, starting: 1 }),
    4,
  ],

  // Nothing, or not enough, to go by.
  ['has none without replicas', rules(), input([], { current: 2 }), 'no_replica_ready'],
  ['has none when none reports', rules(), input(each(2, [null, null])), 'signal_partial'],
  [
    'does not take with one silent',
    rules(),
    input([[null, 0], ...each(3, [0, 0])]),
    [4, 'signal_partial'],
  ],
  ['nor without its cache', rules(), input([[0, null], ...each(3, [0, 0])]), [4, 'signal_partial']],
  [
    'nor with fewer listed than wanted',
    rules(),
    input(each(3, [0, 0]), { current: 4 }),
    [4, 'signal_partial'],
  ],
  [
    'adds with one silent',
    rules(),
    input([[null, null], ...each(3, [9, 0.9])]),
    [5, 'signal_partial'],
  ],
  [
    'does not take with a NaN',
    rules(),
    input([[NaN, 0], ...each(3, [0, 0])]),
    [4, 'signal_not_a_number'],
  ],
  [
    'nor with a negative share',
    rules(),
    input([[0, -0.1], ...each(3, [0, 0])]),
    [4, 'signal_out_of_range'],
  ],
  [
    'nor with a broken latency',
    SLO,
    input([[0, 0, -1], ...each(3, [0, 0])]),
    [4, 'signal_out_of_range'],
  ],
  ['has one at the allowed age', rules(), input(each(3, [0, 0]), {}, AGE_MAX_MS), 2],
  ['has none beyond it', rules(), input(each(3, [0, 0]), {}, AGE_MAX_MS + 1), 'signal_stale'],
];

describe(`proposeForInference: ${CASES.length} cases`, () => {
  for (const [title, asked, given, expected] of CASES) {
    it(title, () => {
      const proposal = proposeForInference(asked, given);
      if (proposal.kind === 'none') assert.equal(proposal.reason, expected);
      else if (typeof expected === 'number') {
        assert.deepEqual([proposal.replicas, proposal.limited], [expected, null]);
      } else assert.deepEqual([proposal.replicas, proposal.limited], expected);
    });
  }

  it('says why', () => {
    const why = (loads: readonly Load[]) => proposeForInference(rules(), input(loads)).detail;
    assert.equal(why(each(3, [0, 0.75])), '0.0500 of the KV cache is spare');
    assert.equal(why(each(3, [3, 0.1])), 'room for 2.00 requests to wait is spare');
    assert.equal(why(each(4, [1, 0.5])), '3 can carry the load');
    assert.equal(why(each(2, [0, 0.4])), '1 would use 0.800 of their KV cache');
    assert.equal(why([[NaN, 0]]), 'r0: the value is not finite');
  });
});

const anyReplica: fc.Arbitrary<InferenceReplica> = fc.record({
  id: fc.constant(''),
  sampledAtMs: fc.integer({ min: NOW_MS - AGE_MAX_MS, max: NOW_MS }),
  queueDepth: fc.double({ min: 0, max: 8, noNaN: true }),
  kvCacheRatio: fc.double({ min: 0, max: 1, noNaN: true }),
  timeToFirstTokenMs: fc.option(fc.double({ min: 0, max: 2_000, noNaN: true })),
});
const anyFleet = fc
  .array(anyReplica, { minLength: 1, maxLength: 8 })
  .map((list) => list.map((one, index) => ({ ...one, id: `r${index}` })));
const fleet = (replicas: readonly InferenceReplica[], starting = 0): InferenceInput => ({
  nowMs: NOW_MS,
  current: replicas.length + starting,
  starting,
  replicas,
});

describe('proposeForInference: properties', () => {
  it('changes by one at most, whatever the order, and keeps the last', () => {
    fc.assert(
      fc.property(anyFleet, fc.nat(2), (replicas, starting) => {
        const given = fleet(replicas, starting);
        const proposal = proposeForInference(SLO, given);
        const turned = { ...given, replicas: replicas.toReversed() };
        assert.deepEqual(proposeForInference(SLO, turned), proposal);
        assert.ok(proposal.kind === 'replicas');
        assert.ok(Math.abs(proposal.replicas - given.current) <= 1 && proposal.replicas >= 1);
        if (starting > 0) assert.equal(proposal.replicas, given.current);
      }),
      { numRuns: 6_000 },
    );
  });

  it('is monotone in the queue, the cache and the latency of any replica', () => {
    fc.assert(
      fc.property(anyFleet, fc.nat(7), anyReplica, (replicas, at, more) => {
        const heavier = replicas.map((one, index) => {
          if (index !== at) return one;
          const { queueDepth, kvCacheRatio, timeToFirstTokenMs } = one;
          return {
            ...one,
            queueDepth: (queueDepth ?? 0) + (more.queueDepth ?? 0),
            kvCacheRatio: Math.min(1, (kvCacheRatio ?? 0) + (more.kvCacheRatio ?? 0)),
            timeToFirstTokenMs: (timeToFirstTokenMs ?? 0) + (more.timeToFirstTokenMs ?? 0),
          };
        });
        const light = proposeForInference(SLO, fleet(replicas));
        const heavy = proposeForInference(SLO, fleet(heavier));
        assert.ok(light.kind === 'replicas' && heavy.kind === 'replicas');
        assert.ok(heavy.replicas >= light.replicas);
      }),
      { numRuns: 5_000 },
    );
  });

  it('takes none that it would have to add again at once', () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 8 }), anyReplica, (count, load) => {
        const even = Array.from({ length: count }, (_, index) => ({ ...load, id: `r${index}` }));
        const proposal = proposeForInference(rules(), fleet(even));
        if (proposal.kind === 'none' || proposal.replicas >= count) return;
        const share = count / (count - 1);
        const after = even.slice(1).map((one) => ({
          ...one,
          queueDepth: (one.queueDepth ?? 0) * share,
          kvCacheRatio: (one.kvCacheRatio ?? 0) * share,
        }));
        const next = proposeForInference(rules(), fleet(after));
        assert.ok(next.kind === 'replicas' && next.replicas <= count - 1);
      }),
      { numRuns: 6_000 },
    );
  });

  it('never takes one with any replica silent, broken or old', () => {
    const bad = fc.constantFrom<Partial<InferenceReplica>>(
      { queueDepth: NaN },
      { queueDepth: null },
      { kvCacheRatio: -1 },
      { kvCacheRatio: Infinity },
      { sampledAtMs: null },
      { sampledAtMs: NOW_MS - AGE_MAX_MS - 1 },
      { timeToFirstTokenMs: NaN },
    );
    fc.assert(
      fc.property(anyFleet, anyReplica, bad, (replicas, one, fault) => {
        const given = fleet([...replicas, { ...one, ...fault, id: 'bad' }]);
        const proposal = proposeForInference(SLO, given);
        if (proposal.kind === 'replicas') assert.ok(proposal.replicas >= given.current);
      }),
      { numRuns: 4_000 },
    );
  });
});
