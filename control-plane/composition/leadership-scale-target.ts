/**
 * A scale target that only the member that leads has open: members of one host share its directory,
 * and a directory has one owner. Where this member leads and has it, commands go through; otherwise
 * they are refused as `unavailable`, so that decisions hold because the actual number is unknown.
 */

import type { FencingToken } from '../model/decision.ts';
import type { Replica, Workload } from '../model/workload.ts';
import { ScaleTargetError } from '../ports/scale-target.ts';
import type { ScaleTarget } from '../ports/scale-target.ts';
import { createLeaderScoped } from './leadership.ts';
import type { LeaderScoped, LeaderScopedOptions } from './leadership.ts';

export interface OpenableTarget extends ScaleTarget {
  start(): Promise<void>;
  stop(mode: 'keep' | 'stop'): Promise<void>;
}

export interface LeaderScaleTargetOptions extends Pick<
  LeaderScopedOptions<OpenableTarget>,
  'leads' | 'mayAct' | 'onTrouble' | 'pollMs' | 'retryMs'
> {
  /** Makes one that is not started; it asks `mayAct` itself before each start and stop of a replica. */
  readonly create: () => OpenableTarget;
}

export interface LeaderScaleTarget extends ScaleTarget {
  leadershipChanged(): void;
  /** What becomes of the replicas where this member has them; the loss of leadership always keeps them. */
  stop(mode: 'keep' | 'stop'): Promise<void>;
}

/** Begins to look for leadership at once. */
export function createLeaderScaleTarget(options: LeaderScaleTargetOptions): LeaderScaleTarget {
  const scoped = createLeaderScoped<OpenableTarget>({
    ...options,
    open: async () => {
      const target = options.create();
      await target.start();
      return target;
    },
    // The next leader takes the replicas over as they run.
    close: (target) => target.stop('keep'),
  });
  return new LeaderOnly(scoped, options.mayAct);
}

class LeaderOnly implements LeaderScaleTarget {
  readonly #scoped: LeaderScoped<OpenableTarget>;
  readonly #mayAct: () => boolean;

  constructor(scoped: LeaderScoped<OpenableTarget>, mayAct: () => boolean) {
    this.#scoped = scoped;
    this.#mayAct = mayAct;
  }

  async setReplicas(
    workload: Workload,
    replicas: number,
    token: FencingToken,
    signal: AbortSignal,
  ): Promise<void> {
    await this.#toAct().setReplicas(workload, replicas, token, signal);
  }

  async readReplicas(workload: Workload, signal: AbortSignal): Promise<readonly Replica[]> {
    return this.#opened().readReplicas(workload, signal);
  }

  async listWorkloads(): Promise<readonly string[]> {
    return this.#opened().listWorkloads();
  }

  async removeWorkload(
    workloadId: string,
    token: FencingToken,
    signal: AbortSignal,
  ): Promise<void> {
    await this.#toAct().removeWorkload(workloadId, token, signal);
  }

  leadershipChanged(): void {
    this.#scoped.leadershipChanged();
  }

  stop(mode: 'keep' | 'stop'): Promise<void> {
    return this.#scoped.stop((target) => target.stop(mode));
  }

  #toAct(): OpenableTarget {
    if (!this.#mayAct()) {
      throw new ScaleTargetError('unavailable', 'this member has no lease to act under');
    }
    return this.#opened();
  }

  /** @throws ScaleTargetError `unavailable` */
  #opened(): OpenableTarget {
    const target = this.#scoped.current();
    if (target !== null) return target;
    const why = this.#scoped.trouble() ?? 'this member does not have the replicas of its host';
    throw new ScaleTargetError('unavailable', why);
  }
}
