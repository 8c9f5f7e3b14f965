/**
 * A scale target that tells Kubernetes how many replicas a Deployment, a StatefulSet or whatever else
 * has a scale subresource shall run. What it was told stands on the object itself, in annotations
 * (told.ts), before it answers: the next leader goes on where this one stopped, and refuses what is
 * older. Kubernetes starts, stops and replaces the pods; this creates and deletes nothing, scales
 * outside of its namespaces and kinds nothing, and leaves a removed workload's replicas as they run.
 */

import { compareTokens } from '../../model/decision.ts';
import type { FencingToken } from '../../model/decision.ts';
import { isKubernetes } from '../../model/workload.ts';
import type { Replica, Workload } from '../../model/workload.ts';
import { ScaleTargetError } from '../../ports/scale-target.ts';
import type { ScaleTarget } from '../../ports/scale-target.ts';
import { unlessAborted } from '../replicas/aborted.ts';
import { isNewer } from '../replicas/fencing.ts';
import { createTurns } from '../replicas/turns.ts';
import type { InTurn } from '../replicas/turns.ts';
import { createKubernetesApi, KubernetesError } from './api.ts';
import type { KubernetesApi } from './api.ts';
import { Claims } from './claims.ts';
import type { ClaimedObject } from './claims.ts';
import { createCluster } from './cluster.ts';
import { isSame, nameOf, Objects } from './objects.ts';
import type { ObjectName } from './objects.ts';
import { PodWatches } from './pod-watches.ts';
import { replicasOf } from './pods.ts';
import type { KubernetesWorkload } from './pods.ts';
import { createKinds } from './resources.ts';
import { KUBERNETES_LIMITS } from './settings.ts';
import type { KubernetesLimits, KubernetesSettings } from './settings.ts';
import { Telling } from './telling.ts';

export interface KubernetesScaleTarget extends ScaleTarget {
  /**
   * Finds what this owner scales in the cluster and begins to watch it.
   * @throws ScaleTargetError `unavailable` | `rejected`
   */
  start(): Promise<void>;
  /** Ends the watches and the calls under way; the replicas run on. */
  stop(): Promise<void>;
}

export function createKubernetesTarget(settings: KubernetesSettings): KubernetesScaleTarget {
  const limits = { ...KUBERNETES_LIMITS, ...settings.limits };
  let running: Running | null = null;
  const active = (): Running => {
    if (running === null) throw new ScaleTargetError('unavailable', 'the target is not started');
    return running;
  };
  return {
    async start() {
      if (running !== null) throw new ScaleTargetError('unavailable', 'already started');
      const starting = new Running(settings, limits);
      try {
        await starting.start();
      } catch (error) {
        await starting.stop();
        throw refusalOf(error, 'the target kubernetes');
      }
      running = starting;
    },
    async stop() {
      const ending = running;
      running = null;
      await ending?.stop();
    },
    setReplicas: (workload, replicas, token, signal) =>
      unlessAborted(signal, () => active().setReplicas(workload, replicas, token, signal)),
    readReplicas: (workload, signal) =>
      unlessAborted(signal, () => active().readReplicas(workload)),
    listWorkloads: async () => active().listWorkloads(),
    removeWorkload: (workloadId, token, signal) =>
      unlessAborted(signal, () => active().removeWorkload(workloadId, token, signal)),
  };
}

/** The target between its start and its stop. */
class Running {
  readonly #limits: KubernetesLimits;
  readonly #inTurn: InTurn;
  readonly #api: KubernetesApi;
  readonly #claims: Claims;
  readonly #pods: PodWatches;
  readonly #telling: Telling;
  readonly #ending = new AbortController();

  constructor(settings: KubernetesSettings, limits: KubernetesLimits) {
    const tell: KubernetesSettings['onEvent'] = (event) => settings.onEvent?.(event);
    this.#limits = limits;
    this.#inTurn = createTurns(limits.waitingMax);
    this.#api = createKubernetesApi(createCluster(settings.access, limits.callsMax), limits);
    const kinds = createKinds(this.#api);
    const objects = new Objects(this.#api, kinds);
    this.#claims = new Claims({ api: this.#api, kinds, settings, limits, tell });
    this.#pods = new PodWatches({ api: this.#api, objects, limits, tell });
    this.#telling = new Telling({
      ...{ objects, tell, owner: settings.owner, attemptsMax: limits.attemptsMax },
      mayAct: settings.mayAct ?? (() => true),
      onWritten: (object, written) => this.#claims.saw(object, written),
    });
  }

  start(): Promise<void> {
    return this.#claims.start(this.#ending.signal);
  }

  async stop(): Promise<void> {
    this.#ending.abort();
    await Promise.all([this.#claims.close(), this.#pods.close()]);
    this.#api.close();
  }

  async setReplicas(
    workload: Workload,
    replicas: number,
    token: FencingToken,
    signal: AbortSignal,
  ): Promise<void> {
    const { id: workloadId } = workload;
    const object = this.#objectOf(workload, replicas);
    const ended = AbortSignal.any([signal, this.#ending.signal]);
    await this.#inTurn(workloadId, async () => {
      const known = this.#claims.known().filter(({ claim }) => claim.workloadId === workloadId);
      if (!isTold(known, object, workloadId, token)) {
        await translated(workloadId, () =>
          this.#telling.scale(object, { workloadId, replicas, token }, ended),
        );
      }
      // It has moved to another object: nothing is told to the old one any more.
      await this.#release(
        known.filter((claimed) => !isSame(claimed.object, object)),
        { workloadId, token },
        ended,
      );
    });
  }

  async readReplicas(workload: Workload): Promise<readonly Replica[]> {
    try {
      const accepted = this.#accepted(workload);
      const pods = await this.#pods.read(workload.id, objectNameOf(accepted));
      return replicasOf(accepted, pods);
    } catch (error) {
      // Whatever the cause, to the one who looks it means that they are not known.
      const { message } = refusalOf(error, workload.id);
      throw new ScaleTargetError('unavailable', message, { cause: error });
    }
  }

  async listWorkloads(): Promise<readonly string[]> {
    const claimed = await translated('the target kubernetes', () => this.#claims.read());
    return [...new Set(claimed.map(({ claim }) => claim.workloadId))].toSorted();
  }

  async removeWorkload(
    workloadId: string,
    token: FencingToken,
    signal: AbortSignal,
  ): Promise<void> {
    const ended = AbortSignal.any([signal, this.#ending.signal]);
    await this.#inTurn(workloadId, async () => {
      const claimed = await translated(workloadId, () => this.#claims.read());
      const own = claimed.filter(({ claim }) => claim.workloadId === workloadId);
      await this.#release(own, { workloadId, token }, ended);
    });
  }

  async #release(
    claimed: readonly ClaimedObject[],
    command: { readonly workloadId: string; readonly token: FencingToken },
    signal: AbortSignal,
  ): Promise<void> {
    for (const { object } of claimed) {
      await translated(command.workloadId, () => this.#telling.release(object, command, signal));
    }
  }

  /** @throws ScaleTargetError `rejected` */
  #objectOf(workload: Workload, replicas: number): ObjectName {
    const { replicasMax } = this.#limits;
    const object = objectNameOf(this.#accepted(workload));
    if (Number.isSafeInteger(replicas) && replicas >= 0 && replicas <= replicasMax) return object;
    const detail = `${replicas} is not a number of replicas from 0 to ${replicasMax}`;
    throw new ScaleTargetError('rejected', `${workload.id}: ${nameOf(object)}: ${detail}`);
  }

  /** @throws ScaleTargetError `rejected` */
  #accepted(workload: Workload): KubernetesWorkload {
    if (!isKubernetes(workload)) {
      const detail = `${workload.id}: its replicas are of the target ${workload.target.kind}`;
      throw new ScaleTargetError('rejected', detail);
    }
    const object = objectNameOf(workload);
    if (this.#claims.covers(object)) return workload;
    throw new ScaleTargetError(
      'rejected',
      `${workload.id}: ${nameOf(object)} of ${object.apiVersion} lies outside of the namespaces and kinds that this member may scale`,
    );
  }
}

function objectNameOf({ target }: KubernetesWorkload): ObjectName {
  const { apiVersion, resource, namespace, name } = target;
  return { apiVersion, resource, namespace, name };
}

/**
 * Whether the object is known to have been told this very thing, and to have kept it.
 * @throws ScaleTargetError `stale_token`
 */
function isTold(
  known: readonly ClaimedObject[],
  object: ObjectName,
  workloadId: string,
  token: FencingToken,
): boolean {
  const held = known.find((claimed) => isSame(claimed.object, object));
  if (held?.found.told.kind !== 'told') return false;
  const { token: newest } = held.found.told.told;
  isNewer(workloadId, token, newest);
  return compareTokens(token, newest) === 0 && held.found.replicas === held.claim.replicas;
}

async function translated<T>(workloadId: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw refusalOf(error, workloadId);
  }
}

/** What a call's failure is to the one who gave the command. */
function refusalOf(cause: unknown, workloadId: string): ScaleTargetError {
  if (cause instanceof ScaleTargetError) return cause;
  const detail = cause instanceof Error ? cause.message : String(cause);
  const failure = cause instanceof KubernetesError ? cause.failure : 'unavailable';
  const isLasting = ['missing', 'forbidden', 'refused'].includes(failure);
  return new ScaleTargetError(isLasting ? 'rejected' : 'unavailable', `${workloadId}: ${detail}`, {
    cause,
  });
}
