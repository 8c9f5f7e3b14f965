import assert from 'node:assert/strict';
import fc from 'fast-check';
import {
  HPA_RATES,
  SCALE_EVENTS_MAX,
  limitRate,
  longestPeriodMs,
  rememberScaleEvent,
} from '../../../../control-plane/deciders/behavior.ts';
import type { RateInput } from '../../../../control-plane/deciders/behavior.ts';
import type { ScaleEvent } from '../../../../control-plane/model/decision.ts';
import type { RatePolicySpec, RateRulesSpec } from '../../../../control-plane/model/policy.ts';

const NOW_MS = 1_000_000_000;
const JITTER_MS = 500;

const replicas = (value: number, periodMs = 60_000): RatePolicySpec => ({
  kind: 'replicas',
  value,
  periodMs,
});
const percent = (value: number, periodMs = 60_000): RatePolicySpec => ({
  kind: 'percent',
  value,
  periodMs,
});
const max = (...policies: RatePolicySpec[]): RateRulesSpec => ({ select: 'max', policies });
const min = (...policies: RatePolicySpec[]): RateRulesSpec => ({ select: 'min', policies });
const disabled = (...policies: RatePolicySpec[]): RateRulesSpec => ({
  select: 'disabled',
  policies,
});
const ago = (ageMs: number, change: number): ScaleEvent => ({ atMs: NOW_MS - ageMs, change });

const HPA = { compatibility: 'hpa-v2' } as const;
const input = (
  rules: RateRulesSpec,
  current: number,
  proposed: number,
  overrides: Partial<RateInput> = {},
): RateInput => ({
  nowMs: NOW_MS,
  current,
  proposed,
  events: [],
  out: rules,
  in: rules,
  compatibility: 'default',
  jitterMs: JITTER_MS,
  ...overrides,
});

type Case = readonly [
  title: string,
  RateRulesSpec,
  current: number,
  proposed: number,
  after: number,
  overrides?: Partial<RateInput>,
];
const events = (...list: ScaleEvent[]) => ({ events: list });
const hpaEvents = (...list: ScaleEvent[]) => ({ ...HPA, events: list });

const CASES: readonly Case[] = [
  // Out.
  ['adds as many as the policy allows', max(replicas(4)), 10, 20, 14],
  ['lets pass what it allows exactly', max(replicas(4)), 10, 14, 14],
  ['lets pass less', max(replicas(4)), 10, 12, 12],
  ['adds a percentage', max(percent(50)), 10, 20, 15],
  ['rounds a percentage of growth up', max(percent(10)), 11, 20, 13],
  ['takes the most of several', max(replicas(4), percent(100)), 10, 50, 20],
  ['takes the most for few replicas', max(replicas(4), percent(100)), 3, 50, 7],
  ['takes the least of several', min(replicas(4), percent(100)), 10, 50, 14],
  ['takes the least for few replicas', min(replicas(4), percent(100)), 3, 50, 6],
  ['does not go out when disabled', disabled(replicas(4)), 10, 20, 10],
  ['allows nothing with a policy of 0', max(replicas(0)), 10, 20, 10],
  ['allows nothing with 0 percent', max(percent(0)), 10, 20, 10],
  ['allows all without a policy', max(), 10, 5_000, 5_000],
  ['allows all without a policy, min', min(), 10, 5_000, 5_000],
  ['leaves a proposal to stay alone', disabled(), 10, 10, 10],
  ['counts what was added in the period', max(replicas(4)), 13, 20, 14, events(ago(30_000, 3))],
  ['adds no more when the period is used up', max(replicas(4)), 14, 20, 14, events(ago(30_000, 4))],
  ['never goes below what there is', max(replicas(4)), 20, 30, 20, events(ago(30_000, 10))],
  ['percent counts from the start', max(percent(50)), 15, 40, 15, events(ago(30_000, 5))],
  ['gives back what was taken', max(replicas(4)), 8, 20, 14, events(ago(30_000, -2))],
  ['sums several events', max(replicas(9)), 16, 30, 19, events(ago(50_000, 4), ago(20_000, 2))],
  [
    'each policy has its period',
    max(replicas(4, 15_000), replicas(6)),
    14,
    30,
    18,
    events(ago(20_000, 4)),
  ],
  ['forgets an event older than the period', max(replicas(4)), 14, 30, 18, events(ago(60_001, 4))],
  [
    'out: an event as old as the period is free',
    max(replicas(4)),
    14,
    30,
    18,
    events(ago(60_000, 4)),
  ],
  ['out: free from a jitter before', max(replicas(4)), 14, 30, 18, events(ago(59_500, 4))],
  ['out: counts just before that', max(replicas(4)), 14, 30, 14, events(ago(59_499, 4))],
  [
    'hpa-v2 frees an event as old as the period',
    max(replicas(4)),
    14,
    30,
    18,
    hpaEvents(ago(60_000, 4)),
  ],
  ['hpa-v2 counts it 1 ms before', max(replicas(4)), 14, 30, 14, hpaEvents(ago(59_999, 4))],
  ['default: 100 + 10 % allows 110', max(percent(10)), 100, 200, 110],
  ['hpa-v2: 100 + 10 % allows 111', max(percent(10)), 100, 200, 111, HPA],
  ['default: a percentage allows one from zero', max(percent(100)), 0, 5, 1],
  ['but not 0 percent', max(percent(0)), 0, 5, 0],
  ['hpa-v2: a percentage never leaves zero', max(percent(100)), 0, 5, 0, HPA],
  ['hpa-v2: the least never leaves zero', min(replicas(4), percent(100)), 0, 5, 0, HPA],
  ['replicas leave zero', max(replicas(4)), 0, 5, 4],
  ['default: no start below zero', max(replicas(4)), 2, 9, 4, events(ago(1_000, 5))],
  ['hpa-v2: the start may be below zero', max(replicas(4)), 2, 9, 2, hpaEvents(ago(1_000, 5))],
  ['HPA defaults: 4 from 1', HPA_RATES.out, 1, 50, 5],
  ['HPA defaults: 4 from 4', HPA_RATES.out, 4, 50, 8],
  ['HPA defaults: double from 5', HPA_RATES.out, 5, 50, 10],

  // In.
  ['takes as many as the policy allows', max(replicas(4)), 10, 1, 6],
  ['lets pass what it allows exactly, in', max(replicas(4)), 10, 6, 6],
  ['lets pass a smaller step', max(replicas(4)), 10, 8, 8],
  ['takes a percentage', max(percent(50)), 10, 1, 5],
  ['rounds what is left down', max(percent(10)), 15, 1, 13],
  ['takes one of few', max(percent(10)), 5, 1, 4],
  ['the most taken leaves the fewest', max(replicas(4), percent(50)), 20, 1, 10],
  ['the most taken of few', max(replicas(4), percent(50)), 6, 1, 2],
  ['the least taken leaves the most', min(replicas(4), percent(50)), 20, 1, 16],
  ['the least taken of few', min(replicas(4), percent(50)), 6, 1, 3],
  ['does not go in when disabled', disabled(replicas(4)), 10, 1, 10],
  ['takes nothing with a policy of 0', max(replicas(0)), 10, 1, 10],
  ['takes all without a policy', max(), 10, 0, 0],
  ['takes all without a policy, min', min(), 10, 0, 0],
  ['takes all with 100 percent', max(percent(100)), 10, 0, 0],
  ['never takes more than there are', max(replicas(40)), 10, 0, 0],
  ['counts what was taken in the period', max(replicas(4)), 7, 1, 6, events(ago(30_000, -3))],
  ['takes no more when used up', max(replicas(4)), 6, 1, 6, events(ago(30_000, -4))],
  ['never goes above what there is', max(replicas(4)), 6, 1, 6, events(ago(30_000, -10))],
  ['percent counts from the start, in', max(percent(50)), 6, 1, 5, events(ago(30_000, -4))],
  ['takes back what was added', max(replicas(4)), 12, 1, 6, events(ago(30_000, 2))],
  ['in: an event as old as the period is free', max(replicas(4)), 6, 1, 2, events(ago(60_000, -4))],
  [
    'in: counts 1 ms before, whatever the jitter',
    max(replicas(4)),
    6,
    1,
    6,
    events(ago(59_999, -4)),
  ],
  ['hpa-v2 in: frees it at the period', max(replicas(4)), 6, 1, 2, hpaEvents(ago(60_000, -4))],
  ['hpa-v2 in: counts it 1 ms before', max(replicas(4)), 6, 1, 6, hpaEvents(ago(59_999, -4))],
  ['default: 10 − 90 % leaves 1', max(percent(90)), 10, 0, 1],
  ['hpa-v2: 10 − 90 % leaves 0', max(percent(90)), 10, 0, 0, HPA],
  ['HPA defaults: all at once', HPA_RATES.in, 50, 3, 3],
];

describe(`limitRate: ${CASES.length} cases from autoscaling/v2 behavior`, () => {
  for (const [title, rules, current, proposed, after, overrides] of CASES) {
    it(title, () => {
      const stage = limitRate(input(rules, current, proposed, overrides));
      assert.equal(stage.after, after);
      const reason = proposed > current ? 'rate_limited_up' : 'rate_limited_down';
      assert.equal(stage.reason, after === proposed ? null : reason);
      assert.equal(stage.detail === '', after === proposed);
    });
  }

  it('uses the rules of the direction', () => {
    const both = { out: max(replicas(1)), in: max(replicas(2)) };
    assert.equal(limitRate(input(max(), 10, 20, both)).after, 11);
    assert.equal(limitRate(input(max(), 10, 1, both)).after, 8);
  });

  it('names the policies that limited', () => {
    const { detail } = limitRate(input(min(replicas(4), percent(100)), 10, 50));
    assert.equal(detail, 'the min of 4 replicas in 60000 ms, 100 percent in 60000 ms is 14');
    assert.equal(limitRate(input(disabled(), 10, 50)).detail, 'this direction is disabled');
  });

  it('keeps a rate whose period is the tick, though ticks come early and late', () => {
    const rules = max(replicas(4, 15_000));
    let current = 1;
    let past: readonly ScaleEvent[] = [];
    for (let tick = 0; tick < 20; tick += 1) {
      const nowMs = NOW_MS + tick * 15_000 + (tick % 2 === 0 ? 200 : -200);
      const { after } = limitRate({ ...input(rules, current, 1_000, { events: past }), nowMs });
      assert.equal(after - current, 4);
      past = rememberScaleEvent(past, { atMs: nowMs, change: after - current }, 15_000);
      current = after;
    }
  });
});

describe('rememberScaleEvent', () => {
  it('drops what no period can see, and keeps what is as old as the longest', () => {
    const kept = rememberScaleEvent([ago(60_001, 1), ago(60_000, 2)], ago(0, 3), 60_000);
    assert.deepEqual(kept, [ago(60_000, 2), ago(0, 3)]);
  });

  it('keeps no event that changed nothing', () => {
    assert.deepEqual(rememberScaleEvent([], ago(0, 0), 60_000), []);
  });

  it('orders what came out of order', () => {
    const kept = rememberScaleEvent([ago(5, 1)], ago(10, 2), 60_000);
    assert.deepEqual(kept, [ago(10, 2), ago(5, 1)]);
  });

  it('stays bounded and keeps the sum', () => {
    let past: readonly ScaleEvent[] = [];
    for (let at = 0; at < SCALE_EVENTS_MAX + 50; at += 1) {
      past = rememberScaleEvent(past, { atMs: at, change: 1 }, 60_000);
    }
    assert.equal(past.length, SCALE_EVENTS_MAX);
    assert.equal(
      past.reduce((sum, { change }) => sum + change, 0),
      SCALE_EVENTS_MAX + 50,
    );
    assert.equal(past[0]?.atMs, 50);
  });

  it('knows the longest period of both directions', () => {
    assert.equal(longestPeriodMs(max(replicas(1, 5)), min(percent(1, 9), percent(1, 3))), 9);
    assert.equal(longestPeriodMs(max(replicas(1, 15)), min(percent(1, 9))), 15);
    assert.equal(longestPeriodMs(max(), disabled()), 0);
  });
});

const anyPolicy = fc.record({
  kind: fc.constantFrom('replicas' as const, 'percent' as const),
  value: fc.integer({ min: 0, max: 200 }),
  periodMs: fc.integer({ min: 1_000, max: 600_000 }),
});
const anyRules = fc.record({
  select: fc.constantFrom('max' as const, 'min' as const, 'disabled' as const),
  policies: fc.array(anyPolicy, { maxLength: 4 }),
});
const anyInput = fc.record({
  nowMs: fc.constant(NOW_MS),
  current: fc.integer({ min: 0, max: 1_000 }),
  proposed: fc.integer({ min: 0, max: 1_000 }),
  events: fc.array(
    fc.record({
      atMs: fc.integer({ min: NOW_MS - 600_000, max: NOW_MS }),
      change: fc.integer({ min: -50, max: 50 }),
    }),
    { maxLength: 10 },
  ),
  out: anyRules,
  in: anyRules,
  compatibility: fc.constantFrom('default' as const, 'hpa-v2' as const),
  jitterMs: fc.integer({ min: 0, max: 999 }),
});

describe('limitRate: properties', () => {
  it('ends between what there is and what is proposed, whole, with a reason when it limits', () => {
    fc.assert(
      fc.property(anyInput, (given) => {
        const { after, reason } = limitRate(given);
        assert.ok(after >= Math.min(given.current, given.proposed));
        assert.ok(after <= Math.max(given.current, given.proposed));
        assert.ok(Number.isInteger(after));
        assert.equal(reason === null, after === given.proposed);
      }),
      { numRuns: 5_000 },
    );
  });

  it('is monotone in the proposal', () => {
    fc.assert(
      fc.property(anyInput, fc.integer({ min: 0, max: 500 }), (given, more) => {
        const higher = limitRate({ ...given, proposed: given.proposed + more });
        assert.ok(higher.after >= limitRate(given).after);
      }),
      { numRuns: 5_000 },
    );
  });

  it('does not depend on the order of events or policies', () => {
    fc.assert(
      fc.property(anyInput, (given) => {
        const turned = (rules: RateRulesSpec) => ({
          ...rules,
          policies: rules.policies.toReversed(),
        });
        const other = limitRate({
          ...given,
          events: given.events.toReversed(),
          out: turned(given.out),
          in: turned(given.in),
        });
        assert.equal(other.after, limitRate(given).after);
      }),
      { numRuns: 2_000 },
    );
  });

  it('allows no less with max than with min', () => {
    fc.assert(
      fc.property(anyInput, anyRules, (given, rules) => {
        const move = (select: 'max' | 'min') => {
          const chosen = { ...rules, select };
          const { after } = limitRate({ ...given, out: chosen, in: chosen });
          return Math.abs(after - given.current);
        };
        assert.ok(move('max') >= move('min'));
      }),
      { numRuns: 2_000 },
    );
  });
});
