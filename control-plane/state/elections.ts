/**
 * The attempts to become leader, lost ones included, as every member can show them. What made one
 * happen is the core's affair, and its trace lives elsewhere.
 */

import type { Election } from '../model/election.ts';
import { applied } from './outcome.ts';
import type { Outcome } from './outcome.ts';
import type { PlaneState } from './state.ts';

/** Elections remembered; the oldest leave. */
export const ELECTIONS_MAX = 256;

/** The same election again, under whatever key, changes nothing: its candidate may have retried. */
export function recordElection(state: PlaneState, election: Election): Outcome {
  const { elections } = state;
  if (elections.some(({ electionId }) => electionId === election.electionId)) return applied(state);
  const leaving = Math.max(0, elections.length + 1 - ELECTIONS_MAX);
  return applied({ ...state, elections: [...elections.slice(leaving), election] });
}
