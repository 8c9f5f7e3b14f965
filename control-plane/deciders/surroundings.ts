/** What every proposal may look at beside what was read for it. */

import type { ScaleInput } from '../model/decision.ts';

export interface Surroundings {
  readonly input: ScaleInput;
  /** Replicas that serve. */
  readonly ready: number;
  /** Replicas that start: capacity to come. */
  readonly starting: number;
}
