/**
 * A scale target that runs replicas as containers of one Docker Engine. All members of a cluster
 * reach the same engine, and only the one that leads has this open. What it was told stands on the
 * engine itself, in the labels of a container that is never started (labels.ts), before it answers:
 * the next leader goes on where this one stopped, and refuses what is older. It pulls no image,
 * touches no container that lacks its owner's label, and leaves the replicas when it stops.
 *
 * A changed document reaches a replica with its replacement; running ones are kept.
 */

import type { FencingToken } from '../../model/decision.ts';
import { isDocker } from '../../model/workload.ts';
import type { Replica, Workload } from '../../model/workload.ts';
import { ScaleTargetError } from '../../ports/scale-target.ts';
import type { ScaleTarget } from '../../ports/scale-target.ts';
import { requireTarget } from '../replicas/accepted.ts';
import { isNewer } from '../replicas/fencing.ts';
import { startableTarget } from '../replicas/startable.ts';
import type { RunningTarget } from '../replicas/startable.ts';
import { createEngine } from './engine.ts';
import { createHousehold } from './household.ts';
import type { Household } from './household.ts';
import { replicaName } from './labels.ts';
import type { DockerWorkload } from './labels.ts';
import { DOCKER_LIMITS } from './settings.ts';
import type { DockerLimits, DockerSettings } from './settings.ts';
import { createTurns } from '../replicas/turns.ts';

export interface DockerScaleTarget extends ScaleTarget {
  /**
   * Finds what is on the engine and begins to converge. What was ready is known to be so when it
   * resolves.
   * @throws ScaleTargetError `unavailable`: the engine did not answer
   */
  start(): Promise<void>;
  /** Gives up the calls under way; the replicas run on for the next leader. */
  stop(): Promise<void>;
}

export function createDockerTarget(settings: DockerSettings): DockerScaleTarget {
  const limits = { ...DOCKER_LIMITS, ...settings.limits };
  return startableTarget(async () => {
    const running = new Running(settings, limits);
    await running.start();
    return running;
  });
}

/** The target between its start and its stop. */
class Running implements RunningTarget<[]> {
  readonly #household: Household;
  readonly #inTurn: <T>(workloadId: string, work: () => Promise<T>) => Promise<T>;
  readonly #owner: string;
  readonly #limits: DockerLimits;

  constructor(settings: DockerSettings, limits: DockerLimits) {
    this.#owner = settings.owner;
    this.#limits = limits;
    this.#inTurn = createTurns(limits.waitingMax);
    this.#household = createHousehold(createEngine(settings.engine, limits), {
      owner: settings.owner,
      limits,
      mayAct: settings.mayAct ?? (() => true),
      tell: (event) => settings.onEvent?.(event),
    });
  }

  start(): Promise<void> {
    return this.#household.start();
  }

  stop(): Promise<void> {
    return this.#household.stop();
  }

  replicasOf(workload: Workload): readonly Replica[] {
    const { trouble } = this.#household;
    if (trouble !== null) throw new ScaleTargetError('unavailable', trouble);
    return this.#household.keeperOf(workload.id)?.replicas() ?? [];
  }

  workloadIds(): readonly string[] {
    return this.#household.keepers().flatMap(({ workloadId, record, isEmpty }) => {
      const isKnown = record === null ? !isEmpty : !record.removed;
      return isKnown ? [workloadId] : [];
    });
  }

  async setReplicas(workload: Workload, replicas: number, token: FencingToken): Promise<void> {
    const wanted = this.#accepted(workload, replicas);
    await this.#inTurn(workload.id, async () => {
      const keeper = this.#household.keep(workload.id);
      if (!isNewer(workload.id, token, keeper.record?.token ?? null)) return;
      // Another leader may have been here since the last look.
      await this.#household.look();
      if (!this.#isToBeTold(workload.id, token)) return;
      await keeper.tell(wanted, { replicas, token, removed: false });
    });
    this.#household.lookSoon();
  }

  async removeWorkload(workloadId: string, token: FencingToken): Promise<void> {
    // Nothing was ever told of it: there is no token to fence against, and nothing to stop.
    if (this.#household.keeperOf(workloadId) === undefined) return;
    await this.#inTurn(workloadId, async () => {
      await this.#household.look();
      const keeper = this.#household.keeperOf(workloadId);
      if (keeper === undefined || !this.#isToBeTold(workloadId, token)) return;
      await keeper.tellRemoved(token);
    });
    this.#household.lookSoon();
  }

  /** Without a record the token that made the replicas may say again what it said. */
  #isToBeTold(workloadId: string, token: FencingToken): boolean {
    const keeper = this.#household.keep(workloadId);
    const isNew = isNewer(workloadId, token, keeper.newestToken);
    return isNew || keeper.record === null;
  }

  /** @throws ScaleTargetError `rejected` */
  #accepted(workload: Workload, replicas: number): DockerWorkload {
    const own = requireTarget(workload, isDocker);
    const { containersMax } = this.#limits;
    const faults = [
      /^[a-z0-9-]{1,63}$/.test(workload.id) ? null : `"${workload.id}" is not a workload's id`,
      Number.isSafeInteger(replicas) && replicas >= 0
        ? null
        : `${replicas} is not a number of replicas`,
      replicas < containersMax ? null : `${replicas} replicas are more than ${containersMax} allow`,
    ].filter((fault) => fault !== null);
    if (faults.length === 0) return own;
    const name = replicaName(this.#owner, workload.id, 1);
    throw new ScaleTargetError('rejected', `${name}: ${faults.join('; ')}`);
  }
}
