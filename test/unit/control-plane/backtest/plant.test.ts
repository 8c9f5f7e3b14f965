import assert from 'node:assert/strict';
import fc from 'fast-check';
import { bootSteps, runPlant, stepperOf } from '../../../../control-plane/backtest/plant.ts';
import type { Plant, PlantView } from '../../../../control-plane/backtest/plant.ts';

const PLANT: Plant = {
  stepMs: 15_000,
  bootMs: 30_000,
  replicaCapacity: 1,
  replicasMin: 0,
  replicasMax: 5,
  replicasInitial: 1,
};

function following(...wanted: readonly number[]) {
  return stepperOf(0, (at: number) => ({ memory: at + 1, replicas: wanted[at] ?? 0 }));
}

describe('the plant of a backtest', () => {
  it('lets a replica serve one boot time after it was asked for', () => {
    const steps = runPlant(PLANT, [1, 1, 1, 1], following(3, 3, 3, 3));
    assert.deepEqual(
      steps.map(({ ready, booting }) => [ready, booting]),
      [
        [1, 0],
        [1, 2],
        [3, 0],
        [3, 0],
      ],
    );
  });

  it('takes a replica away at the next step, and first those that boot, newest first', () => {
    const steps = runPlant(PLANT, [1, 1, 1, 1, 1], following(2, 4, 3, 1, 1));
    assert.deepEqual(
      steps.map(({ ready, booting }) => [ready, booting]),
      [
        [1, 0],
        [1, 1],
        [2, 2],
        [3, 0],
        [1, 0],
      ],
    );
  });

  it('counts a boot time that is not a whole number of steps as the next one, and none as one', () => {
    assert.equal(bootSteps({ ...PLANT, bootMs: 31_000 }), 3);
    assert.equal(bootSteps({ ...PLANT, bootMs: 30_000 }), 2);
    assert.equal(bootSteps({ ...PLANT, bootMs: 0 }), 1);
  });

  it('shows what the metrics show, which may be nothing', () => {
    const shown: (number | null)[] = [];
    const policy = ({ load, desired }: PlantView): number => {
      shown.push(load);
      return desired;
    };
    runPlant(PLANT, [1, 2, 3], policy, [1, null, 3]);
    assert.deepEqual(shown, [1, null, 3]);
  });

  it('stays within its bounds and loses no replica, whatever is wanted', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: -3, max: 9 }), { minLength: 1, maxLength: 40 }),
        fc.integer({ min: 0, max: 90_000 }),
        (wanted, bootMs) => {
          const steps = runPlant({ ...PLANT, bootMs }, wanted, following(...wanted));
          for (const [at, { ready, booting, desired }] of steps.entries()) {
            assert.ok(ready >= 0 && booting >= 0);
            assert.ok(desired >= 0 && desired <= 5);
            if (at > 0) assert.equal(ready + booting, steps[at - 1]?.desired);
          }
        },
      ),
    );
  });
});
