/** What one noun's rule returns to `applyCommand`: a new state with a version, or a refusal. */

import type { CommandRefusal } from '../model/command.ts';
import type { PlaneState } from './state.ts';

export type Outcome =
  | { readonly kind: 'applied'; readonly state: PlaneState; readonly version: number }
  | { readonly kind: 'refused'; readonly refusal: CommandRefusal; readonly detail: string };

/** `version` is the noun's after the change; 0 for commands without one. */
export function applied(state: PlaneState, version = 0): Outcome {
  return { kind: 'applied', state, version };
}

export function refused(refusal: CommandRefusal, detail: string): Outcome {
  return { kind: 'refused', refusal, detail };
}

/**
 * Holds the proposer's expectation against the current version, 0 standing for "does not exist".
 * Null when it is met.
 */
export function versionConflict(
  noun: string,
  expected: number | null,
  current: number,
): Outcome | null {
  if (expected === null || expected === current) return null;
  const found = current === 0 ? 'does not exist' : `is at version ${current}`;
  const wanted =
    expected === 0 ? 'it was expected not to exist' : `version ${expected} was expected`;
  return refused('version_conflict', `${noun} ${found}, ${wanted}`);
}
