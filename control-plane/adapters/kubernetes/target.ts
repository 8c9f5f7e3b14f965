/**
 * A scale target that tells Kubernetes how many replicas a Deployment, a StatefulSet or whatever else
 * has a scale subresource shall run. What it was told stands on the object itself, in annotations
 * (told.ts), before it answers: the next leader goes on where this one stopped, and refuses what is
 * older. Kubernetes starts, stops and replaces the pods; this creates and deletes nothing, scales
 * outside of its namespaces and kinds nothing, and leaves a removed workload's replicas as they run.
 */

import { isKubernetes } from '../../model/workload.ts';
import type { Replica, Workload } from '../../model/workload.ts';
import { ScaleTargetError } from '../../ports/scale-target.ts';
import type { ScaleTarget } from '../../ports/scale-target.ts';
import { requireTarget } from '../replicas/accepted.ts';
import { orchestratedTarget } from '../replicas/orchestrated.ts';
import type { ClaimedPlace, KnownPlace, Orchestrator } from '../replicas/orchestrated.ts';
import type { Command, Release } from '../replicas/told.ts';
import { createKubernetesApi, failureIn } from './api.ts';
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
  return orchestratedTarget(limits, (ending) => new Kubernetes(settings, limits, ending));
}

class Kubernetes implements Orchestrator<ObjectName> {
  readonly name = 'kubernetes';
  readonly failureOf = failureIn;
  readonly nameOf = nameOf;
  readonly isSame = isSame;
  readonly #api: KubernetesApi;
  readonly #claims: Claims;
  readonly #pods: PodWatches;
  readonly #telling: Telling;
  readonly #ending: AbortSignal;

  constructor(settings: KubernetesSettings, limits: KubernetesLimits, ending: AbortSignal) {
    const tell: KubernetesSettings['onEvent'] = (event) => settings.onEvent?.(event);
    this.#ending = ending;
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
    return this.#claims.start(this.#ending);
  }

  async close(): Promise<void> {
    await Promise.all([this.#claims.close(), this.#pods.close()]);
    this.#api.close();
  }

  placeOf(workload: Workload): ObjectName {
    return objectNameOf(this.#accepted(workload));
  }

  known(workloadId: string): readonly KnownPlace<ObjectName>[] {
    return this.#claims
      .known()
      .filter(({ claim }) => claim.workloadId === workloadId)
      .map((held) => ({ ...claimedOf(held), isKept: held.found.replicas === held.claim.replicas }));
  }

  async claimed(): Promise<readonly ClaimedPlace<ObjectName>[]> {
    return (await this.#claims.read()).map(claimedOf);
  }

  scale(object: ObjectName, command: Command, signal: AbortSignal): Promise<void> {
    return this.#telling.scale(object, command, signal);
  }

  release(object: ObjectName, command: Release, signal: AbortSignal): Promise<void> {
    return this.#telling.release(object, command, signal);
  }

  async readReplicas(workload: Workload): Promise<readonly Replica[]> {
    const accepted = this.#accepted(workload);
    return replicasOf(accepted, await this.#pods.read(workload.id, objectNameOf(accepted)));
  }

  /** @throws ScaleTargetError `rejected` */
  #accepted(workload: Workload): KubernetesWorkload {
    const own = requireTarget(workload, isKubernetes);
    const object = objectNameOf(own);
    if (this.#claims.covers(object)) return own;
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

function claimedOf({ object, token, claim }: ClaimedObject): ClaimedPlace<ObjectName> {
  return { place: object, workloadId: claim.workloadId, token };
}
