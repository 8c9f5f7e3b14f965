/**
 * Where elections are kept for people and panels, when the members, which remember the newest alone,
 * have forgotten them. Nothing in the plane reads them back.
 */

import type { Election } from '../model/election.ts';

export interface ElectionArchive {
  /** Whether it can be written to at this moment, as far as is known. */
  readonly isThere: () => boolean;
  /**
   * Each once, by its id: one that is there already is left as it is.
   * @throws DecisionStoreError when they could not be written; none of them was, then
   */
  readonly storeElections: (elections: readonly Election[], signal: AbortSignal) => Promise<void>;
}
