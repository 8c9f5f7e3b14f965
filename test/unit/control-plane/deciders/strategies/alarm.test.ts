import assert from 'node:assert/strict';
import {
  NEW_ALARM,
  isOverdue,
  observeAlarm,
} from '../../../../../control-plane/deciders/strategies/alarm.ts';
import type {
  AlarmRules,
  AlarmState,
} from '../../../../../control-plane/deciders/strategies/alarm.ts';
import { NOW_MS } from '../../../../support/strategy-proposals.ts';

const PERIOD_MS = 60_000;

/** The periods end one after another, the last one now. */
const ending = (count: number, index: number) => NOW_MS - (count - 1 - index) * PERIOD_MS;
const fed = (rules: AlarmRules, values: readonly (number | null)[]): AlarmState =>
  values.reduce<AlarmState>(
    (state, value, index) =>
      observeAlarm(rules, state, { atMs: ending(values.length, index), value }),
    NEW_ALARM,
  );
const above = (bound: number, periods: number): AlarmRules => ({
  side: 'above',
  bound,
  periods,
  periodMs: PERIOD_MS,
});
const below = (bound: number, periods: number): AlarmRules => ({
  ...above(bound, periods),
  side: 'below',
});

const ALARMS: readonly [string, AlarmRules, readonly (number | null)[], AlarmState['kind']][] = [
  ['nothing seen', above(50, 3), [], 'insufficient_data'],
  ['two of three above', above(50, 3), [51, 51], 'ok'],
  ['three of three above', above(50, 3), [51, 51, 51], 'alarm'],
  ['the bound is not above', above(50, 3), [51, 51, 50], 'ok'],
  ['a period within begins anew', above(50, 3), [51, 51, 50, 51, 51], 'ok'],
  ['it goes on', above(50, 3), [51, 51, 51, 51], 'alarm'],
  ['it ends at once', above(50, 3), [51, 51, 51, 49], 'ok'],
  ['a missing period is insufficient', above(50, 3), [51, 51, 51, null], 'insufficient_data'],
  ['and begins anew', above(50, 3), [51, 51, null, 51, 51], 'ok'],
  ['three after it are enough', above(50, 3), [null, 51, 51, 51], 'alarm'],
  ['NaN is insufficient', above(50, 1), [NaN], 'insufficient_data'],
  ['infinity is insufficient', above(50, 1), [Infinity], 'insufficient_data'],
  ['a negative value is insufficient', below(50, 1), [-1], 'insufficient_data'],
  ['one period is enough when asked', above(50, 1), [51], 'alarm'],
  ['below its bound', below(45, 2), [44, 44], 'alarm'],
  ['the bound is not below', below(45, 2), [44, 45], 'ok'],
  ['zero is below', below(45, 2), [0, 0], 'alarm'],
];

describe(`observeAlarm: ${ALARMS.length} cases`, () => {
  for (const [title, rules, values, kind] of ALARMS) {
    it(title, () => assert.equal(fed(rules, values).kind, kind));
  }

  it('begins anew after a gap of more than one and a half periods', () => {
    const rules = above(50, 2);
    const first = observeAlarm(rules, NEW_ALARM, { atMs: 0, value: 51 });
    assert.equal(observeAlarm(rules, first, { atMs: 90_000, value: 51 }).kind, 'alarm');
    assert.equal(observeAlarm(rules, first, { atMs: 90_001, value: 51 }).kind, 'ok');
  });

  it('takes a period in once, and none that is older or of no time', () => {
    const rules = above(50, 2);
    const first = observeAlarm(rules, NEW_ALARM, { atMs: 0, value: 51 });
    for (const atMs of [0, -1, NaN]) {
      assert.equal(observeAlarm(rules, first, { atMs, value: 51 }), first);
    }
    assert.equal(observeAlarm(rules, first, { atMs: 1, value: 51 }).kind, 'alarm');
  });

  it('is overdue two and a half periods after the last one', () => {
    const state = observeAlarm(above(50, 2), NEW_ALARM, { atMs: 0, value: 51 });
    assert.equal(isOverdue(above(50, 2), state, 150_000), false);
    assert.equal(isOverdue(above(50, 2), state, 150_001), true);
    assert.equal(isOverdue(above(50, 2), NEW_ALARM, 0), true);
  });
});
