/**
 * One run of the plant over a load, step by step: load comes, ready replicas serve it, and at the end
 * of the step somebody is shown what there is and says how many replicas are wanted. Pure; who decides
 * is an argument, and what becomes of each step is told, not kept.
 */

import type { Overload } from '../model/backtest.ts';
import { createBacklog } from './overload.ts';
import { bootSteps } from './plant.ts';
import { Replicas } from './replicas.ts';
import type { Cohorts } from './replicas.ts';

export interface World {
  readonly fromMs: number;
  readonly stepMs: number;
  readonly bootMs: number;
  readonly replicaCapacity: number;
  readonly replicasInitial: number;
  readonly overload: Overload;
}

/** What there is at the end of a step. */
export interface View {
  /** Number of the step, from 0. */
  readonly at: number;
  readonly nowMs: number;
  /** Offered in the step. */
  readonly load: number;
  readonly ready: number;
  readonly booting: number;
  /** Load × seconds served in the step. */
  readonly served: number;
  /** Load × seconds that waits. */
  readonly waiting: number;
  /** The replicas by when they were asked for. */
  readonly cohorts: () => Cohorts;
}

export interface Step extends View {
  /** Load × seconds given up in the step. */
  readonly lost: number;
  /** Load × seconds served too late in the step. */
  readonly late: number;
  /** Wanted from the end of the step on. */
  readonly desired: number;
}

/** The number wanted; the same number as before when nobody decides. */
export type Decide = (view: View) => number;

/** Load × seconds that is late and still waits when the run ends. */
export function simulate(
  world: World,
  load: ArrayLike<number>,
  decide: Decide,
  onStep: (step: Step) => void,
): number {
  const { fromMs, stepMs, replicaCapacity } = world;
  const boot = bootSteps(world);
  const seconds = stepMs / 1_000;
  const replicas = new Replicas(world.replicasInitial);
  const backlog = createBacklog(world.overload, stepMs);
  const cohorts = (): Cohorts => replicas;
  for (let at = 0; at < load.length; at += 1) {
    replicas.advanceTo(at);
    const { ready, booting } = replicas;
    const offered = load[at] ?? 0;
    const done = backlog.step(offered * seconds, ready * replicaCapacity * seconds);
    const nowMs = fromMs + (at + 1) * stepMs;
    const { served, waiting, lost, late } = done;
    const view = { at, nowMs, load: offered, ready, booting, served, waiting, cohorts };
    const desired = decide(view);
    replicas.setDesired(desired, at + boot);
    onStep({ ...view, lost, late, desired });
  }
  return backlog.lateAtEnd();
}
