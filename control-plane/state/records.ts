/**
 * The state's maps by id. They have no prototype, so that an id such as `constructor` or `__proto__`
 * finds nothing where nothing was put. Every function returns a new map: one that was handed out
 * never changes.
 */

export type ReadonlyMapById<T> = Readonly<Record<string, T>>;

/** A map with nothing in it, not even what Object.prototype brings. */
export function emptyRecord<T>(): Record<string, T> {
  return Object.create(null) as Record<string, T>;
}

/** A copy that its maker may still change. Values are shared. O(n). */
export function copyRecord<T>(record: ReadonlyMapById<T>): Record<string, T> {
  const copy = emptyRecord<T>();
  // A loop over keys is twice as fast as spread or Object.assign on maps of thousands.
  for (const id in record) {
    const value = record[id];
    if (value !== undefined) copy[id] = value;
  }
  return copy;
}

export function withEntry<T>(record: ReadonlyMapById<T>, id: string, value: T): ReadonlyMapById<T> {
  const copy = copyRecord(record);
  copy[id] = value;
  return copy;
}

export function withoutEntry<T>(record: ReadonlyMapById<T>, id: string): ReadonlyMapById<T> {
  const copy = emptyRecord<T>();
  for (const key in record) {
    const value = record[key];
    if (key !== id && value !== undefined) copy[key] = value;
  }
  return copy;
}

/** The record itself when there are no changes. */
export function withEntries<T>(
  record: ReadonlyMapById<T>,
  changes: ReadonlyMap<string, T>,
): ReadonlyMapById<T> {
  if (changes.size === 0) return record;
  const copy = copyRecord(record);
  for (const [id, value] of changes) copy[id] = value;
  return copy;
}
