import assert from 'node:assert/strict';
import { decideScale } from '../../../../control-plane/deciders/scale.ts';
import type { ScaleInput } from '../../../../control-plane/model/decision.ts';
import type { ActiveSchedule } from '../../../../control-plane/model/schedule.ts';
import { NOW_MS, failed, policy, sample, scaleInput } from '../../../support/scale-input.ts';
import { going, having, told, toldOf } from '../../../support/scale-verdicts.ts';

type Case = readonly [title: string, overrides: Partial<ScaleInput>, expected: string];

function check(cases: readonly Case[]): void {
  for (const [title, overrides, expected] of cases) {
    it(title, () => {
      assert.equal(told(overrides), expected);
    });
  }
}

const load = (value: number) => ({ observations: [sample(value)] });
const broken = { observations: [failed('signal_absent')] };
const window = (kind: ActiveSchedule['kind'], replicas: number): ActiveSchedule => ({
  name: `${kind}-${replicas}`,
  kind,
  replicas,
  fromMs: NOW_MS - 1,
  untilMs: NOW_MS + 1,
});
const floor = (replicas: number) => ({ schedules: [window('floor', replicas)] });
const cap = (replicas: number) => ({ schedules: [window('cap', replicas)] });
const raise = { policy: policy({ whileBooting: 'raise' }) };
const out = { inFlight: going(2) };
const into = { inFlight: going(6) };

describe('schedules, with 4 wanted and at most 10', () => {
  check([
    ['a floor raises without any signal', { ...broken, ...floor(6) }, 'out 6 schedule_floor'],
    ['a floor at what is wanted leaves it', floor(4), 'hold 4 within_tolerance'],
    [
      'a floor raises beyond what is asked for',
      { ...load(50), ...floor(6) },
      'out 6 schedule_floor',
    ],
    [
      'a floor leaves what is asked for beyond it',
      { ...load(80), ...floor(6) },
      'out 8 above_target',
    ],
    ['a floor keeps from going in', { ...load(10), ...floor(4) }, 'hold 4 schedule_holds'],
    ['a floor below lets in as far as itself', { ...load(10), ...floor(3) }, 'in 3 below_target'],
    ['a floor goes no further than the maximum', floor(12), 'out 10 schedule_floor'],
    ['a cap lowers without any signal', { ...broken, ...cap(2) }, 'in 2 schedule_cap'],
    ['a cap keeps from going out', { ...load(80), ...cap(4) }, 'hold 4 schedule_holds'],
    ['a cap lets out as far as itself', { ...load(80), ...cap(6) }, 'out 6 above_target'],
    ['a cap goes no further than the minimum', cap(0), 'in 1 schedule_cap'],
    [
      'a cap goes before a floor',
      { schedules: [window('floor', 8), window('cap', 6)] },
      'out 6 schedule_floor',
    ],
    ['no window is no stage', { schedules: [] }, 'hold 4 within_tolerance'],
    ['a floor waits for an action under way', { ...floor(6), ...out }, 'hold 4 action_in_flight'],
    ['a cap waits for an action under way', { ...cap(2), ...out }, 'hold 4 action_in_flight'],
    ['a floor at what is wanted does not wait', { ...floor(4), ...out }, 'hold 4 within_tolerance'],
    [
      'a floor does not wait where booting raises',
      { ...floor(6), ...out, ...raise },
      'out 6 schedule_floor',
    ],
    [
      'a floor waits for one that goes in',
      { ...floor(6), ...into, ...raise },
      'hold 4 action_in_flight',
    ],
    [
      'a cap waits where booting raises',
      { ...cap(2), ...out, ...raise },
      'hold 4 action_in_flight',
    ],
    [
      'a cap shortens what booting raises',
      { ...load(80), ...cap(6), ...out, ...raise },
      'out 6 above_target',
    ],
    [
      'a cap below stops what booting raises',
      { ...load(80), ...cap(3), ...out, ...raise },
      'hold 4 action_in_flight',
    ],
  ]);

  it('says what keeps a number that it holds', () => {
    const { stages } = decideScale(scaleInput({ ...load(10), ...floor(4) }));
    const schedule = stages.find(({ stage }) => stage === 'schedule');
    assert.equal(schedule?.detail, 'floor-4 asks for at least 4');
  });
});

describe('an action under way to 4', () => {
  check([
    ['lets nothing further out', { ...load(80), ...out }, 'hold 4 action_in_flight'],
    ['lets nothing in', { ...load(10), ...out }, 'hold 4 action_in_flight'],
    [
      'is not told of where nothing is asked for',
      { ...load(40), ...out },
      'hold 4 within_tolerance',
    ],
    [
      'is passed by going further out where booting raises',
      { ...load(80), ...out, ...raise },
      'out 8 above_target',
    ],
    ['is passed by one more', { ...load(45), ...out, ...raise }, 'out 5 above_target'],
    ['is not passed by going in', { ...load(10), ...out, ...raise }, 'hold 4 action_in_flight'],
    [
      'is not passed when it goes in itself',
      { ...load(80), ...into, ...raise },
      'hold 4 action_in_flight',
    ],
    [
      'is not passed when it changes nothing',
      { ...load(80), inFlight: going(4), ...raise },
      'hold 4 action_in_flight',
    ],
    [
      'lets the minimum wait',
      { policy: policy({ replicasMin: 6 }), ...out },
      'hold 4 action_in_flight',
    ],
    [
      'does not let the minimum wait where booting raises',
      { policy: policy({ replicasMin: 6, whileBooting: 'raise' }), ...out },
      'out 6 below_minimum',
    ],
    [
      'lets the maximum wait',
      { policy: policy({ replicasMax: 3, whileBooting: 'raise' }), ...out, ...load(80) },
      'hold 4 action_in_flight',
    ],
    [
      'lets the bound at what is wanted be',
      { policy: policy({ replicasMin: 4 }), ...out },
      'hold 4 within_tolerance',
    ],
  ]);
});

describe('the stage of the action under way', () => {
  const given: readonly [string, Partial<ScaleInput>][] = [
    ['going in, where booting raises', { ...load(10), ...out, ...raise }],
    ['going in after going in', { ...load(10), ...into }],
    ['going out after going in, where booting raises', { ...load(80), ...into, ...raise }],
    ['going out, where booting waits', { ...load(80), ...out }],
  ];
  for (const [title, overrides] of given) {
    it(`is the one that holds ${title}`, () => {
      const { stages } = decideScale(scaleInput(overrides));
      const held = stages.filter(({ reason }) => reason === 'action_in_flight');
      assert.deepEqual(
        held.map(({ stage }) => stage),
        ['pending_action'],
      );
    });
  }
});

describe('bounds', () => {
  const cases: readonly [string, min: number, max: number, load: number, string][] = [
    ['leave what is within', 2, 8, 60, 'out 6 above_target'],
    ['leave what is at the maximum', 2, 6, 60, 'out 6 above_target'],
    ['cut what is beyond it', 2, 5, 60, 'out 5 above_target'],
    ['leave what is at the minimum', 2, 8, 20, 'in 2 below_target'],
    ['raise what is below it', 3, 8, 20, 'in 3 below_target'],
    ['say that the number is at the maximum', 2, 4, 60, 'hold 4 at_maximum'],
    ['say that the number is at the minimum', 4, 8, 20, 'hold 4 at_minimum'],
    ['lower a number above', 1, 3, 40, 'in 3 above_maximum'],
    ['raise a number below', 5, 8, 40, 'out 5 below_minimum'],
  ];
  for (const [title, replicasMin, replicasMax, value, expected] of cases) {
    it(title, () => {
      assert.equal(toldOf({ replicasMin, replicasMax }, load(value)), expected);
    });
  }

  it('say that more is wished for, where a brake keeps it at the maximum already', () => {
    const given = { ...load(130), ...having(10), ...out };
    assert.equal(told(given), 'hold 10 at_maximum');
    assert.equal(told({ ...given, ...load(100) }), 'hold 10 within_tolerance');
  });
});

describe('budgets, with 4 wanted', () => {
  const share = (unitsPerReplica: number, limit: number | null, usedByOthers = 0) => ({
    budgetId: 'gpus',
    unitsPerReplica,
    limit,
    usedByOthers,
  });
  const budgets = (...list: ReturnType<typeof share>[]) => ({ ...load(80), budgets: list });
  check([
    ['let out what fits', budgets(share(1, 8)), 'out 8 above_target'],
    ['cut what does not', budgets(share(1, 7)), 'out 7 above_target'],
    ['count what others have', budgets(share(1, 9, 3)), 'out 6 above_target'],
    ['count whole replicas of several units', budgets(share(2, 11)), 'out 5 above_target'],
    ['count fractions of a unit', budgets(share(0.5, 3)), 'out 6 above_target'],
    ['take binary fractions for what they mean', budgets(share(0.1, 0.7)), 'out 7 above_target'],
    ['take a fraction short for short', budgets(share(0.1, 0.699)), 'out 6 above_target'],
    ['hold where only what is wanted fits', budgets(share(1, 4)), 'hold 4 budget_exhausted'],
    ['never lower, however much is missing', budgets(share(1, 0, 9)), 'hold 4 budget_exhausted'],
    ['hold where there is no such budget', budgets(share(1, null)), 'hold 4 budget_unknown'],
    [
      'the smallest of several counts',
      budgets(share(1, 7), share(1, 5), share(1, 6)),
      'out 5 above_target',
    ],
    [
      'one that is unknown goes before',
      budgets(share(1, 7), share(1, null)),
      'hold 4 budget_unknown',
    ],
    ['let in', { ...load(10), budgets: [share(1, null)] }, 'in 1 below_target'],
    ['cut a floor', { ...floor(8), budgets: [share(1, 6)] }, 'out 6 schedule_floor'],
    [
      'cut the minimum',
      { policy: policy({ replicasMin: 8 }), budgets: [share(1, 6)] },
      'out 6 below_minimum',
    ],
    ['have nothing to say to what stays', { budgets: [share(1, 0)] }, 'hold 4 within_tolerance'],
  ]);

  it('say who has how much, or that there is none', () => {
    const detail = (...list: ReturnType<typeof share>[]): string | undefined =>
      decideScale(scaleInput(budgets(...list))).stages.find(({ stage }) => stage === 'budget')
        ?.detail;
    assert.equal(detail(share(2, 12, 2)), 'others have 2 of the 12 of gpus, a replica takes 2');
    assert.equal(detail(share(2, null)), 'there is no budget gpus');
  });
});

describe('a pause, with 4 wanted', () => {
  const pause = (direction: 'in' | 'out' | 'both', untilMs: number | null = null) => ({
    pause: { direction, sinceMs: 0, untilMs, note: 'by hand' },
  });
  check([
    ['of both holds what goes out', { ...load(80), ...pause('both') }, 'hold 4 paused_out'],
    ['of both holds what goes in', { ...load(10), ...pause('both') }, 'hold 4 paused_in'],
    ['out holds what goes out', { ...load(80), ...pause('out') }, 'hold 4 paused_out'],
    ['out lets in', { ...load(10), ...pause('out') }, 'in 1 below_target'],
    ['in holds what goes in', { ...load(10), ...pause('in') }, 'hold 4 paused_in'],
    ['in lets out', { ...load(80), ...pause('in') }, 'out 8 above_target'],
    ['has nothing to say to what stays', pause('both'), 'hold 4 within_tolerance'],
    ['counts in its last ms', { ...load(80), ...pause('out', NOW_MS + 1) }, 'hold 4 paused_out'],
    ['counts no more at its end', { ...load(80), ...pause('out', NOW_MS) }, 'out 8 above_target'],
    ['goes before a floor', { ...floor(6), ...pause('out') }, 'hold 4 paused_out'],
    [
      'goes before the maximum',
      { policy: policy({ replicasMax: 3 }), ...pause('in') },
      'hold 4 paused_in',
    ],
    [
      'goes before a fallback',
      {
        policy: policy({ onLost: { kind: 'static', replicas: 2, afterMs: 0 } }),
        ...broken,
        ...pause('in'),
      },
      'hold 4 paused_in',
    ],
  ]);
});

describe('an override, with 4 wanted', () => {
  const override = (replicas: number, untilMs: number | null = null) => ({
    override: { replicas, sinceMs: 0, untilMs, note: 'by hand' },
  });
  const pause = { pause: { direction: 'both', sinceMs: 0, untilMs: null, note: '' } } as const;
  const spent = { budgets: [{ budgetId: 'b', unitsPerReplica: 1, limit: 0, usedByOthers: 0 }] };
  check([
    ['goes out to its number', override(6), 'out 6 override_set'],
    ['goes in to its number', override(2), 'in 2 override_set'],
    ['goes to none', override(0), 'in 0 override_set'],
    [
      'holds what is wanted against what is asked for',
      { ...load(80), ...override(4) },
      'hold 4 override_holds',
    ],
    ['turns what is asked for round', { ...load(80), ...override(3) }, 'in 3 override_set'],
    ['needs no signal', { ...broken, ...override(6) }, 'out 6 override_set'],
    ['goes before the maximum', override(20), 'out 20 override_set'],
    [
      'goes before the minimum',
      { policy: policy({ replicasMin: 3 }), ...override(1) },
      'in 1 override_set',
    ],
    ['goes before a budget', { ...spent, ...override(6) }, 'out 6 override_set'],
    ['goes before a pause', { ...pause, ...override(6) }, 'out 6 override_set'],
    ['goes before a cap', { ...cap(2), ...override(6) }, 'out 6 override_set'],
    ['counts in its last ms', override(6, NOW_MS + 1), 'out 6 override_set'],
    ['counts no more at its end', override(6, NOW_MS), 'hold 4 within_tolerance'],
    ['waits for an action under way', { ...override(2), ...out }, 'hold 4 action_in_flight'],
    ['does not wait when it goes further out', { ...override(6), ...out }, 'out 6 override_set'],
    ['waits for one that goes in', { ...override(6), ...into }, 'hold 4 action_in_flight'],
    [
      'waiting, lets nothing else pass',
      { ...load(80), ...override(3), ...out, ...raise },
      'hold 4 action_in_flight',
    ],
    ['does not go before a stop', { ...override(6), mode: 'stopped' }, 'hold 4 mode_stopped'],
    ['does not go before advice', { ...override(6), mode: 'advise' }, 'hold 4 mode_advise'],
    [
      'cannot act on replicas that nobody counted',
      { ...override(6), actual: { kind: 'unknown', detail: 'away' } },
      'hold 4 actual_unknown',
    ],
  ]);
});

describe('the stages', () => {
  it('come in one order, and those that were not asked for are absent', () => {
    const everything = scaleInput({
      ...broken,
      ...floor(6),
      policy: policy({
        rates: { out: { select: 'max', policies: [] }, in: { select: 'max', policies: [] } },
        onLost: { kind: 'static', replicas: 5, afterMs: 0 },
      }),
      forecast: { kind: 'ready', forecasts: [], rules: [] },
      budgets: [{ budgetId: 'b', unitsPerReplica: 1, limit: 9, usedByOthers: 0 }],
      pause: { direction: 'in', sinceMs: 0, untilMs: null, note: '' },
      override: { replicas: 4, sinceMs: 0, untilMs: null, note: '' },
    });
    const { stages } = decideScale(everything);
    assert.deepEqual(
      stages.map(({ stage, after }) => `${stage} ${after}`),
      [
        'combine 4',
        'lost 5',
        'forecast 5',
        'stabilization 5',
        'cooldown 5',
        'rates 5',
        'pending_action 5',
        'schedule 6',
        'bounds 6',
        'budget 6',
        'pause 6',
        'override 4',
        'mode 4',
      ],
    );
  });

  it('the last that had a word against moving names the reason', () => {
    const given = {
      ...load(80),
      mode: 'advise',
      pause: { direction: 'both', sinceMs: 0, untilMs: null, note: '' },
    } as const;
    assert.equal(told({ ...given, inFlight: going(2) }), 'hold 4 action_in_flight');
    assert.equal(told(given), 'hold 4 paused_out');
    assert.equal(told({ ...load(80), mode: 'advise' }), 'hold 4 mode_advise');
  });
});

describe('the reason of an action', () => {
  const limited = (value: number) => ({
    policy: policy({
      rates: {
        out: { select: 'max', policies: [{ kind: 'replicas', value, periodMs: 60_000 }] },
        in: { select: 'max', policies: [] },
      },
    }),
  });
  const forecast: Partial<ScaleInput> = {
    forecast: {
      kind: 'ready',
      forecasts: [
        {
          kind: 'forecast',
          horizonMs: 60_000,
          model: 'day',
          quantiles: [{ level: 0.9, load: 90 }],
          scored: 100,
          skillRatio: 0.5,
        },
      ],
      rules: [{ kind: 'raise', horizonMs: 60_000, level: 0.9, target: 10 }],
    },
  };
  check([
    [
      'is the forecast where the signals alone would not have come that far',
      { ...load(60), ...forecast, ...limited(4) },
      'out 8 forecast_floor',
    ],
    [
      'is the signals where they alone would have come that far',
      { ...load(60), ...forecast, ...limited(2) },
      'out 6 above_target',
    ],
    [
      'is the override where it takes something from what is asked for',
      { ...load(80), override: { replicas: 6, sinceMs: 0, untilMs: null, note: '' } },
      'out 6 override_set',
    ],
  ]);
});
