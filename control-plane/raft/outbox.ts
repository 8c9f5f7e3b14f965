/**
 * What a core wants done, collected until it is handed over, and the rule that nothing is told before
 * it is durable: a message that claims something of this member's disk waits here for the change that
 * makes it true. It also knows how far the log is durable. It decides nothing.
 */

import type { HardState, LogChange, LogEntry, SnapshotPlace } from '../model/log-entry.ts';
import type { RaftMessage } from '../model/raft-message.ts';

interface Gated {
  readonly sequence: number;
  readonly message: RaftMessage;
}

interface Outstanding {
  readonly sequence: number;
  /** Last index that is durable once this change is; goes down when a later change truncates. */
  lastIndex: number;
  readonly installs: SnapshotPlace | null;
  readonly sinceMs: number;
}

export class Outbox {
  readonly #messages: RaftMessage[] = [];
  #gated: Gated[] = [];
  #outstanding: Outstanding[] = [];
  #sequence = 0;
  /** Of the change that has the newest hard state. */
  #hardStateSequence = 0;
  #persistedSequence = 0;
  #persistedIndex: number;

  #hardState: HardState | null = null;
  #snapshot: SnapshotPlace | null = null;
  #truncateFrom: number | null = null;
  #entries: LogEntry[] = [];

  constructor(persistedIndex: number) {
    this.#persistedIndex = persistedIndex;
  }

  /** Last index that is durable here. */
  get persistedIndex(): number {
    return this.#persistedIndex;
  }

  /** The sequence that covers everything decided up to now. */
  get sequence(): number {
    return this.#isDirty ? this.#sequence + 1 : this.#sequence;
  }

  /** Whether term and vote can no longer be forgotten. */
  get isHardStateDurable(): boolean {
    return this.#hardState === null && this.#hardStateSequence <= this.#persistedSequence;
  }

  get hasMessages(): boolean {
    return this.#messages.length > 0;
  }

  get hasChange(): boolean {
    return this.#isDirty;
  }

  /** Since when the oldest change waits to be durable, in ms; null when none does. */
  get waitingSinceMs(): number | null {
    return this.#outstanding[0]?.sinceMs ?? null;
  }

  /** Claims nothing of this member's disk. */
  send(message: RaftMessage): void {
    this.#messages.push(message);
  }

  /** Sends once everything decided up to now is durable. */
  sendWhenDurable(message: RaftMessage): void {
    const { sequence } = this;
    if (sequence <= this.#persistedSequence) this.#messages.push(message);
    else this.#gated.push({ sequence, message });
  }

  saveHardState(hardState: HardState): void {
    if (this.#hardState?.term !== hardState.term) this.#dropClaims(() => true);
    this.#hardState = hardState;
  }

  append(entries: readonly LogEntry[]): void {
    for (const entry of entries) this.#entries.push(entry);
  }

  truncateFrom(index: number): void {
    this.#entries = this.#entries.filter((entry) => entry.index < index);
    this.#truncateFrom = Math.min(this.#truncateFrom ?? Infinity, index);
    this.#forgetFrom(index);
    this.#dropClaims((matchIndex) => matchIndex >= index);
  }

  /** Replaces the whole log by the staged snapshot. */
  install(place: SnapshotPlace): void {
    this.#entries = [];
    this.#truncateFrom = null;
    this.#snapshot = place;
    this.#forgetFrom(0);
    this.#dropClaims(() => true);
  }

  takeMessages(): readonly RaftMessage[] {
    return this.#messages.splice(0);
  }

  /** The change that is due; null when nothing has changed. `lastIndex` is the log's. */
  takeChange(nowMs: number, lastIndex: number): LogChange | null {
    if (!this.#isDirty) return null;
    this.#sequence += 1;
    if (this.#hardState !== null) this.#hardStateSequence = this.#sequence;
    const change: LogChange = {
      sequence: this.#sequence,
      hardState: this.#hardState,
      snapshot: this.#snapshot,
      truncateFrom: this.#truncateFrom,
      entries: this.#entries,
    };
    this.#outstanding.push({
      sequence: this.#sequence,
      lastIndex,
      installs: this.#snapshot,
      sinceMs: nowMs,
    });
    this.#hardState = null;
    this.#snapshot = null;
    this.#truncateFrom = null;
    this.#entries = [];
    return change;
  }

  /** Takes note that changes are durable; returns the snapshot that was installed with them. */
  persisted(sequence: number): SnapshotPlace | null {
    let installed: SnapshotPlace | null = null;
    this.#persistedSequence = Math.max(this.#persistedSequence, Math.min(sequence, this.#sequence));
    while (this.#outstanding[0] !== undefined && this.#outstanding[0].sequence <= sequence) {
      const done = this.#outstanding.shift();
      if (done === undefined) break;
      this.#persistedIndex = Math.max(this.#persistedIndex, done.lastIndex);
      installed = done.installs ?? installed;
    }
    const open = this.#gated.findIndex((one) => one.sequence > sequence);
    const free = this.#gated.splice(0, open === -1 ? this.#gated.length : open);
    for (const { message } of free) this.#messages.push(message);
    return installed;
  }

  get #isDirty(): boolean {
    return (
      this.#hardState !== null ||
      this.#snapshot !== null ||
      this.#truncateFrom !== null ||
      this.#entries.length > 0
    );
  }

  /** What is on the way to the disk from the index on will be overwritten: it is durable no more. */
  #forgetFrom(index: number): void {
    this.#persistedIndex = Math.min(this.#persistedIndex, Math.max(0, index - 1));
    for (const one of this.#outstanding) one.lastIndex = Math.min(one.lastIndex, index - 1);
  }

  /** An acknowledgement whose entries are gone, or of a term that is over, is not sent any more. */
  #dropClaims(isVoid: (matchIndex: number) => boolean): void {
    this.#gated = this.#gated.filter(
      ({ message }) =>
        message.kind !== 'append_reply' ||
        message.matchIndex === null ||
        !isVoid(message.matchIndex),
    );
  }
}
