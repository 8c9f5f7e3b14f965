/**
 * Planted faults of reads, leases and handing over, and of leaders that should lead no more. Each names
 * where the fault is known from.
 */

import type { Plant } from './plant.ts';

export const READ_PLANTS: readonly Plant[] = [
  // Jepsen on etcd 0.4.1: a leader behind a partition answers from its own state.
  {
    name: 'read-without-a-quorum',
    breaks: 'a leader that may be deposed answers a read without asking a quorum',
    invariantExpected: 'read_index',
    file: 'control-plane/raft/rounds.ts',
    find: '(read) => read.round > confirmed',
    replace: '(read) => read.round > confirmed + Infinity',
  },
  // Dissertation, 6.4; etcd-io/etcd#14258.
  {
    name: 'read-before-the-term-has-started',
    breaks: 'a new leader answers a read before the first entry of its term is committed',
    invariantExpected: 'read_index',
    file: 'control-plane/raft/leadership.ts',
    find: 'else if (this.hasStarted) this.rounds.addRead',
    replace: 'else if (this.hasStarted || readId > 0) this.rounds.addRead',
  },
  // etcd-io/etcd#21378, #20418.
  {
    name: 'reads-answered-by-a-deposed-leader',
    breaks: 'a leader that steps down answers the reads that still wait',
    invariantExpected: 'read_index',
    file: 'control-plane/raft/leadership.ts',
    find: 'this.#answer(one.from, one.readId, null);',
    replace: 'this.#answer(one.from, one.readId, this.#core.commitIndex);',
  },
  // Raft paper, 8: a follower's commit index may be old.
  {
    name: 'follower-reads-its-own-commit',
    breaks: 'a follower answers a read from its own commit index',
    invariantExpected: 'read_index',
    file: 'control-plane/raft/raft.ts',
    find: 'else this.#forwarded.ask(readId, this.#leaderId, nowMs);',
    replace: 'else this.#core.reads.push({ readId, index: this.#core.commitIndex });',
  },
  // Dissertation, 6.4.1: the clock of a lease is not one that stands still with the process.
  {
    name: 'lease-kept-over-a-stall',
    breaks: 'the time for which a leader stood still does not count against its lease',
    invariantExpected: 'lease',
    file: 'control-plane/raft/raft.ts',
    find: "if (!this.#core.isSoleVoter) this.#stepDown('stalled');",
    replace: `for (const one of this.#role.leadership.progress.values()) {
        one.ackedSentMs += gapMs;
      }`,
  },
  // Dissertation, 6.4.1: a lease begins when the heartbeats are sent; tikv/raft-rs#141.
  {
    name: 'lease-from-the-arrival',
    breaks: 'a lease is counted from the arrival of an answer, not from the sending of its round',
    invariantExpected: 'lease',
    file: 'control-plane/raft/leadership.ts',
    find: 'this.rounds.answered(progress, message.round);',
    replace: 'this.rounds.answered(progress, message.round);\n    progress.ackedSentMs = nowMs;',
  },
  // Dissertation, 6.4.1: leadership transfer passes the stickiness, so it ends the lease.
  {
    name: 'lease-kept-during-a-transfer',
    breaks: 'a leader holds its lease while the member that it has chosen campaigns',
    invariantExpected: 'lease',
    file: 'control-plane/raft/leadership.ts',
    find: 'if (appliedIndex < this.termStartIndex || this.transfer !== null) return null;',
    replace: 'if (appliedIndex < this.termStartIndex) return null;',
  },
  // Dissertation, 6.4.1: nothing is known of earlier terms before.
  {
    name: 'lease-before-the-term-has-started',
    breaks: 'a leader reads under its lease before the first entry of its term is applied',
    invariantExpected: 'linearizability',
    file: 'control-plane/raft/leadership.ts',
    find: 'if (appliedIndex < this.termStartIndex || this.transfer !== null) return null;',
    replace: 'if (appliedIndex < 0 || this.transfer !== null) return null;',
  },
  // hashicorp/raft#696: a transfer that is never over.
  {
    name: 'transfer-never-ends',
    breaks: 'a leader whose chosen successor never campaigns refuses proposals for ever',
    invariantExpected: 'transfer_ends',
    file: 'control-plane/raft/raft.ts',
    find: 'if (transfer !== null && this.#nowMs >= transfer.deadlineMs) {',
    replace: 'if (transfer !== null && !transfer.told && this.#nowMs >= transfer.deadlineMs) {',
  },
  // Dissertation, 6.2; Cloudflare's outage of 2 November 2020.
  {
    name: 'no-check-quorum',
    breaks: 'a leader that hears nobody leads on',
    invariantExpected: 'check_quorum',
    file: 'control-plane/raft/raft.ts',
    find: 'if (this.#nowMs - quorumMs > options.electionTimeoutMaxMs) {',
    replace: 'if (this.#nowMs - quorumMs > Infinity) {',
  },
  // hashicorp/raft#503, hashicorp/consul#22064.
  {
    name: 'leader-with-a-hanging-disk',
    breaks: 'a leader whose disk does nothing keeps sending heartbeats',
    invariantExpected: 'disk_stall',
    file: 'control-plane/raft/raft.ts',
    find: 'if (this.#core.isDiskStalled(this.#nowMs) && !this.#core.isSoleVoter) {',
    replace: 'if (this.#core.isDiskStalled(-Infinity) && !this.#core.isSoleVoter) {',
  },
];
