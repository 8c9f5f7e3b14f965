import assert from 'node:assert/strict';
import fc from 'fast-check';
import { proposePerReplica } from '../../../../../control-plane/deciders/strategies/per-replica.ts';
import type { PerReplicaMetric } from '../../../../../control-plane/deciders/strategies/per-replica.ts';
import type { ReplicaView } from '../../../../../control-plane/deciders/strategies/replica-classes.ts';

const NOW_MS = 1_000_000_000;
const START_MS = NOW_MS - 3_600_000;

const cpu = (percent: number, overrides: Partial<PerReplicaMetric> = {}): PerReplicaMetric => ({
  target: { kind: 'utilization', percent },
  compatibility: 'default',
  readiness: 'judged',
  initializationMs: 120_000,
  initialReadinessDelayMs: 10_000,
  sampleAgeMaxMs: 60_000,
  toleranceUpRatio: 0.1,
  toleranceDownRatio: 0.1,
  missing: 'hold',
  ...overrides,
});
const mean = (value: number, overrides: Partial<PerReplicaMetric> = {}): PerReplicaMetric =>
  cpu(0, { target: { kind: 'average_value', value }, readiness: 'ignored', ...overrides });
const HPA = { compatibility: 'hpa-v2', sampleAgeMaxMs: null } as const;
const FILL = { missing: 'fill' } as const;

const replica = (value: number | null, overrides: Partial<ReplicaView> = {}): ReplicaView => ({
  id: 'r',
  phase: 'running',
  deleting: false,
  startedAtMs: START_MS,
  readiness: { status: 'true', changedAtMs: START_MS + 5_000 },
  request: 1,
  sample: value === null ? null : { value, sampledAtMs: NOW_MS - 5_000, windowMs: 30_000 },
  ...overrides,
});
const PENDING = replica(null, { phase: 'pending' });
const NEVER_READY = (value: number) =>
  replica(value, { readiness: { status: 'false', changedAtMs: START_MS + 3_000 } });

type Given = readonly (number | null | ReplicaView)[];
const listed = (given: Given): ReplicaView[] =>
  given.map((one, index) => ({
    ...(one === null || typeof one === 'number' ? replica(one) : one),
    id: `r${String(index).padStart(3, '0')}`,
  }));
const run = (metric: PerReplicaMetric, current: number, given: Given) =>
  proposePerReplica(metric, { nowMs: NOW_MS, current, replicas: listed(given) });

type Case = readonly [title: string, PerReplicaMetric, current: number, Given, expected: unknown];

/** A number is the replicas proposed; a text is the reason for none; a pair adds the limit. */
const CASES: readonly Case[] = [
  // Utilization, all reporting.
  ['goes out by the ratio and rounds up', cpu(30), 3, [0.3, 0.5, 0.7], 5],
  ['goes in by the ratio and rounds up', cpu(50), 5, [0.1, 0.3, 0.5, 0.25, 0.25], 3],
  ['weighs usage by requests', cpu(100), 3, requests([0.9, 0.9], [1, 1], [1.1, 1.1]), 3],
  ['is a ratio of sums, no mean of ratios', cpu(50), 2, requests([0.1, 0.1], [0.9, 1.9]), 2],
  ['stays at the upper edge of the tolerance', cpu(50), 4, [0.55, 0.55, 0.55, 0.55], 4],
  ['goes out just beyond it', cpu(50), 4, [0.551, 0.551, 0.551, 0.551], 5],
  ['stays at the lower edge of the tolerance', cpu(50), 10, ten(0.45), 10],
  ['goes in just below it', cpu(50), 10, ten(0.449), 9],
  ['has a tolerance of its own upwards', cpu(50, { toleranceUpRatio: 0.5 }), 4, four(0.75), 4],
  ['and acts just beyond that', cpu(50, { toleranceUpRatio: 0.5 }), 4, four(0.751), 7],
  ['has a tolerance of its own downwards', cpu(50, { toleranceDownRatio: 0.5 }), 4, four(0.25), 4],
  ['and acts just below that', cpu(50, { toleranceDownRatio: 0.5 }), 4, four(0.249), 2],
  ['acts on any difference without tolerance', tight(50), 10, ten(0.5005), 11],
  ['stays on the target without tolerance', tight(50), 10, ten(0.5), 10],
  ['does not add one for binary fractions', tight(10), 3, [0.1, 0.1, 0.1], 3],
  ['proposes none at no load', cpu(50), 3, [0, 0, 0], 0],
  ['takes utilizations above all that was asked for', cpu(50), 2, [4, 4], 16],

  // C: whole percent.
  ['hpa-v2 cuts 55.9 % to 55 % and stays', cpu(50, HPA), 4, four(0.559), 4],
  ['hpa-v2 goes out at 56 %', cpu(50, HPA), 4, four(0.56), 5],
  ['default goes out at 55.9 %', cpu(50), 4, four(0.559), 5],
  ['hpa-v2 cuts 45.9 % to 45 %, the edge', cpu(50, HPA), 10, ten(0.459), 10],
  ['hpa-v2 cuts 44.9 % to 44 % and goes in', cpu(50, HPA), 10, ten(0.449), 9],
  ['hpa-v2 cuts 60.9 % to 60 % in the quotient', cpu(30, HPA), 3, [0.609, 0.609, 0.609], 6],
  ['default counts the 0.9 % too', cpu(30), 3, [0.609, 0.609, 0.609], 7],
  ['hpa-v2 cuts a mean to thousandths', mean(0.002, HPA), 2, [0.002, 0.003], 2],
  ['default does not', mean(0.002), 2, [0.002, 0.003], 3],
  ['hpa-v2 reads quantities in thousandths, up', mean(0.001, HPA), 2, [0.0011, 0.0011], 4],
  ['hpa-v2 adds bytes without losing any', memory(HPA), 3, bytes(64, 3), 4],

  // Average value.
  ['means and goes out', mean(10), 3, [20, 10, 15], 5],
  ['means and goes in', mean(50), 5, [10, 20, 30, 40, 25], 3],
  ['ignores readiness for other metrics', mean(10), 2, [NEVER_READY(20), 20], 4],
  ['ignores requests for a value', mean(10), 2, requests([20, null], [20, null]), 4],

  // Classes: ignored.
  ['ignores failed replicas', cpu(30), 2, [0.5, 0.7, failed(9), failed(9)], 4],
  ['ignores replicas being deleted', cpu(30), 2, [0.5, 0.7, deleting(9), deleting(9)], 4],
  ['ignores succeeded replicas', cpu(30), 2, [0.5, 0.7, succeeded(0)], 4],
  ['hpa-v2 counts succeeded replicas', cpu(30, HPA), 2, [0.45, 0.45, succeeded(0)], 2],
  ['default does not', cpu(30), 2, [0.45, 0.45, succeeded(0)], 3],
  ['hpa-v2 waits for the sample of a succeeded one', cpu(30, HPA), 3, [0.1, 0.1, done()], 3],
  ['default does not wait', cpu(30), 3, [0.1, 0.1, done()], 1],

  // Classes: unready.
  ['counts unready ones as idle going out', cpu(30), 3, [NEVER_READY(0.3), 0.5, 0.7], 4],
  ['counts pending ones as idle going out', cpu(30), 3, [PENDING, 0.5, 0.7], 4],
  ['pending counts for any metric', mean(30), 3, [PENDING, 50, 70], 4],
  ['stays when idle ones turn the direction', cpu(30), 3, [0.4, NEVER_READY(1), PENDING], 3],
  ['leaves unready ones out going in', cpu(50), 5, [0.1, 0.3, 0.5, NEVER_READY(9), PENDING], 2],
  ['stays when unready ones make it tolerable', cpu(50), 3, [0.8, 0.8, PENDING], 3],
  ['goes out when even so it is too much', cpu(50), 3, [0.9, 0.9, PENDING], 4],

  // Classes: missing.
  ['hpa-v2 takes a missing one for fully used', cpu(100, HPA), 4, [0.4, 0.095, null, null], 3],
  ['fill does as hpa-v2', cpu(100, FILL), 4, [0.4, 0.095, null, null], 3],
  [
    'hold never lowers with one missing',
    cpu(100),
    4,
    [0.4, 0.095, null, null],
    [4, 'signal_partial'],
  ],
  ['takes it for the target above 100 %', cpu(200, HPA), 3, [1, 1, null], 2],
  ['not for 100 % there', cpu(200, FILL), 4, [1, 1, 1, null], 3],
  ['takes it for the target of a value', mean(50, FILL), 5, [10, 10, 10, 10, null], 2],
  ['takes it for idle going out', cpu(100, HPA), 2, [1.9, null], 2],
  ['goes out when even so it is too much (hold)', cpu(100), 2, [2.9, null], [3, 'signal_partial']],
  ['and with fill', cpu(100, FILL), 2, [2.9, null], 3],
  ['hpa-v2 stays on the target', cpu(100, HPA), 2, [1, null], 2],
  ['hpa-v2 stays where the quotient rounds back', cpu(100, HPA), 2, [0.6, null], 2],
  ['fills missing and unready alike going out', cpu(50, FILL), 4, [2, 1, null, PENDING], 6],
  ['fills only the missing going in', cpu(50, FILL), 6, [0.1, 0.1, 0.1, 0.1, null, PENDING], 3],
  ['hpa-v2 does not turn when filling', cpu(100, HPA), 1, [0.95, 0.8, null], 1],

  // A: direction.
  ['hpa-v2 goes in under overload of the only listed one', cpu(100, HPA), 4, [2], 2],
  ['default stays', cpu(100), 4, [2], 4],
  ['default goes out when the load needs it', cpu(100), 4, [10], 10],
  ['hpa-v2 goes out below the target when more are listed', cpu(100, HPA), 2, four(0.8), 4],
  ['default stays below the target', cpu(100), 2, four(0.8), 2],

  // Nothing to go by.
  ['has none without replicas', cpu(50), 3, [], 'no_replica_ready'],
  ['has none when all are ignored', cpu(50), 3, [failed(1)], 'no_replica_ready'],
  ['has none when all are unready', cpu(50), 3, [NEVER_READY(1), PENDING], 'no_replica_ready'],
  ['has none when all are missing', cpu(50), 3, [null, null], 'signal_absent'],
  ['has none when the only sample is NaN', cpu(50), 3, [NaN, null], 'signal_not_a_number'],
  ['has none when the only sample is old', cpu(50), 3, [aged(60_001)], 'signal_stale'],
  ['has one when it is as old as allowed', cpu(50), 1, [aged(60_000)], 2],
  ['takes a time in the future up to the same', cpu(50), 1, [aged(-60_000)], 2],
  ['and not beyond', cpu(50), 1, [aged(-60_001)], 'signal_stale'],
  ['judges no age when told so', cpu(50, HPA), 1, [aged(9e6)], 2],
  [
    'needs the request of each that counts',
    cpu(50),
    2,
    requests([1, 1], [1, null]),
    'request_unknown',
  ],
  ['even of a missing one', cpu(50), 2, [1, replica(null, { request: null })], 'request_unknown'],
  ['not of a failed one', cpu(50), 1, [0.5, failed(1, null)], 1],
  [
    'hpa-v2 needs it even of a failed one',
    cpu(50, HPA),
    1,
    [0.5, failed(1, null)],
    'request_unknown',
  ],
  ['needs a request above nothing', cpu(50), 1, requests([1, 0]), 'request_unknown'],
  ['refuses a request below nothing', cpu(50), 2, requests([1, -1], [1, 2]), 'request_unknown'],
  ['refuses what cannot be added up', mean(1), 2, [1e308, 1e308], 'signal_out_of_range'],

  // Unusable samples among usable ones.
  ['does not lower with a NaN', mean(50, FILL), 3, [10, 10, NaN], [3, 'signal_not_a_number']],
  ['nor with an infinite one', mean(50, FILL), 3, [10, 10, Infinity], [3, 'signal_not_a_number']],
  ['nor with a negative one', mean(50, HPA), 3, [10, 10, -1], [3, 'signal_out_of_range']],
  ['nor with an old one', mean(50, FILL), 3, [10, 10, aged(60_001)], [3, 'signal_stale']],
  [
    'nor with a NaN of one that initializes',
    cpu(50),
    3,
    [0.1, 0.1, NEVER_READY(NaN)],
    [3, 'signal_not_a_number'],
  ],
  ['does not mind that its sample is old', cpu(50), 3, [0.1, 0.1, oldAndUnready()], 1],
  ['still goes out beside a NaN', mean(50), 3, [200, 200, NaN], [8, 'signal_not_a_number']],
];

function requests(...pairs: readonly (readonly [value: number, request: number | null])[]): Given {
  return pairs.map(([value, request]) => replica(value, { request }));
}
function four(value: number): Given {
  return [value, value, value, value];
}
function ten(value: number): Given {
  return Array.from({ length: 10 }, () => value);
}
function tight(percent: number) {
  return cpu(percent, { toleranceUpRatio: 0, toleranceDownRatio: 0 });
}
function failed(value: number, request: number | null = 1) {
  return replica(value, { phase: 'failed', request });
}
function deleting(value: number) {
  return replica(value, { deleting: true });
}
function succeeded(value: number) {
  return replica(value, { phase: 'succeeded' });
}
function done() {
  return replica(null, { phase: 'succeeded' });
}
function aged(ageMs: number) {
  return replica(1, { sample: { value: 1, sampledAtMs: NOW_MS - ageMs, windowMs: 30_000 } });
}
function oldAndUnready() {
  const { readiness } = NEVER_READY(1);
  return { ...aged(60_001), readiness };
}
function memory(overrides: Partial<PerReplicaMetric>) {
  return cpu(70, { ...overrides, readiness: 'ignored' });
}
function bytes(gibibytes: number, count: number): Given {
  const request = gibibytes * 2 ** 30;
  return Array.from({ length: count }, () => replica(request * 0.78, { request }));
}

describe(`proposePerReplica: ${CASES.length} cases from autoscaling/v2`, () => {
  for (const [title, metric, current, given, expected] of CASES) {
    it(title, () => {
      const proposal = run(metric, current, given);
      if (proposal.kind === 'none') assert.equal(proposal.reason, expected);
      else if (Array.isArray(expected)) {
        assert.deepEqual([proposal.replicas, proposal.limited], expected);
      } else assert.deepEqual([proposal.replicas, proposal.limited], [expected, null]);
    });
  }

  it('says how the number came about', () => {
    const proposal = run(cpu(30), 3, [PENDING, 0.5, 0.7]);
    assert.equal(proposal.detail, '1.333 of the target; 2 report, 1 unready, 0 missing');
    const unknown = run(cpu(30), 3, requests([1, 1], [1, null]));
    assert.equal(unknown.detail, 'r001 does not say what it asks for');
    assert.equal(run(cpu(30), 3, [NaN]).detail, 'r000: the value is not finite');
  });
});

/** How the second of two replicas is taken: the first uses twice the target, so idle ones show. */
const READINESS: readonly [string, Partial<ReplicaView>, 'counts' | 'unready'][] = [
  ['ready and old', {}, 'counts'],
  ['has never said that it is ready', { readiness: null }, 'unready'],
  ['has no start time', { startedAtMs: null }, 'unready'],
  ['unready, changed later than the readiness delay', changed('false', 10_001), 'counts'],
  ['unready, changed as late as the readiness delay', changed('false', 10_000), 'counts'],
  ['unready, changed within the readiness delay', changed('false', 9_999), 'unready'],
  ['readiness unknown is not unready', changed('unknown', 3_000), 'counts'],
  ['young by 1 ms, ready, sample after the change', young(119_999, 'true', 35_000), 'counts'],
  ['young, ready, sample as old as change and window', young(119_999, 'true', 35_000), 'counts'],
  [
    'young, ready, sample reaches 1 ms behind the change',
    young(119_999, 'true', 34_999),
    'unready',
  ],
  ['young by 1 ms and unready', young(119_999, 'false', 60_000), 'unready'],
  ['no longer young by 1 ms: sample may reach back', young(120_000, 'true', 1), 'counts'],
  ['no longer young, unready but was ready', young(120_000, 'false', 60_000), 'counts'],
];

function changed(status: 'true' | 'false' | 'unknown', afterStartMs: number) {
  return { readiness: { status, changedAtMs: START_MS + afterStartMs } };
}
/** Started so long ago; readiness changed so long ago; sampled 5 s ago over 30 s. */
function young(ageMs: number, status: 'true' | 'false', changedAgoMs: number) {
  return { startedAtMs: NOW_MS - ageMs, readiness: { status, changedAtMs: NOW_MS - changedAgoMs } };
}

describe(`per-replica readiness for CPU: ${READINESS.length} cases`, () => {
  for (const [title, overrides, expected] of READINESS) {
    it(`${title}: ${expected}`, () => {
      for (const mode of [{}, HPA]) {
        const proposal = run(cpu(50, mode), 2, [2, replica(2, overrides)]);
        const replicas = expected === 'counts' ? 8 : 4;
        assert.deepEqual(
          [proposal.kind, 'replicas' in proposal && proposal.replicas],
          ['replicas', replicas],
        );
      }
    });
  }
});

const anyValue = fc.oneof(
  fc.double({ min: 0, max: 100, noNaN: true }),
  fc.constantFrom(0, 1e-12, 1e12),
);
const anyBroken = fc.constantFrom(NaN, Infinity, -Infinity, -1, -1e-9);
const anyReplica = (value: fc.Arbitrary<number | null>) =>
  fc
    .record({
      value,
      phase: fc.constantFrom('running', 'running', 'running', 'pending', 'failed', 'unknown'),
      deleting: fc.boolean(),
      startAgeMs: fc.integer({ min: 0, max: 300_000 }),
      changeAgeMs: fc.integer({ min: 0, max: 300_000 }),
      ready: fc.constantFrom('true', 'false', 'unknown'),
      sampleAgeMs: fc.integer({ min: 0, max: 60_000 }),
      request: fc.double({ min: 0.01, max: 10, noNaN: true }),
    })
    .map((drawn) =>
      replica(drawn.value, {
        phase: drawn.phase,
        deleting: drawn.deleting && drawn.startAgeMs % 5 === 0,
        startedAtMs: NOW_MS - drawn.startAgeMs,
        readiness: { status: drawn.ready, changedAtMs: NOW_MS - drawn.changeAgeMs },
        request: drawn.request,
        sample:
          drawn.value === null
            ? null
            : { value: drawn.value, sampledAtMs: NOW_MS - drawn.sampleAgeMs, windowMs: 30_000 },
      }),
    );
const anyMetric = fc
  .record({
    percent: fc.integer({ min: 1, max: 300 }),
    average: fc.boolean(),
    hpa: fc.boolean(),
    fill: fc.boolean(),
    up: fc.double({ min: 0, max: 1, noNaN: true }),
    down: fc.double({ min: 0, max: 1, noNaN: true }),
  })
  .map(({ percent, average, hpa, fill, up, down }) =>
    (average ? mean : cpu)(percent, {
      compatibility: hpa ? 'hpa-v2' : 'default',
      missing: fill ? 'fill' : 'hold',
      toleranceUpRatio: up,
      toleranceDownRatio: down,
    }),
  );
const anyCurrent = fc.integer({ min: 0, max: 200 });
const anyReplicas = fc.array(anyReplica(fc.option(anyValue, { freq: 4 })), { maxLength: 12 });

describe('proposePerReplica: properties', () => {
  it('is bounded, whole, finite and independent of the order', () => {
    fc.assert(
      fc.property(anyMetric, anyCurrent, anyReplicas, (metric, current, replicas) => {
        const given = listed(replicas);
        const ask = (list: ReplicaView[]) =>
          proposePerReplica(metric, { nowMs: NOW_MS, current, replicas: list });
        const proposal = ask(given);
        assert.deepEqual(ask(given.toReversed()), proposal);
        if (proposal.kind === 'none') return;
        assert.ok(Number.isSafeInteger(proposal.replicas) && proposal.replicas >= 0);
        assert.ok(proposal.replicas <= 2 ** 31 - 1);
        assert.ok(Number.isFinite(proposal.ratio));
        assert.deepEqual(JSON.parse(JSON.stringify(proposal)), proposal);
      }),
      { numRuns: 6_000 },
    );
  });

  it('never lowers with a sample that is broken, in any mode', () => {
    fc.assert(
      fc.property(
        anyMetric,
        anyCurrent,
        anyReplicas,
        anyBroken,
        (metric, current, replicas, broken) => {
          const proposal = run(metric, current, [...replicas, replica(broken)]);
          if (proposal.kind === 'none') return;
          assert.ok(proposal.replicas >= current);
          assert.notEqual(proposal.limited, null);
        },
      ),
      { numRuns: 6_000 },
    );
  });

  it('never lowers with a sample that is old or missing, unless told to fill', () => {
    fc.assert(
      fc.property(
        anyMetric,
        anyCurrent,
        anyReplicas,
        fc.constantFrom(aged(60_001), aged(-60_001), replica(null)),
        (metric, current, replicas, silent) => {
          const hold = { ...metric, compatibility: 'default', missing: 'hold' } as const;
          const proposal = run(hold, current, [...replicas, silent]);
          if (proposal.kind === 'replicas') assert.ok(proposal.replicas >= current);
        },
      ),
      { numRuns: 4_000 },
    );
  });

  it('is monotone in load', () => {
    const load = fc.array(
      fc.tuple(anyReplica(anyValue), fc.double({ min: 0, max: 100, noNaN: true })),
      { minLength: 1, maxLength: 8 },
    );
    fc.assert(
      fc.property(anyMetric, anyCurrent, load, anyReplicas, (metric, current, pairs, others) => {
        const ours = { ...metric, compatibility: 'default' } as const;
        const heavier = pairs.map(([one, more]) =>
          one.sample === null
            ? one
            : { ...one, sample: { ...one.sample, value: one.sample.value + more } },
        );
        const less = run(ours, current, [...pairs.map(([one]) => one), ...others]);
        const more = run(ours, current, [...heavier, ...others]);
        assert.equal(less.kind, more.kind);
        if (less.kind === 'replicas' && more.kind === 'replicas') {
          assert.ok(more.replicas >= less.replicas, `${less.replicas} → ${more.replicas}`);
        }
      }),
      { numRuns: 6_000 },
    );
  });

  it('never goes against its ratio', () => {
    fc.assert(
      fc.property(anyMetric, anyCurrent, anyReplicas, (metric, current, replicas) => {
        const proposal = run({ ...metric, compatibility: 'default' }, current, replicas);
        if (proposal.kind === 'none' || proposal.ratio === null) return;
        if (proposal.ratio > 1) assert.ok(proposal.replicas >= current);
        if (proposal.ratio < 1) assert.ok(proposal.replicas <= current);
      }),
      { numRuns: 4_000 },
    );
  });
});
