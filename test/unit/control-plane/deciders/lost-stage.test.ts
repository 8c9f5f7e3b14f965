import assert from 'node:assert/strict';
import { lostSince, lostStage } from '../../../../control-plane/deciders/lost-stage.ts';
import { decideScale } from '../../../../control-plane/deciders/scale.ts';
import type { OnLostSpec } from '../../../../control-plane/model/policy.ts';
import {
  NOW_MS,
  failed,
  metric,
  policy,
  sample,
  scaleInput,
} from '../../../support/scale-input.ts';
import { asking, having, remembering, silent, told } from '../../../support/scale-verdicts.ts';

const AFTER_MS = 180_000;
const onLost = (kind: OnLostSpec['kind'], replicas: number): OnLostSpec => ({
  kind,
  replicas,
  afterMs: AFTER_MS,
});
const lostFor = (ageMs: number, ...names: string[]) =>
  remembering({ lostSinceMs: Object.fromEntries(names.map((name) => [name, NOW_MS - ageMs])) });
const broken = { observations: [failed('signal_absent')] };

describe('a lost signal, with 4 wanted and 3 minutes of patience', () => {
  const cases: readonly [string, OnLostSpec | undefined, ageMs: number, string][] = [
    ['holds for ever without a choice', undefined, 1e9, 'hold 4 signal_absent'],
    [
      'holds 1 ms before the patience ends',
      onLost('static', 6),
      AFTER_MS - 1,
      'hold 4 signal_absent',
    ],
    ['static goes out when it ends', onLost('static', 6), AFTER_MS, 'out 6 signals_lost'],
    ['static goes in', onLost('static', 2), AFTER_MS, 'in 2 signals_lost'],
    ['static is what is wanted', onLost('static', 4), AFTER_MS, 'hold 4 signal_absent'],
    [
      'static goes in no further than the minimum',
      onLost('static', 0),
      AFTER_MS,
      'in 1 signals_lost',
    ],
    [
      'static goes out no further than the maximum',
      onLost('static', 99),
      AFTER_MS,
      'out 10 signals_lost',
    ],
    ['current stays', onLost('current', 9), AFTER_MS, 'hold 4 signal_absent'],
    [
      'current if higher stays above',
      onLost('current_if_higher', 3),
      AFTER_MS,
      'hold 4 signal_absent',
    ],
    [
      'current if higher stays at it',
      onLost('current_if_higher', 4),
      AFTER_MS,
      'hold 4 signal_absent',
    ],
    [
      'current if higher goes out below',
      onLost('current_if_higher', 5),
      AFTER_MS,
      'out 5 signals_lost',
    ],
    [
      'current if lower stays below',
      onLost('current_if_lower', 5),
      AFTER_MS,
      'hold 4 signal_absent',
    ],
    [
      'current if lower stays at it',
      onLost('current_if_lower', 4),
      AFTER_MS,
      'hold 4 signal_absent',
    ],
    [
      'current if lower goes in above',
      onLost('current_if_lower', 3),
      AFTER_MS,
      'in 3 signals_lost',
    ],
  ];
  for (const [title, choice, ageMs, expected] of cases) {
    it(title, () => {
      const asked = policy(choice === undefined ? {} : { onLost: choice });
      assert.equal(told({ policy: asked, ...broken, ...lostFor(ageMs, 'load') }), expected);
    });
  }

  it('counts at once without patience, and from its first loss otherwise', () => {
    const none = policy({ onLost: { ...onLost('static', 6), afterMs: 0 } });
    assert.equal(told({ policy: none, ...broken }), 'out 6 signals_lost');
    const some = policy({ onLost: { ...onLost('static', 6), afterMs: 1 } });
    assert.equal(told({ policy: some, ...broken }), 'hold 4 signal_absent');
  });

  it('waits for the brakes as any other number', () => {
    const cooled = policy({ onLost: onLost('static', 6), cooldownUpMs: 60_000 });
    const { brakes } = lostFor(AFTER_MS, 'load');
    const input = {
      policy: cooled,
      ...broken,
      brakes: { ...brakes, lastOutAtMs: NOW_MS - 59_999 },
    };
    assert.equal(told(input), 'hold 4 cooldown_up');
    const windowed = policy({ onLost: onLost('static', 2), stabilizationDownMs: 60_000 });
    assert.equal(told({ policy: windowed, ...broken, brakes }), 'hold 4 stabilizing_down');
  });
});

describe('one signal lost and another healthy', () => {
  const metrics = [metric({ name: 'a' }), metric({ name: 'b' })];
  const seen = (load: number) => ({
    observations: [failed('signal_unavailable'), sample(load, { metric: 'b' })],
  });
  const cases: readonly [string, OnLostSpec, load: number, string][] = [
    ['the healthy one goes out beyond the fallback', onLost('static', 6), 80, 'out 8 above_target'],
    ['the fallback goes out beyond the healthy one', onLost('static', 6), 50, 'out 6 signals_lost'],
    [
      'the fallback keeps the healthy one from going in further',
      onLost('static', 3),
      10,
      'in 3 signals_lost',
    ],
    [
      'the healthy one keeps the fallback from going in further',
      onLost('static', 2),
      27,
      'in 3 signals_lost',
    ],
    [
      'the healthy one stays, whatever the fallback goes in to',
      onLost('static', 1),
      40,
      'hold 4 signal_unavailable',
    ],
    ['current lets nothing in', onLost('current', 0), 10, 'hold 4 signal_unavailable'],
    [
      'current if lower lets the healthy one in',
      onLost('current_if_lower', 1),
      10,
      'in 1 signals_lost',
    ],
  ];
  for (const [title, choice, load, expected] of cases) {
    it(title, () => {
      const asked = policy({ metrics, onLost: choice });
      assert.equal(told({ policy: asked, ...seen(load), ...lostFor(AFTER_MS, 'a') }), expected);
    });
  }

  it('holds for the one whose patience is not over', () => {
    const asked = policy({ metrics, onLost: onLost('static', 2) });
    const observations = [failed('signal_unavailable'), failed('signal_absent')];
    const { brakes } = remembering({
      lostSinceMs: { a: NOW_MS - AFTER_MS, b: NOW_MS - AFTER_MS + 1 },
    });
    assert.equal(told({ policy: asked, observations, brakes }), 'hold 4 signal_unavailable');
    const both = remembering({ lostSinceMs: { a: NOW_MS - AFTER_MS, b: NOW_MS - AFTER_MS } });
    assert.equal(told({ policy: asked, observations, ...both }), 'in 2 signals_lost');
  });

  it('lets a partial one raise, and its fallback raise it, and never goes in by it', () => {
    const coverage = { query: 'c', minimumRatio: 1 };
    const asked = policy({ metrics: [metric({ coverage })], onLost: onLost('static', 2) });
    const thin = (load: number) => ({ observations: [sample(load, { reporting: 3 })] });
    const lost = lostFor(AFTER_MS, 'load');
    assert.equal(told({ policy: asked, ...thin(80), ...lost }), 'out 8 above_target');
    assert.equal(told({ policy: asked, ...thin(10), ...lost }), 'hold 4 signal_partial');
    const more = policy({ metrics: [metric({ coverage })], onLost: onLost('static', 6) });
    assert.equal(told({ policy: more, ...thin(10), ...lost }), 'out 6 signals_lost');
  });

  it('counts for the winner and for out_if_any as for the largest', () => {
    for (const combination of ['winner', 'out_if_any'] as const) {
      const asked = policy({ metrics, combination, onLost: onLost('static', 3) });
      const lost = lostFor(AFTER_MS, 'a');
      assert.equal(told({ policy: asked, ...seen(80), ...lost }), 'out 8 above_target');
      assert.equal(told({ policy: asked, ...seen(10), ...lost }), 'in 3 signals_lost');
    }
  });

  it('does not abort as nomad-autoscaler once the lost one counts', () => {
    const asked = policy({
      metrics,
      combination: 'winner',
      compatibility: 'nomad',
      onLost: onLost('static', 3),
    });
    const early = lostFor(AFTER_MS - 1, 'a');
    assert.equal(told({ policy: asked, ...seen(80), ...early }), 'hold 4 signal_unavailable');
    assert.equal(
      told({ policy: asked, ...seen(80), ...lostFor(AFTER_MS, 'a') }),
      'out 8 signals_lost',
    );
  });
});

describe('lostSince', () => {
  const input = scaleInput(remembering({ lostSinceMs: { a: NOW_MS - 5, c: NOW_MS - 9 } }));

  it('goes on for those still lost, begins for new ones, and forgets the others', () => {
    const proposals = [silent('signal_stale', 'a'), silent('signal_stale', 'b'), asking(4)];
    assert.deepEqual(lostSince(input, proposals), { a: NOW_MS - 5, b: NOW_MS });
  });

  it('counts a partial one as lost', () => {
    const partial = asking(4, { metric: 'a', limited: 'signal_partial' });
    assert.deepEqual(lostSince(input, [partial]), { a: NOW_MS - 5 });
  });

  it('does not count replicas that all boot as a lost signal', () => {
    assert.deepEqual(lostSince(input, [silent('no_replica_ready', 'a')]), {});
  });

  it('takes a time that has not come yet for now', () => {
    const ahead = scaleInput(remembering({ lostSinceMs: { a: NOW_MS + 5 } }));
    assert.deepEqual(lostSince(ahead, [silent('signal_stale', 'a')]), { a: NOW_MS });
  });
});

describe('lostStage', () => {
  it('names the lost ones in their order, and what they count as', () => {
    const input = scaleInput({ policy: policy({ onLost: onLost('current_if_lower', 2) }) });
    const since = { b: NOW_MS - AFTER_MS, a: NOW_MS - AFTER_MS };
    const stage = lostStage(
      input,
      [silent('signal_stale', 'b'), silent('signal_stale', 'a')],
      since,
      4,
    );
    assert.equal(stage?.detail, 'a, b counts as asking for 2 since it is lost (current_if_lower)');
    assert.equal(stage.after, 2);
  });

  it('is absent without a choice and without a loss', () => {
    const { stages } = decideScale(scaleInput({ policy: policy({ onLost: onLost('static', 2) }) }));
    assert.ok(stages.every(({ stage }) => stage !== 'lost'));
  });
});

describe('absent because there are no replicas', () => {
  const metrics = [metric({ fromReplicas: true })];
  const lost = {
    metrics,
    replicasMin: 0,
    onLost: { kind: 'static', replicas: 2, afterMs: 0 },
  } as const;
  const cases: readonly [string, Parameters<typeof told>[0], string][] = [
    ['is no loss with none wanted', { ...broken, ...having(0) }, 'hold 0 at_desired'],
    [
      'is no loss for a series of before',
      { observations: [sample(40, { sampledAtMs: NOW_MS - 30_001 })], ...having(0) },
      'hold 0 at_desired',
    ],
    ['is a loss with one wanted', { ...broken, ...having(1) }, 'out 2 signals_lost'],
    [
      'is a loss while one is still there',
      { ...broken, desired: 0, actual: { kind: 'known', ready: 1, starting: 0 } },
      'out 2 signals_lost',
    ],
    [
      'is a loss while one starts',
      { ...broken, desired: 0, actual: { kind: 'known', ready: 0, starting: 1 } },
      'out 2 signals_lost',
    ],
    [
      'is a loss where the source does not answer',
      { observations: [failed('signal_unavailable')], ...having(0) },
      'out 2 signals_lost',
    ],
    [
      'is a loss where the source refuses',
      { observations: [failed('signal_rejected')], ...having(0) },
      'out 2 signals_lost',
    ],
  ];
  for (const [title, overrides, expected] of cases) {
    it(title, () => {
      assert.equal(told({ policy: policy(lost), ...overrides }), expected);
    });
  }

  it('is a loss with one wanted, though none is there any more', () => {
    const gone = { desired: 1, actual: { kind: 'known', ready: 0, starting: 0 } } as const;
    assert.equal(told({ policy: policy(lost), ...broken, ...gone }), 'out 2 signals_lost');
    const patient = policy({ metrics, replicasMin: 0 });
    assert.equal(told({ policy: patient, ...broken, ...gone }), 'hold 1 signal_absent');
  });

  it('is a loss for a signal that does not come from the replicas', () => {
    const asked = policy({ ...lost, metrics: [metric()] });
    assert.equal(told({ policy: asked, ...broken, ...having(0) }), 'out 2 signals_lost');
  });
});
