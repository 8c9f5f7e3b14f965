/**
 * The pods of each workload's object, each by a watch of its own that begins when they are first asked
 * for and ends when nobody asks any more. With more workloads than watches the pods of the others are
 * listed per look.
 */

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

interface PodWatch {
  readonly list: WatchedList<Pod>;
  askedAtMs: number;
}

export class PodWatches {
  readonly #options: PodWatchesOptions;
  readonly #watches = new Map<string, PodWatch>();
  readonly #ending = new Set<Promise<void>>();
  #isClosed = false;

  constructor(options: PodWatchesOptions) {
    this.#options = options;
  }

  /** Rejects with KubernetesError where they are not known. */
  async read(workloadId: string, object: ObjectName): Promise<readonly Pod[]> {
    this.#endIdle();
    const key = `${object.apiVersion} ${nameOf(object)}`;
    const held = this.#watches.get(key);
    if (held !== undefined) {
      held.askedAtMs = performance.now();
      return held.list.read();
    }
    const list = this.#listOf(workloadId, object);
    // A look that was under way may come after the end.
    const isRoom = this.#watches.size < this.#options.limits.watchesMax && !this.#isClosed;
    if (!isRoom) return list.read();
    this.#watches.set(key, { list, askedAtMs: performance.now() });
    const pods = list.read();
    list.startLater();
    return pods;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    const lists = [...this.#watches.values()].map(({ list }) => list.close());
    this.#watches.clear();
    await Promise.all([...lists, ...this.#ending]);
  }

  #endIdle(): void {
    const nowMs = performance.now();
    for (const [key, { list, askedAtMs }] of this.#watches) {
      if (nowMs - askedAtMs <= this.#options.limits.idleMs) continue;
      this.#watches.delete(key);
      const ending = list.close().finally(() => this.#ending.delete(ending));
      this.#ending.add(ending);
    }
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
