/**
 * The replicas as they were seen last, for discovery and the API. Several loops look; the newest
 * look counts. A target that did not answer leaves the last list: readers retry, deciders never
 * read this. A list that nobody could look at yet is missing, which is not the same as empty.
 */

import type { Replica } from '../model/workload.ts';
import type { SeenReplicas } from './sight.ts';

export class ReplicaWatch {
  /** Null where no look has seen them yet. */
  #byWorkload = new Map<string, readonly Replica[] | null>();
  #lookedAtMs = -Infinity;
  #hasLooked = false;

  /**
   * Takes one look at all workloads; those that it does not name are gone. `lookedAtMs` is when it
   * began, monotonic: a slow look that ends after a newer one is history.
   */
  saw(replicas: ReadonlyMap<string, SeenReplicas>, lookedAtMs: number): void {
    if (lookedAtMs < this.#lookedAtMs) return;
    this.#lookedAtMs = lookedAtMs;
    this.#hasLooked = true;
    const next = new Map<string, readonly Replica[] | null>();
    for (const [workloadId, seen] of replicas) {
      const before = this.#byWorkload.get(workloadId) ?? null;
      next.set(workloadId, seen.kind === 'seen' ? seen.replicas : before);
    }
    this.#byWorkload = next;
  }

  /** Begins anew, `nowMs` monotonic: until now another member had the replicas. */
  restart(nowMs: number): void {
    this.#byWorkload = new Map();
    this.#lookedAtMs = nowMs;
    this.#hasLooked = false;
  }

  /**
   * Whether what `of` gives says nothing: no look since the start has seen this workload. Of one that is
   * newer than the last look there is nothing yet that could be missing.
   */
  isMissing(workloadId: string): boolean {
    return !this.#hasLooked || this.#byWorkload.get(workloadId) === null;
  }

  of(workloadId: string): readonly Replica[] {
    return this.#byWorkload.get(workloadId) ?? [];
  }
}
