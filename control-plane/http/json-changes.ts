/**
 * What changed from one JSON document to another, leaf by leaf: a JSON Pointer with the value before and
 * the value after. A list is compared by position. Bounded: of more changes the first are told.
 */

import { pointerOf } from '../schemas/fault.ts';

export interface JsonChange {
  readonly pointer: string;
  /** Absent where the document did not have it. */
  readonly before?: unknown;
  readonly after?: unknown;
}

export const JSON_CHANGES_MAX = 500;

/** In the order of the pointers. `null` for a document that there is not: then everything is new. */
export function jsonChanges(before: unknown, after: unknown): readonly JsonChange[] {
  const changes: JsonChange[] = [];
  compare([], before ?? {}, after ?? {}, changes);
  return changes.slice(0, JSON_CHANGES_MAX);
}

function compare(
  path: readonly string[],
  before: unknown,
  after: unknown,
  changes: JsonChange[],
): void {
  if (changes.length >= JSON_CHANGES_MAX || Object.is(before, after)) return;
  if (isTree(before) && isTree(after) && Array.isArray(before) === Array.isArray(after)) {
    const keys = new Set([...Object.keys(before), ...Object.keys(after)]);
    for (const key of keys) {
      compare([...path, key], Reflect.get(before, key), Reflect.get(after, key), changes);
    }
    return;
  }
  changes.push({
    pointer: pointerOf(path),
    ...(before !== undefined && { before }),
    ...(after !== undefined && { after }),
  });
}

function isTree(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}
