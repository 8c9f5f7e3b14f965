/**
 * What is followed of each workload's group, by blocking queries that begin when it is first asked for
 * and end when nobody asks any more: its allocations, and its count. With more workloads than queries
 * the others are asked per look.
 */

import { isAlive } from './allocations.ts';
import type { SeenAllocation } from './allocations.ts';
import { nameOf } from './groups.ts';
import type { AllocationDetail, AllocationStub, Group, GroupName, Groups } from './groups.ts';
import type { NomadEvent, NomadLimits } from './settings.ts';
import { WatchedQuery } from './watched-query.ts';

export interface WatchesOptions {
  readonly groups: Groups;
  readonly limits: NomadLimits;
  readonly tell: (event: NomadEvent) => void;
  readonly signal: AbortSignal;
}

interface GroupWatch {
  readonly allocations: WatchedQuery<readonly AllocationStub[]>;
  readonly group: WatchedQuery<Group>;
  /** By allocation; those that are gone are forgotten. */
  details: Map<string, { readonly detail: AllocationDetail; wasHealthy: boolean }>;
  isCountFollowed: boolean;
  areAllocationsFollowed: boolean;
  askedAtMs: number;
}

export class GroupWatches {
  readonly #options: WatchesOptions;
  readonly #watches = new Map<string, GroupWatch>();
  readonly #ending = new Set<Promise<unknown>>();

  constructor(options: WatchesOptions) {
    this.#options = options;
  }

  /** Rejects with NomadError where they are not known. */
  async allocations(workloadId: string, name: GroupName): Promise<readonly SeenAllocation[]> {
    const watch = this.#watchOf(workloadId, name);
    const stubs = watch.allocations.read();
    if (!watch.areAllocationsFollowed && this.#watches.has(nameOf(name))) {
      watch.areAllocationsFollowed = true;
      watch.allocations.startLater();
    }
    const alive = (await stubs).filter((stub) => isAlive(stub));
    const seen = await Promise.all(alive.map((stub) => this.#seen(watch, name, stub)));
    watch.details = new Map(
      seen.map(({ stub, detail, wasHealthy }) => [stub.id, { detail, wasHealthy }]),
    );
    return seen;
  }

  /** The count that a group is known to have without a request; null where it is not. */
  countOf(workloadId: string, name: GroupName): number | null {
    const watch = this.#watchOf(workloadId, name);
    if (!watch.isCountFollowed && this.#watches.has(nameOf(name))) {
      watch.isCountFollowed = true;
      watch.group.startLater();
    }
    return watch.group.current()?.count ?? null;
  }

  /** One's own write has brought the job there. */
  saw(name: GroupName, jobModifyIndex: number): void {
    this.#watches.get(nameOf(name))?.group.needs(jobModifyIndex);
  }

  async close(): Promise<void> {
    const closing = [...this.#watches.values()].map(close);
    this.#watches.clear();
    await Promise.all([...closing, ...this.#ending]);
  }

  async #seen(watch: GroupWatch, name: GroupName, stub: AllocationStub): Promise<SeenAllocation> {
    const { groups, signal } = this.#options;
    const held = watch.details.get(stub.id);
    const detail = held?.detail ?? (await groups.allocation(name, stub.id, signal));
    return { stub, detail, wasHealthy: stub.healthy ?? held?.wasHealthy ?? false };
  }

  #watchOf(workloadId: string, name: GroupName): GroupWatch {
    this.#endIdle();
    const held = this.#watches.get(nameOf(name));
    if (held !== undefined) {
      held.askedAtMs = performance.now();
      return held;
    }
    const { groups, limits, tell } = this.#options;
    const onTrouble = (error: unknown, retryInMs: number): void => {
      tell({ kind: 'trouble', workloadId, error, retryInMs });
    };
    const watch: GroupWatch = {
      allocations: new WatchedQuery({
        ...{ limits, onTrouble },
        ask: (blocking, signal) => groups.allocations(name, blocking, signal),
      }),
      group: new WatchedQuery({
        ...{ limits, onTrouble },
        ask: (blocking, signal) => groups.read(name, blocking, signal),
      }),
      details: new Map(),
      ...{ isCountFollowed: false, areAllocationsFollowed: false, askedAtMs: performance.now() },
    };
    // A command that waited for its turn may come after the end.
    const isRoom = this.#watches.size < limits.watchesMax && !this.#options.signal.aborted;
    if (isRoom) this.#watches.set(nameOf(name), watch);
    return watch;
  }

  #endIdle(): void {
    const nowMs = performance.now();
    for (const [key, watch] of this.#watches) {
      if (nowMs - watch.askedAtMs <= this.#options.limits.idleMs) continue;
      this.#watches.delete(key);
      const ending = close(watch).finally(() => this.#ending.delete(ending));
      this.#ending.add(ending);
    }
  }
}

function close({ allocations, group }: GroupWatch): Promise<unknown> {
  return Promise.all([allocations.close(), group.close()]);
}
