/**
 * Keeps one workload as its record says: remembers what it was told on the engine, makes what is
 * missing, replaces what ended, stops and removes what shall go. Calls run beside each other, each
 * once: nothing is planned for a container whose call is under way, nor until a list that was asked
 * for after its end is there. It decides nothing about how many replicas there should be.
 */

import { compareTokens } from '../../model/decision.ts';
import type { FencingToken } from '../../model/decision.ts';
import type { Replica } from '../../model/workload.ts';
import { backoffMs } from '../replicas/limits.ts';
import { refusalOf } from './containers.ts';
import type { Containers } from './containers.ts';
import { EngineError } from './engine.ts';
import { replicaIdOf, workloadOf } from './labels.ts';
import type { DockerWorkload, Labelled, ToldRecord } from './labels.ts';
import { planCalls } from './plan.ts';
import type { MadeReplica, PlannedCall, PlannedReplica } from './plan.ts';
import { ReplicaSet } from './replica-set.ts';
import type { LabelledReplica, ReplicaSetParts } from './replica-set.ts';
import type { Slots } from './slots.ts';

/** What all keepers of a target share. */
export interface KeeperParts extends ReplicaSetParts {
  readonly containers: Containers;
  readonly calls: Slots;
  readonly stops: Slots;
  readonly mayAct: () => boolean;
  /** Ends every call when the target stops. */
  readonly signal: AbortSignal;
  /** Asks for a look soon. */
  readonly look: () => void;
}

export type LabelledRecord = Extract<Labelled, { readonly kind: 'record' }>;

export class WorkloadKeeper {
  readonly workloadId: string;
  readonly #parts: KeeperParts;
  readonly #replicas: ReplicaSet;
  /** By container, or by the number of one that is being made. */
  readonly #busy = new Map<string, { done: boolean }>();
  readonly #making = new Map<number, MadeReplica & { done: boolean }>();
  #record: ToldRecord | null = null;
  #records: readonly LabelledRecord[] = [];
  #nextNumber = 1;
  /** Creations in a row that failed, and the monotonic time before which none is tried. */
  #createFailures = 0;
  #createAtMs = 0;

  constructor(workloadId: string, parts: KeeperParts) {
    this.workloadId = workloadId;
    this.#parts = parts;
    this.#replicas = new ReplicaSet(workloadId, parts);
  }

  get record(): ToldRecord | null {
    return this.#record;
  }

  /** Nothing of it is on the engine but the memory of its token. */
  get isEmpty(): boolean {
    return this.#replicas.found.length === 0 && this.#making.size === 0;
  }

  /** The newest token that anything on the engine, or this process, knows of. */
  get newestToken(): FencingToken | null {
    const made = this.#replicas.found.map(({ replica }) => replica.token);
    const told = this.#record === null ? [] : [this.#record.token];
    return [...made, ...told].sort(compareTokens).at(-1) ?? null;
  }

  replicas(): readonly Replica[] {
    return this.#replicas.shown();
  }

  probeAll(): Promise<void> {
    return this.#replicas.probe(true);
  }

  /** Call just before the list is asked for; what it returns is for `take`. */
  beforeLook(): () => void {
    const busy = [...this.#busy].filter(([, { done }]) => done).map(([id]) => id);
    const making = [...this.#making].filter(([, { done }]) => done).map(([number]) => number);
    return () => {
      for (const id of busy) this.#busy.delete(id);
      for (const number of making) this.#making.delete(number);
    };
  }

  take(records: readonly LabelledRecord[], replicas: readonly LabelledReplica[]): void {
    this.#records = records;
    for (const { record } of records) {
      if (this.#record === null || compareTokens(record.token, this.#record.token) > 0) {
        this.#record = record;
      }
    }
    const startTimeoutMs = this.#record?.workload.target.startTimeoutMs ?? null;
    this.#replicas.take(replicas, startTimeoutMs);
    const numbers = replicas.map(({ replica }) => replica.number + 1);
    this.#nextNumber = Math.max(this.#nextNumber, this.#record?.nextNumber ?? 1, ...numbers);
  }

  /** Writes a record to the engine; in force when it resolves. @throws ScaleTargetError */
  async tell(workload: DockerWorkload, told: Omit<ToldRecord, 'workload' | 'nextNumber'>) {
    const record: ToldRecord = { ...told, workload, nextNumber: this.#nextNumber };
    try {
      await this.#write(record);
    } catch (cause) {
      throw refusalOf(cause, workload);
    }
    if (this.#record === null || compareTokens(record.token, this.#record.token) > 0) {
      this.#record = record;
    }
  }

  /** As `tell`; a workload that nobody remembers is what its containers say. */
  async tellRemoved(token: FencingToken): Promise<void> {
    const left = this.#replicas.found.at(-1);
    const workload = this.#record?.workload ?? (left && workloadOf(left));
    if (workload !== undefined) await this.tell(workload, { replicas: 0, token, removed: true });
  }

  /** Begins what is to be done. Without a record, nobody has said yet what that is. */
  act(): void {
    void this.#replicas.probe(false);
    if (this.#record === null || !this.#parts.mayAct()) return;
    this.#tidyRecords(this.#record);
    const wanted = this.#record.removed ? 0 : this.#record.replicas;
    // One that is still being made may be in the list, and yet be unknown to the engine's other calls.
    const planned = this.#replicas.planned(
      (id, number) => this.#busy.has(id) || this.#making.has(number),
    );
    const making = [...this.#making.values()].filter(
      ({ number }) => !planned.some((replica) => replica.number === number),
    );
    const plan = planCalls(wanted, planned, making, performance.now());
    this.#replicas.mark(plan.surplus);
    for (const call of plan.calls) this.#begin(call, this.#record);
  }

  /** Has the engine forget a removed workload, but for what still runs. */
  forget(): void {
    for (const { container } of this.#records) this.#removeLater(container.id);
  }

  #tidyRecords(newest: ToldRecord): void {
    const isNewest = ({ record }: LabelledRecord): boolean =>
      compareTokens(record.token, newest.token) === 0;
    for (const found of this.#records) {
      if (!isNewest(found)) this.#removeLater(found.container.id);
    }
    // Somebody has removed it: without it the next leader would not know what was told.
    if (this.#records.some(isNewest) || this.#busy.has('record')) return;
    this.#run('record', this.#parts.calls, () => this.#write(newest));
  }

  #removeLater(id: string): void {
    if (this.#busy.has(id)) return;
    const { containers, calls } = this.#parts;
    this.#run(id, calls, () => containers.remove(id));
  }

  #begin(call: PlannedCall, record: ToldRecord): void {
    if (call.kind === 'create') {
      this.#create(call.replaces, record);
      return;
    }
    const { containers, calls, stops, tell } = this.#parts;
    const { id, number } = call.replica;
    const event = { workloadId: this.workloadId, replicaId: replicaIdOf(this.workloadId, number) };
    switch (call.kind) {
      case 'start':
        this.#run(id, calls, () => this.#start(call.replica));
        return;
      case 'stop': {
        const graceMs = record.workload.target.stopGraceMs;
        this.#run(id, stops, () => containers.stop(id, graceMs));
        return;
      }
      case 'remove':
        this.#run(id, calls, async () => {
          await containers.remove(id);
          tell({ kind: 'removed', ...event });
        });
    }
  }

  #create(replaces: PlannedReplica | null, record: ToldRecord): void {
    if (performance.now() < this.#createAtMs) return;
    const number = this.#nextNumber;
    this.#nextNumber += 1;
    const making = { number, replaces: replaces?.number ?? null, done: false };
    this.#making.set(number, making);
    this.#replicas.making(number);
    const failures = replaces === null ? 0 : this.#replicas.failuresOf(replaces.id);
    const { calls, look, signal } = this.#parts;
    const place = { number, replaces: making.replaces, failures };
    void calls(() => this.#parts.containers.createReplica(record, place)).then(
      () => {
        this.#replicas.made(number);
        making.done = true;
        this.#createFailures = 0;
        look();
      },
      (error: unknown) => {
        making.done = true;
        if (!signal.aborted) this.#createFailed(number, error);
      },
    );
  }

  #createFailed(number: number, error: unknown): void {
    this.#replicas.notMade(number);
    const { limits, tell } = this.#parts;
    const retryInMs = backoffMs(this.#createFailures, limits);
    this.#createFailures += 1;
    this.#createAtMs = performance.now() + retryInMs;
    const replicaId = replicaIdOf(this.workloadId, number);
    const detail = error instanceof Error ? error.message : String(error);
    const failures = this.#createFailures;
    tell({ kind: 'failed', workloadId: this.workloadId, replicaId, detail, failures, retryInMs });
  }

  async #start({ id, number }: PlannedReplica): Promise<void> {
    const { containers, tell } = this.#parts;
    const replicaId = replicaIdOf(this.workloadId, number);
    try {
      await containers.start(id);
      tell({ kind: 'started', workloadId: this.workloadId, replicaId });
    } catch (error) {
      if (!(error instanceof EngineError) || error.failure === 'unavailable') throw error;
      // Still being made, or gone: the next list shows which. A network that is missing is a failure.
      if (/ - no such container/i.test(error.message)) throw error;
      const found = this.#replicas.found.find(({ container }) => container.id === id);
      if (found !== undefined) this.#replicas.startFailed(found, error.message);
    }
  }

  /** Does it once, in a slot; what fails is planned anew by the next look. */
  #run(key: string, slots: Slots, work: () => Promise<void>): void {
    const { look, signal, tell } = this.#parts;
    const running = { done: false };
    this.#busy.set(key, running);
    void slots(work)
      .then(look, (error: unknown) => {
        if (!signal.aborted) tell({ kind: 'trouble', workloadId: this.workloadId, error });
      })
      .finally(() => {
        running.done = true;
      });
  }

  /** What stops replicas must not fail because their image has lost its name since. */
  #write(record: ToldRecord): Promise<void> {
    const held = [...this.#replicas.found, ...this.#records].at(-1)?.container.imageId ?? null;
    const isFewer = record.removed || record.replicas <= this.replicas().length;
    return this.#parts.containers.writeRecord(record, isFewer ? held : null);
  }
}
