/**
 * Planted faults of membership changes, of snapshots, and of what a member applies after it has
 * restarted. Each names where the fault is known from.
 */

import type { Plant } from './plant.ts';

export const MEMBERSHIP_PLANTS: readonly Plant[] = [
  // Raft paper, 6.
  {
    name: 'change-without-joint-consensus',
    breaks: 'voters change at once, so that two majorities need not meet',
    invariantExpected: 'configuration_steps',
    file: 'control-plane/raft/membership.ts',
    find: 'const outgoing = votersChange ? current.voters : [];',
    replace: 'const outgoing: readonly MemberId[] = votersChange ? [] : [];',
  },
  // Dissertation, 4.1 with its correction: raft-dev, 10 July 2015.
  {
    name: 'change-before-the-term-has-started',
    breaks: 'members change before the first entry of the term is committed',
    invariantExpected: 'configuration_steps',
    file: 'control-plane/raft/leadership.ts',
    find: 'if (!this.hasStarted || configurations.latestIndex > commitIndex) return',
    replace: 'if (configurations.latestIndex > commitIndex) return',
  },
  // Dissertation, 4.1: one change at a time.
  {
    name: 'two-changes-at-once',
    breaks: 'members change while an earlier change is not committed',
    invariantExpected: 'configuration_steps',
    file: 'control-plane/raft/leadership.ts',
    find: 'if (!this.hasStarted || configurations.latestIndex > commitIndex) return',
    replace: 'if (!this.hasStarted) return',
  },
  // Raft paper, 6: the new configuration may be made once the joint one is committed.
  {
    name: 'joint-left-before-it-is-committed',
    breaks: 'a joint configuration is left before both of its halves have it',
    invariantExpected: 'configuration_steps',
    file: 'control-plane/raft/leadership.ts',
    find: 'if (!isJoint(configuration) || configurations.latestIndex > commitIndex) return;',
    replace: 'if (!isJoint(configuration)) return;',
  },
  // Dissertation, 4.3; etcd-io/raft quorum/joint.go.
  {
    name: 'joint-commit-by-one-half',
    breaks: 'a majority of the new voters alone commits while the configuration is joint',
    invariantExpected: 'quorum_durability',
    file: 'control-plane/raft/quorum.ts',
    find: 'return Math.min(incoming, majorityValue(configuration.outgoing, valueOf));',
    replace: 'return incoming;',
  },
  // Dissertation, 4.3.
  {
    name: 'joint-election-by-one-half',
    breaks: 'a majority of the new voters alone elects while the configuration is joint',
    invariantExpected: 'quorum_of_voters',
    file: 'control-plane/raft/quorum.ts',
    find: "return incoming === 'won' && outgoing === 'won' ? 'won' : 'open';",
    replace: "return incoming === 'won' ? 'won' : 'open';",
  },
  // Dissertation, 4.2.1; etcd-io/etcd#11640, #15096.
  {
    name: 'learners-counted-for-commits',
    breaks: 'what learners hold counts towards a majority',
    invariantExpected: 'quorum_durability',
    file: 'control-plane/raft/quorum.ts',
    find: 'const incoming = majorityValue(configuration.voters, valueOf);',
    replace:
      'const incoming = majorityValue([...configuration.voters, ...configuration.learners], valueOf);',
  },
  // Raft paper, 6: a server uses the latest configuration in its log, and the one before if that goes.
  {
    name: 'configuration-not-rolled-back',
    breaks: 'a configuration stays in force though its entry was truncated',
    invariantExpected: 'configuration_steps',
    file: 'control-plane/raft/core.ts',
    find: "if (this.configurations.truncateFrom(index)) this.#configurationEvent('appended');",
    replace: '',
  },
  // Raft paper, 7: a snapshot holds the latest configuration as of its last entry.
  {
    name: 'configuration-of-the-snapshot-forgotten',
    breaks: 'a member that starts from a snapshot goes by the members of its settings',
    invariantExpected: 'configuration_steps',
    file: 'control-plane/raft/configurations.ts',
    find: 'configuration: snapshot?.configuration ?? bootstrap }',
    replace: 'configuration: bootstrap }',
  },
  // Raft paper, 7.
  {
    name: 'configuration-of-an-installed-snapshot-ignored',
    breaks: 'a member that installs a snapshot goes by the members that it knew before',
    invariantExpected: 'configuration_steps',
    file: 'control-plane/raft/configurations.ts',
    find: 'const configuration = place.configuration ?? this.#placed[0].configuration;',
    replace: 'const configuration = this.#placed[0].configuration;',
  },
  // etcd-io/raft TestConfChangeCheckBeforeCampaign shows the like: an index and another index's members.
  {
    name: 'snapshot-with-later-members',
    breaks: 'a snapshot is sent with the newest members, not with those as of its last entry',
    invariantExpected: 'configuration_steps',
    file: 'control-plane/raft/core.ts',
    find: 'this.snapshot = { index, term, configuration: this.configurations.at(index) };',
    replace: 'this.snapshot = { index, term, configuration: this.configurations.latest };',
  },
];

export const SNAPSHOT_PLANTS: readonly Plant[] = [
  // Raft paper, figure 13, rule 6.
  {
    name: 'snapshot-over-a-newer-log',
    breaks: 'a late snapshot replaces a log that has gone on',
    invariantExpected: 'monotone_state',
    file: 'control-plane/raft/follower.ts',
    find: 'if (index <= core.commitIndex) {',
    replace: 'if (index < (core.snapshot?.index ?? 0)) {',
  },
  // Raft paper, figure 13, rule 6: with the snapshot's last entry, what follows it is retained.
  {
    name: 'suffix-behind-a-snapshot-dropped',
    breaks: 'a snapshot whose last entry the log has takes off what was acknowledged behind it',
    invariantExpected: 'quorum_durability',
    file: 'control-plane/raft/follower.ts',
    find: 'if (core.log.termAt(index) === snapshotTerm) {',
    replace: 'if (core.log.termAt(index) === snapshotTerm && index <= core.commitIndex) {',
  },
  // Raft paper, figure 13, rule 3: data is written at its offset.
  {
    name: 'chunk-taken-twice',
    breaks: 'a chunk that comes again is taken again',
    invariantExpected: 'core_contract',
    file: 'control-plane/raft/incoming-snapshot.ts',
    find: 'if (offset !== expected)',
    replace: 'if (offset > expected)',
  },
  // Raft paper, figure 13, rules 2 and 5.
  {
    name: 'chunks-of-two-leaders-mixed',
    breaks: 'chunks of two leaders make one snapshot, though their bytes differ',
    invariantExpected: 'core_contract',
    file: 'control-plane/raft/incoming-snapshot.ts',
    find: 'chunk.term === this.#leaderTerm;',
    replace: 'chunk.term >= this.#leaderTerm;',
  },
  // Raft paper, figure 13, rule 4: reply and wait for more until done.
  {
    name: 'snapshot-installed-without-its-end',
    breaks: 'a snapshot is installed before its last chunk has come',
    invariantExpected: 'core_contract',
    file: 'control-plane/raft/incoming-snapshot.ts',
    find: 'const complete = this.#nextOffset >= totalBytes;',
    replace: 'const complete = this.#nextOffset + bytes.length >= totalBytes;',
  },
  // etcd-io/etcd#18055: two snapshots close together.
  {
    name: 'chunk-taken-during-an-installation',
    breaks: 'a chunk of the next snapshot takes the place of the one that waits to be installed',
    invariantExpected: 'core_contract',
    file: 'control-plane/raft/follower.ts',
    find: 'if (core.installing) return null;',
    replace: '',
  },
  // etcd-io/raft#110, MsgSnapStatus.
  {
    name: 'installed-snapshot-not-told-again',
    breaks: 'a follower whose answer was lost is sent the snapshot for ever',
    invariantExpected: 'liveness',
    file: 'control-plane/raft/follower.ts',
    find: 'accept(core, from, core.commitIndex, index);',
    replace: '',
  },
  // etcd-io/raft, MsgSnapStatus: a snapshot whose fate nobody reports.
  {
    name: 'lost-chunk-never-sent-again',
    breaks: 'a follower whose chunk was lost waits for it for ever',
    invariantExpected: 'liveness',
    file: 'control-plane/raft/snapshot-sender.ts',
    find: 'transfer.sinceMs = nowMs;',
    replace: 'transfer.sinceMs = Infinity;',
  },
  // etcd-io/etcd#18055: what was not applied is not in the snapshot.
  {
    name: 'compacted-beyond-the-snapshot',
    breaks: 'entries that are committed and not in the snapshot are dropped with it',
    invariantExpected: 'core_contract',
    file: 'control-plane/raft/core.ts',
    find: 'this.log.dropBelow(Math.min(keepFrom, index + 1));',
    replace: 'this.log.dropBelow(this.commitIndex + 1);',
  },
  // etcd-io/etcd#13766.
  {
    name: 'applied-again-after-a-restart',
    breaks: 'entries that a snapshot holds are applied once more after a restart',
    invariantExpected: 'index_order',
    file: 'control-plane/raft/core.ts',
    find: `    this.emittedIndex = this.commitIndex;
    this.#term`,
    replace: `    this.emittedIndex = this.log.firstIndex - 1;
    this.#term`,
  },
  // Dissertation, 6.3.
  {
    name: 'repeated-command-applied-twice',
    breaks: 'a command that a client sends again has a second effect',
    invariantExpected: 'exactly_once',
    file: 'control-plane/state/apply.ts',
    find: 'const repeated = state.appliedKeys.versionOf(command.key);',
    replace: 'const repeated = state.appliedKeys.versionOf(`${command.key} `);',
  },
  // Dissertation, 6.3: what recognizes a repeated command is part of the state.
  {
    name: 'keys-not-in-the-snapshot',
    breaks: 'a member forgets with a restart which commands it has applied',
    invariantExpected: 'snapshot_equivalence',
    file: 'control-plane/state/snapshot.ts',
    find: "yield* listLines('appliedKeys', state.appliedKeys, '}');",
    replace: "yield* listLines('appliedKeys', [], '}');",
  },
];
