/**
 * What an operator does by hand to one workload, beside its policy: pausing a direction, and a number
 * that holds until it expires. Replicated, so a new leader does as the old one was told. Since format 4.
 */

export const PAUSES = ['in', 'out', 'both'] as const;
export type PauseDirection = (typeof PAUSES)[number];

export interface Pause {
  readonly direction: PauseDirection;
  readonly sinceMs: number;
  /** UNIX time in ms; null: until it is taken back. */
  readonly untilMs: number | null;
  /** One line for a person. */
  readonly note: string;
}

export interface Override {
  readonly replicas: number;
  readonly sinceMs: number;
  /** UNIX time in ms from which it holds no more; null: until it is taken back. */
  readonly untilMs: number | null;
  /** One line for a person. */
  readonly note: string;
}

/** Whether a pause or an override still counts at a time; at its end it does not. */
export function isInEffect({ untilMs }: Pick<Pause, 'untilMs'>, nowMs: number): boolean {
  return untilMs === null || nowMs < untilMs;
}
