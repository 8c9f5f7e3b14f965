/**
 * What kinds of failure the calls of an orchestrator have in common, and what each is to the one who
 * gave the command. It repeats no call.
 */

import { ScaleTargetError } from '../../ports/scale-target.ts';

/**
 * `missing`: there is no such thing. `conflict`: it has changed since it was read. `forbidden`: whoever
 * calls has no right to it. `refused`: it will not be done however often it is asked. `unavailable`:
 * there was no answer, or not to what was asked.
 */
export type CallFailure = 'missing' | 'conflict' | 'forbidden' | 'refused' | 'unavailable';

const LASTING: ReadonlySet<string> = new Set<CallFailure>(['missing', 'forbidden', 'refused']);

/** Of an error: the failure of the call that it tells of; null where it is of no call. */
export type FailureOf = (error: unknown) => string | null;

/** @param subject the workload, or whatever else failed, in the words of the error */
export function refusalOf(cause: unknown, subject: string, failureOf: FailureOf): ScaleTargetError {
  if (cause instanceof ScaleTargetError) return cause;
  const detail = cause instanceof Error ? cause.message : String(cause);
  const failure = LASTING.has(failureOf(cause) ?? '') ? 'rejected' : 'unavailable';
  return new ScaleTargetError(failure, `${subject}: ${detail}`, { cause });
}
