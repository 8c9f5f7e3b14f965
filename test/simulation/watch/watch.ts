/**
 * All that is watched in one simulated world, in the order in which a member's driver meets it. Every
 * method throws a Violation at the first thing that must never be.
 */

import type {
  HardState,
  LogChange,
  SnapshotPlace,
} from '../../../control-plane/model/log-entry.ts';
import type { RaftMessage } from '../../../control-plane/model/raft-message.ts';
import type { RaftOptions } from '../../../control-plane/raft/options.ts';
import type { RaftEvent, RaftStatus } from '../../../control-plane/raft/ready.ts';
import { Violation } from '../violation.ts';
import type { CheckCounts } from '../violation.ts';
import type { CommittedLog } from './committed-log.ts';
import { ElectionWatch } from './election-watch.ts';
import { LeaderWatch } from './leader-watch.ts';
import { LogWatch } from './log-watch.ts';
import { MemberWatch } from './member-watch.ts';
import type { Subject } from './subject.ts';

export class Watch {
  readonly committed: CommittedLog;
  readonly elections: ElectionWatch;
  readonly logs: LogWatch;
  readonly #leaders: LeaderWatch;
  readonly #members: MemberWatch;
  readonly #checks: CheckCounts;
  readonly #subjects: Subject[] = [];

  constructor(
    committed: CommittedLog,
    options: Omit<RaftOptions, 'memberId'>,
    tickMs: number,
    checks: CheckCounts,
  ) {
    this.committed = committed;
    this.#checks = checks;
    this.elections = new ElectionWatch(committed, checks);
    this.logs = new LogWatch(committed, checks);
    this.#leaders = new LeaderWatch(options, tickMs, checks);
    this.#members = new MemberWatch(checks);
  }

  add(subject: Subject): void {
    this.#subjects.push(subject);
  }

  restarted(subject: Subject, status: RaftStatus): void {
    this.#members.restarted(subject, status);
    this.logs.restarted(subject);
    this.logs.checkInForce(subject, status);
  }

  changed(subject: Subject, changes: readonly LogChange[], status: RaftStatus): void {
    for (const change of changes) this.logs.changed(subject, change, status);
  }

  /** After a step and the changes that it brought. */
  observe(subject: Subject, status: RaftStatus, before: RaftStatus | null): void {
    this.#members.observe(subject, status, before);
    this.#members.checkMemory(subject, status);
    const leads = status.role === 'leader';
    const led = before?.role === 'leader';
    if (leads) {
      if (!led || before.term !== status.term) this.#leaders.elected(subject);
      this.elections.leads(subject, status);
    }
    if (before?.configurationIndex !== status.configurationIndex) {
      this.logs.checkInForce(subject, status);
    }
    this.#observeCommit(subject, status, before);
  }

  /** A message is about to leave. */
  sending(subject: Subject, message: RaftMessage): void {
    if (message.from !== subject.id) {
      throw new Violation('core_contract', `${subject.id} sends in the name of ${message.from}`);
    }
    if (message.kind === 'vote_reply') {
      if (message.reason === 'granted') this.elections.told(subject, message);
    } else if (message.kind === 'append_reply') {
      if (message.matchIndex !== null) {
        this.#checkAcknowledgement(subject, message.term, message.matchIndex);
        this.#leaders.acknowledging(message, message.matchIndex);
      }
    } else if (message.kind === 'heartbeat_reply') {
      this.#checks.persist_before_tell += 1;
      if (message.lastIndex > subject.disk.log.lastIndex) {
        throw new Violation(
          'persist_before_tell',
          `${subject.id} tells of ${message.lastIndex} as durable, its disk ends at ${subject.disk.log.lastIndex}`,
        );
      }
    }
  }

  /** A message has arrived and is about to be handled. */
  arrived(subject: Subject, message: RaftMessage): void {
    this.#leaders.heard(subject, message.from);
    if (message.kind === 'vote_reply' && message.reason === 'granted') {
      this.elections.arrived(message);
    }
  }

  happened(subject: Subject, status: RaftStatus, event: RaftEvent): void {
    if (event.kind === 'campaign_started' && event.phase === 'vote') {
      this.elections.campaigned(subject, this.logs.openConfigurations(subject, status), event.term);
    }
  }

  ticked(subject: Subject, status: RaftStatus): void {
    if (status.role === 'leader') this.#leaders.checkTick(subject, status, this.#subjects);
  }

  /** After every event of the world. */
  instant(): void {
    this.#leaders.checkLeases(this.#subjects, null);
  }

  readAnswered(subject: Subject, index: number, floor: number): void {
    this.#checks.read_index += 1;
    if (index >= floor) return;
    throw new Violation(
      'read_index',
      `a read at ${subject.id} got index ${index}, when it was asked for ${floor} was committed`,
    );
  }

  hardStateDurable(subject: Subject, state: HardState): void {
    this.elections.hardStateDurable(subject, state);
  }

  truncating(subject: Subject, from: number): void {
    this.committed.checkKept(subject, from, subject.disk.log.lastIndex);
  }

  installing(subject: Subject, place: SnapshotPlace): void {
    this.committed.checkKept(subject, place.index + 1, subject.disk.log.lastIndex);
  }

  #observeCommit(subject: Subject, status: RaftStatus, before: RaftStatus | null): void {
    const rose = status.commitIndex > (before?.commitIndex ?? 0);
    if (!rose) return;
    // A leader that removes itself, or hands over, may be none any more when it tells.
    const counted =
      status.role === 'leader' || (before?.role === 'leader' && before.term === status.term);
    const counts = counted && status.commitIndex > (before?.commitIndex ?? 0);
    const first = status.commitIndex > this.committed.index;
    this.committed.observe(subject, status, counts ? status.term : null);
    if (!counts) return;
    this.committed.checkQuorum(subject, status, this.#subjects);
    if (first) this.#leaders.checkLeases(this.#subjects, status.term);
  }

  #checkAcknowledgement(subject: Subject, term: number, index: number): void {
    this.#checks.persist_before_tell += 1;
    const { hardState, log } = subject.disk;
    if (hardState.term < term || log.lastIndex < index) {
      throw new Violation(
        'persist_before_tell',
        `${subject.id} acknowledges ${index} in term ${term}, its disk is in term ${hardState.term} and ends at ${log.lastIndex}`,
      );
    }
    const leader = this.elections.leaderOf(term);
    const other = this.#subjects.find(({ id }) => id === leader);
    if (other?.status?.role !== 'leader' || other.status.term !== term) return;
    const held = other.memory.termAt(index);
    if (held === null || log.covers(index, held)) return;
    throw new Violation(
      'persist_before_tell',
      `${subject.id} acknowledges ${index} in term ${term}, where it does not hold the entry of ${other.id}`,
    );
  }
}
