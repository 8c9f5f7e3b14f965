/**
 * The state's maps by id, for readers like any object without a prototype: an id such as
 * `constructor` or `__proto__` finds nothing where nothing was put. One that was handed out never
 * changes, and an attempt to write to it throws. Behind each stands a SortedMap, so that a change
 * copies a path and not the map: a look-up by id takes O(log n) steps, and only who first lists a
 * map pays for all of it, once. Every function takes an ordinary object, too. (Node's `inspect`
 * does not ask: it shows a map as empty until it was listed.)
 */

import { ascending, forEachAscending, fromAscending, lookUp, put, without } from './sorted-map.ts';
import type { Entry, SortedMap } from './sorted-map.ts';

export type ReadonlyMapById<T> = Readonly<Record<string, T>>;

/** Share of a map from which changing all at once is cheaper than one by one. */
const BULK_SHARE = 1 / 8;

/** What a record answers with the map behind it; known to this file alone. */
const BEHIND = Symbol('map behind the record');

/** A map with nothing in it, not even what Object.prototype brings. */
export function emptyRecord<T>(): ReadonlyMapById<T> {
  return recordOver<T>(null);
}

/** From entries in strictly ascending order of their ids, which the caller answers for. */
export function recordOf<T>(entries: readonly Entry<T>[]): ReadonlyMapById<T> {
  return recordOver(fromAscending(entries));
}

/** The entries in ascending order of their ids, by code unit. */
export function entriesOf<T>(record: ReadonlyMapById<T>): Iterable<Entry<T>> {
  return ascending(behind(record));
}

/** The values in ascending order of their ids: all at once, a tenth of the cost of listing the record. */
export function valuesOf<T>(record: ReadonlyMapById<T>): readonly T[] {
  const values: T[] = [];
  forEachAscending(behind(record), (_, value) => values.push(value));
  return values;
}

export function withEntry<T>(record: ReadonlyMapById<T>, id: string, value: T): ReadonlyMapById<T> {
  return recordOver(put(behind(record), id, value));
}

/** The record itself when there is no such entry. */
export function withoutEntry<T>(record: ReadonlyMapById<T>, id: string): ReadonlyMapById<T> {
  const map = behind(record);
  const less = without(map, id);
  return less === map ? record : recordOver(less);
}

/** The record itself when there are no changes. */
export function withEntries<T>(
  record: ReadonlyMapById<T>,
  changes: ReadonlyMap<string, T>,
): ReadonlyMapById<T> {
  if (changes.size === 0) return record;
  let map = behind(record);
  // The height says the size to a factor of two: that is near enough.
  if (map !== null && changes.size > 2 ** map.height * BULK_SHARE) {
    return recordOf(merged(map, changes));
  }
  for (const [id, value] of changes) map = put(map, id, value);
  return recordOver(map);
}

function merged<T>(map: SortedMap<T>, changes: ReadonlyMap<string, T>): readonly Entry<T>[] {
  const sorted = [...changes].sort(([a], [b]) => (a < b ? -1 : 1));
  const entries: Entry<T>[] = [];
  let next = 0;
  forEachAscending(map, (id, value) => {
    let change = sorted[next];
    for (; change !== undefined && change[0] < id; change = sorted[(next += 1)]) {
      entries.push(change);
    }
    if (change?.[0] === id) next += 1;
    entries.push(change?.[0] === id ? change : [id, value]);
  });
  return next < sorted.length ? entries.concat(sorted.slice(next)) : entries;
}

function behind<T>(record: ReadonlyMapById<T>): SortedMap<T> {
  const map = (record as { readonly [BEHIND]?: SortedMap<T> })[BEHIND];
  if (map !== undefined) return map;
  const entries = Object.entries(record);
  return fromAscending(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
}

function recordOver<T>(map: SortedMap<T>): ReadonlyMapById<T> {
  const target = Object.create(null) as Record<string, T>;
  return new Proxy(target, new Traps(map));
}

/** Answers from the map, and fills the target from it when somebody lists the record. */
class Traps<T> implements ProxyHandler<Record<string, T>> {
  readonly #map: SortedMap<T>;
  #isFilled = false;

  constructor(map: SortedMap<T>) {
    this.#map = map;
  }

  get(target: Record<string, T>, id: string | symbol): unknown {
    if (typeof id === 'symbol') return id === BEHIND ? this.#map : undefined;
    return this.#isFilled ? target[id] : lookUp(this.#map, id);
  }

  has(_: Record<string, T>, id: string | symbol): boolean {
    return typeof id === 'string' && lookUp(this.#map, id) !== undefined;
  }

  ownKeys(target: Record<string, T>): string[] {
    this.#fill(target);
    return Object.keys(target);
  }

  getOwnPropertyDescriptor(
    target: Record<string, T>,
    id: string | symbol,
  ): PropertyDescriptor | undefined {
    if (typeof id === 'symbol') return undefined;
    if (this.#isFilled) return Object.getOwnPropertyDescriptor(target, id);
    const value = lookUp(this.#map, id);
    if (value === undefined) return undefined;
    return { value, writable: true, enumerable: true, configurable: true };
  }

  set(): boolean {
    return false;
  }

  defineProperty(): boolean {
    return false;
  }

  deleteProperty(): boolean {
    return false;
  }

  setPrototypeOf(): boolean {
    return false;
  }

  /** A frozen target could not be filled any more. */
  preventExtensions(): boolean {
    return false;
  }

  #fill(target: Record<string, T>): void {
    if (this.#isFilled) return;
    forEachAscending(this.#map, (id, value) => {
      target[id] = value;
    });
    this.#isFilled = true;
  }
}
