/**
 * The clairvoyant policy: the fewest replica-hours with nothing unserved, boot time paid. It reads
 * the whole load in advance, so it is a bound to measure others by and can never run live.
 *
 * Level k of the demand is the set of steps that need at least k replicas; levels do not interact
 * (one replica each), so the least cost is the sum of theirs. Within a level a gap is bridged by
 * keeping the replica when that costs no more than booting another, and else by letting it go and
 * asking for one that is ready just in time. What comes before a first boot could be over is lost
 * beyond the replicas there are at the beginning, for the oracle as for everybody.
 */

import { bootSteps } from './plant.ts';
import type { Plant, Stepper } from './plant.ts';

/** Below this, a distance from a whole number is rounding of binary fractions, not load. */
const ROUNDING_SLACK = 1e-9;

/**
 * The oracle for this load. `useRatio`, above 0 to 1, is how full it runs its replicas: 1 is the
 * bound, a policy's target shows what that target costs even with perfect foresight.
 */
export function createOracle(plant: Plant, load: readonly number[], useRatio = 1): Stepper {
  const desired = planReplicas(plant, load, useRatio);
  return ({ nowMs }) => desired[nowMs / plant.stepMs - 1] ?? plant.replicasMin;
}

/** The number wanted at the end of each step, booting replicas included. */
export function planReplicas(
  plant: Plant,
  load: readonly number[],
  useRatio: number,
): readonly number[] {
  const usable = plant.replicaCapacity * useRatio;
  const need = load.map((units) => {
    const replicas = Math.ceil(units / usable - ROUNDING_SLACK);
    return Math.min(plant.replicasMax, Math.max(plant.replicasMin, replicas));
  });
  const levels = need.reduce((largest, replicas) => Math.max(largest, replicas), 0);
  const changes = new Array<number>(load.length + 1).fill(0);
  for (let level = 1; level <= levels; level += 1) addLevel(plant, need, level, changes);
  let sum = 0;
  return changes.slice(0, load.length).map((change) => (sum += change));
}

/** Adds the steps at whose end this level's replica is wanted, as differences. */
function addLevel(plant: Plant, need: readonly number[], level: number, changes: number[]): void {
  const boot = bootSteps(plant);
  const want = (from: number, to: number): void => {
    changes[from] = (changes[from] ?? 0) + 1;
    changes[to] = (changes[to] ?? 0) - 1;
  };
  const held = level <= plant.replicasInitial;
  // A replica that is there, or one asked for at the end of step 0, which serves from step `boot`.
  let servedUntil = held ? 0 : -1;
  for (let step = held ? 0 : boot; step < need.length; step += 1) {
    if ((need[step] ?? 0) < level) continue;
    // Wanted at the end of step s means: it is there in step s + 1.
    if (servedUntil >= 0 && step - servedUntil <= boot) want(servedUntil, step);
    else want(step - boot, step);
    servedUntil = step;
  }
}
