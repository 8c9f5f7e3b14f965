import assert from 'node:assert/strict';
import fc from 'fast-check';
import { createLivePolicy } from '../../../../control-plane/backtest/live-policy.ts';
import { runPlant } from '../../../../control-plane/backtest/plant.ts';
import type { Plant, Stepper } from '../../../../control-plane/backtest/plant.ts';
import { metric, policy } from '../../../support/scale-input.ts';
import { seededRandom } from '../../../support/seeded-random.ts';

const STEP_MS = 15_000;
const DAY_STEPS = 5_760;
const PLANT: Plant = {
  stepMs: STEP_MS,
  bootMs: 180_000,
  replicaCapacity: 1,
  replicasMin: 1,
  replicasMax: 100,
  replicasInitial: 1,
};

function live(
  options: { forecast: boolean; downMs?: number; waitsForBoot?: boolean },
  plant: Plant = PLANT,
): Stepper {
  const { bootMs, replicaCapacity: capacity, replicasInitial } = plant;
  return createLivePolicy({
    policy: policy({
      metrics: [metric({ kind: 'average_value', target: 0.7 })],
      replicasMax: 100,
      stabilizationDownMs: options.downMs ?? 0,
      signalAgeMaxMs: 60_000,
      actionTimeoutMs: 600_000,
      ...(options.forecast && {
        forecast: { metric: 'load', bootMs, capacity, historyMs: 86_400_000 },
      }),
      ...(options.waitsForBoot !== true && { whileBooting: 'raise' as const }),
    }),
    replicasInitial,
  });
}

/** A day with a steep morning, the same every day: 2 to 30 units. */
function daily(step: number): number {
  const phase = ((step % DAY_STEPS) / DAY_STEPS) * 2 * Math.PI;
  return 2 + 28 * Math.max(0, -Math.cos(phase)) ** 3;
}

describe('the live decider in the plant', () => {
  it('wants what the target asks for, and remembers its windows', () => {
    const load = [7, 7, 1, 1, 1, 1];
    const plant = { ...PLANT, replicasInitial: 10 };
    const at = (downMs: number): number[] =>
      runPlant(plant, load, live({ forecast: false, downMs }, plant)).map(({ desired }) => desired);
    assert.deepEqual(at(0), [10, 10, 2, 2, 2, 2]);
    assert.deepEqual(at(45_000), [10, 10, 10, 10, 2, 2]);
  });

  it('does one thing at a time when it waits for boots', () => {
    const load = [7, 14, 14];
    const first = (waitsForBoot: boolean): number[] =>
      runPlant(PLANT, load, live({ forecast: false, waitsForBoot })).map(({ desired }) => desired);
    assert.deepEqual(first(true), [10, 10, 10]);
    assert.deepEqual(first(false), [10, 20, 20]);
  });

  it('never goes below what is wanted while the metrics are missing', () => {
    fc.assert(
      fc.property(
        fc.array(fc.option(fc.double({ min: 0, max: 30, noNaN: true }), { freq: 3 }), {
          minLength: 1,
          maxLength: 300,
        }),
        (seen) => {
          const load = seen.map((units) => units ?? 0);
          const steps = runPlant(PLANT, load, live({ forecast: true, downMs: 60_000 }), seen);
          for (const [at, { ready, booting, desired }] of steps.entries()) {
            if (seen[at] === null) assert.ok(desired >= ready + booting);
          }
        },
      ),
      { numRuns: 50 },
    );
  });

  it('takes what is missing for missing, not for silence: the forecast holds as before after a gap', () => {
    const random = seededRandom(5);
    const load = Array.from({ length: 1_030 }, () => 4 + 6 * random());
    load.fill(4, 1_000);
    const seen = load.map((units, at) => (at >= 1_000 && at < 1_020 ? null : units));
    const steps = runPlant(PLANT, load, live({ forecast: true }), seen);
    const before = steps[999]?.desired ?? 0;
    const after = steps[1_020]?.desired ?? 0;
    assert.ok(before > 10 && after > 10, `${before} before, ${after} after, 6 for the load alone`);
  });

  it('goes on raising by a proven season while the metrics are missing on a rising flank', () => {
    const load = Array.from({ length: 4 * DAY_STEPS }, (_, step) => daily(step));
    const from = 3 * DAY_STEPS + Math.round(DAY_STEPS * 0.34);
    const seen = load.map((units, at) => (at >= from && at < from + 40 ? null : units));
    const at = (forecast: boolean): number =>
      runPlant(PLANT, load, live({ forecast }), seen)[from + 39]?.desired ?? 0;
    assert.ok(at(true) > at(false), `${at(true)} with the forecast, ${at(false)} without`);
  });

  it('gives the same run twice', () => {
    const load = Array.from({ length: DAY_STEPS }, (_, step) => daily(step * 7) + (step % 5));
    const again = () => runPlant(PLANT, load, live({ forecast: true, downMs: 300_000 }));
    assert.deepEqual(again(), again());
  });
});
