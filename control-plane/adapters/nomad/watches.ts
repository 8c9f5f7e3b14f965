/**
 * What is followed of each workload's group, by blocking queries that begin when it is first asked for
 * and end when nobody asks any more: its allocations, and its count. With more workloads than queries
 * the others are asked per look.
 */

import { LookedAt } from '../replicas/looked-at.ts';
import type { Look } from '../replicas/looked-at.ts';
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
}

export class GroupWatches {
  readonly #options: WatchesOptions;
  readonly #watches: LookedAt<GroupWatch>;

  constructor(options: WatchesOptions) {
    const { watchesMax, idleMs } = options.limits;
    this.#options = options;
    this.#watches = new LookedAt({ watchesMax, idleMs, close });
  }

  /** Rejects with NomadError where they are not known. */
  async allocations(workloadId: string, name: GroupName): Promise<readonly SeenAllocation[]> {
    const { watch, isKept } = this.#look(workloadId, name);
    const stubs = watch.allocations.read();
    if (!watch.areAllocationsFollowed && isKept) {
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
    const { watch, isKept } = this.#look(workloadId, name);
    if (!watch.isCountFollowed && isKept) {
      watch.isCountFollowed = true;
      watch.group.startLater();
    }
    return watch.group.current()?.count ?? null;
  }

  /** One's own write has brought the job there. */
  saw(name: GroupName, jobModifyIndex: number): void {
    this.#watches.held(nameOf(name))?.group.needs(jobModifyIndex);
  }

  close(): Promise<void> {
    return this.#watches.close();
  }

  async #seen(watch: GroupWatch, name: GroupName, stub: AllocationStub): Promise<SeenAllocation> {
    const { groups, signal } = this.#options;
    const held = watch.details.get(stub.id);
    const detail = held?.detail ?? (await groups.allocation(name, stub.id, signal));
    return { stub, detail, wasHealthy: stub.healthy ?? held?.wasHealthy ?? false };
  }

  #look(workloadId: string, name: GroupName): Look<GroupWatch> {
    return this.#watches.look(nameOf(name), () => this.#watchOf(workloadId, name));
  }

  #watchOf(workloadId: string, name: GroupName): GroupWatch {
    const { groups, limits, tell } = this.#options;
    const onTrouble = (error: unknown, retryInMs: number): void => {
      tell({ kind: 'trouble', workloadId, error, retryInMs });
    };
    return {
      allocations: new WatchedQuery({
        ...{ limits, onTrouble },
        ask: (blocking, signal) => groups.allocations(name, blocking, signal),
      }),
      group: new WatchedQuery({
        ...{ limits, onTrouble },
        ask: (blocking, signal) => groups.read(name, blocking, signal),
      }),
      details: new Map(),
      ...{ isCountFollowed: false, areAllocationsFollowed: false },
    };
  }
}

async function close({ allocations, group }: GroupWatch): Promise<void> {
  await Promise.all([allocations.close(), group.close()]);
}
