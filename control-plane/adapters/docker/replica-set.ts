/**
 * The replicas of one workload as the engine's list and the probes show them: since when each runs,
 * whether it is ready, and how it ended. It calls the engine for nothing and decides nothing; what is
 * remembered here is not worth more than the life of this process.
 */

import type { Replica } from '../../model/workload.ts';
import { backoffMs } from '../replicas/limits.ts';
import { probeReadiness } from '../replicas/readiness.ts';
import type { EngineContainer } from './engine.ts';
import { replicaIdOf } from './labels.ts';
import type { Labelled, ReplicaLabels } from './labels.ts';
import type { PlannedReplica } from './plan.ts';
import type { DockerEvent, DockerLimits } from './settings.ts';

export type LabelledReplica = Extract<Labelled, { readonly kind: 'replica' }>;

/** What has been seen of one container; times are monotonic, in ms. */
interface Watch {
  runningSinceMs: number | null;
  readySinceMs: number | null;
  ready: boolean;
  probedAtMs: number;
  probing: boolean;
  probeFailures: number;
  overdue: boolean;
  /** Ended, or could not be started. */
  overSinceMs: number | null;
  /** Of replicas in a row that ended, this one not counted. */
  failuresBefore: number;
  /** It shall go: its end is no failure. */
  surplus: boolean;
}

export interface ReplicaSetParts {
  readonly limits: DockerLimits;
  readonly tell: (event: DockerEvent) => void;
}

export class ReplicaSet {
  readonly #workloadId: string;
  readonly #parts: ReplicaSetParts;
  readonly #watches = new Map<string, Watch>();
  /** Numbers that this process made: everything else that appears is adopted. */
  readonly #made = new Set<number>();
  /** In ascending order of their numbers. */
  #found: readonly LabelledReplica[] = [];

  constructor(workloadId: string, parts: ReplicaSetParts) {
    this.#workloadId = workloadId;
    this.#parts = parts;
  }

  get found(): readonly LabelledReplica[] {
    return this.#found;
  }

  /** It is about to be made by this process: it is listed before the engine answers, perhaps. */
  making(number: number): void {
    this.#made.add(number);
  }

  made(number: number): void {
    this.#tell('created', number);
  }

  /** If it appears all the same, somebody has to have made it. */
  notMade(number: number): void {
    this.#made.delete(number);
  }

  /** Takes the newest list; `startTimeoutMs` null leaves those that never become ready alone. */
  take(found: readonly LabelledReplica[], startTimeoutMs: number | null): void {
    this.#found = found
      .filter(({ container }) => container.state !== 'removing')
      .sort((a, b) => a.replica.number - b.replica.number);
    const ids = new Set(this.#found.map(({ container }) => container.id));
    for (const id of this.#watches.keys()) if (!ids.has(id)) this.#watches.delete(id);
    for (const { container, replica } of this.#found) this.#see(container, replica, startTimeoutMs);
  }

  /** Remembers which of them shall go. */
  mark(surplus: ReadonlySet<number>): void {
    for (const { container, replica } of this.#found) {
      const watch = this.#watches.get(container.id);
      if (watch !== undefined) watch.surplus = surplus.has(replica.number);
    }
  }

  /** It could not be started. */
  startFailed({ container, replica }: LabelledReplica, detail: string): void {
    const watch = this.#watches.get(container.id);
    if (watch?.overSinceMs === null) this.#over(watch, replica, detail);
  }

  planned(isBusy: (containerId: string, number: number) => boolean): readonly PlannedReplica[] {
    return this.#found.map(({ container, replica }) => {
      const watch = this.#watches.get(container.id);
      const overSinceMs = watch?.overSinceMs ?? null;
      const condition = conditionOf(container);
      return {
        id: container.id,
        number: replica.number,
        replaces: replica.replaces,
        condition,
        failed: watch?.overdue === true || (condition === 'created' && overSinceMs !== null),
        replaceAtMs: (overSinceMs ?? 0) + backoffMs(watch?.failuresBefore ?? 0, this.#parts.limits),
        busy: isBusy(container.id, replica.number),
      };
    });
  }

  /** Ends in a row, if this one is replaced now. */
  failuresOf(containerId: string): number {
    return (this.#watches.get(containerId)?.failuresBefore ?? 0) + 1;
  }

  /** Those that run and can be reached, oldest first. */
  shown(): readonly Replica[] {
    return this.#found.flatMap(({ container, replica }) => {
      const address = addressOf(container, replica);
      if (conditionOf(container) !== 'running' || address === null) return [];
      const watch = this.#watches.get(container.id);
      const phase = watch?.ready === true ? 'ready' : 'starting';
      return {
        replicaId: replicaIdOf(this.#workloadId, replica.number),
        workloadId: this.#workloadId,
        address,
        metricsPath: replica.metricsPath,
        phase: watch?.surplus === true ? 'stopping' : phase,
        startedAtMs: container.createdAtMs,
      };
    });
  }

  /** Probes those whose turn it is, or all. Never rejects. */
  async probe(all: boolean): Promise<void> {
    await Promise.all(this.#found.map((one) => this.#probeOne(one, all)));
  }

  async #probeOne({ container, replica }: LabelledReplica, always: boolean): Promise<void> {
    const watch = this.#watches.get(container.id);
    const address = addressOf(container, replica);
    if (watch === undefined || watch.probing || watch.surplus) return;
    if (conditionOf(container) !== 'running' || address === null) return;
    const { limits } = this.#parts;
    const dueAtMs = watch.ready ? watch.probedAtMs + limits.probeIntervalMs : 0;
    if (!always && performance.now() < dueAtMs) return;
    watch.probing = true;
    const ready = await probeReadiness(address, replica.readinessPath, limits.probeTimeoutMs);
    watch.probing = false;
    watch.probedAtMs = performance.now();
    watch.probeFailures = ready ? 0 : watch.probeFailures + 1;
    const counts = ready || (watch.ready && watch.probeFailures < limits.probeFailuresMax);
    if (counts === watch.ready || watch.overSinceMs !== null) return;
    watch.ready = counts;
    if (counts) watch.readySinceMs ??= performance.now();
    this.#tell(counts ? 'ready' : 'unready', replica.number);
  }

  #see(container: EngineContainer, replica: ReplicaLabels, startTimeoutMs: number | null): void {
    const watch = this.#watches.get(container.id) ?? this.#watch(container, replica);
    const nowMs = performance.now();
    switch (conditionOf(container)) {
      case 'created':
        return;
      case 'running': {
        watch.runningSinceMs ??= nowMs;
        const forMs = nowMs - watch.runningSinceMs;
        if (startTimeoutMs === null || watch.readySinceMs !== null || watch.surplus) return;
        if (forMs <= startTimeoutMs || watch.overdue) return;
        watch.overdue = true;
        this.#tell('overdue', replica.number);
        return;
      }
      case 'ended':
        if (watch.overSinceMs === null) this.#over(watch, replica, container.status);
    }
  }

  #watch(container: EngineContainer, replica: ReplicaLabels): Watch {
    const watch: Watch = {
      ...{ runningSinceMs: null, readySinceMs: null, ready: false, probedAtMs: 0, probing: false },
      ...{ probeFailures: 0, overdue: false, overSinceMs: null, surplus: false },
      failuresBefore: replica.failures,
    };
    this.#watches.set(container.id, watch);
    if (!this.#made.delete(replica.number)) this.#tell('adopted', replica.number);
    return watch;
  }

  #over(watch: Watch, replica: ReplicaLabels, detail: string): void {
    const nowMs = performance.now();
    const { limits, tell } = this.#parts;
    watch.overSinceMs = nowMs;
    watch.ready = false;
    const wasSound = nowMs - (watch.readySinceMs ?? nowMs) >= limits.soundAfterMs;
    watch.failuresBefore = wasSound ? 0 : replica.failures;
    if (watch.surplus) return;
    tell({
      kind: 'failed',
      workloadId: this.#workloadId,
      replicaId: replicaIdOf(this.#workloadId, replica.number),
      detail,
      failures: watch.failuresBefore + 1,
      retryInMs: backoffMs(watch.failuresBefore, limits),
    });
  }

  #tell(kind: 'created' | 'adopted' | 'ready' | 'unready' | 'overdue', number: number): void {
    const replicaId = replicaIdOf(this.#workloadId, number);
    this.#parts.tell({ kind, workloadId: this.#workloadId, replicaId });
  }
}

function conditionOf({ state }: EngineContainer): PlannedReplica['condition'] {
  if (state === 'created') return 'created';
  return state === 'exited' || state === 'dead' ? 'ended' : 'running';
}

/** On the network that it was made for; where an operator has moved it, on the first one it has. */
function addressOf(container: EngineContainer, replica: ReplicaLabels): string | null {
  const { addresses } = container;
  const address = addresses[replica.network] ?? Object.values(addresses)[0];
  return address === undefined ? null : `${address}:${replica.port}`;
}
