/**
 * The pods of each workload's object, each by a watch of its own that begins when they are first asked
 * for and ends when nobody asks any more. With more workloads than watches the pods of the others are
 * listed per look.
 */

import { LookedAt } from '../replicas/looked-at.ts';
import type { KubernetesApi } from './api.ts';
import { KubernetesError } from './api.ts';
import { nameOf } from './objects.ts';
import type { ObjectName, Objects } from './objects.ts';
import { podSchema } from './pods.ts';
import type { Pod } from './pods.ts';
import type { KubernetesEvent, KubernetesLimits } from './settings.ts';
import { WatchedList } from './watched-list.ts';

export interface PodWatchesOptions {
  readonly api: KubernetesApi;
  readonly objects: Objects;
  readonly limits: KubernetesLimits;
  readonly tell: (event: KubernetesEvent) => void;
}

export class PodWatches {
  readonly #options: PodWatchesOptions;
  readonly #lists: LookedAt<WatchedList<Pod>>;

  constructor(options: PodWatchesOptions) {
    const { watchesMax, idleMs } = options.limits;
    this.#options = options;
    this.#lists = new LookedAt({ watchesMax, idleMs, close: (list) => list.close() });
  }

  /** Rejects with KubernetesError where they are not known. */
  read(workloadId: string, object: ObjectName): Promise<readonly Pod[]> {
    const key = `${object.apiVersion} ${nameOf(object)}`;
    const { watch, isKept, isNew } = this.#lists.look(key, () => this.#listOf(workloadId, object));
    const pods = watch.read();
    if (isNew && isKept) watch.startLater();
    return pods;
  }

  close(): Promise<void> {
    return this.#lists.close();
  }

  #listOf(workloadId: string, object: ObjectName): WatchedList<Pod> {
    const { api, objects, limits, tell } = this.#options;
    return new WatchedList({
      ...{ api, limits, schema: podSchema },
      asked: async (signal) => {
        const { selector } = await objects.readScale(object, signal);
        if (selector === null || selector === '') {
          const detail = `${nameOf(object)}: its scale names no selector, so its pods are not known`;
          throw new KubernetesError('refused', detail);
        }
        const query = { labelSelector: selector };
        return { root: '/api/v1', namespace: object.namespace, resource: 'pods', query };
      },
      onTrouble: (error, retryInMs) => tell({ kind: 'trouble', workloadId, error, retryInMs }),
    });
  }
}
