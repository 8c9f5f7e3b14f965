/**
 * The replicas as they were seen last, for discovery and the API. Several loops look; the newest
 * look counts. A target that did not answer leaves the last list: readers retry, deciders never
 * read this.
 */

import type { Replica } from '../model/workload.ts';
import type { SeenReplicas } from './sight.ts';

export class ReplicaWatch {
  #byWorkload = new Map<string, readonly Replica[]>();
  #lookedAtMs = -Infinity;

  /**
   * Takes one look at all workloads; those that it does not name are gone. `lookedAtMs` is when it
   * began, monotonic: a slow look that ends after a newer one is history.
   */
  saw(replicas: ReadonlyMap<string, SeenReplicas>, lookedAtMs: number): void {
    if (lookedAtMs < this.#lookedAtMs) return;
    this.#lookedAtMs = lookedAtMs;
    const next = new Map<string, readonly Replica[]>();
    for (const [workloadId, seen] of replicas) {
      next.set(workloadId, seen.kind === 'seen' ? seen.replicas : this.of(workloadId));
    }
    this.#byWorkload = next;
  }

  of(workloadId: string): readonly Replica[] {
    return this.#byWorkload.get(workloadId) ?? [];
  }
}
