/**
 * What the inside needs of a calendar: which windows of a policy's schedules are in force. Answers at
 * once and from memory, so it takes no abort signal; decides nothing about replicas.
 *
 * A window begins when the wall clock of its zone shows a time that the cron fields name, and ends
 * when its duration has elapsed. Where the clock is put forward or back:
 * - Minute and hour are numbers, lists or ranges: a time that the clock leaps over begins its window
 *   at the leap, and one that it shows twice begins it at the first showing only. A day that a zone
 *   leaves out altogether has no window.
 * - Minute or hour has a `*` or a step: the window begins whenever the clock shows the time, so it is
 *   left out in a leap and begins twice when the hour is repeated.
 */

import type { ActiveSchedule, ScheduleSpec } from '../model/schedule.ts';

export interface Calendar {
  /**
   * The windows in force at `nowMs`, in the order of the schedules, at most one each. Where windows of
   * one schedule overlap, it is the one that began last.
   * @throws CalendarError when one of the schedules cannot be read; whoever asks must not scale in then
   */
  activeAt(specs: readonly ScheduleSpec[], nowMs: number): readonly ActiveSchedule[];

  /**
   * When the schedule next comes into force, or goes out of it: later than `nowMs`. Null when it
   * never does, or stays in force over more windows than the calendar looks ahead.
   * @throws CalendarError when the schedule cannot be read
   */
  nextChangeMs(spec: ScheduleSpec, nowMs: number): number | null;
}

/** A schedule that this process cannot read: its cron text, its zone, or a time beyond the calendar. */
export class CalendarError extends Error {
  override readonly name = 'CalendarError';
  /** The schedule's name. */
  readonly schedule: string;

  constructor(schedule: string, message: string, options?: ErrorOptions) {
    super(`schedule ${schedule}: ${message}`, options);
    this.schedule = schedule;
  }
}
