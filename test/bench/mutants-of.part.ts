/** Builds mutants of one file of the deciders. It holds none itself. */

import type { Plant } from '../simulation/plants/plant.ts';

/** The name, the text that occurs exactly once, what stands there instead, and what that breaks. */
export type Change = readonly [name: string, find: string, replace: string, breaks: string];

export function mutantsOf(file: string, changes: readonly Change[]): readonly Plant[] {
  const path = `control-plane/deciders/${file}`;
  return changes.map(([name, find, replace, breaks]) => {
    return { name, file: path, find, replace, breaks };
  });
}
