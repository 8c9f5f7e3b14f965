/** Calls on a scale target as its tests make them: with tokens of one term, a deadline, and their refusals. */

import assert from 'node:assert/strict';

import type { Replica, Workload } from '../../control-plane/model/workload.ts';
import { ScaleTargetError } from '../../control-plane/ports/scale-target.ts';
import type { ScaleTarget, ScaleTargetFailure } from '../../control-plane/ports/scale-target.ts';
import { pollUntil } from './process.ts';

export const WITHIN_MS = 5_000;

export interface TargetCalls {
  readonly set: (
    target: ScaleTarget,
    replicas: number,
    index: number,
    of?: Workload,
  ) => Promise<void>;
  readonly read: (target: ScaleTarget, of?: Workload) => Promise<readonly Replica[]>;
  readonly remove: (target: ScaleTarget, index: number) => Promise<void>;
  /** Until a tick asks for nothing any more: what was written has come back. */
  readonly quiet: (target: ScaleTarget, replicas: number, index: number) => Promise<boolean>;
}

/** @param requests how many have been made until now, not counting those held open */
export function targetCalls(workload: Workload, requests: () => number): TargetCalls {
  const within = (): AbortSignal => AbortSignal.timeout(WITHIN_MS);
  const set: TargetCalls['set'] = (target, replicas, index, of = workload) =>
    target.setReplicas(of, replicas, { term: 1, index }, within());
  return {
    set,
    read: (target, of = workload) => target.readReplicas(of, within()),
    remove: (target, index) => target.removeWorkload(workload.id, { term: 1, index }, within()),
    quiet: (target, replicas, index) =>
      pollUntil('a tick without a request', WITHIN_MS, async () => {
        const before = requests();
        await set(target, replicas, index);
        return requests() === before;
      }),
  };
}

export async function refused(
  failure: ScaleTargetFailure,
  message: RegExp,
  act: () => Promise<unknown>,
): Promise<void> {
  await assert.rejects(act, (error) => {
    assert.ok(error instanceof ScaleTargetError, String(error));
    assert.equal(error.failure, failure, error.message);
    assert.match(error.message, message);
    return true;
  });
}
