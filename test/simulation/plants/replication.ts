/**
 * Planted faults of replication: what is committed, what a follower takes and acknowledges, and what a
 * leader believes of it. Each names where the fault is known from.
 */

import type { Plant } from './plant.ts';

export const REPLICATION_PLANTS: readonly Plant[] = [
  // Raft paper, figure 8 and 5.4.2; etcd-io/raft TestLeaderOnlyCommitsLogFromCurrentTerm.
  {
    name: 'older-term-committed-by-counting',
    breaks: 'an entry of an older term is committed because a quorum holds it (figure 8)',
    invariantExpected: 'commit_of_own_term',
    file: 'control-plane/raft/leadership.ts',
    find: 'if (held <= core.commitIndex || core.log.termAt(held) !== core.term) return;',
    replace: 'if (held <= core.commitIndex) return;',
  },
  // etcd-io/etcd#14370; etcd-io/raft TestLeaderMsgAppSelfAckAfterTermChange.
  {
    name: 'own-entries-before-durable',
    breaks: 'a leader counts its own entries before they are durable',
    invariantExpected: 'quorum_durability',
    file: 'control-plane/raft/leadership.ts',
    find: 'id === core.memberId ? core.outbox.persistedIndex :',
    replace: 'id === core.memberId ? core.log.lastIndex :',
  },
  // Raft paper, figure 2.
  {
    name: 'acknowledged-before-durable',
    breaks: 'a follower acknowledges entries before they are durable',
    invariantExpected: 'persist_before_tell',
    file: 'control-plane/raft/follower.ts',
    find: 'core.sendWhenDurable(to, {',
    replace: 'core.send(to, {',
  },
  // etcd-io/raft, asynchronous storage writes: an append of an older term must not be stable.
  {
    name: 'truncated-entries-held-for-durable',
    breaks: 'entries on the way to the disk count as durable though they are overwritten behind',
    file: 'control-plane/raft/outbox.ts',
    find: 'for (const one of this.#outstanding) one.lastIndex = Math.min(one.lastIndex, index - 1);',
    replace: '',
  },
  // Raft paper, 5.1: a message of an older term is not for this one.
  {
    name: 'acknowledgement-of-an-older-term',
    breaks: 'a leader takes an acknowledgement of an older term for one of its own',
    invariantExpected: 'progress_sanity',
    file: 'control-plane/raft/raft.ts',
    find: 'if (message.term < this.#core.term && !isRequest) {',
    replace: `if (
      message.term < this.#core.term && !isRequest &&
      !(message.kind === 'append_reply' && this.#role.kind === 'leader')
    ) {`,
  },
  // Raft paper, figure 2, rule 5 of AppendEntries; etcd-io/raft TestHandleMsgApp, bcastHeartbeat.
  {
    name: 'unverified-suffix-committed',
    breaks: 'a follower commits up to the end of its own log, not to the end of what was compared',
    invariantExpected: 'state_machine_safety',
    file: 'control-plane/raft/replication.ts',
    find: 'return Math.min(core.commitIndex, progress.matchIndex);',
    replace: 'return core.commitIndex;',
  },
  // Raft paper, figure 2, rules 3 and 4 of AppendEntries; etcd-io/raft TestFollowerAppendEntries.
  {
    name: 'truncated-on-every-append',
    breaks: 'a late, short append cuts off what was acknowledged behind it',
    invariantExpected: 'quorum_durability',
    file: 'control-plane/raft/follower.ts',
    find: 'if (first !== undefined && first.index <= log.lastIndex) core.truncateFrom(first.index);',
    replace: `if (first !== undefined && first.index <= log.lastIndex) core.truncateFrom(first.index);
  else if (previousIndex + entries.length < log.lastIndex) {
    core.truncateFrom(Math.max(previousIndex + entries.length, core.commitIndex) + 1);
  }`,
  },
  // Raft paper, figure 2, rule 3 of AppendEntries.
  {
    name: 'conflicting-entries-kept',
    breaks: 'entries that differ from the leader’s stay in the log',
    file: 'control-plane/raft/follower.ts',
    find: '(entry) => log.termAt(entry.index) !== entry.term',
    replace: '(entry) => entry.index > log.lastIndex',
  },
  // Raft paper, figure 2, rule 2 of AppendEntries.
  {
    name: 'append-without-consistency-check',
    breaks: 'entries are appended behind an entry of another term',
    invariantExpected: 'log_matching',
    file: 'control-plane/raft/follower.ts',
    find: `  if (known !== previousTerm) {
    const hint`,
    replace: `  if (known === null) {
    const hint`,
  },
  // Raft paper, figure 2: the commit index begins at 0; a disk may hold what was never committed.
  {
    name: 'log-held-for-committed-at-a-restart',
    breaks: 'a member that starts takes all entries on its disk for committed',
    invariantExpected: 'recovery',
    file: 'control-plane/raft/core.ts',
    find: 'this.commitIndex = snapshot?.index ?? 0;',
    replace: 'this.commitIndex = this.log.lastIndex;',
  },
  // Raft paper, figure 2: the commit index increases monotonically.
  {
    name: 'commit-goes-back',
    breaks: 'a late message takes the commit index back',
    invariantExpected: 'monotone_state',
    file: 'control-plane/raft/core.ts',
    find: 'if (to <= this.commitIndex) return;',
    replace: '',
  },
  // Raft dissertation, 10.2.1: what is written in parallel is applied only when it is durable.
  {
    name: 'applied-before-durable',
    breaks: 'an entry is applied before it is durable here',
    invariantExpected: 'persist_before_tell',
    file: 'control-plane/raft/core.ts',
    find: 'return Math.min(this.commitIndex, this.outbox.persistedIndex);',
    replace: 'return this.commitIndex;',
  },
  // etcd-io/raft#149.
  {
    name: 'late-refusal-believed',
    breaks: 'a refusal that comes late takes the next index to or below the match',
    invariantExpected: 'progress_sanity',
    file: 'control-plane/raft/progress.ts',
    find: "if (this.#state === 'snapshot' || previousIndex <= this.matchIndex) return;",
    replace: `if (this.#state === 'snapshot') return;
    if (previousIndex <= this.matchIndex) {
      this.#probe(Math.max(0, Math.min(previousIndex - 1, index)) + 1);
      return;
    }`,
  },
  // etcd-io/raft, Inflights.Full.
  {
    name: 'window-one-too-large',
    breaks: 'one message more than allowed is on its way to a follower',
    invariantExpected: 'progress_sanity',
    file: 'control-plane/raft/progress.ts',
    find: 'this.#inFlight.length < bounds.inFlightMax &&',
    replace: 'this.#inFlight.length <= bounds.inFlightMax &&',
  },
  // etcd-io/raft, commit e419ba5.
  {
    name: 'bytes-in-flight-not-given-back',
    breaks: 'bytes that were acknowledged stay in the window',
    invariantExpected: 'progress_sanity',
    file: 'control-plane/raft/progress.ts',
    find: 'this.#inFlightBytes -= this.#inFlight.shift()?.bytes ?? 0;',
    replace: 'this.#inFlight.shift();',
  },
  // etcd-io/etcd#14633, etcd-io/raft#171: a full window, and nothing ever moves it.
  {
    name: 'lost-append-never-sent-again',
    breaks: 'a window that is full of lost messages stays full',
    invariantExpected: 'liveness',
    file: 'control-plane/raft/progress.ts',
    find: 'this.#probeSentMs : this.#inFlight[0]?.sentMs;',
    replace: 'this.#probeSentMs : null;',
  },
  // etcd-io/raft, Progress.MsgAppFlowPaused is lifted by the next answer to a heartbeat.
  {
    name: 'lost-probe-never-sent-again',
    breaks: 'a follower whose probe was lost gets nothing any more',
    invariantExpected: 'liveness',
    file: 'control-plane/raft/progress.ts',
    find: 'this.#probeSentMs = nowMs;',
    replace: 'this.#probeSentMs = Infinity;',
  },
  // etcd-io/raft, commits 76f1249 and 0c22de0.
  {
    name: 'silence-to-a-compacted-append',
    breaks: 'an append below the compacted entries is not answered, and is sent for ever',
    invariantExpected: 'liveness',
    file: 'control-plane/raft/follower.ts',
    find: 'if (known === null) accept(core, from, core.commitIndex, previousIndex);',
    replace: 'if (known === null) return;',
  },
  // etcd-io/raft, reduceUncommittedSize.
  {
    name: 'uncommitted-bytes-not-given-back',
    breaks: 'what was committed still counts against the bound of what may be proposed',
    invariantExpected: 'nothing_left',
    file: 'control-plane/raft/leadership.ts',
    find: 'this.#uncommittedBytes -= entryBytes(entry);',
    replace: 'this.#uncommittedBytes -= 0;',
  },
];
