/**
 * Keeps one workload as its record says: starts what is missing, restarts what ends, stops what
 * shall go. Everything that changes the record happens in turn, one after the other, and is on
 * disk before it is acted on. It decides nothing about how many replicas there should be.
 */

import { ScaleTargetError } from '../../ports/scale-target.ts';
import type { Replica } from '../../model/workload.ts';
import { backoffMs } from '../replicas/limits.ts';
import { probeReadiness } from '../replicas/readiness.ts';
import type { Journal, StartCause } from './journal.ts';
import type { PortPool } from './ports.ts';
import { findOwned, isAlive, signalGroup, signalProcess } from './processes.ts';
import type { OwnedProcess, ProcessIdentity } from './processes.ts';
import { replicaIdOf, withoutSlot, withSlot } from './record.ts';
import type { LocalWorkload, Slot, WorkloadRecord } from './record.ts';
import type { RecordStore } from './records.ts';
import type { ReplicaLogs } from './replica-logs.ts';
import { startReplica } from './replica-process.ts';
import type { LocalProcessEvent, LocalProcessLimits } from './settings.ts';

/** What all keepers of a target share. */
export interface KeeperParts {
  readonly owner: string;
  readonly workingDirectory: string;
  readonly records: RecordStore;
  readonly journal: Journal;
  readonly ports: PortPool;
  readonly logs: ReplicaLogs;
  readonly limits: LocalProcessLimits;
  readonly nowMs: () => number;
  readonly mayAct: () => boolean;
  readonly tell: (event: LocalProcessEvent) => void;
}

/** What is known of a slot's process and not worth remembering over a restart of the plane. */
interface Watch {
  readonly sinceMs: number;
  readySinceMs: number | null;
  ready: boolean;
  probedAtMs: number;
  probing: boolean;
  probeFailures: number;
  termSentAtMs: number | null;
  overdue: boolean;
}

const POLL_MS = 20;

export class WorkloadKeeper {
  readonly #parts: KeeperParts;
  readonly #watches = new Map<number, Watch>();
  /** Monotonic time before which a slot is not started again. */
  readonly #retryAtMs = new Map<number, number>();
  /** How the last process of a slot ended, when this plane was its parent. */
  readonly #lastEnds = new Map<number, { readonly replicaId: string; readonly detail: string }>();
  #record: WorkloadRecord;
  #unwritten = false;
  #turn: Promise<unknown> = Promise.resolve();
  #waiting = 0;
  #lookQueued = false;
  #closed = false;

  constructor(record: WorkloadRecord, parts: KeeperParts) {
    this.#record = record;
    this.#parts = parts;
    for (const { port } of record.slots) if (port !== null) parts.ports.hold(port);
  }

  get record(): WorkloadRecord {
    return this.#record;
  }

  get #workload(): LocalWorkload {
    return this.#record.workload;
  }

  /** Replicas whose process is known, oldest slot first. */
  replicas(): readonly Replica[] {
    const { id, target } = this.#workload;
    const replicas: Replica[] = [];
    for (const slot of this.#record.slots) {
      const replicaId = replicaIdOf(id, slot);
      if (slot.process === null || slot.port === null || replicaId === null) continue;
      const ready = this.#watches.get(slot.slotId)?.ready === true;
      replicas.push({
        replicaId,
        workloadId: id,
        address: `127.0.0.1:${slot.port}`,
        metricsPath: target.metricsPath,
        phase: slot.stopping ? 'stopping' : ready ? 'ready' : 'starting',
        startedAtMs: slot.startedAtMs ?? 0,
      });
    }
    return replicas;
  }

  /** Replaces the record by what `change` makes of it; durable when it resolves. Null changes nothing. */
  async change(change: (record: WorkloadRecord) => WorkloadRecord | null): Promise<void> {
    if (this.#waiting >= this.#parts.limits.waitingMax) {
      throw new ScaleTargetError('unavailable', `${this.#workload.id}: too many commands wait`);
    }
    this.#waiting += 1;
    try {
      await this.#inTurn(() => this.#applyChange(change));
    } finally {
      this.#waiting -= 1;
    }
    this.look();
  }

  /** Looks after the workload soon; calls meanwhile are the same look. */
  look(): void {
    if (this.#lookQueued || this.#closed) return;
    this.#lookQueued = true;
    void this.#inTurn(async () => {
      this.#lookQueued = false;
      if (!this.#closed) await this.#lookNow();
    }).catch((error: unknown) => {
      this.#parts.tell({ kind: 'trouble', workloadId: this.#workload.id, error });
    });
  }

  /** Takes a marked process for its replica. False when it is none of the current ones. */
  claim(found: OwnedProcess): Promise<boolean> {
    return this.#inTurn(async () => {
      const slot = this.#record.slots.find(
        (each) => replicaIdOf(this.#workload.id, each) === found.replicaId,
      );
      if (slot === undefined) return false;
      // Whatever carries a living replica's id was started by it.
      if (slot.process !== null) return isAlive(slot.process);
      if (!found.leads || !(await isAlive(found.identity))) return false;
      this.#adopt(slot, found.identity);
      await this.#note(withSlot(this.#record, { ...slot, process: found.identity, paused: false }));
      return true;
    });
  }

  /** Probes every replica once, so that what was ready before a restart of the plane is so after it. */
  async probeAll(): Promise<void> {
    for (const slot of this.#record.slots) {
      if (slot.process !== null && (await isAlive(slot.process))) this.#adopt(slot, slot.process);
    }
    await Promise.all(this.#record.slots.map((slot) => this.#probe(slot)));
  }

  /** Resolves when what is under way has ended; nothing begins after that. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#inTurn(() => Promise.resolve());
  }

  /** Ends all processes within the workload's grace; the record still wants them. */
  async end(): Promise<void> {
    this.#closed = true;
    await this.#inTurn(() => this.#endAll());
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#turn.then(work);
    this.#turn = result.catch(() => undefined);
    return result;
  }

  async #applyChange(change: (record: WorkloadRecord) => WorkloadRecord | null): Promise<void> {
    if (this.#closed) throw new ScaleTargetError('unavailable', 'the target is stopping');
    if (!this.#parts.mayAct()) {
      throw new ScaleTargetError('unavailable', 'another may have become the one to act');
    }
    const next = change(this.#record);
    if (next !== null) await this.#decide(next);
  }

  /** Writes first: what is not on disk has not been decided. */
  async #decide(record: WorkloadRecord): Promise<void> {
    await this.#parts.records.write(record);
    this.#record = record;
    this.#unwritten = false;
  }

  /** Keeps a fact even when the disk does not take it now; the next look writes it. */
  async #note(record: WorkloadRecord): Promise<void> {
    this.#record = record;
    this.#unwritten = true;
    await this.#parts.records.write(record);
    this.#unwritten = false;
  }

  async #lookNow(): Promise<void> {
    if (this.#unwritten) await this.#note(this.#record);
    // What ended is still ended, and what shall stop still shall, when it may act again.
    if (!this.#parts.mayAct()) return;
    for (const { slotId } of this.#record.slots) {
      const slot = this.#record.slots.find((each) => each.slotId === slotId);
      if (slot !== undefined) await this.#lookAfter(slot);
    }
  }

  async #lookAfter(found: Slot): Promise<void> {
    let slot = found;
    if (slot.process !== null && !(await isAlive(slot.process))) slot = await this.#ended(slot);
    if (slot.process !== null) {
      const watch = this.#watchOf(slot);
      if (slot.stopping || watch.overdue) await this.#stop(slot, slot.process, watch);
      else this.#tend(slot, watch);
      return;
    }
    if (slot.stopping) await this.#vacate(slot);
    else if (performance.now() >= (this.#retryAtMs.get(slot.slotId) ?? 0)) await this.#start(slot);
  }

  async #start(slot: Slot): Promise<void> {
    const { ports, journal, logs, limits } = this.#parts;
    const workloadId = this.#workload.id;
    // Its own port is the last resort: another one leaves what may still linger on it alone.
    const port = (await ports.take()) ?? slot.port;
    if (port === null) {
      this.#retryAtMs.set(slot.slotId, performance.now() + limits.backoffMinMs);
      this.#parts.tell({ kind: 'ports_exhausted', workloadId });
      return;
    }
    const cause: StartCause = slot.starts === 0 ? 'scale' : slot.paused ? 'resume' : 'restart';
    const startedAtMs = this.#parts.nowMs();
    const next = { ...slot, starts: slot.starts + 1, port, startedAtMs, paused: false };
    const replicaId = replicaIdOf(workloadId, next) ?? '';
    try {
      await this.#decide(withSlot(this.#record, next));
    } catch (error) {
      if (port !== slot.port) ports.release(port);
      throw error;
    }
    if (slot.port !== null && slot.port !== port) ports.release(slot.port);
    const { slotId, token } = slot;
    const onEnd = (detail: string): void => {
      this.#lastEnds.set(slotId, { replicaId, detail });
      this.look();
    };
    const { owner, workingDirectory, mayAct } = this.#parts;
    const { target } = this.#workload;
    try {
      const head = { replicaId, workloadId, slotId, cause, token, port };
      await journal.append({ kind: 'start', ...head, atMs: startedAtMs });
      const start = { replicaId, owner, port, target, workingDirectory, mayAct, onEnd };
      const identity = await startReplica(start, logs);
      // Whoever may act next finds a start without a process, as after a crash at this point.
      if (identity === 'not_allowed') return;
      if (identity === null) {
        await this.#failed(next, this.#howEnded(slotId, replicaId) ?? 'ended at once');
        return;
      }
      this.#watches.set(slotId, newWatch());
      this.#parts.tell({ kind: 'started', workloadId, replicaId, pid: identity.pid, port, cause });
      await this.#note(withSlot(this.#record, { ...next, process: identity }));
    } catch (error) {
      if (this.#record.slots.some((each) => each.slotId === slotId && each.process !== null)) {
        throw error;
      }
      await this.#failed(next, error instanceof Error ? error.message : String(error));
    }
  }

  /** The process is gone; whatever it had started goes too, since it may hold the port. */
  async #ended(slot: Slot): Promise<Slot> {
    const replicaId = replicaIdOf(this.#workload.id, slot) ?? '';
    for (const left of await findOwned(this.#parts.owner)) {
      if (left.replicaId !== replicaId) continue;
      await signalProcess(left.identity, 'SIGKILL', this.#parts.mayAct);
    }
    const watch = this.#watches.get(slot.slotId);
    this.#watches.delete(slot.slotId);
    if (slot.stopping) {
      const next = { ...slot, process: null };
      await this.#note(withSlot(this.#record, next));
      return next;
    }
    const readyForMs = performance.now() - (watch?.readySinceMs ?? performance.now());
    const sound = readyForMs >= this.#parts.limits.soundAfterMs;
    const detail = this.#howEnded(slot.slotId, replicaId) ?? 'ended while nobody watched';
    return this.#failed(sound ? { ...slot, failures: 0 } : slot, detail);
  }

  #howEnded(slotId: number, replicaId: string): string | null {
    const last = this.#lastEnds.get(slotId);
    return last?.replicaId === replicaId ? last.detail : null;
  }

  async #failed(slot: Slot, detail: string): Promise<Slot> {
    const { limits, tell } = this.#parts;
    const retryInMs = backoffMs(slot.failures, limits);
    const failures = slot.failures + 1;
    const next = { ...slot, process: null, failures };
    this.#retryAtMs.set(slot.slotId, performance.now() + retryInMs);
    const workloadId = this.#workload.id;
    const replicaId = replicaIdOf(workloadId, slot) ?? '';
    tell({ kind: 'failed', workloadId, replicaId, detail, failures, retryInMs });
    await this.#note(withSlot(this.#record, next));
    return next;
  }

  /** Empties a slot that shall go and has no process any more. */
  async #vacate(slot: Slot): Promise<void> {
    const workloadId = this.#workload.id;
    const replicaId = replicaIdOf(workloadId, slot);
    const { slotId, port } = slot;
    const atMs = this.#parts.nowMs();
    await this.#parts.journal.append({ kind: 'end', replicaId, workloadId, slotId, atMs });
    await this.#note(withoutSlot(this.#record, slotId));
    if (port !== null) this.#parts.ports.release(port);
    this.#retryAtMs.delete(slotId);
    this.#watches.delete(slotId);
    this.#lastEnds.delete(slotId);
    if (replicaId === null) return;
    this.#parts.tell({ kind: 'stopped', workloadId, replicaId });
  }

  async #stop(slot: Slot, identity: ProcessIdentity, watch: Watch): Promise<void> {
    watch.ready = false;
    const { mayAct } = this.#parts;
    if (watch.termSentAtMs === null) {
      const sent = await signalGroup(identity, 'SIGTERM', mayAct);
      if (sent) watch.termSentAtMs = performance.now();
      return;
    }
    if (performance.now() - watch.termSentAtMs < this.#workload.target.stopGraceMs) return;
    if (!(await signalGroup(identity, 'SIGKILL', mayAct))) return;
    const workloadId = this.#workload.id;
    const replicaId = replicaIdOf(workloadId, slot) ?? '';
    this.#parts.tell({ kind: 'killed', workloadId, replicaId });
  }

  #tend(slot: Slot, watch: Watch): void {
    const nowMs = performance.now();
    const { startTimeoutMs } = this.#workload.target;
    if (watch.readySinceMs === null && nowMs - watch.sinceMs > startTimeoutMs) {
      watch.overdue = true;
      const workloadId = this.#workload.id;
      const replicaId = replicaIdOf(workloadId, slot) ?? '';
      this.#parts.tell({ kind: 'overdue', workloadId, replicaId });
      return;
    }
    const dueAtMs = watch.ready ? watch.probedAtMs + this.#parts.limits.probeIntervalMs : 0;
    if (!watch.probing && nowMs >= dueAtMs) void this.#probe(slot);
  }

  async #probe(slot: Slot): Promise<void> {
    const watch = this.#watches.get(slot.slotId);
    if (watch === undefined || slot.port === null || watch.probing || slot.stopping) return;
    const { limits, tell } = this.#parts;
    watch.probing = true;
    const path = this.#workload.target.readinessPath;
    const ready = await probeReadiness(`127.0.0.1:${slot.port}`, path, limits.probeTimeoutMs);
    watch.probing = false;
    watch.probedAtMs = performance.now();
    watch.probeFailures = ready ? 0 : watch.probeFailures + 1;
    const counts = ready || (watch.ready && watch.probeFailures < limits.probeFailuresMax);
    if (counts === watch.ready) return;
    watch.ready = counts;
    if (counts) watch.readySinceMs ??= performance.now();
    const workloadId = this.#workload.id;
    const replicaId = replicaIdOf(workloadId, slot) ?? '';
    tell({ kind: counts ? 'ready' : 'unready', workloadId, replicaId });
  }

  #adopt(slot: Slot, identity: ProcessIdentity): void {
    if (this.#watches.has(slot.slotId)) return;
    this.#watches.set(slot.slotId, newWatch());
    const workloadId = this.#workload.id;
    const replicaId = replicaIdOf(workloadId, slot) ?? '';
    this.#parts.tell({ kind: 'adopted', workloadId, replicaId, pid: identity.pid });
  }

  #watchOf(slot: Slot): Watch {
    const watch = this.#watches.get(slot.slotId) ?? newWatch();
    this.#watches.set(slot.slotId, watch);
    return watch;
  }

  async #endAll(): Promise<void> {
    if (this.#record.slots.length === 0) return;
    const identities = this.#record.slots
      .map((slot) => slot.process)
      .filter((identity) => identity !== null);
    const { stopGraceMs } = this.#workload.target;
    for (const identity of identities) await signalGroup(identity, 'SIGTERM');
    if (!(await allGone(identities, stopGraceMs))) {
      for (const identity of identities) await signalGroup(identity, 'SIGKILL');
      if (!(await allGone(identities, this.#parts.limits.killWaitMs))) {
        const error = new Error('a replica outlived SIGKILL');
        this.#parts.tell({ kind: 'trouble', workloadId: this.#workload.id, error });
      }
    }
    const slots = this.#record.slots.map((slot) => ({ ...slot, process: null, paused: true }));
    await this.#note({ ...this.#record, slots });
  }
}

function newWatch(): Watch {
  return {
    ...{ sinceMs: performance.now(), readySinceMs: null, ready: false, probedAtMs: 0 },
    ...{ probing: false, probeFailures: 0, termSentAtMs: null, overdue: false },
  };
}

async function allGone(identities: readonly ProcessIdentity[], withinMs: number): Promise<boolean> {
  const deadline = performance.now() + withinMs;
  for (;;) {
    const alive = await Promise.all(identities.map((identity) => isAlive(identity)));
    if (!alive.includes(true)) return true;
    if (performance.now() >= deadline) return false;
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}
