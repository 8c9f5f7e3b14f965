/**
 * Everything of one owner on the engine: looks at it in one list, now and then and when asked, deals
 * what it finds out to the keepers of the workloads, and has them act. What carries the owner's label
 * and makes no sense is reported once and left alone.
 */

import { compareTokens } from '../../model/decision.ts';
import { ScaleTargetError } from '../../ports/scale-target.ts';
import { Containers } from './containers.ts';
import type { Engine, EngineContainer } from './engine.ts';
import { WorkloadKeeper } from './keeper.ts';
import type { KeeperParts, LabelledRecord } from './keeper.ts';
import { ownerLabel, readLabels } from './labels.ts';
import type { LabelledReplica } from './replica-set.ts';
import { createSlots } from './slots.ts';

export interface HouseholdParts extends Pick<KeeperParts, 'limits' | 'mayAct' | 'tell'> {
  readonly owner: string;
}

export interface Household {
  /** The first look. @throws ScaleTargetError `unavailable` */
  start(): Promise<void>;
  stop(): Promise<void>;
  /** Looks now, not joining a look that is under way. @throws ScaleTargetError `unavailable` */
  look(): Promise<void>;
  lookSoon(): void;
  /** Why what is known may be out of date; null while the last look worked. */
  readonly trouble: string | null;
  keepers(): readonly WorkloadKeeper[];
  keeperOf(workloadId: string): WorkloadKeeper | undefined;
  /** Makes one where there is none. */
  keep(workloadId: string): WorkloadKeeper;
}

export function createHousehold(engine: Engine, parts: HouseholdParts): Household {
  return new Looks(engine, parts);
}

class Looks implements Household {
  readonly #engine: Engine;
  readonly #owner: string;
  readonly #parts: KeeperParts;
  readonly #keepers = new Map<string, WorkloadKeeper>();
  readonly #stopping = new AbortController();
  /** Ids of containers that were reported as making no sense. */
  #unreadable = new Set<string>();
  #trouble: string | null = null;
  #timer: NodeJS.Timeout | null = null;
  #last: Promise<void> = Promise.resolve();
  #soon = false;

  constructor(engine: Engine, parts: HouseholdParts) {
    this.#engine = engine;
    this.#owner = parts.owner;
    const { owner, mayAct } = parts;
    const { signal } = this.#stopping;
    this.#parts = {
      ...parts,
      containers: new Containers({ owner, engine, mayAct, signal }),
      calls: createSlots(parts.limits.callsMax),
      stops: createSlots(parts.limits.stopsMax),
      signal,
      look: () => this.lookSoon(),
    };
  }

  get trouble(): string | null {
    return this.#trouble;
  }

  keepers(): readonly WorkloadKeeper[] {
    return [...this.#keepers.values()];
  }

  keeperOf(workloadId: string): WorkloadKeeper | undefined {
    return this.#keepers.get(workloadId);
  }

  keep(workloadId: string): WorkloadKeeper {
    const keeper = this.#keepers.get(workloadId) ?? new WorkloadKeeper(workloadId, this.#parts);
    this.#keepers.set(workloadId, keeper);
    return keeper;
  }

  async start(): Promise<void> {
    await this.#lookNow();
    await Promise.all(this.keepers().map((keeper) => keeper.probeAll()));
    this.#timer = setInterval(() => this.lookSoon(), this.#parts.limits.tickMs);
    this.#act();
  }

  async stop(): Promise<void> {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#stopping.abort();
    await this.#last;
  }

  look(): Promise<void> {
    const look = this.#last.then(() => this.#lookNow());
    this.#last = look.catch(() => undefined);
    return look;
  }

  lookSoon(): void {
    if (this.#soon || this.#stopping.signal.aborted) return;
    this.#soon = true;
    this.#last = this.#last.then(async () => {
      this.#soon = false;
      if (this.#stopping.signal.aborted) return;
      // The trouble is told and kept; the next look tries again.
      await this.#lookNow().then(
        () => this.#act(),
        () => undefined,
      );
    });
  }

  #act(): void {
    if (this.#stopping.signal.aborted) return;
    for (const keeper of this.#keepers.values()) keeper.act();
    this.#forgetRemoved();
  }

  async #lookNow(): Promise<void> {
    const looked = this.keepers().map((keeper) => keeper.beforeLook());
    try {
      const label = ownerLabel(this.#owner);
      const found = await this.#engine.list(label, this.#stopping.signal);
      for (const forgetDone of looked) forgetDone();
      this.#deal(found);
      this.#trouble = null;
    } catch (cause) {
      const message = cause instanceof Error ? cause.message : String(cause);
      // Of a start that fails, who starts it hears.
      if (message !== this.#trouble && this.#timer !== null && !this.#stopping.signal.aborted) {
        this.#parts.tell({ kind: 'trouble', workloadId: null, error: cause });
      }
      this.#trouble = message;
      throw new ScaleTargetError('unavailable', message, { cause });
    }
  }

  #deal(found: readonly EngineContainer[]): void {
    const records = new Map<string, LabelledRecord[]>();
    const replicas = new Map<string, LabelledReplica[]>();
    const unreadable = new Set<string>();
    for (const container of found) {
      const labelled = readLabels(container);
      switch (labelled.kind) {
        case 'record':
          push(records, labelled.record.workload.id, labelled);
          break;
        case 'replica':
          push(replicas, labelled.replica.workloadId, labelled);
          break;
        case 'unreadable':
          unreadable.add(container.id);
          this.#reportUnreadable(container.id, labelled.detail);
      }
    }
    this.#unreadable = unreadable;
    for (const workloadId of [...records.keys(), ...replicas.keys()]) this.keep(workloadId);
    for (const keeper of this.#keepers.values()) {
      const { workloadId } = keeper;
      keeper.take(records.get(workloadId) ?? [], replicas.get(workloadId) ?? []);
    }
  }

  #reportUnreadable(id: string, detail: string): void {
    if (this.#unreadable.has(id)) return;
    const error = new Error(`container ${id.slice(0, 12)} is left alone: ${detail}`);
    this.#parts.tell({ kind: 'trouble', workloadId: null, error });
  }

  #forgetRemoved(): void {
    const removed = this.keepers()
      .flatMap((keeper) => {
        const { record, isEmpty } = keeper;
        return record?.removed === true && isEmpty ? [{ keeper, token: record.token }] : [];
      })
      .sort((a, b) => compareTokens(b.token, a.token));
    for (const { keeper } of removed.slice(this.#parts.limits.removedMax)) {
      keeper.forget();
      this.#keepers.delete(keeper.workloadId);
    }
  }
}

function push<T>(lists: Map<string, T[]>, key: string, value: T): void {
  const list = lists.get(key) ?? [];
  list.push(value);
  lists.set(key, list);
}
