/**
 * What a run of the plant was worth: load that was not served, capacity that was not used, changes
 * of direction, and what it cost. It compares with nothing; the oracle is one more run.
 */

import type { Plant, PlantStep } from './plant.ts';

export interface Scores {
  /** Load that was lost ÷ load that was offered, 0 to 1. */
  readonly unservedRatio: number;
  /** Capacity that was paid for, booting included, and served nothing ÷ capacity paid for, 0 to 1. */
  readonly slackRatio: number;
  /** An action against the direction of the one before it, per day of the run. */
  readonly reversalsPerDay: number;
  /** Ready and booting replicas over time: what is paid for. */
  readonly replicaHours: number;
  readonly actions: number;
}

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** Scores a run, or a part of one. Sums are exact to the rounding of doubles. */
export function scoreRun(plant: Plant, steps: readonly PlantStep[]): Scores {
  let offered = 0;
  let served = 0;
  let paid = 0;
  for (const { load, ready, booting } of steps) {
    offered += load;
    served += Math.min(load, ready * plant.replicaCapacity);
    paid += ready + booting;
  }
  const { actions, reversals } = countMoves(steps);
  const days = (steps.length * plant.stepMs) / DAY_MS;
  return {
    unservedRatio: offered === 0 ? 0 : (offered - served) / offered,
    slackRatio: paid === 0 ? 0 : 1 - served / (paid * plant.replicaCapacity),
    reversalsPerDay: days === 0 ? 0 : reversals / days,
    replicaHours: (paid * plant.stepMs) / HOUR_MS,
    actions,
  };
}

function countMoves(steps: readonly PlantStep[]) {
  let actions = 0;
  let reversals = 0;
  let direction = 0;
  for (const { ready, booting, desired } of steps) {
    const move = Math.sign(desired - ready - booting);
    if (move === 0) continue;
    actions += 1;
    if (direction !== 0 && move !== direction) reversals += 1;
    direction = move;
  }
  return { actions, reversals };
}
