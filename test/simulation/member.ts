/**
 * One simulated member: a Raft core, driven as the product drives it, on a simulated disk and clock,
 * with a state machine. It sends at once, makes changes durable meanwhile, applies what is committed,
 * saves and installs snapshots, and answers clients. A crash takes everything but the disk. All it does
 * is shown to the watch; it decides nothing that is the core's.
 */

import { NO_CONFIGURATION } from '../../control-plane/model/configuration.ts';
import type { Configuration, MemberId } from '../../control-plane/model/configuration.ts';
import type { LogEntry, SnapshotPlace } from '../../control-plane/model/log-entry.ts';
import type { RaftMessage } from '../../control-plane/model/raft-message.ts';
import { Raft } from '../../control-plane/raft/raft.ts';
import type { RaftEvent, RaftStatus, ReadAnswer, Ready } from '../../control-plane/raft/ready.ts';
import type { Agenda } from './agenda.ts';
import { MemberClock } from './clock.ts';
import { count } from './counters.ts';
import type { RunCounts } from './counters.ts';
import type { Draws } from './draws.ts';
import type { CrashMoment } from './faults.ts';
import type { Answer, Happening, MemberEvent, Request } from './happening.ts';
import { HeldLog } from './held-log.ts';
import type { Machine } from './machine.ts';
import { MemberDisk } from './member-disk.ts';
import type { Tail } from './member-disk.ts';
import type { Network } from './network.ts';
import type { WorldSettings } from './settings.ts';
import { describeEvent } from './trace.ts';
import type { Trace } from './trace.ts';
import { Violation } from './violation.ts';
import { holdsLease } from './watch/leader-watch.ts';
import { memberId } from './watch/subject.ts';
import type { Subject } from './watch/subject.ts';
import type { Watch } from './watch/watch.ts';

/** What a member stands in: shared by all of one world. */
export interface Surroundings {
  readonly agenda: Agenda<Happening>;
  readonly network: Network;
  readonly settings: WorldSettings;
  readonly counts: RunCounts;
  readonly watch: Watch;
  /** A machine to which nothing was applied. */
  readonly machine: () => Machine;
  readonly trace: Trace | null;
}

interface ArmedCrash {
  readonly moment: CrashMoment;
  readonly tail: Tail;
  readonly downMs: number;
}

interface WaitingWrite {
  readonly term: number;
  readonly request: Request;
}

interface WaitingRead {
  readonly request: Request;
  readonly key: number;
  /** Null until the core has told it. */
  index: number | null;
  /** Committed anywhere when it was asked for. */
  readonly floor: number;
  readonly lease: boolean;
}

const RESTART_MS_MIN = 1;
/** Turns after one step until the core wants nothing more. */
const TURNS_MAX = 500;

export class Member implements Subject {
  readonly id: MemberId;
  readonly number: number;
  readonly disk: MemberDisk;
  readonly memory = new HeldLog();
  readonly clock: MemberClock;
  readonly bootstrap: Configuration;
  status: RaftStatus | null = null;
  installing = false;
  /** Counts the starts of its process; events of an earlier one are void. */
  life = 0;
  /** Nothing but the disk goes on while its process stands still. */
  stalled = false;
  /** What reached it while it stood still. */
  backlog: Happening[] = [];
  /** How much longer a sync takes, and until when none ends. */
  syncFactor = 1;
  hangsUntilMs = 0;
  armed: ArmedCrash | null = null;
  /** Of the changes that are not durable as far as the core knows: sequence, and local ms. */
  #handedOver: { readonly sequence: number; readonly atMs: number }[] = [];
  readonly #around: Surroundings;
  readonly #draws: Draws;
  #core: Raft | null = null;
  #machine: Machine;
  #appliedIndex = 0;
  #toApply: LogEntry[] = [];
  /** Snapshots of this member: after so many entries, and so many below them are kept. */
  readonly #snapshotEvery: number;
  readonly #entriesKept: number;
  #saving = false;
  #savedAtIndex = 0;
  #nextReadId = 1;
  readonly #writes = new Map<number, WaitingWrite>();
  readonly #reads = new Map<number, WaitingRead>();
  /** Reads whose index is known and not applied yet. */
  #indexed: WaitingRead[] = [];
  #batch: Request[] = [];

  constructor(number: number, bootstrap: Configuration, around: Surroundings, draws: Draws) {
    this.id = memberId(number);
    this.number = number;
    this.bootstrap = bootstrap.voters.includes(this.id) ? bootstrap : NO_CONFIGURATION;
    this.#around = around;
    this.#draws = draws;
    this.#machine = around.machine();
    // Members need not agree: every other one has numbers of its own.
    const { snapshotEvery, entriesKept } = around.settings;
    const own = number % 2 === 1;
    this.#snapshotEvery = own ? draws.pick([8, 20, 50, 200]) : snapshotEvery;
    this.#entriesKept = own ? draws.pick([0, 3, 20, 100]) : entriesKept;
    this.clock = new MemberClock(draws.between(0, 1e6));
    this.disk = new MemberDisk({
      hardStateDurable: (state) => {
        around.watch.hardStateDurable(this, state);
      },
      truncating: (from) => {
        around.watch.truncating(this, from);
      },
      installing: (place) => {
        around.watch.installing(this, place);
      },
    });
  }

  get runs(): boolean {
    return this.#core !== null;
  }

  get undurableSinceMs(): number | null {
    return this.#handedOver[0]?.atMs ?? null;
  }

  get appliedIndex(): number {
    return this.#appliedIndex;
  }

  get machine(): Machine {
    return this.#machine;
  }

  get waiting(): number {
    return this.#writes.size + this.#reads.size + this.#indexed.length + this.#toApply.length;
  }

  localNowMs(): number {
    return this.clock.nowMs(this.#around.agenda.nowMs);
  }

  leaseUntilMs(): number | null {
    return this.#core?.leaseUntilMs() ?? null;
  }

  // ---- life and death

  start(): void {
    const { agenda, settings, watch, counts } = this.#around;
    const { log, hardState } = this.disk;
    this.life += 1;
    counts.restarts += this.life > 1 ? 1 : 0;
    this.memory.copyOf(log);
    const core = new Raft(
      { ...settings.options, memberId: this.id },
      { hardState, snapshot: log.snapshot, entries: [...log.entries], bootstrap: this.bootstrap },
      this.#draws.next,
      this.localNowMs(),
    );
    this.#core = core;
    this.#machine = this.#around.machine();
    if (log.snapshot !== null) this.#restoreMachine(log.snapshot);
    this.#appliedIndex = log.snapshotIndex;
    this.#savedAtIndex = log.snapshotIndex;
    const status = core.status();
    watch.restarted(this, status);
    watch.observe(this, status, null);
    this.status = status;
    this.#pump(core);
    const { member, life } = { member: this.number, life: this.life };
    agenda.after(this.#draws.between(0, settings.tickMs), { kind: 'tick', member, life });
  }

  /** @returns null when it does not run */
  crash(tail: Tail, downMs: number): void {
    if (this.#core === null) return;
    const { agenda, counts } = this.#around;
    const wasBusy = this.disk.busy;
    const survived = this.disk.crash(tail, this.#draws);
    if (wasBusy) count(counts.faults, `crash in a sync, tail ${survived === 0 ? 'lost' : tail}`);
    if (this.#saving) count(counts.faults, 'crash while a snapshot is saved');
    this.#core = null;
    this.status = null;
    this.installing = false;
    this.stalled = false;
    this.backlog = [];
    this.armed = null;
    this.#toApply = [];
    this.#handedOver = [];
    this.#saving = false;
    this.#writes.clear();
    this.#reads.clear();
    this.#indexed = [];
    this.#batch = [];
    const restartMs = Math.max(RESTART_MS_MIN, downMs);
    agenda.after(restartMs, { kind: 'restart', member: this.number });
  }

  /** Crashes at the moment that was armed, when this is it; a little later where time must pass. */
  strike(moment: CrashMoment, withinMs = 0): void {
    if (this.armed?.moment !== moment) return;
    const { agenda, counts } = this.#around;
    count(counts.faults, `crash ${moment.replaceAll('_', ' ')}`);
    this.armed = { ...this.armed, moment: 'anywhere' };
    const { number: member, life } = this;
    agenda.after(this.#draws.between(0, withinMs), { kind: 'crash', member, life });
  }

  // ---- what happens to it

  handle(event: MemberEvent): void {
    const core = this.#core;
    if (core === null) return;
    const nowMs = this.localNowMs();
    switch (event.kind) {
      case 'tick':
        this.#tick(core, nowMs);
        return;
      case 'sync_told':
        this.#handedOver = this.#handedOver.filter(({ sequence }) => sequence > event.sequence);
        core.persisted(nowMs, event.sequence);
        break;
      case 'apply':
        this.#apply(core);
        break;
      case 'chunk_read': {
        const { to, index, offset, lengthMax } = event.wanted;
        core.snapshotChunk(nowMs, to, index, offset, this.#chunk(index, offset, lengthMax));
        break;
      }
      case 'snapshot_told':
        this.#saving = false;
        core.compacted(event.index, event.keepFrom);
        this.#compacted(core, event.index, event.keepFrom);
        break;
      case 'unreachable':
        core.unreachable(event.peer);
        break;
      case 'take_snapshot':
        this.takeSnapshot();
        return;
    }
    this.#pump(core);
  }

  receive(message: RaftMessage): void {
    const core = this.#core;
    if (core === null) return;
    this.#around.watch.arrived(this, message);
    core.step(this.localNowMs(), message);
    this.#pump(core);
  }

  request(request: Request): void {
    const core = this.#core;
    if (core === null) return;
    const { body } = request;
    switch (body.kind) {
      case 'write':
        this.#batch.push(request);
        if (!this.#around.settings.batches) this.#propose(core);
        return;
      case 'read':
        this.#read(core, request, body.key);
        return;
      case 'lease_read':
        this.#readByLease(core, request, body.key);
        return;
    }
  }

  /** What an operator asks of the core, if it runs. */
  ask<Outcome>(question: (core: Raft, nowMs: number) => Outcome): Outcome | null {
    const core = this.#core;
    if (core === null || this.stalled) return null;
    const outcome = question(core, this.localNowMs());
    this.#pump(core);
    return outcome;
  }

  // ---- the disk

  syncEnded(): void {
    const { agenda, settings } = this.#around;
    const { number: member, life } = this;
    if (agenda.nowMs < this.hangsUntilMs) {
      agenda.at(this.hangsUntilMs, { kind: 'sync_ended', member, life });
      return;
    }
    const sequence = this.disk.synced();
    this.strike('after_sync');
    agenda.after(this.#draws.exponential(settings.syncMs / 5), {
      kind: 'sync_told',
      member,
      life,
      sequence,
    });
    this.#sync();
  }

  snapshotRenamed(saved: { readonly place: SnapshotPlace; readonly bytes: Uint8Array }): void {
    const { agenda, counts } = this.#around;
    const { number: member, life, disk } = this;
    const { index } = saved.place;
    const keepFrom = Math.max(1, index + 1 - this.#entriesKept);
    if (disk.rename(saved)) counts.snapshotsTaken += 1;
    this.strike('after_renaming', 1);
    agenda.after(this.#draws.between(0, 2), {
      kind: 'snapshot_told',
      member,
      life,
      index,
      keepFrom,
    });
  }

  /** Saves the state as it is now, unless that is being done. */
  takeSnapshot(): void {
    const core = this.#core;
    const index = this.#appliedIndex;
    if (core === null || this.#saving || index <= this.disk.log.snapshotIndex) return;
    const { agenda, settings, watch } = this.#around;
    const term = this.memory.termAt(index);
    if (term === null) return;
    const place: SnapshotPlace = { index, term, configuration: core.configurationAt(index) };
    watch.logs.checkPlace(this, place);
    this.#saving = true;
    this.#savedAtIndex = index;
    const bytes = masked(this.#machine.pack(), this.#draws.whole(0, 255));
    const writeMs = settings.syncMs * this.syncFactor + this.#draws.exponential(5);
    const { number: member, life } = this;
    const atMs = Math.max(agenda.nowMs + writeMs, this.hangsUntilMs);
    agenda.at(atMs, { kind: 'snapshot_renamed', member, life, saved: { place, bytes } });
    this.strike('while_saving', writeMs * 0.9);
  }

  #sync(): void {
    if (!this.disk.write()) return;
    const { agenda, settings } = this.#around;
    const takesMs = settings.syncMs * this.syncFactor * this.#draws.between(0.5, 1.5);
    const { number: member, life } = this;
    agenda.after(takesMs, { kind: 'sync_ended', member, life });
    this.strike('while_syncing', takesMs);
    if (this.disk.installs) this.strike('while_installing', takesMs);
  }

  #chunk(
    index: number,
    offset: number,
    lengthMax: number,
  ): { readonly bytes: Uint8Array; readonly totalBytes: number } | null {
    const { log, snapshotBytes } = this.disk;
    if (log.snapshotIndex !== index || log.snapshot === null) return null;
    const bytes = snapshotBytes.subarray(offset, offset + lengthMax);
    return { bytes, totalBytes: snapshotBytes.length };
  }

  #compacted(core: Raft, index: number, keepFrom: number): void {
    const { snapshotIndex, firstIndex } = core.status();
    const { log } = this.disk;
    // A newer snapshot may have been installed, in memory or on disk, while this one was saved.
    if (log.snapshotIndex === index) log.dropBelow(keepFrom);
    if (snapshotIndex !== index) return;
    if (log.snapshot !== null && log.snapshotIndex === index) this.memory.snapshot = log.snapshot;
    if (firstIndex > Math.max(keepFrom, this.memory.firstIndex)) {
      throw new Violation('core_contract', `${this.id} dropped entries from ${keepFrom} on`);
    }
    this.memory.dropBelow(firstIndex);
  }

  // ---- time

  #tick(core: Raft, nowMs: number): void {
    const { agenda, settings, watch } = this.#around;
    const { number: member, life } = this;
    core.tick(nowMs);
    this.#pump(core);
    if (this.status !== null) watch.ticked(this, this.status);
    if (this.#batch.length > 0) this.#propose(core);
    const lateMs = this.#draws.next() < 0.05 ? this.#draws.between(0, 5) : 0;
    agenda.after(settings.tickMs / this.clock.rate + lateMs, { kind: 'tick', member, life });
  }

  // ---- what the core wants

  #pump(core: Raft): void {
    const { watch } = this.#around;
    for (let turns = 0; turns === 0 || core.hasReady(); turns += 1) {
      if (turns > TURNS_MAX) {
        throw new Violation('core_contract', `${this.id} has always something ready, and no end`);
      }
      const ready = core.hasReady() ? core.ready() : null;
      const before = this.status;
      const status = core.status();
      if (ready !== null && ready.changes.length > 0) {
        if (ready.changes.some(({ snapshot }) => snapshot !== null)) this.installing = true;
        watch.changed(this, ready.changes, status);
      }
      if (ready !== null && ready.restore !== null) this.installing = false;
      watch.observe(this, status, before);
      this.status = status;
      if (ready === null) return;
      this.#take(core, ready, status);
    }
  }

  #take(core: Raft, ready: Ready, status: RaftStatus): void {
    const { agenda, network, watch } = this.#around;
    const { number: member, life } = this;
    for (const event of ready.events) this.#happened(event, status);
    for (const message of ready.messages) {
      watch.sending(this, message);
      network.send(message, life);
    }
    if (ready.messages.length > 0) this.strike('after_sending');
    for (const chunk of ready.staged) this.disk.stage(chunk);
    if (ready.changes.length > 0) {
      this.disk.enqueue(ready.changes);
      const atMs = this.localNowMs();
      for (const { sequence } of ready.changes) this.#handedOver.push({ sequence, atMs });
      this.#sync();
    }
    for (const wanted of ready.chunksWanted) {
      agenda.after(this.#draws.exponential(0.5), { kind: 'chunk_read', member, life, wanted });
    }
    if (ready.restore !== null) this.#restore(ready.restore);
    if (ready.committed.length > 0) this.#committed(core, ready.committed);
    for (const answer of ready.reads) this.#readTold(answer);
    if (ready.restore !== null) this.#answerIndexed();
  }

  #happened(event: RaftEvent, status: RaftStatus): void {
    const { agenda, counts, watch, trace } = this.#around;
    trace?.(agenda.nowMs, `  ${this.id} ${describeEvent(event)}`);
    watch.happened(this, status, event);
    switch (event.kind) {
      case 'elected':
        counts.electionsWon += 1;
        break;
      case 'campaign_lost':
        counts.electionsFailed += 1;
        break;
      case 'stepped_down':
        count(counts.stepDowns, event.reason);
        break;
      case 'snapshot_installed':
        counts.snapshotsInstalled += 1;
        break;
      case 'configuration':
        if (event.stage === 'committed' && status.role === 'leader') {
          counts.configurationsCommitted += 1;
        }
        break;
      case 'transfer_ended':
        if (event.outcome === 'handed_over') counts.transfersDone += 1;
        break;
      case 'suspected':
      case 'campaign_started':
      case 'vote_cast':
      case 'vote_received':
      case 'term_started':
      case 'leader_known':
      case 'message_ignored':
        break;
    }
  }

  // ---- applying

  #committed(core: Raft, entries: readonly LogEntry[]): void {
    const { agenda, settings, watch } = this.#around;
    const { number: member, life } = this;
    for (const entry of entries) {
      const last = this.#toApply.at(-1)?.index ?? this.#appliedIndex;
      if (entry.index !== last + 1) {
        throw new Violation(
          'index_order',
          `${this.id} is given entry ${entry.index} to apply behind ${last}`,
        );
      }
      if (!this.disk.log.covers(entry.index, entry.term)) {
        throw new Violation(
          'persist_before_tell',
          `${this.id} is given entry ${entry.index} to apply, which is not durable there`,
        );
      }
      watch.committed.checkApplied(this, entry);
      this.#toApply.push(entry);
    }
    if (settings.applyMs === 0) {
      this.#apply(core);
      return;
    }
    agenda.after(this.#draws.exponential(settings.applyMs), { kind: 'apply', member, life });
  }

  #apply(core: Raft): void {
    const { watch } = this.#around;
    const entries = this.#toApply;
    if (entries.length === 0) return;
    this.#toApply = [];
    for (const entry of entries) {
      this.#appliedIndex = entry.index;
      if (entry.type === 'command') this.#applyCommand(entry);
      else this.#settle(entry, null);
      watch.committed.checkState(this, entry.index, this.#machine);
    }
    core.applied(this.#appliedIndex);
    this.#answerIndexed();
    if (this.#appliedIndex - this.#savedAtIndex >= this.#snapshotEvery) this.takeSnapshot();
  }

  #applyCommand(entry: LogEntry): void {
    const { position, repeated } = this.#machine.apply(entry);
    this.#settle(entry, { kind: 'written', position, repeated });
  }

  /** The proposal that waits at this index was committed, or another's was in its place. */
  #settle(entry: LogEntry, written: Answer | null): void {
    const waiting = this.#writes.get(entry.index);
    if (waiting === undefined) return;
    this.#writes.delete(entry.index);
    const own = written !== null && waiting.term === entry.term;
    this.#answer(waiting.request, own ? written : this.#refusal());
  }

  #restore(place: SnapshotPlace): void {
    const { log } = this.disk;
    if (log.snapshotIndex !== place.index) {
      throw new Violation(
        'core_contract',
        `${this.id} shall restore snapshot ${place.index}, its disk has ${log.snapshotIndex}`,
      );
    }
    this.#toApply = [];
    this.#restoreMachine(place);
    this.#appliedIndex = place.index;
    this.#savedAtIndex = place.index;
    // What became of proposals below it, this member cannot tell any more.
    for (const index of this.#writes.keys()) if (index <= place.index) this.#writes.delete(index);
  }

  #restoreMachine(place: SnapshotPlace): void {
    const { watch } = this.#around;
    this.#machine = this.#machine.unpack(unmasked(this.disk.snapshotBytes));
    watch.committed.checkState(this, place.index, this.#machine);
  }

  // ---- clients

  #propose(core: Raft): void {
    const requests = this.#batch;
    this.#batch = [];
    const payloads = requests.map(({ body }) =>
      body.kind === 'write' ? body.payload : new Uint8Array(),
    );
    const outcome = core.propose(this.localNowMs(), payloads);
    if (outcome.kind === 'accepted') {
      requests.forEach((request, at) => {
        this.#writes.set(outcome.firstIndex + at, { term: outcome.term, request });
      });
    } else {
      for (const request of requests) this.#answer(request, this.#refusal());
    }
    this.#pump(core);
  }

  #read(core: Raft, request: Request, key: number): void {
    const readId = this.#nextReadId;
    this.#nextReadId += 1;
    const floor = this.#around.watch.committed.index;
    this.#reads.set(readId, { request, key, index: null, floor, lease: false });
    core.read(this.localNowMs(), readId);
    this.#pump(core);
  }

  #readByLease(core: Raft, request: Request, key: number): void {
    const { status } = this;
    // The core may have noticed a stall only now: it is told the time first, as by any call.
    if (status === null || !holdsLease(this)) {
      this.#answer(request, this.#refusal());
      return;
    }
    const index = core.status().commitIndex;
    const read = { request, key, index, floor: 0, lease: true };
    if (index <= this.#appliedIndex) this.#answerRead(read);
    else this.#indexed.push(read);
  }

  #readTold({ readId, index }: ReadAnswer): void {
    const { watch } = this.#around;
    const read = this.#reads.get(readId);
    if (read === undefined) {
      throw new Violation('core_contract', `${this.id} answers read ${readId}, which nobody asked`);
    }
    this.#reads.delete(readId);
    if (index === null) {
      this.#answer(read.request, this.#refusal());
      return;
    }
    watch.readAnswered(this, index, read.floor);
    read.index = index;
    if (index <= this.#appliedIndex) this.#answerRead(read);
    else this.#indexed.push(read);
  }

  #answerIndexed(): void {
    if (this.#indexed.length === 0) return;
    const due = this.#indexed.filter(({ index }) => (index ?? 0) <= this.#appliedIndex);
    if (due.length === 0) return;
    this.#indexed = this.#indexed.filter(({ index }) => (index ?? 0) > this.#appliedIndex);
    for (const read of due) this.#answerRead(read);
  }

  #answerRead({ request, key, lease }: WaitingRead): void {
    const { counts } = this.#around;
    const atLeader = this.status?.role === 'leader';
    if (lease) counts.readsByLease += 1;
    else counts.readsByIndex += 1;
    if (!lease && !atLeader) counts.readsByIndexAtFollowers += 1;
    this.#answer(request, { kind: 'read', reading: this.#machine.read(key), atLeader });
  }

  #refusal(): Answer {
    return { kind: 'refused', leaderId: this.status?.leaderId ?? null };
  }

  #answer({ client, attempt }: Request, answer: Answer): void {
    const { agenda, settings } = this.#around;
    const takesMs = settings.latencyMs + this.#draws.exponential(settings.jitterMs);
    agenda.after(takesMs, { kind: 'answer', client, attempt, answer });
  }
}

/** No two snapshots have the same bytes, as with members of two versions: chunks must not be mixed. */
function masked(bytes: Uint8Array, mask: number): Uint8Array {
  const out = new Uint8Array(bytes.length + 1);
  out[0] = mask;
  for (let at = 0; at < bytes.length; at += 1) out[at + 1] = (bytes[at] ?? 0) ^ mask;
  return out;
}

function unmasked(bytes: Uint8Array): Uint8Array {
  return masked(bytes.subarray(1), bytes[0] ?? 0).subarray(1);
}
