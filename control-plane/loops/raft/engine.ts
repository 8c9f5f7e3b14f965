/**
 * Drives the pure core: in every turn the tick first, then all messages that came, then what the
 * member adds, and then everything that the core wants done is done at once. Messages leave without
 * waiting for the disk; what depends on it the core holds back itself. Decides nothing that the core
 * decides. After the first trouble with the disk, or an entry that is not understood, it stands still:
 * it neither votes nor appends nor leads, and the other members go on without it.
 */

import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Command, Committed } from '../../model/command.ts';
import { membersOf } from '../../model/configuration.ts';
import type { RaftMessage } from '../../model/raft-message.ts';
import { ConsensusError } from '../../ports/consensus.ts';
import type { RaftLog } from '../../ports/raft-log.ts';
import type { RaftTransport, TraceParent } from '../../ports/raft-transport.ts';
import { Raft } from '../../raft/raft.ts';
import type { ChunkWanted, RaftEvent, RaftStatus, ReadAnswer, Ready } from '../../raft/ready.ts';
import { Applier, ApplyError } from './applier.ts';
import { DiskQueue } from './disk-queue.ts';
import type { Settings } from './member-options.ts';
import type { Proposals } from './proposals.ts';
import { Snapshots } from './snapshots.ts';
import { Turns } from './turns.ts';

/** What the member adds to a turn, and what it hears of it. */
export interface EngineHooks {
  onTick(nowMs: number): void;
  /** All messages of the turn are stepped; what callers want is given to the core now. */
  onTurn(nowMs: number): void;
  onEvent(event: RaftEvent): void;
  onRead(answer: ReadAnswer): void;
  onApplied(appliedIndex: number): void;
  /** With each tick, and after every turn in which something happened. */
  onStatus(status: RaftStatus, nowMs: number): void;
  /** Once: nothing is driven any more. */
  onFailed(error: ConsensusError): void;
}

interface Arrived {
  readonly message: RaftMessage;
  readonly trace: TraceParent;
}

/** Rounds of asking the core what it wants, per turn: doing one thing may bring the next. */
const ROUNDS_MAX = 8;

export class Engine {
  readonly core: Raft;
  readonly applier: Applier;
  readonly #settings: Settings;
  readonly #hooks: EngineHooks;
  readonly #log: RaftLog;
  readonly #transport: RaftTransport | null;
  readonly #disk: DiskQueue;
  readonly #snapshots: Snapshots;
  readonly #turns: Turns;
  #inbox: Arrived[] = [];
  #statusIsOld = true;
  #halted = false;

  constructor(settings: Settings, proposals: Proposals, hooks: EngineHooks) {
    const { log, limits, monotonicMs, observer } = settings;
    this.#settings = settings;
    this.#hooks = hooks;
    this.#log = log;
    this.#transport = settings.transport;
    const { recovered } = log;
    this.core = new Raft(
      settings.raft,
      { ...recovered, bootstrap: settings.bootstrap },
      settings.random,
      monotonicMs(),
    );
    this.applier = new Applier({
      apply: settings.apply,
      proposals,
      monotonicMs,
      replayedThrough: recovered.entries.at(-1)?.index ?? recovered.snapshot?.index ?? 0,
      onApplied: (command: Command, committed: Committed) =>
        observer.onApplied?.(command, committed),
      onCommitLatency: (seconds, { trace }) => observer.onCommitLatency?.(seconds, trace),
      onApplyLatency: (seconds) => observer.onApplyLatency?.(seconds),
      onEntry: ({ index, payload }) => this.#snapshots.applied(index, payload.length),
    });
    this.#snapshots = new Snapshots(
      {
        log,
        everyEntries: limits.snapshotEveryEntries,
        everyBytes: limits.snapshotEveryBytes,
        logPerSnapshot: limits.logPerSnapshot,
        entriesKept: limits.entriesKept,
        entriesKeptBytes: limits.entriesKeptBytes,
        monotonicMs,
      },
      recovered.snapshot?.index ?? 0,
    );
    this.#snapshots.takeTurns(membersOf(this.core.status().configuration), settings.memberId);
    this.#disk = new DiskQueue({
      log,
      changesMax: limits.persistChangesMax,
      bytesMax: limits.persistBytesMax,
      monotonicMs,
      onDurable: (sequence) => {
        if (this.#halted) return;
        this.core.persisted(this.#turns.tickIfDue(), sequence);
        this.#turns.wake();
      },
      onAppendLatency: (seconds) => observer.onAppendLatency?.(seconds),
      onFailed: (cause) => this.#storageFailed(cause),
    });
    this.#turns = new Turns({
      tickMs: limits.tickMs,
      monotonicMs,
      every: settings.every,
      onTick: (nowMs) => {
        this.core.tick(nowMs);
        this.#statusIsOld = true;
        hooks.onTick(nowMs);
      },
      onTurn: (nowMs) => this.#turn(nowMs),
      onLoopLag: (seconds) => observer.onLoopLag?.(seconds),
    });
  }

  get isHalted(): boolean {
    return this.#halted;
  }

  /** The state of the snapshot on disk, before the start. @throws Error */
  async restore(): Promise<void> {
    const { monotonicMs, limits } = this.#settings;
    const { snapshot } = this.#log.recovered;
    if (snapshot === null) return;
    const payload = await this.#log.readSnapshot();
    if (payload === null) throw new Error(`snapshot ${snapshot.index} is not on disk`);
    this.applier.restore(snapshot, payload);
    while (!this.applier.isIdle) {
      this.applier.run(monotonicMs() + limits.applySliceMs);
      await nextTurn();
    }
  }

  start(): void {
    this.#turns.start();
    this.#turns.wake();
  }

  wake(): void {
    this.#turns.wake();
  }

  /** The core was given something outside of a turn. */
  touch(): void {
    this.#statusIsOld = true;
    this.#turns.wake();
  }

  /** The time; the core has been told of it when it had not been for a while. */
  now(): number {
    return this.#turns.tickIfDue();
  }

  receive(message: RaftMessage, trace: TraceParent): void {
    if (this.#halted || this.#inbox.length >= this.#settings.limits.inboxMax) return;
    this.#inbox.push({ message, trace });
    this.#turns.wake();
  }

  unreachable(memberId: string): void {
    if (this.#halted) return;
    this.core.unreachable(memberId);
    this.#turns.wake();
  }

  /** Stands still from now on; what the disk is at is not waited for. */
  halt(): void {
    this.#halted = true;
    this.#inbox = [];
    this.#turns.stop();
    this.#disk.drop();
  }

  /** Resolves when the disk is at rest. */
  async idle(): Promise<void> {
    await this.#disk.idle();
    await this.#snapshots.idle();
  }

  #turn(nowMs: number): void {
    this.#stepInbox(nowMs);
    this.#hooks.onTurn(nowMs);
    const applyUntilMs = this.#settings.monotonicMs() + this.#settings.limits.applySliceMs;
    for (let round = 0; round < ROUNDS_MAX && !this.#halted; round += 1) {
      const hasReady = this.core.hasReady();
      if (hasReady) this.#handle(this.core.ready(), nowMs);
      const applied = this.#apply(round === 0, applyUntilMs);
      if (!hasReady && !applied) break;
    }
    if (this.#halted) return;
    if (this.#statusIsOld) {
      this.#statusIsOld = false;
      this.#hooks.onStatus(this.core.status(), nowMs);
    }
    this.#snapshotWhenDue();
    if (this.core.hasReady() || !this.applier.isIdle) this.#turns.wake();
  }

  #stepInbox(nowMs: number): void {
    const { observer } = this.#settings;
    const inbox = this.#inbox;
    this.#inbox = [];
    for (const { message, trace } of inbox) {
      if (trace !== null) observer.onMessage?.(message, trace);
      this.core.step(nowMs, message);
    }
  }

  #handle(ready: Ready, nowMs: number): void {
    const { observer } = this.#settings;
    for (const event of ready.events) this.#tell(event, nowMs);
    for (const message of ready.messages) {
      this.#transport?.send(message, observer.traceFor?.(message) ?? null);
      observer.onSent?.(message);
    }
    this.#disk.add(ready.staged, ready.changes);
    if (ready.restore !== null) {
      const payload = this.#disk.takeInstalled(ready.restore.index);
      if (payload === null) {
        this.#storageFailed(new Error(`snapshot ${ready.restore.index} was not read back`));
        return;
      }
      this.applier.restore(ready.restore, payload);
      this.#snapshots.installed(ready.restore.index);
    }
    this.applier.add(ready.committed, nowMs);
    for (const answer of ready.reads) this.#hooks.onRead(answer);
    for (const wanted of ready.chunksWanted) void this.#readChunk(wanted);
  }

  #tell(event: RaftEvent, nowMs: number): void {
    this.#statusIsOld = true;
    if (event.kind === 'configuration') {
      this.#snapshots.takeTurns(membersOf(event.configuration), this.#settings.memberId);
    }
    this.#settings.observer.onEvent?.(event, nowMs);
    this.#hooks.onEvent(event);
  }

  /** True when something was applied, which the core may have waited for. */
  #apply(isFirst: boolean, untilMs: number): boolean {
    if (this.#halted || this.applier.isIdle) return false;
    // However busy the turn was, a little is applied.
    if (!isFirst && this.#settings.monotonicMs() >= untilMs) return false;
    const { appliedIndex } = this.applier;
    try {
      this.applier.run(untilMs);
    } catch (error) {
      if (!(error instanceof ApplyError)) throw error;
      this.#fail(new ConsensusError('storage_failed', error.message, { cause: error }));
      return false;
    }
    if (this.applier.appliedIndex === appliedIndex) return false;
    this.core.applied(this.applier.appliedIndex);
    this.#hooks.onApplied(this.applier.appliedIndex);
    return true;
  }

  #snapshotWhenDue(): void {
    if (!this.#snapshots.isDue) return;
    const { appliedIndex: index, appliedTerm: term, state } = this.applier;
    const { observer, monotonicMs } = this.#settings;
    const beganMs = monotonicMs();
    const configuration = this.core.configurationAt(index);
    this.#snapshots.save({ index, term, configuration }, state).then(
      (saved) => {
        if (saved === null || this.#halted) return;
        this.core.compacted(saved.index, saved.keepFrom);
        this.#statusIsOld = true;
        this.#turns.wake();
        observer.onSnapshotSaved?.(saved.index, (monotonicMs() - beganMs) / 1_000);
      },
      (cause: unknown) => this.#storageFailed(cause),
    );
  }

  async #readChunk({ to, index, offset, lengthMax }: ChunkWanted): Promise<void> {
    try {
      const chunk = await this.#log.readSnapshotChunk(index, offset, lengthMax);
      if (this.#halted) return;
      this.core.snapshotChunk(this.now(), to, index, offset, chunk);
      this.#turns.wake();
    } catch (cause) {
      this.#storageFailed(cause);
    }
  }

  #storageFailed(cause: unknown): void {
    // Of a member that stops or was abandoned, the log is being closed under what still runs.
    if (this.#halted) return;
    const message = `the log of member ${this.#settings.memberId} has failed: ${describe(cause)}`;
    this.#fail(new ConsensusError('storage_failed', message, { cause }));
  }

  #fail(error: ConsensusError): void {
    this.halt();
    this.#settings.observer.onFailed?.(error.message);
    this.#hooks.onFailed(error);
  }
}

/** The chain of causes in one line: what was tried, and what the system said; what is quoted, once. */
function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.cause === undefined) return error.message;
  const cause = describe(error.cause);
  return error.message.includes(cause) ? error.message : `${error.message}: ${cause}`;
}
