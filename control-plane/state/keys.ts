/**
 * Idempotency: which keys were applied lately, and what they gave. The ring is bounded, so a retry
 * counts as one only while fewer than KEYS_MAX other commands came between.
 */

import type { AppliedKey } from './state.ts';

/** Keys remembered; at 100 commands a second this is 40 s, eight times a proposer's patience. */
export const KEYS_MAX = 4_096;

type Index = Map<string, number>;

/**
 * An index per ring, so that a look-up does not read thousands of keys. It only repeats what the
 * ring says and moves along with the newest one; for an older ring it is built again.
 */
const indexes = new WeakMap<readonly AppliedKey[], Index>();

/** The version that the key gave when it was applied, or null. */
export function appliedVersion(ring: readonly AppliedKey[], key: string): number | null {
  return indexOf(ring).get(key) ?? null;
}

/** The ring with one key more, which must not be in it yet; the oldest leave beyond the bound. */
export function rememberKey(
  ring: readonly AppliedKey[],
  key: string,
  version: number,
): readonly AppliedKey[] {
  const index = indexOf(ring);
  const leaving = Math.max(0, ring.length + 1 - KEYS_MAX);
  const next = ring.slice(leaving);
  next.push({ key, version });
  for (const old of ring.slice(0, leaving)) index.delete(old.key);
  index.set(key, version);
  indexes.delete(ring);
  indexes.set(next, index);
  return next;
}

function indexOf(ring: readonly AppliedKey[]): Index {
  const known = indexes.get(ring);
  if (known !== undefined) return known;
  const index: Index = new Map(ring.map(({ key, version }) => [key, version]));
  indexes.set(ring, index);
  return index;
}
