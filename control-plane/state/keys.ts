/**
 * Idempotency: which keys were applied lately, and what they gave. The ring is bounded, so a retry
 * counts as one only while fewer than KEYS_MAX other commands came between. It is immutable, like all
 * of the state: remembering a key gives another ring, which shares nearly everything with this one.
 */

import { ascending, fromAscending, lookUp, put, without } from './sorted-map.ts';
import type { Entry, SortedMap } from './sorted-map.ts';

/** Keys remembered; at 100 commands a second this is 40 s, eight times a proposer's patience. */
export const KEYS_MAX = 4_096;

export interface AppliedKey {
  readonly key: string;
  /** What applying it gave. */
  readonly version: number;
}

/**
 * Keys are kept in pieces of this many: a change copies the newest piece and the list of pieces, and
 * the square root of KEYS_MAX makes that the least.
 */
const PIECE_KEYS = 64;

type Piece = readonly AppliedKey[];

/** Fields are visible to deep comparison on purpose: two rings that look equal are equal. */
export class AppliedKeys implements Iterable<AppliedKey> {
  /** How many keys are remembered. */
  readonly length: number;
  /** Oldest first; the newest piece may still grow. */
  private readonly pieces: readonly Piece[];
  /** Keys of the oldest piece that were forgotten since. */
  private readonly forgotten: number;
  private readonly versions: SortedMap<number>;

  /** Use NO_KEYS, `withKey` and `appliedKeysOf`. */
  constructor(pieces: readonly Piece[], forgotten: number, versions: SortedMap<number>) {
    this.pieces = pieces;
    this.forgotten = forgotten;
    this.versions = versions;
    const newest = pieces.at(-1)?.length ?? PIECE_KEYS;
    this.length = pieces.length * PIECE_KEYS - (PIECE_KEYS - newest) - forgotten;
  }

  /** Oldest first. */
  *[Symbol.iterator](): Generator<AppliedKey> {
    for (let at = 0; at < this.pieces.length; at += 1) {
      const piece = this.pieces[at] ?? [];
      yield* at === 0 ? piece.slice(this.forgotten) : piece;
    }
  }

  /** As of an array: from the oldest, or from behind the newest when negative. */
  at(position: number): AppliedKey | undefined {
    const place = (position < 0 ? this.length + position : position) + this.forgotten;
    if (place < this.forgotten) return undefined;
    return this.pieces[Math.floor(place / PIECE_KEYS)]?.[place % PIECE_KEYS];
  }

  /** The version that the key gave when it was applied, or null. O(log KEYS_MAX). */
  versionOf(key: string): number | null {
    return lookUp(this.versions, key) ?? null;
  }

  /** The keys that begin so, ascending. O(log KEYS_MAX) and the number of those that are read. */
  *startingWith(prefix: string): Generator<string> {
    for (const [key] of ascending(this.versions, prefix)) {
      if (!key.startsWith(prefix)) return;
      yield key;
    }
  }

  /** With one key more, which must not be in it yet; the oldest leaves beyond the bound. */
  withKey(key: string, version: number): AppliedKeys {
    const pieces = [...this.pieces];
    const newest = pieces.at(-1);
    const applied = { key, version };
    if (newest === undefined || newest.length === PIECE_KEYS) pieces.push([applied]);
    else pieces[pieces.length - 1] = [...newest, applied];
    const versions = put(this.versions, key, version);
    if (this.length < KEYS_MAX) return new AppliedKeys(pieces, this.forgotten, versions);
    const leaving = pieces[0]?.[this.forgotten];
    const left = leaving === undefined ? versions : without(versions, leaving.key);
    if (this.forgotten + 1 < PIECE_KEYS) return new AppliedKeys(pieces, this.forgotten + 1, left);
    return new AppliedKeys(pieces.slice(1), 0, left);
  }
}

export const NO_KEYS = new AppliedKeys([], 0, null);

/** Oldest first. Null when there are more than KEYS_MAX, or one comes twice. */
export function appliedKeysOf(keys: readonly AppliedKey[]): AppliedKeys | null {
  const versions = keys
    .map(({ key, version }): Entry<number> => [key, version])
    .sort(([a], [b]) => (a < b ? -1 : 1));
  const isTwice = versions.some(([key], at) => key === versions[at + 1]?.[0]);
  if (keys.length > KEYS_MAX || isTwice) return null;
  const pieces = Array.from({ length: Math.ceil(keys.length / PIECE_KEYS) }, (_, at) =>
    keys.slice(at * PIECE_KEYS, (at + 1) * PIECE_KEYS),
  );
  return new AppliedKeys(pieces, 0, fromAscending(versions));
}

/** The version that the key gave when it was applied, or null. */
export function appliedVersion(keys: AppliedKeys, key: string): number | null {
  return keys.versionOf(key);
}
