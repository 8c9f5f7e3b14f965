/**
 * Compares what a decision was with what the same input gives now. The comparison is of JSON, which
 * is what was stored; a difference is named by its JSON Pointer.
 */

import { isDeepStrictEqual } from 'node:util';

import { pointerOf } from '../schemas/fault.ts';

const DIFFERENCES_MAX = 50;

/** JSON Pointers at which two JSON values differ, in the order of the first; at most 50. */
export function jsonDifferences(recorded: unknown, replayed: unknown): readonly string[] {
  return differencesAt([], asJson(recorded), asJson(replayed)).slice(0, DIFFERENCES_MAX);
}

function differencesAt(
  path: readonly (string | number)[],
  left: unknown,
  right: unknown,
): readonly string[] {
  if (isDeepStrictEqual(left, right)) return [];
  if (!isContainer(left) || !isContainer(right) || Array.isArray(left) !== Array.isArray(right)) {
    return [pointerOf(path)];
  }
  const names = [...new Set([...Object.keys(left), ...Object.keys(right)])];
  return names.flatMap((name) =>
    differencesAt([...path, name], Reflect.get(left, name), Reflect.get(right, name)),
  );
}

function isContainer(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

function asJson(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value));
}
