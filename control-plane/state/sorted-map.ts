/**
 * A map from strings in ascending order of their UTF-16 code units that is never changed: each
 * change gives a new map, which shares all but one path with the one before (an AVL tree;
 * Adelson-Velsky and Landis 1962, copied along the path as in Driscoll et al. 1989). Look-ups and
 * changes take O(log n) steps. Order and content depend on nothing but what was put, so maps of equal
 * content are walked alike; their inner shape may differ. Null is the empty map, and no value is
 * undefined.
 */

export type SortedMap<T> = Branch<T> | null;

interface Branch<T> {
  readonly key: string;
  readonly value: T;
  readonly left: SortedMap<T>;
  readonly right: SortedMap<T>;
  /** Of the longest path down, itself included. */
  readonly height: number;
}

export type Entry<T> = readonly [key: string, value: T];

export function lookUp<T>(map: SortedMap<T>, key: string): T | undefined {
  let at = map;
  while (at !== null) {
    if (key === at.key) return at.value;
    at = key < at.key ? at.left : at.right;
  }
  return undefined;
}

export function put<T>(map: SortedMap<T>, key: string, value: T): Branch<T> {
  if (map === null) return { key, value, left: null, right: null, height: 1 };
  const { left, right } = map;
  if (key === map.key) return { key, value, left, right, height: map.height };
  return key < map.key
    ? balanced(map, put(left, key, value), right)
    : balanced(map, left, put(right, key, value));
}

/** The map itself when the key is not in it. */
export function without<T>(map: SortedMap<T>, key: string): SortedMap<T> {
  if (map === null) return null;
  const { left, right } = map;
  if (key === map.key) {
    if (left === null) return right;
    if (right === null) return left;
    return balanced(leftmost(right), left, withoutLeftmost(right));
  }
  if (key < map.key) {
    const less = without(left, key);
    return less === left ? map : balanced(map, less, right);
  }
  const less = without(right, key);
  return less === right ? map : balanced(map, left, less);
}

/** From entries in strictly ascending order of their keys, which the caller answers for. O(n). */
export function fromAscending<T>(entries: readonly Entry<T>[]): SortedMap<T> {
  return fromRange(entries, 0, entries.length);
}

/** Ascending, from the first key that is not less than `from`. */
export function* ascending<T>(map: SortedMap<T>, from = ''): Generator<Entry<T>> {
  const open: Branch<T>[] = [];
  const descend = (start: SortedMap<T>): void => {
    let at = start;
    while (at !== null) {
      if (at.key < from) {
        at = at.right;
      } else {
        open.push(at);
        at = at.left;
      }
    }
  };
  descend(map);
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    yield [next.key, next.value];
    descend(next.right);
  }
}

/** The same order as `ascending`, several times as fast when all of it is wanted at once. */
export function forEachAscending<T>(
  map: SortedMap<T>,
  visit: (key: string, value: T) => void,
): void {
  if (map === null) return;
  forEachAscending(map.left, visit);
  visit(map.key, map.value);
  forEachAscending(map.right, visit);
}

function fromRange<T>(entries: readonly Entry<T>[], from: number, to: number): SortedMap<T> {
  const middle = (from + to) >>> 1;
  const entry = entries[middle];
  if (from >= to || entry === undefined) return null;
  const [key, value] = entry;
  const left = fromRange(entries, from, middle);
  const right = fromRange(entries, middle + 1, to);
  return { key, value, left, right, height: heightOver(left, right) };
}

/** The two sides under one entry; their heights differ by two at most. */
function balanced<T>(entry: Branch<T>, left: SortedMap<T>, right: SortedMap<T>): Branch<T> {
  const lean = heightOf(left) - heightOf(right);
  if (lean > 1 && left !== null) {
    const { left: outer, right: inner } = left;
    return heightOf(outer) >= heightOf(inner) || inner === null
      ? joined(left, outer, joined(entry, inner, right))
      : joined(inner, joined(left, outer, inner.left), joined(entry, inner.right, right));
  }
  if (lean < -1 && right !== null) {
    const { left: inner, right: outer } = right;
    return heightOf(outer) >= heightOf(inner) || inner === null
      ? joined(right, joined(entry, left, inner), outer)
      : joined(inner, joined(entry, left, inner.left), joined(right, inner.right, outer));
  }
  return joined(entry, left, right);
}

function joined<T>(entry: Branch<T>, left: SortedMap<T>, right: SortedMap<T>): Branch<T> {
  const { key, value } = entry;
  return { key, value, left, right, height: heightOver(left, right) };
}

function heightOf<T>(map: SortedMap<T>): number {
  return map === null ? 0 : map.height;
}

function heightOver<T>(left: SortedMap<T>, right: SortedMap<T>): number {
  return Math.max(heightOf(left), heightOf(right)) + 1;
}

function leftmost<T>(map: Branch<T>): Branch<T> {
  let at = map;
  while (at.left !== null) at = at.left;
  return at;
}

function withoutLeftmost<T>(map: Branch<T>): SortedMap<T> {
  return map.left === null ? map.right : balanced(map, withoutLeftmost(map.left), map.right);
}
