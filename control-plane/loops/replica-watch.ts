/**
 * The replicas as they were seen last, for discovery and the API. Several loops look, at all workloads
 * or at some; of each workload the newest look counts. A target that did not answer leaves the last
 * list: readers retry, deciders never read this. A list that nobody could look at yet is missing, which
 * is not the same as empty.
 */

import type { Replica } from '../model/workload.ts';
import type { SeenReplicas } from './sight.ts';

interface Seen {
  /** When the look began, monotonic ms. */
  readonly lookedAtMs: number;
  /** Null where no look has seen them yet. */
  readonly replicas: readonly Replica[] | null;
  /** Whether the target answered that look. */
  readonly answered: boolean;
}

export class ReplicaWatch {
  #byWorkload = new Map<string, Seen>();
  /** Of the newest look at all of them, or of the restart after it; monotonic ms. */
  #lookedAtMs = -Infinity;
  #hasLooked = false;

  /** Whether there was a look at all workloads since the start. */
  get hasLooked(): boolean {
    return this.#hasLooked;
  }

  /**
   * Takes one look at all workloads; those that it does not name are gone. `lookedAtMs` is when it
   * began, monotonic: a slow look that ends after a newer one is history.
   */
  saw(replicas: ReadonlyMap<string, SeenReplicas>, lookedAtMs: number): void {
    if (lookedAtMs < this.#lookedAtMs) return;
    this.#lookedAtMs = lookedAtMs;
    this.#hasLooked = true;
    for (const [workloadId, seen] of this.#byWorkload) {
      const isGone = !replicas.has(workloadId) && seen.lookedAtMs <= lookedAtMs;
      if (isGone) this.#byWorkload.delete(workloadId);
    }
    this.sawSome(replicas, lookedAtMs);
  }

  /** Takes one look at some workloads; the others stay as they are. */
  sawSome(replicas: ReadonlyMap<string, SeenReplicas>, lookedAtMs: number): void {
    if (lookedAtMs < this.#lookedAtMs) return;
    for (const [workloadId, seen] of replicas) {
      const before = this.#byWorkload.get(workloadId);
      if (before !== undefined && lookedAtMs < before.lookedAtMs) continue;
      const answered = seen.kind === 'seen';
      const known = answered ? seen.replicas : (before?.replicas ?? null);
      this.#byWorkload.set(workloadId, { lookedAtMs, replicas: known, answered });
    }
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
    return !this.#hasLooked || this.#byWorkload.get(workloadId)?.replicas === null;
  }

  of(workloadId: string): readonly Replica[] {
    return this.#byWorkload.get(workloadId)?.replicas ?? [];
  }

  /** Since when what `of` gives may have changed unseen, monotonic ms; null where the last look was in vain. */
  seenAtMs(workloadId: string): number | null {
    const seen = this.#byWorkload.get(workloadId);
    return seen?.answered === true ? seen.lookedAtMs : null;
  }
}
