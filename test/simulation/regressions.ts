/**
 * Runs that failed once, while the core or the simulation was being built: what they found must stay
 * found no more. A seed means what the drawing of settings and faults makes of it; where that changes,
 * the runs are other ones, and still worth their time.
 */

import type { InvariantName } from './violation.ts';

export interface Regression {
  readonly seed: number;
  /** Numbers of the faults that it needs; null for all of the seed. */
  readonly faults: readonly number[] | null;
  readonly found: InvariantName;
  readonly cause: string;
}

export const REGRESSIONS: readonly Regression[] = [
  {
    seed: 16,
    faults: null,
    found: 'lease',
    cause:
      'the only voter of a new configuration campaigned while the leaving leader held its lease',
  },
  {
    seed: 662,
    faults: [0, 1, 2, 5, 6, 9, 25, 27, 28, 29],
    found: 'liveness',
    cause:
      'only a member that an uncommitted change removes had the longest log, and it would not campaign',
  },
  {
    seed: 3286,
    faults: [0, 1, 9, 11, 49, 51, 74, 75, 84, 102, 105, 106, 107, 122],
    found: 'quiescence',
    cause:
      'a member told another of a term that was not durable, forgot it in a crash, and led an older one',
  },
];
