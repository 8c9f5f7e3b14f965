import assert from 'node:assert/strict';
import fc from 'fast-check';
import type {
  AlarmRules,
  AlarmState,
} from '../../../../../control-plane/deciders/strategies/alarm.ts';
import { proposeStep } from '../../../../../control-plane/deciders/strategies/step.ts';
import type { Step, StepRules } from '../../../../../control-plane/deciders/strategies/step.ts';
import { BROKEN_VALUES, NOW_MS, answer } from '../../../../support/strategy-proposals.ts';

const PERIOD_MS = 60_000;

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

const UP: readonly Step[] = [
  { lower: 0, upper: 10, adjustment: 1 },
  { lower: 10, upper: 20, adjustment: 2 },
  { lower: 20, upper: null, adjustment: 5 },
];
const DOWN: readonly Step[] = [
  { lower: -10, upper: 0, adjustment: -1 },
  { lower: -20, upper: -10, adjustment: -2 },
  { lower: null, upper: -20, adjustment: -5 },
];
const steps = (list: readonly Step[], overrides: Partial<StepRules> = {}): StepRules => ({
  alarm: list === DOWN ? below(50, 1) : above(50, 1),
  adjustmentKind: 'change',
  minAdjustmentReplicas: 0,
  steps: list,
  ...overrides,
});
const only = (adjustment: number, overrides: Partial<StepRules> = {}): StepRules =>
  steps([{ lower: null, upper: null, adjustment }], overrides);
const percent = (adjustment: number, minAdjustmentReplicas = 0) =>
  only(adjustment, { adjustmentKind: 'percent', minAdjustmentReplicas });
const exact = (adjustment: number) => only(adjustment, { adjustmentKind: 'exact' });
const on = (atMs = NOW_MS): AlarmState => ({ kind: 'alarm', beyond: 1, lastAtMs: atMs });

const STEPS: readonly [
  string,
  StepRules,
  current: number,
  warming: number,
  value: number | null,
  expected: number | string,
][] = [
  ['picks the first step', steps(UP), 10, 0, 55, 11],
  ['above: the lower bound belongs to a step', steps(UP), 10, 0, 60, 12],
  ['above: the upper bound does not', steps(UP), 10, 0, 59.9, 11],
  ['above: the distance 0 belongs to the first', steps(UP), 10, 0, 50, 11],
  ['the last step has no end', steps(UP), 10, 0, 5_000, 15],
  ['stays without a step for it', steps(UP), 10, 0, 49, 10],
  ['below: the upper bound belongs to a step', steps(DOWN), 10, 0, 40, 8],
  ['below: the lower bound does not', steps(DOWN), 10, 0, 40.1, 9],
  ['below: the distance 0 belongs to the first', steps(DOWN), 10, 0, 50, 9],
  ['below: the last step has no end', steps(DOWN), 10, 0, 0, 5],
  ['below: the edge of the last step', steps(DOWN), 10, 0, 30, 5],
  ['ends at nothing', only(-20), 10, 0, 55, 0],
  ['changes by a percentage', percent(50), 10, 0, 55, 15],
  ['12.7 are 12', percent(127), 10, 0, 55, 22],
  ['0.67 are 1', percent(6.7), 10, 0, 55, 11],
  ['−0.58 are −1', percent(-5.8), 10, 0, 55, 9],
  ['−6.67 are −6', percent(-66.7), 10, 0, 55, 4],
  ['29 % of 100 are 29', percent(29), 100, 0, 55, 129],
  ['129.2 % of 250 are 323', percent(129.2), 250, 0, 55, 573],
  ['0 % is nothing', percent(0, 3), 10, 0, 55, 10],
  ['asks for so many at least', percent(10, 3), 10, 0, 55, 13],
  ['not when the percentage is more', percent(50, 3), 10, 0, 55, 15],
  ['asks for so many at least going in', percent(-10, 3), 10, 0, 55, 7],
  ['sets a number', exact(7), 10, 0, 55, 7],
  ['sets a larger number', exact(12), 10, 0, 55, 12],
  ['adds only what warming ones do not', only(5), 13, 3, 55, 15],
  ['adds nothing while they are enough', only(2), 13, 3, 55, 13],
  ['percent of those that count', percent(50), 12, 2, 55, 15],
  ['does not go in while one warms up', only(-2), 10, 1, 55, 10],
  ['has none without a value', only(1), 10, 0, null, 'signal_absent'],
  ['has none for NaN', only(1), 10, 0, NaN, 'signal_not_a_number'],
  ['has none for a negative value', only(-1), 10, 0, -1, 'signal_out_of_range'],
];

describe(`proposeStep: ${STEPS.length} cases from AWS step scaling`, () => {
  for (const [title, rules, current, warming, value, expected] of STEPS) {
    it(title, () => {
      const proposal = proposeStep(rules, { nowMs: NOW_MS, current, warming, value }, on());
      assert.equal(answer(proposal), expected);
    });
  }

  it('acts only while the alarm is on', () => {
    const input = { nowMs: NOW_MS, current: 10, warming: 0, value: 55 };
    const of = (kind: AlarmState['kind']) =>
      answer(proposeStep(steps(UP), input, { ...on(), kind }));
    assert.deepEqual([of('alarm'), of('ok'), of('insufficient_data')], [11, 10, 'signal_absent']);
  });

  it('proposes nothing when no period came in lately', () => {
    const input = { nowMs: NOW_MS, current: 10, warming: 0, value: 30 };
    const late = (ageMs: number) => answer(proposeStep(steps(DOWN), input, on(NOW_MS - ageMs)));
    assert.equal(late(150_000), 5);
    assert.equal(late(150_001), 'signal_stale');
  });
});

describe('proposeStep: properties', () => {
  it('steps end whole and at nothing at least', () => {
    fc.assert(
      fc.property(
        fc.constantFrom('change' as const, 'percent' as const, 'exact' as const),
        fc.double({ min: -500, max: 500, noNaN: true }),
        fc.nat(200),
        fc.nat(20),
        (adjustmentKind, adjustment, current, warming) => {
          const rules = only(adjustment, { adjustmentKind });
          const proposal = proposeStep(rules, { nowMs: NOW_MS, current, warming, value: 60 }, on());
          assert.ok(proposal.kind === 'replicas');
          assert.ok(Number.isSafeInteger(proposal.replicas) && proposal.replicas >= 0);
        },
      ),
      { numRuns: 2_000 },
    );
  });

  it('never lowers on a broken or missing last period', () => {
    const broken = fc.constantFrom(...BROKEN_VALUES, null);
    fc.assert(
      fc.property(fc.nat(100), broken, (current, value) => {
        const input = { nowMs: NOW_MS, current, warming: 0, value };
        assert.equal(proposeStep(only(-1), input, on()).kind, 'none');
      }),
      { numRuns: 500 },
    );
  });
});
