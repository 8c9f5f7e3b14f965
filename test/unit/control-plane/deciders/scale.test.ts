import assert from 'node:assert/strict';
import fc from 'fast-check';
import { decideScale } from '../../../../control-plane/deciders/scale.ts';
import type {
  InFlightAction,
  ScaleInput,
  Verdict,
} from '../../../../control-plane/model/decision.ts';
import type { Observation } from '../../../../control-plane/model/observation.ts';
import { MODES } from '../../../../control-plane/model/mode.ts';
import {
  NOW_MS,
  failed,
  metric,
  policy,
  sample,
  scaleInput,
} from '../../../support/scale-input.ts';

const decide = (overrides: Partial<ScaleInput>): Verdict =>
  decideScale(scaleInput(overrides)).verdict;
const act = (direction: 'out' | 'in', replicas: number, reason: string) => ({
  kind: 'act',
  direction,
  replicas,
  reason,
});
const hold = (reason: string, replicas = 4) => ({ kind: 'hold', replicas, reason });

const inFlight: InFlightAction = {
  decisionId: 'd',
  workloadId: 'w',
  fromReplicas: 2,
  toReplicas: 4,
  startedAtMs: NOW_MS - 1_000,
  deadlineMs: NOW_MS + 59_000,
  token: { term: 1, index: 7 },
};

describe('decideScale: target tracking', () => {
  it('shares a total out among replicas and rounds up', () => {
    assert.deepEqual(decide({ observations: [sample(61)] }), act('out', 7, 'above_target'));
  });

  it('scales a per-replica value with the ready replicas', () => {
    const metrics = [metric({ kind: 'value', target: 0.5 })];
    const verdict = decide({ policy: policy({ metrics }), observations: [sample(0.75)] });
    assert.deepEqual(verdict, act('out', 6, 'above_target'));
  });

  it('goes in when the total needs fewer', () => {
    assert.deepEqual(decide({ observations: [sample(15)] }), act('in', 2, 'below_target'));
  });

  it('holds at the upper edge of the tolerance and acts just beyond it', () => {
    assert.deepEqual(decide({ observations: [sample(44)] }), hold('within_tolerance'));
    assert.deepEqual(decide({ observations: [sample(44.01)] }), act('out', 5, 'above_target'));
  });

  it('holds at the lower edge of the tolerance and acts just beyond it', () => {
    const wide = policy({ metrics: [metric({ target: 10 })], toleranceDownRatio: 0.3 });
    assert.deepEqual(
      decide({ policy: wide, observations: [sample(28)] }),
      hold('within_tolerance'),
    );
    assert.deepEqual(
      decide({ policy: wide, observations: [sample(27.9)] }),
      act('in', 3, 'below_target'),
    );
  });

  it('holds when rounding up gives what there is', () => {
    assert.deepEqual(decide({ observations: [sample(35)] }), hold('at_desired'));
  });

  it('does not add a replica for a rounding error of binary fractions', () => {
    const metrics = [metric({ kind: 'value', target: 0.1 })];
    const tight = policy({ metrics, toleranceUpRatio: 0, toleranceDownRatio: 0 });
    const verdict = decide({ policy: tight, observations: [sample(0.1 + Number.EPSILON)] });
    assert.equal(verdict.replicas, 4);
  });

  it('lets the largest proposal win', () => {
    const metrics = [metric({ name: 'a' }), metric({ name: 'b' })];
    const observations = [sample(15, { metric: 'a' }), sample(58, { metric: 'b' })];
    assert.deepEqual(
      decide({ policy: policy({ metrics }), observations }),
      act('out', 6, 'above_target'),
    );
  });

  it('never proposes fewer than wanted under overload while replicas boot', () => {
    const metrics = [metric({ kind: 'value', target: 0.5 })];
    const outcome = decide({
      policy: policy({ metrics }),
      actual: { kind: 'known', ready: 1, starting: 3 },
      observations: [sample(1)],
    });
    assert.deepEqual(outcome, hold('at_desired'));
  });

  it('counts booting replicas as capacity to come and does not scale twice', () => {
    const metrics = [metric({ kind: 'value', target: 0.5 })];
    const verdict = decide({
      policy: policy({ metrics }),
      actual: { kind: 'known', ready: 2, starting: 2 },
      observations: [sample(0.9)],
    });
    assert.deepEqual(verdict, hold('at_desired'));
  });
});

describe('decideScale: data that cannot be trusted', () => {
  const reasons = [
    'signal_unavailable',
    'signal_malformed',
    'signal_oversized',
    'signal_rejected',
    'signal_absent',
    'signal_ambiguous',
    'signal_not_a_number',
  ] as const;
  for (const reason of reasons) {
    it(`holds with ${reason}`, () => {
      assert.deepEqual(decide({ observations: [failed(reason)] }), hold(reason));
    });
  }

  it('acts on a reading that is exactly as old as allowed and holds 1 ms later', () => {
    const at = (ageMs: number) => [sample(15, { sampledAtMs: NOW_MS - ageMs })];
    assert.equal(decide({ observations: at(30_000) }).kind, 'act');
    assert.deepEqual(decide({ observations: at(30_001) }), hold('signal_stale'));
  });

  it('holds when the age is unknown', () => {
    assert.deepEqual(
      decide({ observations: [sample(15, { sampledAtMs: null })] }),
      hold('signal_stale'),
    );
  });

  it('holds when the sample is from the future by more than the age allowed', () => {
    const observations = [sample(15, { sampledAtMs: NOW_MS + 30_001 })];
    assert.deepEqual(decide({ observations }), hold('signal_stale'));
  });

  it('holds on a negative value', () => {
    assert.deepEqual(decide({ observations: [sample(-1)] }), hold('signal_out_of_range'));
  });

  it('holds on a value that is not finite', () => {
    assert.deepEqual(decide({ observations: [sample(Number.NaN)] }), hold('signal_not_a_number'));
  });

  it('holds when an observation is missing altogether', () => {
    assert.deepEqual(decide({ observations: [] }), hold('signal_absent'));
  });

  it('goes out on one good metric while another is broken', () => {
    const metrics = [metric({ name: 'a' }), metric({ name: 'b' })];
    const observations = [failed('signal_absent'), sample(90, { metric: 'b' })];
    assert.deepEqual(
      decide({ policy: policy({ metrics }), observations }),
      act('out', 9, 'above_target'),
    );
  });

  it('does not go in on one good metric while another is broken', () => {
    const metrics = [metric({ name: 'a' }), metric({ name: 'b' })];
    const observations = [sample(10, { metric: 'a' }), failed('signal_stale' as 'signal_absent')];
    assert.deepEqual(decide({ policy: policy({ metrics }), observations }), hold('signal_stale'));
  });

  it('may go out on a partial total but never in', () => {
    const covered = policy({ metrics: [metric({ coverage: { query: 'c', minimumRatio: 1 } })] });
    const low = decide({ policy: covered, observations: [sample(15, { reporting: 3 })] });
    assert.deepEqual(low, hold('signal_partial'));
    const high = decide({ policy: covered, observations: [sample(95, { reporting: 3 })] });
    assert.deepEqual(high, act('out', 10, 'above_target'));
    const whole = decide({ policy: covered, observations: [sample(15, { reporting: 4 })] });
    assert.deepEqual(whole, act('in', 2, 'below_target'));
  });

  it('takes silent replicas as idle before going out on a partial average', () => {
    const metrics = [
      metric({ kind: 'value', target: 0.5, coverage: { query: 'c', minimumRatio: 1 } }),
    ];
    const half = { reporting: 2 };
    const barely = decide({ policy: policy({ metrics }), observations: [sample(0.9, half)] });
    assert.deepEqual(barely, hold('signal_partial'));
    const clearly = decide({ policy: policy({ metrics }), observations: [sample(1.5, half)] });
    assert.deepEqual(clearly, act('out', 6, 'above_target'));
  });

  it('holds when the coverage could not be read', () => {
    const covered = policy({ metrics: [metric({ coverage: { query: 'c', minimumRatio: 1 } })] });
    assert.deepEqual(
      decide({ policy: covered, observations: [sample(95)] }),
      hold('signal_partial'),
    );
  });

  it('holds on a value per replica without a ready replica', () => {
    const metrics = [metric({ kind: 'value', target: 0.5 })];
    const actual = { kind: 'known', ready: 0, starting: 4 } as const;
    const verdict = decide({ policy: policy({ metrics }), actual, observations: [sample(0.9)] });
    assert.deepEqual(verdict, hold('no_replica_ready'));
  });

  it('holds when the scaling target does not answer, and recommends nothing', () => {
    const outcome = decideScale(scaleInput({ actual: { kind: 'unknown', detail: 'refused' } }));
    assert.deepEqual(outcome.verdict, hold('actual_unknown'));
    assert.equal(outcome.recommendation, null);
  });

  it('recommends to stay while signals are broken', () => {
    const outcome = decideScale(scaleInput({ observations: [failed('signal_absent')] }));
    assert.equal(outcome.recommendation, 4);
  });
});

describe('decideScale: stabilization', () => {
  const windows = policy({ stabilizationDownMs: 60_000, stabilizationUpMs: 20_000 });
  const remember = (...runs: readonly (readonly [replicas: number, ageMs: number])[]) => ({
    recommendations: runs.map(([replicas, ageMs]) => ({
      replicas,
      firstAtMs: NOW_MS - ageMs - 1_000,
      lastAtMs: NOW_MS - ageMs,
    })),
    lastOutAtMs: null,
    lastInAtMs: null,
  });

  it('goes in only to the largest recommendation of the window', () => {
    const brakes = remember([4, 70_000], [3, 50_000], [2, 10_000]);
    const verdict = decide({ policy: windows, brakes, observations: [sample(10)] });
    assert.deepEqual(verdict, act('in', 3, 'below_target'));
  });

  it('holds while the window remembers as many as there are', () => {
    const brakes = remember([4, 59_999], [1, 10_000]);
    const verdict = decide({ policy: windows, brakes, observations: [sample(10)] });
    assert.deepEqual(verdict, hold('stabilizing_down'));
  });

  it('forgets a recommendation that is exactly as old as the window', () => {
    const brakes = remember([4, 60_000], [1, 10_000]);
    const verdict = decide({ policy: windows, brakes, observations: [sample(10)] });
    assert.deepEqual(verdict, act('in', 1, 'below_target'));
  });

  it('goes out only to the smallest recommendation of the up window', () => {
    const brakes = remember([6, 15_000], [9, 5_000]);
    const verdict = decide({ policy: windows, brakes, observations: [sample(90)] });
    assert.deepEqual(verdict, act('out', 6, 'above_target'));
  });

  it('holds against a low recommendation of the up window', () => {
    const brakes = remember([4, 19_999], [9, 5_000]);
    const verdict = decide({ policy: windows, brakes, observations: [sample(90)] });
    assert.deepEqual(verdict, hold('stabilizing_up'));
  });

  it('does not go in at once with an empty memory, and seeds it with what there is', () => {
    const outcome = decideScale(
      scaleInput({ policy: windows, brakes: remember(), observations: [sample(10)] }),
    );
    assert.deepEqual(outcome.verdict, hold('stabilizing_down'));
    assert.equal(outcome.recommendation, 4);
  });

  it('does not go in at once after a gap in its memory', () => {
    const inGap = remember([1, 60_000 + 60_001]);
    const verdict = decide({ policy: windows, brakes: inGap, observations: [sample(10)] });
    assert.deepEqual(verdict, hold('stabilizing_down'));
    const inReach = remember([1, 60_000 + 60_000]);
    assert.equal(
      decide({ policy: windows, brakes: inReach, observations: [sample(10)] }).kind,
      'act',
    );
  });

  it('goes in on ticks that are further apart than the window', () => {
    const short = policy({ stabilizationDownMs: 10_000 });
    const brakes = remember([1, 15_000]);
    assert.equal(decide({ policy: short, brakes, observations: [sample(10)] }).kind, 'act');
  });
});

describe('decideScale: cooldown, action in flight, bounds and mode', () => {
  const brakes = (lastOutAgeMs: number | null, lastInAgeMs: number | null) => ({
    recommendations: [{ replicas: 4, firstAtMs: NOW_MS - 15_000, lastAtMs: NOW_MS - 15_000 }],
    lastOutAtMs: lastOutAgeMs === null ? null : NOW_MS - lastOutAgeMs,
    lastInAtMs: lastInAgeMs === null ? null : NOW_MS - lastInAgeMs,
  });
  const cooled = policy({ cooldownUpMs: 30_000, cooldownDownMs: 90_000 });

  it('waits for the cooldown up to its last millisecond', () => {
    const load = [sample(90)];
    const early = decide({ policy: cooled, brakes: brakes(29_999, null), observations: load });
    assert.deepEqual(early, hold('cooldown_up'));
    const due = decide({ policy: cooled, brakes: brakes(30_000, null), observations: load });
    assert.deepEqual(due, act('out', 9, 'above_target'));
  });

  it('waits for the cooldown down, and scale-out does not count for it', () => {
    const load = [sample(10)];
    const early = decide({ policy: cooled, brakes: brakes(null, 89_999), observations: load });
    assert.deepEqual(early, hold('cooldown_down'));
    const due = decide({ policy: cooled, brakes: brakes(1_000, 90_000), observations: load });
    assert.deepEqual(due, act('in', 1, 'below_target'));
  });

  it('does not act while an action is in flight', () => {
    assert.deepEqual(decide({ inFlight, observations: [sample(90)] }), hold('action_in_flight'));
    assert.deepEqual(decide({ inFlight, observations: [sample(40)] }), hold('within_tolerance'));
  });

  it('stops at the maximum and says so once there', () => {
    assert.deepEqual(decide({ observations: [sample(500)] }), act('out', 10, 'above_target'));
    const there = { desired: 10, actual: { kind: 'known', ready: 10, starting: 0 } } as const;
    assert.deepEqual(decide({ ...there, observations: [sample(500)] }), hold('at_maximum', 10));
  });

  it('stops at the minimum and says so once there', () => {
    const bounded = policy({ replicasMin: 2 });
    assert.deepEqual(
      decide({ policy: bounded, observations: [sample(0)] }),
      act('in', 2, 'below_target'),
    );
    const there = { desired: 2, actual: { kind: 'known', ready: 2, starting: 0 } } as const;
    assert.deepEqual(
      decide({ policy: bounded, ...there, observations: [sample(0)] }),
      hold('at_minimum', 2),
    );
  });

  it('follows bounds without any signal, since they are the operator’s word', () => {
    const broken = [failed('signal_absent')];
    assert.deepEqual(
      decide({ policy: policy({ replicasMin: 6 }), observations: broken }),
      act('out', 6, 'below_minimum'),
    );
    assert.deepEqual(
      decide({ policy: policy({ replicasMax: 3 }), observations: broken }),
      act('in', 3, 'above_maximum'),
    );
  });

  it('lets bounds wait for the action in flight', () => {
    const verdict = decide({ policy: policy({ replicasMin: 6 }), inFlight });
    assert.deepEqual(verdict, hold('action_in_flight'));
  });

  for (const mode of ['observe', 'advise', 'stopped'] as const) {
    it(`records what it would do and holds in mode ${mode}`, () => {
      const outcome = decideScale(scaleInput({ mode, observations: [sample(90)] }));
      assert.deepEqual(outcome.verdict, hold(`mode_${mode}`));
      assert.equal(outcome.stages.at(-1)?.before, 9);
    });
  }

  it('records every stage with before and after, each beginning where the last ended', () => {
    const { stages } = decideScale(scaleInput({ observations: [sample(90)] }));
    assert.deepEqual(
      stages.map((stage) => stage.stage),
      ['combine', 'stabilization', 'cooldown', 'pending_action', 'bounds', 'mode'],
    );
    for (const [index, stage] of stages.entries()) {
      if (index > 0) assert.equal(stage.before, stages[index - 1]?.after);
    }
  });
});

describe('decideScale: properties', () => {
  const observation = fc.oneof(
    fc.record({
      value: fc.oneof(fc.double({ min: 0, max: 500, noNaN: true }), fc.double()),
      ageMs: fc.option(fc.integer({ min: -60_000, max: 60_000 })),
      reporting: fc.option(fc.integer({ min: 0, max: 12 })),
    }),
    fc.constantFrom(
      'signal_absent' as const,
      'signal_unavailable' as const,
      'signal_ambiguous' as const,
    ),
  );
  const toObservation = (
    drawn: typeof observation extends fc.Arbitrary<infer T> ? T : never,
  ): Observation =>
    typeof drawn === 'string'
      ? failed(drawn)
      : sample(drawn.value, {
          sampledAtMs: drawn.ageMs === null ? null : NOW_MS - drawn.ageMs,
          reporting: drawn.reporting,
        });
  const input = fc
    .record({
      desired: fc.integer({ min: 0, max: 12 }),
      ready: fc.integer({ min: 0, max: 12 }),
      mode: fc.constantFrom(...MODES),
      kinds: fc.array(fc.constantFrom('value' as const, 'average_value' as const), {
        minLength: 1,
        maxLength: 3,
      }),
      observations: fc.array(observation, { maxLength: 3 }),
      covered: fc.boolean(),
      windowMs: fc.constantFrom(0, 30_000),
      cooldownMs: fc.constantFrom(0, 30_000),
      runs: fc.array(
        fc.tuple(fc.integer({ min: 0, max: 12 }), fc.integer({ min: 0, max: 50_000 })),
        { maxLength: 5 },
      ),
      lastAtMs: fc.option(fc.integer({ min: 0, max: 50_000 })),
      busy: fc.boolean(),
    })
    .map((drawn): ScaleInput => {
      const coverage = drawn.covered ? { query: 'c', minimumRatio: 1 } : null;
      const metrics = drawn.kinds.map((kind, index) =>
        metric({ kind, coverage, name: `m${index}` }),
      );
      const windows = { stabilizationUpMs: drawn.windowMs, stabilizationDownMs: drawn.windowMs };
      const cooldowns = { cooldownUpMs: drawn.cooldownMs, cooldownDownMs: drawn.cooldownMs };
      return scaleInput({
        desired: drawn.desired,
        actual: { kind: 'known', ready: drawn.ready, starting: 0 },
        mode: drawn.mode,
        policy: policy({ metrics, ...windows, ...cooldowns }),
        observations: drawn.observations.map(toObservation),
        brakes: {
          recommendations: drawn.runs.map(([replicas, ageMs]) => ({
            replicas,
            firstAtMs: NOW_MS - ageMs,
            lastAtMs: NOW_MS - ageMs,
          })),
          lastOutAtMs: drawn.lastAtMs === null ? null : NOW_MS - drawn.lastAtMs,
          lastInAtMs: drawn.lastAtMs === null ? null : NOW_MS - drawn.lastAtMs,
        },
        inFlight: drawn.busy ? inFlight : null,
      });
    });

  it('never goes in while any signal is unusable, but for a lowered maximum', () => {
    fc.assert(
      fc.property(input, (given) => {
        const { verdict, proposals } = decideScale(given);
        const broken = proposals.some(
          (proposal) => proposal.kind === 'none' || proposal.limited !== null,
        );
        if (verdict.kind === 'act' && verdict.direction === 'in' && broken) {
          assert.equal(verdict.reason, 'above_maximum');
        }
      }),
      { numRuns: 2_000 },
    );
  });

  it('acts within the bounds, only in mode act, and never over an action in flight', () => {
    fc.assert(
      fc.property(input, (given) => {
        const { verdict } = decideScale(given);
        if (verdict.kind === 'hold') {
          assert.equal(verdict.replicas, given.desired);
          return;
        }
        assert.ok(verdict.replicas >= given.policy.replicasMin);
        assert.ok(verdict.replicas <= given.policy.replicasMax);
        assert.equal(given.mode, 'act');
        assert.equal(given.inFlight, null);
        assert.notEqual(verdict.replicas, given.desired);
      }),
      { numRuns: 2_000 },
    );
  });

  it('gives the same outcome bit for bit after a trip through JSON', () => {
    fc.assert(
      fc.property(input, (given) => {
        const finite = given.observations.every(
          (o) => o.kind === 'failed' || Number.isFinite(o.value),
        );
        fc.pre(
          finite && !given.observations.some((o) => o.kind === 'sample' && Object.is(o.value, -0)),
        );
        const recorded = JSON.stringify(decideScale(given));
        const replayed = decideScale(JSON.parse(JSON.stringify(given)) as ScaleInput);
        assert.equal(JSON.stringify(replayed), recorded);
      }),
      { numRuns: 1_000 },
    );
  });
});
