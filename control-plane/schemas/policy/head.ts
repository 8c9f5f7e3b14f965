/**
 * What every strategy of a policy begins with, and how its kind's rules that span fields are asked:
 * a kind judges its part of the document once that part is well-formed by itself.
 */

import type { z } from 'zod';
import type { ReadField } from '../document.ts';
import { type Fault, pointerOf } from '../fault.ts';
import type { Path } from './signal.ts';

export interface StrategyHead {
  readonly name: string;
  readonly group: string | null;
  readonly fromReplicas: boolean;
}

/** The longest window and period of a strategy. */
export const WINDOW_MAX_MS = 24 * 3_600_000;

/** Points that one window may hold. */
export const WINDOW_POINTS_MAX = 1_000;

/** A fault of a member below a kind's part of the document. */
export function faultAt(path: Path, below: Path, message: string): Fault {
  return { pointer: pointerOf([...path, ...below]), message };
}

/** Judges a part of the document that is well-formed; one that is not has its faults already. */
export function judged<T>(
  read: ReadField,
  path: Path,
  document: z.ZodType<T>,
  judge: (value: T) => readonly (readonly [below: Path, message: string])[],
): readonly Fault[] {
  const value = read(path, document);
  if (value === undefined) return [];
  return judge(value).map(([below, message]) => faultAt(path, below, message));
}

/** Which of the words are members; exactly one is wanted. */
export function oneMemberFault(
  value: Readonly<Record<string, unknown>>,
  words: readonly string[],
): string | null {
  const given = words.filter((word) => value[word] !== undefined);
  if (given.length === 1) return null;
  const got = given.length === 0 ? 'none of them' : given.join(' and ');
  return `expected exactly one of ${words.join(', ')}; got ${got}`;
}
