/**
 * One leader's term: who has how much of the log, what is sent to whom and when, and what is committed
 * (Raft paper, 5.3 and 5.4.2). It ends with the term, so that nothing of it, no transfer and no read,
 * can outlive it. Reads are in rounds.ts, snapshots in snapshot-sender.ts.
 */

import { configurationText, isJoint, isVoter, membersOf } from '../model/configuration.ts';
import type {
  ChangeRefusal,
  Configuration,
  MemberId,
  MembershipChange,
  TransferRefusal,
} from '../model/configuration.ts';
import type { EntryType, LogEntry } from '../model/log-entry.ts';
import type { MessageOf } from '../model/raft-message.ts';
import type { Core } from './core.ts';
import { changeConfiguration, withoutOutgoing } from './membership.ts';
import { entryBytes } from './memory-log.ts';
import { Progress } from './progress.ts';
import { quorumValue } from './quorum.ts';
import type { Proposed } from './ready.ts';
import { Rounds } from './rounds.ts';
import { takeSnapshotReply } from './snapshot-sender.ts';
import { bytesOf } from './text.ts';

export interface Transfer {
  readonly to: MemberId;
  readonly deadlineMs: number;
  /** The target was told to campaign: from then on it may win at any moment. */
  told: boolean;
}

export type FollowerMessage = MessageOf<
  'append_reply' | 'heartbeat_reply' | 'snapshot_reply' | 'read_index'
>;

export class Leadership {
  readonly termStartIndex: number;
  readonly rounds: Rounds;
  readonly progress = new Map<MemberId, Progress>();
  transfer: Transfer | null = null;
  readonly #core: Core;
  readonly #sinceMs: number;
  /** Of entries of this term that are not committed. */
  #uncommittedBytes = 0;
  /** Reads that wait for the first entry of the term. */
  #earlyReads: { readonly from: MemberId | null; readonly readId: number }[] = [];

  constructor(core: Core, nowMs: number) {
    this.#core = core;
    this.#sinceMs = nowMs;
    this.rounds = new Rounds(core.memberId);
    this.termStartIndex = core.log.lastIndex + 1;
    this.syncProgress(this.termStartIndex);
    const { isReplicated } = core.configurations;
    // The members of a new cluster are its settings' until its log has them.
    const opening: EntryType = isReplicated ? 'term_start' : 'configuration';
    const payload = isReplicated ? new Uint8Array() : textOf(core.configuration);
    this.append(opening, [payload]);
  }

  get hasStarted(): boolean {
    return this.#core.commitIndex >= this.termStartIndex;
  }

  append(type: EntryType, payloads: readonly Uint8Array[]): number {
    const { log, term } = this.#core;
    const firstIndex = log.lastIndex + 1;
    const entries = payloads.map((payload, at): LogEntry => ({
      index: firstIndex + at,
      term,
      type,
      payload,
    }));
    for (const entry of entries) this.#uncommittedBytes += entryBytes(entry);
    this.#core.append(entries);
    if (type === 'configuration') this.syncProgress(log.lastIndex);
    return firstIndex;
  }

  /** Within the bounds of what may be uncommitted. */
  propose(payloads: readonly Uint8Array[]): Proposed {
    if (this.transfer !== null) return { kind: 'refused', reason: 'transferring' };
    const { log, commitIndex, options, term } = this.#core;
    const waiting = log.lastIndex - commitIndex + payloads.length;
    const bytes = payloads.reduce((sum, payload) => sum + payload.length, this.#uncommittedBytes);
    if (waiting > options.uncommittedMax || bytes > options.uncommittedBytesMax) {
      return { kind: 'refused', reason: 'overloaded' };
    }
    return { kind: 'accepted', term, firstIndex: this.append('command', payloads) };
  }

  /**
   * Follows everybody in the configuration in force.
   * @param nextIndex of the first entry that a new one is sent
   */
  syncProgress(nextIndex: number): void {
    const { configuration, memberId } = this.#core;
    for (const id of membersOf(configuration)) {
      // Who comes back after it has left may have come back with nothing.
      const isFollowed = this.progress.get(id)?.leavingSinceMs === null;
      if (id !== memberId && !isFollowed) this.progress.set(id, new Progress(id, nextIndex));
    }
  }

  /**
   * Lets those go whose removal is committed, once they know of it: one that does not would campaign for
   * ever. Whoever cannot be told in time is let go all the same.
   */
  dismiss(nowMs: number): void {
    const { configuration, configurations, commitIndex, options } = this.#core;
    if (configurations.latestIndex > commitIndex) return;
    const members = membersOf(configuration);
    for (const [id, one] of this.progress) {
      if (members.includes(id)) continue;
      one.leavingSinceMs ??= nowMs;
      const isLate = nowMs - one.leavingSinceMs >= 2 * options.electionTimeoutMaxMs;
      if (isLate || one.toldCommit >= configurations.latestIndex) this.progress.delete(id);
    }
  }

  /** The moment since which no quorum has been heard, in ms; at the latest the start of the term. */
  quorumContactMs(nowMs: number): number {
    const { configuration, memberId } = this.#core;
    return quorumValue(configuration, (id) =>
      id === memberId ? nowMs : (this.progress.get(id)?.contactMs ?? this.#sinceMs),
    );
  }

  /** Until when nobody else can lead; null while that is not certain. */
  leaseUntilMs(): number | null {
    const { configuration, options, appliedIndex } = this.#core;
    if (appliedIndex < this.termStartIndex || this.transfer !== null) return null;
    const sentMs = this.rounds.quorumSentMs(configuration, this.progress);
    return sentMs + options.electionTimeoutMinMs - options.leaseMarginMs;
  }

  /** Raises the commit index to what a quorum holds, when that is of this term. */
  advanceCommit(): void {
    const core = this.#core;
    const held = quorumValue(core.configuration, (id) =>
      id === core.memberId ? core.outbox.persistedIndex : (this.progress.get(id)?.matchIndex ?? 0),
    );
    if (held <= core.commitIndex || core.log.termAt(held) !== core.term) return;
    // What commits first in a term is that term's first entry, or something behind it.
    const started = this.hasStarted;
    for (let index = core.commitIndex + 1; index <= held; index += 1) {
      const entry = core.log.entryAt(index);
      if (entry?.term === core.term) this.#uncommittedBytes -= entryBytes(entry);
    }
    core.commitTo(held);
    if (!started) {
      core.events.push({ kind: 'term_started', term: core.term, index: this.termStartIndex });
      for (const { from, readId } of this.#earlyReads.splice(0)) this.read(from, readId);
    }
    this.#leaveJoint();
  }

  /** True once this leader has no part in the configuration that is committed. */
  get isRemoved(): boolean {
    const { configuration, configurations, commitIndex, memberId } = this.#core;
    return configurations.latestIndex <= commitIndex && !isVoter(configuration, memberId);
  }

  read(from: MemberId | null, readId: number): void {
    const waiting = this.#earlyReads.length + this.rounds.pendingReads;
    if (waiting >= this.#core.options.readsMax) this.#answer(from, readId, null);
    else if (this.hasStarted) this.rounds.addRead(from, readId, this.#core.commitIndex);
    else this.#earlyReads.push({ from, readId });
  }

  /** Answers the reads that a quorum has confirmed. */
  answerReads(): void {
    const confirmed = this.rounds.takeConfirmed(this.#core.configuration, this.progress);
    for (const { from, readId, index } of confirmed) this.#answer(from, readId, index);
  }

  /** This member leads no more: its reads are not answered by it. */
  refuseReads(): void {
    for (const one of [...this.#earlyReads.splice(0), ...this.rounds.takeAll()]) {
      this.#answer(one.from, one.readId, null);
    }
  }

  change(change: MembershipChange, nowMs: number): ChangeRefusal | { readonly index: number } {
    if (this.transfer !== null) return 'transferring';
    const { configuration, configurations, commitIndex, log, options } = this.#core;
    // Before the term's first entry is committed an older change may still come to light (Diss. 4.1).
    if (!this.hasStarted || configurations.latestIndex > commitIndex) return 'change_under_way';
    const lagOf = (id: MemberId): number => {
      const progress = this.progress.get(id);
      if (progress === undefined || progress.transfer !== null) return Infinity;
      const heardMs = progress.contactMs ?? -Infinity;
      const isHeard = nowMs - heardMs < options.electionTimeoutMaxMs;
      return isHeard ? log.lastIndex - progress.matchIndex : Infinity;
    };
    const next = changeConfiguration(configuration, change, lagOf, options.promotionLagMax);
    if (next.kind === 'refused') return next.reason;
    return { index: this.append('configuration', [textOf(next.configuration)]) };
  }

  /** Leadership is handed to the member as soon as it has the whole log. */
  startTransfer(to: MemberId | null, nowMs: number): TransferRefusal | null {
    const { configuration, memberId, options } = this.#core;
    if (this.transfer !== null) return 'transferring';
    if (to === memberId) return 'already_leader';
    const target = to ?? this.bestSuccessor(nowMs);
    if (target === null || !this.progress.has(target)) return 'member_unknown';
    if (!configuration.voters.includes(target)) return 'not_a_voter';
    this.transfer = { to: target, deadlineMs: nowMs + options.electionTimeoutMaxMs, told: false };
    this.continueTransfer();
    return null;
  }

  continueTransfer(): void {
    if (this.transfer === null || this.transfer.told) return;
    const target = this.progress.get(this.transfer.to);
    if (target?.matchIndex !== this.#core.log.lastIndex) return;
    this.transfer.told = true;
    this.#core.send(this.transfer.to, { kind: 'timeout_now' });
  }

  take(message: FollowerMessage, nowMs: number): void {
    const progress = this.progress.get(message.from);
    if (message.kind === 'read_index') this.read(message.from, message.readId);
    if (progress === undefined) return;
    progress.contactMs = nowMs;
    if (message.kind === 'append_reply') this.#takeAppendReply(progress, message);
    if (message.kind === 'snapshot_reply') takeSnapshotReply(progress, message);
    if (message.kind !== 'heartbeat_reply') return;
    this.rounds.answered(progress, message.round);
    progress.heardAfterProbe();
    this.answerReads();
  }

  /** The voter that can take over soonest: the fullest log of those heard lately; null for none. */
  bestSuccessor(nowMs: number): MemberId | null {
    const { configuration, options } = this.#core;
    const heard = [...this.progress.values()].filter(
      ({ memberId, contactMs }) =>
        configuration.voters.includes(memberId) &&
        contactMs !== null &&
        nowMs - contactMs < options.electionTimeoutMinMs,
    );
    return heard.sort((a, b) => b.matchIndex - a.matchIndex)[0]?.memberId ?? null;
  }

  #takeAppendReply(progress: Progress, message: MessageOf<'append_reply'>): void {
    const { log } = this.#core;
    const { matchIndex, previousIndex, hintIndex, hintTerm } = message;
    if (matchIndex === null) {
      const agreed = log.lastAtOrBelowTerm(hintIndex, hintTerm);
      progress.refused(previousIndex, agreed.index);
    } else if (matchIndex > log.lastIndex) {
      this.#core.ignored(message, `entry ${matchIndex} was acknowledged, and does not exist`);
    } else {
      progress.acknowledged(matchIndex);
    }
  }

  #answer(from: MemberId | null, readId: number, index: number | null): void {
    if (from === null) {
      this.#core.reads.push({ readId, index });
      return;
    }
    this.#core.send(from, { kind: 'read_index_reply', readId, index });
    const progress = this.progress.get(from);
    // Its reader waits until it has applied that index.
    if (progress !== undefined) progress.appendSentMs = -Infinity;
  }

  /** A joint configuration that is committed is left at once (Raft paper, 6). */
  #leaveJoint(): void {
    const { configuration, configurations, commitIndex } = this.#core;
    if (!isJoint(configuration) || configurations.latestIndex > commitIndex) return;
    this.append('configuration', [textOf(withoutOutgoing(configuration))]);
  }
}

function textOf(configuration: Configuration): Uint8Array {
  return bytesOf(configurationText(configuration));
}
