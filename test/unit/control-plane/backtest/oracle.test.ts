import assert from 'node:assert/strict';
import fc from 'fast-check';
import { createOracle } from '../../../../control-plane/backtest/oracle.ts';
import { runPlant, stepperOf } from '../../../../control-plane/backtest/plant.ts';
import type { Plant } from '../../../../control-plane/backtest/plant.ts';
import { scoreRun } from '../../../../control-plane/backtest/scores.ts';

const PLANT: Plant = {
  stepMs: 15_000,
  bootMs: 45_000,
  replicaCapacity: 1,
  replicasMin: 0,
  replicasMax: 9,
  replicasInitial: 1,
};

function readyUnder(plant: Plant, load: readonly number[]): readonly number[] {
  return runPlant(plant, load, createOracle(plant, load)).map(({ ready }) => ready);
}

describe('the oracle', () => {
  it('boots just in time and lets go at once', () => {
    assert.deepEqual(readyUnder(PLANT, [1, 1, 1, 1, 3, 1, 1]), [1, 1, 1, 1, 3, 1, 1]);
  });

  it('keeps a replica over a gap that costs no more than another boot, and not over a longer one', () => {
    assert.deepEqual(readyUnder(PLANT, [1, 0, 0, 1, 0]), [1, 1, 1, 1, 0]);
    assert.deepEqual(readyUnder(PLANT, [1, 0, 0, 0, 1, 0]), [1, 0, 0, 0, 1, 0]);
  });

  it('can do nothing for what comes before the first boot', () => {
    assert.deepEqual(readyUnder(PLANT, [4, 4, 4, 4]), [1, 1, 1, 4]);
  });

  it('keeps within the bounds of the plant', () => {
    const plant = { ...PLANT, replicasMin: 2, replicasMax: 3, replicasInitial: 2 };
    assert.deepEqual(readyUnder(plant, [0, 0, 0, 9, 0, 0]), [2, 2, 2, 3, 2, 2]);
  });

  it('leaves nothing unserved that could have been served, and runs as full as it is told', () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: 0, max: 9, noNaN: true }), { minLength: 1, maxLength: 60 }),
        fc.integer({ min: 15_000, max: 90_000 }),
        fc.constantFrom(1, 0.7),
        (load, bootMs, useRatio) => {
          const plant = { ...PLANT, bootMs, replicasMax: 20, replicasInitial: 0 };
          const steps = runPlant(plant, load, createOracle(plant, load, useRatio));
          for (const { load: units, ready } of steps.slice(Math.ceil(bootMs / 15_000))) {
            assert.ok(units <= ready * useRatio + 1e-6, `${units} on ${ready}`);
          }
        },
      ),
    );
  });

  it('costs as little as the cheapest of all sequences that leave nothing unserved', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 2 }), { minLength: 1, maxLength: 6 }),
        fc.integer({ min: 1, max: 3 }),
        (load, boot) => {
          const plant = { ...PLANT, bootMs: boot * 15_000, replicasMax: 2, replicasInitial: 2 };
          const steps = runPlant(plant, load, createOracle(plant, load));
          assert.equal(scoreRun(plant, steps).unservedRatio, 0);
          assert.equal(scoreRun(plant, steps).replicaHours, cheapest(plant, load));
        },
      ),
      { numRuns: 60 },
    );
  });
});

/** Replica-hours of the cheapest sequence of wanted numbers with nothing unserved, by trying all. */
function cheapest(plant: Plant, load: readonly number[]): number {
  const choices = plant.replicasMax + 1;
  let least = Infinity;
  for (let code = 0; code < choices ** load.length; code += 1) {
    const policy = stepperOf(code, (left: number) => ({
      memory: Math.floor(left / choices),
      replicas: left % choices,
    }));
    const { unservedRatio, replicaHours } = scoreRun(plant, runPlant(plant, load, policy));
    if (unservedRatio === 0) least = Math.min(least, replicaHours);
  }
  return least;
}
