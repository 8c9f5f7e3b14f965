/**
 * Schedules: times at which the operator wants at least, or at most, so many replicas. A schedule as
 * it stands in a policy, and a window of it that is in force. Knows no calendar: which windows are in
 * force is an input of a decision, so that replaying one does not depend on a time zone database.
 */

/** `floor`: at least so many replicas. `cap`: at most so many. */
export type ScheduleKind = 'floor' | 'cap';

export interface ScheduleSpec {
  /** Unique within its policy. */
  readonly name: string;
  readonly kind: ScheduleKind;
  /** When a window begins: five fields (minute, hour, day of month, month, day of week). */
  readonly cron: string;
  /** IANA name of the zone whose wall clock the cron fields are read on. */
  readonly timeZone: string;
  /** Elapsed time from the beginning of a window to its end, above 0. */
  readonly durationMs: number;
  /** 1 or more for a floor, 0 or more for a cap. */
  readonly replicas: number;
}

/** A window in force: `fromMs` ≤ now < `untilMs`, UNIX time in ms. */
export interface ActiveSchedule {
  readonly name: string;
  readonly kind: ScheduleKind;
  readonly replicas: number;
  readonly fromMs: number;
  readonly untilMs: number;
}
