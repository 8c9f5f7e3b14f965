/**
 * The replicas of a plant: those that serve, and those that will. A replica that is asked for is ready
 * one boot time later; one that is not wanted any more is gone at once, booting ones first, the newest
 * of them first. It decides nothing.
 */

/** Replicas that were asked for together. */
export interface Cohort {
  /** The step in which they serve for the first time; those from before the run: the first step. */
  readonly readyAt: number;
  readonly count: number;
}

/** All there are, oldest first. */
export interface Cohorts {
  readonly serving: readonly Cohort[];
  readonly orders: readonly Cohort[];
}

interface MutableCohort {
  readonly readyAt: number;
  count: number;
}

export class Replicas {
  ready: number;
  booting = 0;
  #serving: MutableCohort[];
  #orders: MutableCohort[] = [];

  constructor(initial: number) {
    this.ready = initial;
    this.#serving = initial === 0 ? [] : [{ readyAt: 0, count: initial }];
  }

  /** Those that serve, oldest first. */
  get serving(): readonly Cohort[] {
    return this.#serving;
  }

  /** Those that boot, oldest first. */
  get orders(): readonly Cohort[] {
    return this.#orders;
  }

  /** Lets what is due by the beginning of this step be ready. */
  advanceTo(step: number): void {
    for (let due = this.#orders[0]; due !== undefined && due.readyAt <= step;) {
      this.ready += due.count;
      this.booting -= due.count;
      this.#serving.push(due);
      this.#orders.shift();
      due = this.#orders[0];
    }
  }

  /** Orders what is missing, for the step `readyAt`, or takes away what is too many. */
  setDesired(desired: number, readyAt: number): void {
    const surplus = this.ready + this.booting - desired;
    if (surplus < 0) {
      this.#orders.push({ readyAt, count: -surplus });
      this.booting -= surplus;
      return;
    }
    const cancelled = takeNewest(this.#orders, surplus);
    this.booting -= cancelled;
    this.ready -= takeNewest(this.#serving, surplus - cancelled);
  }
}

/** How many were taken: as many as wanted, or all. */
function takeNewest(cohorts: MutableCohort[], wanted: number): number {
  let taken = 0;
  for (let newest = cohorts.at(-1); taken < wanted && newest !== undefined;) {
    const some = Math.min(wanted - taken, newest.count);
    newest.count -= some;
    taken += some;
    if (newest.count === 0) cohorts.pop();
    newest = cohorts.at(-1);
  }
  return taken;
}
