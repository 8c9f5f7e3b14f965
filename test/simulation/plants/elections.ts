/**
 * Planted faults of elections: what a vote must survive, who gets one, and who may ask for one. Each
 * names where the fault is known from.
 */

import type { Plant } from './plant.ts';

export const ELECTION_PLANTS: readonly Plant[] = [
  // Raft paper, figure 2; camunda/camunda#1068 and tikv/tikv#9579 show the effect.
  {
    name: 'vote-not-persisted',
    breaks: 'a vote is told before it is durable',
    invariantExpected: 'persist_before_tell',
    file: 'control-plane/raft/raft.ts',
    find: "core.sendWhenDurable(from, { kind: 'vote_reply', reason }, term);",
    replace: "core.send(from, { kind: 'vote_reply', reason }, term);",
  },
  // Raft paper, figure 2.
  {
    name: 'vote-not-written',
    breaks: 'the term is made durable, the vote in it is not',
    invariantExpected: 'persist_before_tell',
    file: 'control-plane/raft/core.ts',
    find: 'this.outbox.saveHardState({ term, votedFor });',
    replace: 'this.outbox.saveHardState({ term, votedFor: null });',
  },
  // Raft paper, figure 2.
  {
    name: 'term-not-written',
    breaks: 'a term that was learned from a message is not made durable',
    invariantExpected: 'persist_before_tell',
    file: 'control-plane/raft/core.ts',
    find: 'this.outbox.saveHardState({ term, votedFor });',
    replace: 'if (votedFor !== null) this.outbox.saveHardState({ term, votedFor });',
  },
  // Raft paper, 5.2.
  {
    name: 'two-votes-in-a-term',
    breaks: 'a member votes for whoever asks, though it has voted in this term',
    invariantExpected: 'vote_once',
    file: 'control-plane/raft/voter.ts',
    find: 'if (core.votedFor !== null || view.leads)',
    replace: 'if (view.leads)',
  },
  // Raft paper, 5.4.1.
  {
    name: 'vote-without-log-check',
    breaks: 'a candidate gets votes though its log is behind',
    invariantExpected: 'leader_completeness',
    file: 'control-plane/raft/voter.ts',
    find: "if (!core.log.isUpToDate(lastIndex, lastTerm)) return 'log_behind';",
    replace: "if (!core.log.isUpToDate(lastIndex, lastTerm) && lastIndex < 0) return 'log_behind';",
  },
  // Raft paper, 5.4.1; etcd-io/raft TestVoter.
  {
    name: 'log-length-before-term',
    breaks: 'the longer log counts as the newer one, whatever its last term',
    invariantExpected: 'leader_completeness',
    file: 'control-plane/raft/memory-log.ts',
    find: 'if (lastTerm !== this.lastTerm) return lastTerm > this.lastTerm;',
    replace: 'if (lastIndex !== this.lastIndex) return lastIndex > this.lastIndex;',
  },
  // etcd-io/raft TestCandidateSelfVoteAfterLostElection, for asynchronous writes.
  {
    name: 'own-vote-before-durable',
    breaks: 'a candidate asks for votes and counts its own before that is durable',
    invariantExpected: 'persist_before_tell',
    file: 'control-plane/raft/raft.ts',
    find: `if (phase === 'vote') core.sendWhenDurable(to, said, term);
      else core.send(to, said, term);
    }
    if (phase === 'pre_vote' && campaign.count`,
    replace: `core.send(to, said, term);
    }
    if (campaign.count`,
  },
  // Raft paper, figure 2: the vote is read again at a restart.
  {
    name: 'vote-forgotten-at-a-restart',
    breaks: 'a member that restarts has its term, and not its vote',
    invariantExpected: 'recovery',
    file: 'control-plane/raft/core.ts',
    find: 'this.#votedFor = hardState.votedFor;',
    replace: 'this.#votedFor = null;',
  },
  // Raft paper, 5.2: a vote is one of its term.
  {
    name: 'vote-of-an-older-campaign',
    breaks: 'a grant that comes late counts for the next campaign',
    invariantExpected: 'quorum_of_voters',
    file: 'control-plane/raft/raft.ts',
    find: 'if (message.term < this.#core.term && !isRequest) {',
    replace: `if (message.kind === 'vote_reply' && message.term < this.#core.term) {
      this.#dispatch({ ...message, term: this.#core.term });
      return;
    }
    if (message.term < this.#core.term && !isRequest) {`,
  },
  // Dissertation, 4.2.3; hashicorp/raft#524.
  {
    name: 'no-stickiness',
    breaks: 'members that hear their leader vote for another candidate',
    invariantExpected: 'lease',
    file: 'control-plane/raft/voter.ts',
    find: "if (sticky && !transfer) return 'leader_alive';",
    replace: "if (view.leads && !transfer) return 'leader_alive';",
  },
  // Dissertation, 6.4.1: the only voter of a new configuration confirmed the lease of the one before.
  {
    name: 'only-voter-campaigns-at-once',
    breaks: 'who becomes the only voter campaigns while the leader that handed over has a lease',
    invariantExpected: 'lease',
    file: 'control-plane/raft/raft.ts',
    find: 'if (this.#core.isSoleVoter && this.#nowMs >= this.#timer.stickyUntilMs) {',
    replace: 'if (this.#core.isSoleVoter) {',
  },
  // hashicorp/raft#398; etcd-io/raft TestLearnerCampaign.
  {
    name: 'learner-campaigns',
    breaks: 'a member that is no voter campaigns',
    invariantExpected: 'configuration_steps',
    file: 'control-plane/raft/core.ts',
    find: 'const mayLead = this.configurations.mayLead(this.memberId, this.commitIndex);',
    replace: 'const mayLead = true;',
  },
  // Dissertation, 4.2.2; scylladb/scylladb#10618.
  {
    name: 'leaving-voter-never-campaigns',
    breaks:
      'who is removed by a change that is not committed does not campaign, though only it can win',
    invariantExpected: 'liveness',
    file: 'control-plane/raft/configurations.ts',
    find: 'const possible = this.#placed.slice(Math.max(0, committed));',
    replace: 'const possible = this.#placed.slice(-1);',
  },
];
