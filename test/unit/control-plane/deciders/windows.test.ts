import assert from 'node:assert/strict';
import { decideScale } from '../../../../control-plane/deciders/scale.ts';
import { windowsOf } from '../../../../control-plane/deciders/windows.ts';
import type { ScaleInput } from '../../../../control-plane/model/decision.ts';
import { NOW_MS, policy, sample, scaleInput } from '../../../support/scale-input.ts';
import { remembering, told } from '../../../support/scale-verdicts.ts';

const PERIOD_MS = 3_600_000;
const flapBudget = { reversalsMax: 2, periodMs: PERIOD_MS, windowMaxMs: 1_200_000 };
const turned = (count: number) =>
  remembering({ reversalsAtMs: Array.from({ length: count }, (_, at) => NOW_MS - count + at) });
const windows = (change: Parameters<typeof policy>[0], overrides: Partial<ScaleInput> = {}) =>
  windowsOf(scaleInput({ policy: policy(change), ...overrides }));

describe('windowsOf', () => {
  const cases: readonly [string, downMs: number, reversals: number, expectedMs: number][] = [
    ['leaves the window without a reversal', 300_000, 0, 300_000],
    ['leaves it one below the budget', 300_000, 1, 300_000],
    ['leaves it exactly at the budget', 300_000, 2, 300_000],
    ['doubles it with one beyond', 300_000, 3, 600_000],
    ['doubles it again with two beyond', 300_000, 4, 1_200_000],
    ['stops at its maximum', 300_000, 5, 1_200_000],
    ['takes a window of none for a minute', 0, 3, 120_000],
    ['takes one below a minute for a minute', 59_999, 3, 120_000],
    ['takes one above a minute for itself', 60_001, 3, 120_002],
    ['leaves a window of none at the budget', 0, 2, 0],
    ['never shortens a window beyond the maximum', 2_400_000, 3, 2_400_000],
    ['stays finite with many', 300_000, 256, 1_200_000],
  ];
  for (const [title, stabilizationDownMs, count, expectedMs] of cases) {
    it(title, () => {
      const seen = windows({ stabilizationDownMs, flapBudget }, turned(count));
      assert.deepEqual(seen, { upMs: 0, downMs: expectedMs, reversals: count });
    });
  }

  it('never widens the window of going out', () => {
    const seen = windows({ stabilizationUpMs: 30_000, flapBudget }, turned(9));
    assert.equal(seen.upMs, 30_000);
  });

  it('counts a reversal up to the end of the period, and not at it', () => {
    const at = (ageMs: number) =>
      windows({ flapBudget }, remembering({ reversalsAtMs: [NOW_MS - ageMs] })).reversals;
    assert.equal(at(PERIOD_MS - 1), 1);
    assert.equal(at(PERIOD_MS), 0);
  });

  it('has nothing to count without a budget or a memory', () => {
    assert.equal(windows({}, turned(9)).reversals, 0);
    assert.equal(windows({ flapBudget }).reversals, 0);
  });
});

describe('a flap budget that is overdrawn', () => {
  const flapping = policy({ stabilizationDownMs: 60_000, flapBudget });
  const with4 = (ageMs: number, reversals: number): Partial<ScaleInput> => ({
    policy: flapping,
    observations: [sample(10)],
    ...remembering(
      { reversalsAtMs: Array.from({ length: reversals }, () => NOW_MS - 1) },
      {
        recommendations: [
          { replicas: 4, firstAtMs: NOW_MS - ageMs, lastAtMs: NOW_MS - ageMs },
          { replicas: 1, firstAtMs: NOW_MS - 5_000, lastAtMs: NOW_MS - 5_000 },
        ],
      },
    ),
  });
  const cases: readonly [string, ageMs: number, reversals: number, string][] = [
    [
      'within the policy’s window it is the window that holds',
      59_999,
      3,
      'hold 4 stabilizing_down',
    ],
    ['beyond it, it is the budget', 60_000, 3, 'hold 4 flap_budget'],
    ['up to the end of the wider window', 119_999, 3, 'hold 4 flap_budget'],
    ['and not at it', 120_000, 3, 'in 1 below_target'],
    ['at the budget nothing is wider', 60_000, 2, 'in 1 below_target'],
  ];
  for (const [title, ageMs, reversals, expected] of cases) {
    it(title, () => {
      assert.equal(told(with4(ageMs, reversals)), expected);
    });
  }

  it('says how many reversals widened the window, and to what', () => {
    const { stages } = decideScale(scaleInput(with4(60_000, 3)));
    const { detail } = stages.find(({ stage }) => stage === 'stabilization') ?? {};
    assert.equal(detail, '3 reversals widen the window to 120000 ms, its largest is 4');
  });

  it('does not keep from going out', () => {
    assert.equal(told({ ...with4(1_000, 9), observations: [sample(80)] }), 'out 8 above_target');
  });
});
