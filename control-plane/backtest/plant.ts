/**
 * The plant of a backtest: a stated, small model of a workload under load. Time runs in steps; load
 * is in capacity units, where one ready replica serves `replicaCapacity` of them; a replica that is
 * asked for is ready one boot time later; a replica that is taken away is gone at the next step;
 * what exceeds the ready capacity is lost, not queued. It knows nothing of policies: a stepper is
 * shown what a plane would see and answers with the number of replicas that it wants.
 */

import { Replicas } from './replicas.ts';

export interface Plant {
  /** Length of a step in ms: the policy is asked once per step. */
  readonly stepMs: number;
  /** From asking for a replica until it serves, in ms; counts as one step at least. */
  readonly bootMs: number;
  /** Load that one ready replica serves. */
  readonly replicaCapacity: number;
  readonly replicasMin: number;
  readonly replicasMax: number;
  /** Replicas that are ready before the first step. */
  readonly replicasInitial: number;
}

/** What a policy sees at the end of a step. */
export interface PlantView {
  readonly nowMs: number;
  /** The load that was offered during the step; null when the metrics did not come. */
  readonly load: number | null;
  readonly ready: number;
  readonly booting: number;
  /** What was wanted last, booting replicas included. */
  readonly desired: number;
}

/** Answers with the number of replicas wanted; holds its own memory. Deterministic. */
export type Stepper = (view: PlantView) => number;

/** A stepper out of a pure step function and the memory that it begins with. */
export function stepperOf<Memory>(
  initial: Memory,
  step: (memory: Memory, view: PlantView) => { readonly memory: Memory; readonly replicas: number },
): Stepper {
  let memory = initial;
  return (view) => {
    const next = step(memory, view);
    memory = next.memory;
    return next.replicas;
  };
}

/** One step as it went. */
export interface PlantStep {
  readonly load: number;
  readonly ready: number;
  readonly booting: number;
  /** What the policy wanted at the end of the step, within the plant's bounds. */
  readonly desired: number;
}

/** Steps of the plant's boot time: a replica asked for at the end of step t serves in step t + this. */
export function bootSteps(plant: Pick<Plant, 'bootMs' | 'stepMs'>): number {
  return Math.max(1, Math.ceil(plant.bootMs / plant.stepMs));
}

/**
 * Runs one policy over the load, one number per step. `seen` is what the metrics show instead of the
 * load, null where they are missing; without it they show the load.
 */
export function runPlant(
  plant: Plant,
  load: readonly number[],
  policy: Stepper,
  seen: readonly (number | null)[] = load,
): readonly PlantStep[] {
  const boot = bootSteps(plant);
  const replicas = new Replicas(plant.replicasInitial);
  const steps: PlantStep[] = [];
  for (const [at, offered] of load.entries()) {
    replicas.advanceTo(at);
    const { ready, booting } = replicas;
    const wanted = policy({
      nowMs: (at + 1) * plant.stepMs,
      load: seen[at] ?? null,
      ready,
      booting,
      desired: ready + booting,
    });
    const desired = Math.min(plant.replicasMax, Math.max(plant.replicasMin, wanted));
    replicas.setDesired(desired, at + boot);
    steps.push({ load: offered, ready, booting, desired });
  }
  return steps;
}
