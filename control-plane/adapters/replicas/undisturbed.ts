/**
 * Writes that hold only while what they were judged by is as it was read: one that met another's is
 * judged anew, a bounded number of times, and none is begun by a member that may not act any more.
 */

import { ScaleTargetError } from '../../ports/scale-target.ts';
import type { FailureOf } from './call-failure.ts';

export interface UndisturbedOptions {
  readonly attemptsMax: number;
  readonly failureOf: FailureOf;
}

/**
 * Has the work done until none of its calls fails of a `conflict`.
 * @param subject the workload and its place, in the words of the error
 * @throws ScaleTargetError `unavailable` after so many attempts; what else the work throws
 */
export async function untilUndisturbed(
  subject: string,
  { attemptsMax, failureOf }: UndisturbedOptions,
  work: () => Promise<void>,
): Promise<void> {
  for (let attempt = 1; attempt <= attemptsMax; attempt += 1) {
    try {
      await work();
      return;
    } catch (error) {
      if (failureOf(error) !== 'conflict') throw error;
    }
  }
  const detail = `changed ${attemptsMax} times while it was written; tried again with the next tick`;
  throw new ScaleTargetError('unavailable', `${subject} ${detail}`);
}

/**
 * Asked just before each write.
 * @throws ScaleTargetError `unavailable`
 */
export function requireLease(mayAct: () => boolean): void {
  if (mayAct()) return;
  throw new ScaleTargetError('unavailable', 'another may have become the one to act');
}
