/**
 * Watches votes and leaders: who was given which vote, whether it was durable when it was told, and
 * whether whoever leads was elected by those who may elect. It goes by the messages that members send
 * and get, not by what candidates say of themselves.
 */

import type { HardState } from '../../../control-plane/model/log-entry.ts';
import type { MessageOf } from '../../../control-plane/model/raft-message.ts';
import type { RaftStatus } from '../../../control-plane/raft/ready.ts';
import { isVoter } from '../../../control-plane/model/configuration.ts';
import type { Configuration } from '../../../control-plane/model/configuration.ts';
import { Violation } from '../violation.ts';
import type { CheckCounts } from '../violation.ts';
import type { CommittedLog } from './committed-log.ts';
import { isQuorum, memberNumber } from './subject.ts';
import type { Subject } from './subject.ts';

export class ElectionWatch {
  readonly #checks: CheckCounts;
  readonly #committed: CommittedLog;
  /** By term. */
  readonly #leaders = new Map<number, string>();
  /** Candidate by voter and term, told or durable. */
  readonly #votes = new Map<number, string>();
  /** Bits of the voters whose votes have arrived, by candidate and term. */
  readonly #grants = new Map<number, number>();

  constructor(committed: CommittedLog, checks: CheckCounts) {
    this.#committed = committed;
    this.#checks = checks;
  }

  /** Who led in a term, if anybody did. */
  leaderOf(term: number): string | null {
    return this.#leaders.get(term) ?? null;
  }

  hardStateDurable(subject: Subject, { term, votedFor }: HardState): void {
    const before = subject.disk.hardState;
    this.#checks.monotone_state += 1;
    if (term < before.term) {
      throw new Violation(
        'monotone_state',
        `${subject.id} writes term ${term} over term ${before.term}`,
      );
    }
    if (votedFor !== null) this.#vote(subject.number, term, votedFor);
    else if (term === before.term && before.votedFor !== null) {
      throw new Violation('vote_once', `${subject.id} forgets its vote of term ${term}`);
    }
  }

  /** A vote leaves its voter. */
  told(subject: Subject, message: MessageOf<'pre_vote_reply' | 'vote_reply'>): void {
    this.#vote(subject.number, message.term, message.to);
    this.#checks.persist_before_tell += 1;
    const { term, votedFor } = subject.disk.hardState;
    if (term > message.term || (term === message.term && votedFor === message.to)) return;
    throw new Violation(
      'persist_before_tell',
      `${subject.id} grants its vote of term ${message.term} to ${message.to}, its disk has term ${term} and a vote for ${votedFor ?? 'nobody'}`,
    );
  }

  /** A vote arrives. */
  arrived(message: MessageOf<'pre_vote_reply' | 'vote_reply'>): void {
    const key = keyOf(memberNumber(message.to), message.term);
    const bits = this.#grants.get(key) ?? 0;
    this.#grants.set(key, bits | (1 << memberNumber(message.from)));
  }

  /**
   * A member asks for votes, not merely whether it would get them. One that a change removes may still
   * be needed until that change is committed (dissertation, 4.2.2).
   */
  campaigned(subject: Subject, open: readonly Configuration[], term: number): void {
    this.#checks.configuration_steps += 1;
    if (open.some((configuration) => isVoter(configuration, subject.id))) return;
    throw new Violation(
      'configuration_steps',
      `${subject.id} campaigns for term ${term} and is no voter`,
    );
  }

  /** A member says that it leads. */
  leads(subject: Subject, status: RaftStatus): void {
    this.#checks.election_safety += 1;
    const { term } = status;
    const known = this.#leaders.get(term);
    if (known === subject.id) return;
    if (known !== undefined) {
      throw new Violation('election_safety', `${known} and ${subject.id} lead in term ${term}`);
    }
    this.#leaders.set(term, subject.id);
    this.#elected(subject, status);
  }

  #elected(subject: Subject, { term, configuration }: RaftStatus): void {
    const { hardState } = subject.disk;
    this.#checks.persist_before_tell += 1;
    if (hardState.term !== term || hardState.votedFor !== subject.id) {
      throw new Violation(
        'persist_before_tell',
        `${subject.id} leads in term ${term} by its own vote, its disk has term ${hardState.term} and a vote for ${hardState.votedFor ?? 'nobody'}`,
      );
    }
    this.#checks.quorum_of_voters += 1;
    const grants = this.#grants.get(keyOf(subject.number, term)) ?? 0;
    if (!isQuorum(configuration, grants | (1 << subject.number))) {
      throw new Violation(
        'quorum_of_voters',
        `${subject.id} leads in term ${term} without the votes of a quorum of [${configuration.voters.join(' ')}] and [${configuration.outgoing.join(' ')}]`,
      );
    }
    this.#checks.leader_completeness += 1;
    const index = this.#committed.committedBefore(term);
    const committed = this.#committed.entryAt(index);
    if (committed === null || subject.memory.covers(index, committed.term)) return;
    throw new Violation(
      'leader_completeness',
      `${subject.id} leads in term ${term} and lacks entry ${index} of term ${committed.term}, which is committed; its log ends at ${subject.memory.lastIndex} of term ${subject.memory.lastTerm}`,
    );
  }

  #vote(voter: number, term: number, candidate: string): void {
    this.#checks.vote_once += 1;
    const key = keyOf(voter, term);
    const known = this.#votes.get(key);
    if (known === undefined) this.#votes.set(key, candidate);
    else if (known !== candidate) {
      throw new Violation(
        'vote_once',
        `member ${voter} votes for ${known} and for ${candidate} in term ${term}`,
      );
    }
  }
}

function keyOf(member: number, term: number): number {
  return term * 32 + member;
}
