/**
 * The schedule stage: raises the number to the highest floor in force and lowers it to the lowest cap.
 * Both are the operator's word, not a reading: they hold without any signal, as the bounds do. Which
 * windows are in force is given; no calendar is read here.
 *
 * A floor above a cap gives way to it, as the minimum gives way to the maximum in the bounds: a cap
 * stands for what must not be exceeded (a budget, a licence, a database behind the workload), a floor
 * for what would be good to have.
 */

import type { ActiveSchedule } from '../model/schedule.ts';

export interface ScheduleOutcome {
  readonly after: number;
  /** What moved the number, or kept it below the floor; null when no schedule had anything to say. */
  readonly reason: 'schedule_floor' | 'schedule_cap' | null;
  /** Empty without a reason. */
  readonly detail: string;
}

export function applySchedules(before: number, active: readonly ActiveSchedule[]): ScheduleOutcome {
  const floor = extreme(active, 'floor');
  const cap = extreme(active, 'cap');
  if (cap !== null && before > cap.replicas) return capped(cap, floor);
  if (floor === null || before >= floor.replicas)
    return { after: before, reason: null, detail: '' };
  if (cap === null || floor.replicas <= cap.replicas) {
    return { after: floor.replicas, reason: 'schedule_floor', detail: inWords(floor) };
  }
  if (before === cap.replicas) return capped(cap, floor);
  const detail = `${inWords(floor)}, of which ${inWords(cap)} leaves ${cap.replicas}`;
  return { after: cap.replicas, reason: 'schedule_floor', detail };
}

function capped(cap: ActiveSchedule, floor: ActiveSchedule | null): ScheduleOutcome {
  const { replicas } = cap;
  const outdone = floor !== null && floor.replicas > replicas;
  const detail = outdone ? `${inWords(cap)}, and goes before ${inWords(floor)}` : inWords(cap);
  return { after: replicas, reason: 'schedule_cap', detail };
}

/** The highest floor, or the lowest cap; the first of equals. */
function extreme(
  active: readonly ActiveSchedule[],
  kind: ActiveSchedule['kind'],
): ActiveSchedule | null {
  let found: ActiveSchedule | null = null;
  for (const schedule of active) {
    if (schedule.kind !== kind) continue;
    if (found === null || isStricter(schedule, found)) found = schedule;
  }
  return found;
}

function isStricter(schedule: ActiveSchedule, than: ActiveSchedule): boolean {
  return schedule.kind === 'floor'
    ? schedule.replicas > than.replicas
    : schedule.replicas < than.replicas;
}

function inWords({ name, kind, replicas }: ActiveSchedule): string {
  return `${name} asks for at ${kind === 'floor' ? 'least' : 'most'} ${replicas}`;
}
