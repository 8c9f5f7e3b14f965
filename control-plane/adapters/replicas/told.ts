/**
 * What a target that tells an orchestrator keeps there with each place that it scales: whose the place
 * is, which workload's, the newest token and the number that came with it; and which command may follow
 * on that. How it is written down and read back is each orchestrator's own.
 */

import type { FencingToken } from '../../model/decision.ts';
import { ScaleTargetError } from '../../ports/scale-target.ts';
import { isNewer } from './fencing.ts';

export interface Told<C extends Claim = Claim> {
  /** Name of the cluster of members. */
  readonly owner: string;
  readonly token: FencingToken;
  /** Null: given up; only the token is remembered. */
  readonly claim: C | null;
}

export interface Claim {
  readonly workloadId: string;
  readonly replicas: number;
  /** That the place had when it was told: with it still there, the number was never written. */
  readonly replicasBefore: number;
}

export interface Command {
  readonly workloadId: string;
  readonly replicas: number;
  readonly token: FencingToken;
}

/** A command that gives a place up. */
export type Release = Pick<Command, 'workloadId' | 'token'>;

/**
 * Whether a command goes on from what was told: not where nothing was, nor where the cluster that told
 * it has given the place up, whose tokens have no order with those of another.
 * @param name the place, in the words of an error
 * @param other what to name instead of it, e.g. `another object`
 * @throws ScaleTargetError `stale_token`, or `rejected` where the place is somebody else's
 */
export function isContinued(
  told: Told | null,
  owner: string,
  { workloadId, token }: Release,
  { name, other }: { readonly name: string; readonly other: string },
): boolean {
  if (told === null) return false;
  const { claim } = told;
  if (told.owner !== owner) {
    if (claim === null) return false;
    const todo = 'remove its workload there first';
    const detail = `${name} is scaled by the cluster "${told.owner}"; ${todo}`;
    throw new ScaleTargetError('rejected', `${workloadId}: ${detail}`);
  }
  // Tokens of one cluster are of one log, whichever workload they were for.
  isNewer(workloadId, token, told.token);
  if (claim === null || claim.workloadId === workloadId) return true;
  const todo = `remove that first, or name ${other}`;
  const detail = `${name} is scaled for the workload ${claim.workloadId}; ${todo}`;
  throw new ScaleTargetError('rejected', `${workloadId}: ${detail}`);
}
