/**
 * How far a decision may go. The plane's mode caps the workload's: the weaker of the two holds.
 * `stopped` is the global stop: decisions are still made and recorded, nothing acts.
 */

export const MODES = ['stopped', 'observe', 'advise', 'act'] as const;
export type Mode = (typeof MODES)[number];

/** The weaker of two modes. */
export function weakerMode(a: Mode, b: Mode): Mode {
  return MODES.indexOf(a) <= MODES.indexOf(b) ? a : b;
}
