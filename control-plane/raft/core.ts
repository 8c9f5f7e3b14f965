/**
 * What the parts of a Raft core share: the log and the configurations, term and vote, how far the log
 * is committed and applied, and the outbox. It keeps these consistent with each other and decides
 * nothing: who leads, who votes for whom and what is committed is for the parts that use it.
 */

import type { Configuration, MemberId } from '../model/configuration.ts';
import type { LogEntry, SnapshotPlace } from '../model/log-entry.ts';
import type { RaftMessage } from '../model/raft-message.ts';
import { Configurations } from './configurations.ts';
import { MemoryLog } from './memory-log.ts';
import type { RaftOptions } from './options.ts';
import { Outbox } from './outbox.ts';
import type { ChunkWanted, RaftEvent, ReadAnswer, Ready, StagedChunk } from './ready.ts';
import type { RaftStart } from './start.ts';

/** A message without its head. */
export type Said = RaftMessage extends infer Message
  ? Message extends RaftMessage
    ? Omit<Message, 'from' | 'to' | 'term'>
    : never
  : never;

export class Core {
  readonly options: RaftOptions;
  readonly log: MemoryLog;
  readonly configurations: Configurations;
  readonly outbox: Outbox;
  events: RaftEvent[] = [];
  reads: ReadAnswer[] = [];
  staged: StagedChunk[] = [];
  snapshot: SnapshotPlace | null;
  commitIndex: number;
  appliedIndex: number;
  /** Last index that was handed out to be applied. */
  emittedIndex: number;
  /** Installed in the log, and not yet durable: nothing is handed out meanwhile. */
  installing = false;
  restore: SnapshotPlace | null = null;
  #term: number;
  #votedFor: MemberId | null;

  constructor(options: RaftOptions, start: RaftStart) {
    const { snapshot, entries, bootstrap, hardState } = start;
    this.options = options;
    this.log = new MemoryLog(entries, snapshot);
    this.configurations = new Configurations(snapshot, bootstrap, entries);
    this.outbox = new Outbox(this.log.lastIndex);
    this.snapshot = snapshot;
    this.commitIndex = snapshot?.index ?? 0;
    this.appliedIndex = this.commitIndex;
    this.emittedIndex = this.commitIndex;
    this.#term = hardState.term;
    this.#votedFor = hardState.votedFor;
  }

  get memberId(): MemberId {
    return this.options.memberId;
  }

  get configuration(): Configuration {
    return this.configurations.latest;
  }

  get term(): number {
    return this.#term;
  }

  get votedFor(): MemberId | null {
    return this.#votedFor;
  }

  setTerm(term: number, votedFor: MemberId | null): void {
    this.#term = term;
    this.#votedFor = votedFor;
    this.outbox.saveHardState({ term, votedFor });
  }

  /** Addressed, in this member's term unless another is given. */
  message(to: MemberId, said: Said, term = this.#term): RaftMessage {
    return { from: this.memberId, to, term, ...said };
  }

  send(to: MemberId, said: Said, term = this.#term): void {
    this.outbox.send(this.message(to, said, term));
  }

  sendWhenDurable(to: MemberId, said: Said, term = this.#term): void {
    this.outbox.sendWhenDurable(this.message(to, said, term));
  }

  append(entries: readonly LogEntry[]): void {
    this.log.append(entries);
    this.outbox.append(entries);
    if (this.configurations.append(entries)) this.#configurationEvent('appended');
  }

  /** Only what is not committed. */
  truncateFrom(index: number): void {
    this.log.truncateFrom(index);
    this.outbox.truncateFrom(index);
    if (this.configurations.truncateFrom(index)) this.#configurationEvent('appended');
  }

  /** Raises the commit index; never beyond the log, never down. */
  commitTo(index: number): void {
    const to = Math.min(index, this.log.lastIndex);
    if (to <= this.commitIndex) return;
    const before = this.commitIndex;
    this.commitIndex = to;
    const { latestIndex } = this.configurations;
    if (latestIndex > before && latestIndex <= to) this.#configurationEvent('committed');
  }

  /** Replaces the log by a snapshot that is staged. */
  install(place: SnapshotPlace): void {
    this.log.resetTo(place);
    this.configurations.resetTo(place);
    this.outbox.install(place);
    this.snapshot = place;
    this.commitIndex = Math.max(this.commitIndex, place.index);
    this.installing = true;
    this.#configurationEvent('committed');
  }

  /** A snapshot that was installed is durable: the state is to be restored from it. */
  installed(place: SnapshotPlace): void {
    if (place !== this.snapshot) return;
    this.installing = false;
    this.restore = place;
    this.appliedIndex = Math.max(this.appliedIndex, place.index);
    this.emittedIndex = Math.max(this.emittedIndex, place.index);
    this.events.push({ kind: 'snapshot_installed', index: place.index });
  }

  /** A snapshot of this member's own state is durable. */
  compacted(index: number, keepFrom: number): void {
    const term = this.log.termAt(index);
    if (index <= (this.snapshot?.index ?? 0) || index > this.appliedIndex || term === null) return;
    this.snapshot = { index, term, configuration: this.configurations.at(index) };
    this.configurations.dropBelow(index);
    this.log.dropBelow(Math.min(keepFrom, index + 1));
  }

  get isSoleVoter(): boolean {
    const { voters, outgoing } = this.configuration;
    return outgoing.length === 0 && voters.length === 1 && voters[0] === this.memberId;
  }

  mayCampaign(nowMs: number): boolean {
    const mayLead = this.configurations.mayLead(this.memberId, this.commitIndex);
    return mayLead && !this.isDiskStalled(nowMs);
  }

  /** Whether a change has waited for the disk for too long. */
  isDiskStalled(nowMs: number): boolean {
    const { waitingSinceMs } = this.outbox;
    return waitingSinceMs !== null && nowMs - waitingSinceMs > this.options.diskStallMs;
  }

  get hasReady(): boolean {
    if (this.outbox.hasMessages || this.outbox.hasChange || this.restore !== null) return true;
    if (this.events.length > 0 || this.reads.length > 0 || this.staged.length > 0) return true;
    return !this.installing && this.#committedHere > this.emittedIndex;
  }

  takeReady(nowMs: number, chunksWanted: readonly ChunkWanted[]): Ready {
    const change = this.outbox.takeChange(nowMs, this.log.lastIndex);
    const ready: Ready = {
      changes: change === null ? [] : [change],
      messages: this.outbox.takeMessages(),
      restore: this.restore,
      committed: this.#takeCommitted(),
      reads: this.reads,
      staged: this.staged,
      chunksWanted,
      events: this.events,
    };
    this.restore = null;
    this.reads = [];
    this.staged = [];
    this.events = [];
    return ready;
  }

  ignored(message: RaftMessage, detail: string): void {
    this.events.push({ kind: 'message_ignored', from: message.from, detail });
  }

  /** Last index that is committed and durable here: what is applied survives a crash. */
  get #committedHere(): number {
    return Math.min(this.commitIndex, this.outbox.persistedIndex);
  }

  #takeCommitted(): readonly LogEntry[] {
    const from = this.emittedIndex + 1;
    const to = this.#committedHere;
    if (this.installing || to < from) return [];
    this.emittedIndex = to;
    return this.log.slice(from, to, { entriesMax: Infinity, bytesMax: Infinity });
  }

  #configurationEvent(stage: 'appended' | 'committed'): void {
    const { latest, latestIndex } = this.configurations;
    this.events.push({
      kind: 'configuration',
      index: latestIndex,
      configuration: latest,
      stage,
    });
  }
}
