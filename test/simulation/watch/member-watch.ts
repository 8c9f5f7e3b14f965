/**
 * Watches what one member says of itself from step to step: nothing that only grows may shrink, the
 * marks in its log are in order, and after a crash it finds what its disk had.
 */

import type { RaftStatus } from '../../../control-plane/raft/ready.ts';
import { Violation } from '../violation.ts';
import type { CheckCounts } from '../violation.ts';
import type { Subject } from './subject.ts';

export class MemberWatch {
  readonly #checks: CheckCounts;

  constructor(checks: CheckCounts) {
    this.#checks = checks;
  }

  /** After each step; `before` is null at the first one of a start. */
  observe(subject: Subject, status: RaftStatus, before: RaftStatus | null): void {
    this.#checks.monotone_state += 1;
    if (before !== null) {
      const { term, commitIndex, appliedIndex, snapshotIndex } = status;
      if (
        term < before.term ||
        commitIndex < before.commitIndex ||
        appliedIndex < before.appliedIndex ||
        snapshotIndex < before.snapshotIndex
      ) {
        throw new Violation(
          'monotone_state',
          `${subject.id} goes from ${marks(before)} to ${marks(status)}`,
        );
      }
    }
    this.#checks.index_order += 1;
    const { firstIndex, snapshotIndex, appliedIndex, commitIndex, lastIndex } = status;
    const ordered =
      firstIndex <= snapshotIndex + 1 &&
      (snapshotIndex <= appliedIndex || subject.installing) &&
      appliedIndex <= commitIndex &&
      commitIndex <= lastIndex;
    if (!ordered) {
      throw new Violation('index_order', `${subject.id} is at ${marks(status)}`);
    }
    this.#checks.term_order += 1;
    if (subject.memory.lastTerm > status.term) {
      throw new Violation(
        'term_order',
        `${subject.id} in term ${status.term} holds an entry of term ${subject.memory.lastTerm}`,
      );
    }
  }

  /** Its memory as its changes tell, and as it says. */
  checkMemory(subject: Subject, status: RaftStatus): void {
    this.#checks.recovery += 1;
    const { memory, disk } = subject;
    if (memory.lastIndex !== status.lastIndex) {
      throw new Violation(
        'core_contract',
        `${subject.id} says its log ends at ${status.lastIndex}, by its changes it ends at ${memory.lastIndex}`,
      );
    }
    if (status.persistedIndex > disk.log.lastIndex) {
      throw new Violation(
        'persist_before_tell',
        `${subject.id} takes ${status.persistedIndex} for durable, its disk ends at ${disk.log.lastIndex}`,
      );
    }
  }

  /** Right after a start. */
  restarted(subject: Subject, status: RaftStatus): void {
    this.#checks.recovery += 1;
    const { log, hardState } = subject.disk;
    const right =
      status.term === hardState.term &&
      status.votedFor === hardState.votedFor &&
      status.lastIndex === log.lastIndex &&
      status.snapshotIndex === log.snapshotIndex &&
      status.appliedIndex === log.snapshotIndex;
    if (right) return;
    throw new Violation(
      'recovery',
      `${subject.id} starts at ${marks(status)} with a vote for ${status.votedFor ?? 'nobody'}, its disk has term ${hardState.term}, a vote for ${hardState.votedFor ?? 'nobody'}, snapshot ${log.snapshotIndex} and ends at ${log.lastIndex}`,
    );
  }
}

function marks(status: RaftStatus): string {
  const { term, firstIndex, snapshotIndex, appliedIndex, commitIndex, lastIndex } = status;
  return `term ${term}, first ${firstIndex}, snapshot ${snapshotIndex}, applied ${appliedIndex}, commit ${commitIndex}, last ${lastIndex}`;
}
