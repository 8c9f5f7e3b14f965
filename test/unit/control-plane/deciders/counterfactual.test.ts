import assert from 'node:assert/strict';
import { counterfactualsOf } from '../../../../control-plane/deciders/counterfactual.ts';
import type { ScaleInput } from '../../../../control-plane/model/decision.ts';
import {
  NOW_MS,
  failed,
  metric,
  policy,
  reading,
  sample,
  scaleInput,
  strategy,
} from '../../../support/scale-input.ts';
import { going, remembering } from '../../../support/scale-verdicts.ts';

const load = (value: number) => ({ observations: [sample(value)] });
const note = { sinceMs: 0, untilMs: null, note: '' };
const { brakes } = scaleInput();
const rules = (...policies: { kind: 'replicas' | 'percent'; value: number }[]) => ({
  select: 'max' as const,
  policies: policies.map((one) => ({ ...one, periodMs: 60_000 })),
});
const open = rules();

describe('counterfactualsOf, with 4 wanted', () => {
  const cases: readonly [string, Partial<ScaleInput>, Readonly<Record<string, number>>][] = [
    ['has nothing to say where nothing else would have come', load(60), {}],
    ['the bounds', load(500), { 'the bounds': 50 }],
    ['the minimum', { policy: policy({ replicasMin: 3 }), ...load(0) }, { 'the bounds': 0 }],
    ['an action under way', { ...load(80), inFlight: going(2) }, { 'the action under way': 8 }],
    [
      'a cooldown',
      {
        policy: policy({ cooldownUpMs: 9_000 }),
        ...load(80),
        brakes: { ...brakes, lastOutAtMs: NOW_MS },
      },
      { 'the cooldowns': 8 },
    ],
    [
      'a cooldown going in',
      {
        policy: policy({ cooldownDownMs: 9_000 }),
        ...load(10),
        brakes: { ...brakes, lastInAtMs: NOW_MS },
      },
      { 'the cooldowns': 1 },
    ],
    [
      'a window going in',
      { policy: policy({ stabilizationDownMs: 60_000 }), ...load(10) },
      { 'the stabilization windows': 1 },
    ],
    [
      'a window going out',
      { policy: policy({ stabilizationUpMs: 60_000 }), ...load(80) },
      { 'the stabilization windows': 8 },
    ],
    ['the mode', { ...load(80), mode: 'advise' }, { 'the mode advise': 8 }],
    ['a pause', { ...load(80), pause: { direction: 'out', ...note } }, { 'the pause': 8 }],
    ['an override', { ...load(80), override: { replicas: 2, ...note } }, { 'the override': 8 }],
    [
      'an override that is over',
      { ...load(80), override: { replicas: 2, ...note, untilMs: NOW_MS } },
      {},
    ],
    [
      'a budget',
      { ...load(80), budgets: [{ budgetId: 'b', unitsPerReplica: 1, limit: 5, usedByOthers: 0 }] },
      { 'the budgets': 8 },
    ],
    [
      'a schedule',
      {
        ...load(40),
        schedules: [{ name: 'day', kind: 'floor', replicas: 6, fromMs: 0, untilMs: NOW_MS + 1 }],
      },
      { 'the schedule day': 4 },
    ],
    [
      'one of two schedules',
      {
        ...load(40),
        schedules: [
          { name: 'day', kind: 'floor', replicas: 6, fromMs: 0, untilMs: NOW_MS + 1 },
          { name: 'sale', kind: 'floor', replicas: 8, fromMs: 0, untilMs: NOW_MS + 1 },
        ],
      },
      { 'the schedule sale': 6 },
    ],
    [
      'a forecast that warms',
      { ...load(10), forecast: { kind: 'warming', detail: '' } },
      { 'the forecast': 1 },
    ],
    [
      'a fallback',
      {
        policy: policy({ onLost: { kind: 'static', replicas: 6, afterMs: 0 } }),
        observations: [failed('signal_absent')],
      },
      { 'the fallback for lost signals': 4 },
    ],
    [
      'rate policies out',
      {
        policy: policy({ rates: { out: rules({ kind: 'replicas', value: 1 }), in: open } }),
        ...load(80),
      },
      { 'the rate policies out': 8 },
    ],
    [
      'rate policies in',
      {
        policy: policy({ rates: { out: open, in: rules({ kind: 'replicas', value: 1 }) } }),
        ...load(10),
      },
      { 'the rate policies in': 1 },
    ],
    [
      'one of two rate policies',
      {
        policy: policy({
          rates: {
            out: rules({ kind: 'replicas', value: 1 }, { kind: 'percent', value: 50 }),
            in: open,
          },
        }),
        ...load(80),
      },
      { 'the policy of 50 % in 60 s out': 5, 'the rate policies out': 8 },
    ],
    [
      'a flap budget, and the windows that it widens',
      {
        policy: policy({ flapBudget: { reversalsMax: 1, periodMs: 60_000, windowMaxMs: 600_000 } }),
        ...load(10),
        ...remembering({ reversalsAtMs: [NOW_MS - 2, NOW_MS - 1] }),
      },
      { 'the stabilization windows': 1, 'the flap budget': 1 },
    ],
  ];
  for (const [title, overrides, expected] of cases) {
    it(`names ${title}`, () => {
      const told = counterfactualsOf(scaleInput(overrides));
      const byName = Object.fromEntries(told.map(({ without, replicas }) => [without, replicas]));
      assert.deepEqual(byName, expected);
    });
  }

  it('names a metric and a strategy that decide, and none that stands alone', () => {
    const spec = strategy('fixed_value', { replicas: 9 });
    const input = scaleInput({
      policy: policy({
        metrics: [metric({ name: 'a' }), metric({ name: 'b' })],
        strategies: [spec],
      }),
      observations: [sample(80, { metric: 'a' }), sample(20, { metric: 'b' })],
      readings: [reading(spec, 0)],
    });
    assert.deepEqual(counterfactualsOf(input), [{ without: 's', replicas: 8 }]);
    const two = { ...input, policy: { ...input.policy, strategies: [] }, readings: [] };
    assert.deepEqual(counterfactualsOf(two), [{ without: 'a', replicas: 2 }]);
    const one = {
      ...two,
      policy: { ...two.policy, metrics: two.policy.metrics.slice(0, 1) },
      observations: two.observations.slice(0, 1),
    };
    assert.deepEqual(counterfactualsOf(one), []);
  });

  it('names a lost metric that keeps the others from going in', () => {
    const input = scaleInput({
      policy: policy({ metrics: [metric({ name: 'a' }), metric({ name: 'b' })] }),
      observations: [failed('signal_absent'), sample(20, { metric: 'b' })],
    });
    assert.deepEqual(counterfactualsOf(input), [{ without: 'a', replicas: 2 }]);
  });

  it('changes nothing of its input', () => {
    const input = scaleInput({ ...load(80), pause: { direction: 'out', ...note } });
    const before = JSON.stringify(input);
    counterfactualsOf(input);
    assert.equal(JSON.stringify(input), before);
  });
});
