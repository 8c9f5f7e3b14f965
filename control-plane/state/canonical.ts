/**
 * One string per value: JSON with the keys of every object sorted. Two states, or two nouns, are
 * the same exactly when their strings are. It takes plain JSON and nothing else: no undefined, no
 * dates, no cycles.
 */

/** The canonical JSON of a plain value. */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (!isObject(value)) return JSON.stringify(value);
  const members = Object.entries(value)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, member]) => `${JSON.stringify(key)}:${canonicalJson(member)}`);
  return `{${members.join(',')}}`;
}

/** Whether two plain values have the same content, whatever the order of their keys. */
export function sameContent(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (Array.isArray(a)) {
    return (
      Array.isArray(b) && a.length === b.length && a.every((item, at) => sameContent(item, b[at]))
    );
  }
  if (!isObject(a) || !isObject(b) || Array.isArray(b)) return false;
  const keys = Object.keys(a);
  const same = (key: string): boolean => Object.hasOwn(b, key) && sameContent(a[key], b[key]);
  return keys.length === Object.keys(b).length && keys.every(same);
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}
