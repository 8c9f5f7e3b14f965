/**
 * A scale target that runs replicas as processes on the plane's own host: a small durable
 * orchestrator. What it was told is on disk before it answers; what it started it finds again
 * after a crash at any point, by its records and by the mark in each process's environment, so
 * that nothing is started twice or left behind. It refuses tokens older than the newest it saw, and
 * does nothing while it is told that it may not act; ending replicas on the order to stop is the
 * exception, since nobody else can have them before the directory is given back.
 *
 * A changed command or environment reaches a replica with its next start; running ones are kept.
 */

import { randomUUID } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { compareTokens } from '../../model/decision.ts';
import type { FencingToken } from '../../model/decision.ts';
import { isLocalProcess } from '../../model/workload.ts';
import type { Replica, Workload } from '../../model/workload.ts';
import { ScaleTargetError } from '../../ports/scale-target.ts';
import type { ScaleTarget } from '../../ports/scale-target.ts';
import { DirectoryHeldError, takeDirectoryLock } from '../disk/directory-lock.ts';
import { readIfThere } from '../disk/reading.ts';
import { requireTarget } from '../replicas/accepted.ts';
import { isNewer } from '../replicas/fencing.ts';
import { startableTarget } from '../replicas/startable.ts';
import type { RunningTarget } from '../replicas/startable.ts';
import { replaceFile } from './files.ts';
import { openJournal } from './journal.ts';
import type { Journal } from './journal.ts';
import { WorkloadKeeper } from './keeper.ts';
import type { KeeperParts } from './keeper.ts';
import { createPortPool } from './ports.ts';
import { findOwned, signalProcess } from './processes.ts';
import { emptyRecord, withRemoval, withReplicas } from './record.ts';
import type { LocalWorkload, WorkloadRecord } from './record.ts';
import { createRecordStore, isWorkloadId } from './records.ts';
import { createReplicaLogs } from './replica-logs.ts';
import { LOCAL_PROCESS_LIMITS } from './settings.ts';
import type { LocalProcessSettings } from './settings.ts';

type StopMode = 'keep' | 'stop';

export interface LocalProcessScaleTarget extends ScaleTarget {
  /**
   * Takes the directory, finds what runs, and begins to converge. What was ready is known to be so
   * when it resolves.
   * @throws ScaleTargetError `unavailable`: the directory is in use, or a record in it is damaged
   */
  start(): Promise<void>;
  /**
   * `keep` leaves the replicas running for the next plane to adopt. `stop` ends them within the
   * largest stopGraceMs and a bounded wait after SIGKILL; the next start brings them back.
   */
  stop(mode: StopMode): Promise<void>;
}

export function createLocalProcessTarget(settings: LocalProcessSettings): LocalProcessScaleTarget {
  return startableTarget(() => startRunning(settings));
}

async function startRunning(settings: LocalProcessSettings): Promise<Running> {
  const { directory } = settings;
  let unlock: (() => Promise<void>) | null = null;
  let journal: Journal | null = null;
  try {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    unlock = await takeDirectoryLock(directory);
    const parts = await openParts(settings);
    journal = parts.journal;
    const running = new Running(settings, parts, unlock);
    await running.recover();
    return running;
  } catch (cause) {
    await journal?.close();
    await unlock?.();
    if (cause instanceof ScaleTargetError) throw cause;
    const isHeld = cause instanceof DirectoryHeldError;
    const message = isHeld ? cause.message : `cannot start in ${directory}`;
    throw new ScaleTargetError('unavailable', message, { cause });
  }
}

async function openParts(settings: LocalProcessSettings): Promise<KeeperParts> {
  const { directory, portsFrom, portsTo } = settings;
  const limits = { ...LOCAL_PROCESS_LIMITS, ...settings.limits };
  return {
    owner: await readOwner(directory),
    workingDirectory: settings.workingDirectory ?? process.cwd(),
    records: createRecordStore(join(directory, 'workloads')),
    journal: await openJournal(join(directory, 'journal.jsonl'), limits.journalBytesMax),
    ports: createPortPool(portsFrom, portsTo),
    logs: createReplicaLogs(join(directory, 'logs'), {
      bytesMax: limits.logBytesMax,
      goneMax: limits.logsGoneMax,
    }),
    limits,
    nowMs: settings.nowMs,
    mayAct: settings.mayAct ?? (() => true),
    tell: (event) => settings.onEvent?.(event),
  };
}

/** The directory's own name, made once: the mark of every process that is started from it. */
async function readOwner(directory: string): Promise<string> {
  const path = join(directory, 'owner');
  const known = (await readIfThere(path))?.trim();
  if (known !== undefined && known !== '') return known;
  const made = randomUUID();
  await replaceFile(path, `${made}\n`);
  return made;
}

/** The target between its start and its stop. */
class Running implements RunningTarget<[mode: StopMode]> {
  readonly #keepers = new Map<string, WorkloadKeeper>();
  readonly #settings: LocalProcessSettings;
  readonly #parts: KeeperParts;
  readonly #journal: Journal;
  readonly #unlock: () => Promise<void>;
  #timer: NodeJS.Timeout | null = null;
  #sweeping: Promise<void> = Promise.resolve();
  #sweptAtMs = 0;

  constructor(settings: LocalProcessSettings, parts: KeeperParts, unlock: () => Promise<void>) {
    this.#settings = settings;
    this.#parts = parts;
    this.#journal = parts.journal;
    this.#unlock = unlock;
  }

  replicasOf(workload: Workload): readonly Replica[] {
    return this.#keeperOf(workload.id)?.replicas() ?? [];
  }

  workloadIds(): readonly string[] {
    const known = [...this.#keepers.values()].map((keeper) => keeper.record);
    // A first command that could not be written has told nothing.
    return known
      .filter((record) => !record.removed && record.token.term >= 0)
      .map((record) => record.workload.id);
  }

  async recover(): Promise<void> {
    for (const record of await this.#parts.records.readAll()) this.#keep(record);
    await this.#sweep();
    if (this.#hasUnrecordedStart()) {
      // The plane died between a start and its record: that start may still be on its way.
      await sleep(this.#parts.limits.settleMs);
      await this.#sweep();
    }
    await Promise.all([...this.#keepers.values()].map((keeper) => keeper.probeAll()));
    this.#timer = setInterval(() => this.#tick(), this.#parts.limits.tickMs);
    this.#tick();
  }

  async setReplicas(workload: Workload, replicas: number, token: FencingToken): Promise<void> {
    const own = requireTarget(workload, isLocalProcess);
    this.#refuse(own, replicas);
    const keeper = this.#keeperOf(own.id) ?? this.#keep(emptyRecord(own, BEFORE_ANY));
    await keeper.change((record) =>
      isNewer(own.id, token, record.token) ? withReplicas(record, own, replicas, token) : null,
    );
  }

  async removeWorkload(workloadId: string, token: FencingToken): Promise<void> {
    const keeper = this.#keeperOf(workloadId);
    // Nothing was ever told of it: there is no token to fence against, and nothing to stop.
    if (keeper === undefined) return;
    await keeper.change((record) =>
      isNewer(workloadId, token, record.token) ? withRemoval(record, token) : null,
    );
  }

  async stop(mode: StopMode): Promise<void> {
    if (this.#timer !== null) clearInterval(this.#timer);
    const keepers = [...this.#keepers.values()];
    await Promise.all(keepers.map((keeper) => (mode === 'stop' ? keeper.end() : keeper.close())));
    await this.#sweeping;
    // What a replica had started may have outlived it.
    if (mode === 'stop') await this.#sweepAll();
    await this.#journal.close();
    await this.#unlock();
  }

  #refuse(workload: LocalWorkload, replicas: number): void {
    const { ports } = this.#parts;
    const faults = [
      isWorkloadId(workload.id) ? null : `"${workload.id}" is not a workload's id`,
      Number.isSafeInteger(replicas) && replicas >= 0
        ? null
        : `${replicas} is not a number of replicas`,
      replicas <= ports.size ? null : `${replicas} replicas need more than the ${ports.size} ports`,
      workload.target.command.length > 0 ? null : 'the command is empty',
    ].filter((fault) => fault !== null);
    if (faults.length > 0) throw new ScaleTargetError('rejected', faults.join('; '));
  }

  #keeperOf(workloadId: string): WorkloadKeeper | undefined {
    return this.#keepers.get(workloadId);
  }

  #keep(record: WorkloadRecord): WorkloadKeeper {
    const keeper = new WorkloadKeeper(record, this.#parts);
    this.#keepers.set(record.workload.id, keeper);
    return keeper;
  }

  #hasUnrecordedStart(): boolean {
    const slots = [...this.#keepers.values()].flatMap((keeper) => keeper.record.slots);
    return slots.some((slot) => slot.starts > 0 && slot.process === null && !slot.paused);
  }

  #tick(): void {
    for (const keeper of this.#keepers.values()) keeper.look();
    if (performance.now() - this.#sweptAtMs < this.#parts.limits.sweepIntervalMs) return;
    this.#sweptAtMs = performance.now();
    this.#sweeping = this.#sweeping.then(() => this.#tidy());
  }

  async #tidy(): Promise<void> {
    try {
      await this.#sweep();
      const living = [...this.#keepers.values()].flatMap((keeper) => keeper.replicas());
      await this.#parts.logs.trim(new Set(living.map((replica) => replica.replicaId)));
      await this.#forgetRemoved();
    } catch (error) {
      this.#settings.onEvent?.({ kind: 'trouble', workloadId: null, error });
    }
  }

  /** Finds every process with this directory's mark; what belongs to no replica is ended. */
  async #sweep(): Promise<void> {
    for (const found of await findOwned(this.#parts.owner)) {
      const { replicaId, identity } = found;
      const workloadId = replicaId.replace(/-\d+-\d+$/, '');
      if ((await this.#keeperOf(workloadId)?.claim(found)) === true) continue;
      if (!(await signalProcess(identity, 'SIGKILL', this.#parts.mayAct))) continue;
      this.#parts.tell({ kind: 'orphan_killed', workloadId, replicaId, pid: identity.pid });
    }
  }

  async #sweepAll(): Promise<void> {
    for (const { identity } of await findOwned(this.#parts.owner)) {
      await signalProcess(identity, 'SIGKILL');
    }
  }

  async #forgetRemoved(): Promise<void> {
    const gone = [...this.#keepers.values()]
      .map((keeper) => keeper.record)
      .filter((record) => record.removed && record.slots.length === 0)
      .sort((a, b) => compareTokens(b.token, a.token));
    for (const { workload } of gone.slice(this.#parts.limits.removedMax)) {
      await this.#keeperOf(workload.id)?.close();
      this.#keepers.delete(workload.id);
      await this.#parts.records.remove(workload.id);
    }
  }
}

/** Older than every token: the first command of a workload is always newer. */
const BEFORE_ANY: FencingToken = { term: -1, index: -1 };
