import assert from 'node:assert/strict';
import { scoreRun } from '../../../../control-plane/backtest/scores.ts';
import type { Plant, PlantStep } from '../../../../control-plane/backtest/plant.ts';

const PLANT: Plant = {
  stepMs: 3_600_000,
  bootMs: 3_600_000,
  replicaCapacity: 10,
  replicasMin: 0,
  replicasMax: 9,
  replicasInitial: 1,
};

function step(load: number, ready: number, booting: number, desired: number): PlantStep {
  return { load, ready, booting, desired };
}

describe('the scores of a run', () => {
  it('count what was lost, and what was paid for and not used, booting included', () => {
    const scores = scoreRun(PLANT, [step(30, 2, 1, 3), step(10, 3, 0, 3)]);
    assert.equal(scores.unservedRatio, 10 / 40);
    assert.equal(scores.slackRatio, 1 - 30 / 60);
    assert.equal(scores.replicaHours, 6);
  });

  it('count an action against the direction of the one before as a reversal, holds between or not', () => {
    const scores = scoreRun(PLANT, [
      step(0, 1, 0, 2),
      step(0, 1, 1, 2),
      step(0, 2, 0, 1),
      step(0, 1, 0, 1),
      step(0, 1, 0, 0),
      step(0, 0, 0, 1),
    ]);
    assert.equal(scores.actions, 4);
    assert.equal(scores.reversalsPerDay, 2 * 4);
  });

  it('are zero for nothing', () => {
    const nothing = {
      unservedRatio: 0,
      slackRatio: 0,
      reversalsPerDay: 0,
      replicaHours: 0,
      actions: 0,
    };
    assert.deepEqual(scoreRun(PLANT, []), nothing);
  });
});
