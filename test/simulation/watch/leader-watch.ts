/**
 * Watches those who lead: that they stop when no quorum is heard any more, that their leases exclude
 * each other in real time, and that what they believe of their followers is true of the followers'
 * disks. It has its own notes of who heard from whom.
 */

import type { RaftMessage } from '../../../control-plane/model/raft-message.ts';
import type { RaftOptions } from '../../../control-plane/raft/options.ts';
import type { ProgressStatus, RaftStatus } from '../../../control-plane/raft/ready.ts';
import { Violation } from '../violation.ts';
import type { CheckCounts } from '../violation.ts';
import { isQuorum, memberNumber } from './subject.ts';
import type { Subject } from './subject.ts';

/** A tick that is late, and the one at which the core looks. */
const TICKS_LATE = 3;
/** No entry of a simulated world is larger. */
const ENTRY_BYTES_MAX = 2_048;

export class LeaderWatch {
  readonly #checks: CheckCounts;
  readonly #options: Omit<RaftOptions, 'memberId'>;
  readonly #tickMs: number;
  /** Local ms at which the first last heard from the second; per pair of numbers. */
  readonly #heardMs: number[][] = [];
  /** Local ms since which a transfer is under way; per member, null for none. */
  readonly #transferSinceMs: (number | null)[] = [];

  /** By follower, leader and term. */
  readonly #acknowledged = new Map<string, number>();

  constructor(options: Omit<RaftOptions, 'memberId'>, tickMs: number, checks: CheckCounts) {
    this.#options = options;
    this.#tickMs = tickMs;
    this.#checks = checks;
  }

  /** A follower says to a leader how far its log is durable and equal. */
  acknowledging({ from, to, term }: RaftMessage, matchIndex: number): void {
    const key = pairIn(from, to, term);
    this.#acknowledged.set(key, Math.max(this.#acknowledged.get(key) ?? 0, matchIndex));
  }

  /** A message has reached a member. */
  heard(subject: Subject, from: string): void {
    const row = (this.#heardMs[subject.number] ??= []);
    row[memberNumber(from)] = subject.localNowMs();
  }

  /** A member has become leader: every other gets the time of one timeout. */
  elected(subject: Subject): void {
    this.#heardMs[subject.number] = Array<number>(32).fill(subject.localNowMs());
    this.#transferSinceMs[subject.number] = null;
  }

  /** At a tick of a leader that has just been handled. */
  checkTick(subject: Subject, status: RaftStatus, subjects: readonly Subject[]): void {
    this.#checkQuorum(subject, status);
    this.#checkDisk(subject, status);
    this.#checkTransfer(subject, status);
    for (const progress of status.progress) {
      const peer = subjects[memberNumber(progress.memberId)];
      if (peer !== undefined) this.#checkProgress(subject, status, progress, peer);
    }
  }

  /** At every step: this instant is one of real time, whatever the clocks of the members show. */
  checkLeases(subjects: readonly Subject[], committingTerm: number | null): void {
    this.#checks.lease += 1;
    let holder: Subject | null = null;
    for (const subject of subjects) {
      if (!holdsLease(subject)) continue;
      const term = subject.status?.term ?? 0;
      if (holder !== null) {
        throw new Violation(
          'lease',
          `${holder.id} (term ${holder.status?.term ?? 0}) and ${subject.id} (term ${term}) hold a lease at once`,
        );
      }
      if (committingTerm !== null && committingTerm > term) {
        throw new Violation(
          'lease',
          `${subject.id} holds the lease of term ${term} while term ${committingTerm} commits`,
        );
      }
      holder = subject;
    }
  }

  #checkQuorum(subject: Subject, { configuration, term }: RaftStatus): void {
    this.#checks.check_quorum += 1;
    const nowMs = subject.localNowMs();
    const silenceMaxMs = this.#options.electionTimeoutMaxMs + TICKS_LATE * this.#tickMs;
    const row = this.#heardMs[subject.number] ?? [];
    let heard = 1 << subject.number;
    row.forEach((atMs, number) => {
      if (nowMs - atMs <= silenceMaxMs) heard |= 1 << number;
    });
    if (isQuorum(configuration, heard)) return;
    throw new Violation(
      'check_quorum',
      `${subject.id} still leads in term ${term} and has heard no quorum for over ${silenceMaxMs} ms`,
    );
  }

  #checkDisk(subject: Subject, { configuration, term }: RaftStatus): void {
    const { undurableSinceMs } = subject;
    const alone = configuration.voters.length === 1 && configuration.outgoing.length === 0;
    if (undurableSinceMs === null || alone) return;
    this.#checks.disk_stall += 1;
    const forMs = subject.localNowMs() - undurableSinceMs;
    if (forMs <= this.#options.diskStallMs + TICKS_LATE * this.#tickMs) return;
    throw new Violation(
      'disk_stall',
      `${subject.id} still leads in term ${term} and waits for its disk for ${forMs.toFixed(0)} ms`,
    );
  }

  #checkTransfer(subject: Subject, { transferTo, term }: RaftStatus): void {
    const sinceMs = this.#transferSinceMs[subject.number] ?? null;
    const nowMs = subject.localNowMs();
    if (transferTo === null || sinceMs === null) {
      this.#transferSinceMs[subject.number] = transferTo === null ? null : nowMs;
      return;
    }
    this.#checks.transfer_ends += 1;
    if (nowMs - sinceMs <= this.#options.electionTimeoutMaxMs + TICKS_LATE * this.#tickMs) return;
    throw new Violation(
      'transfer_ends',
      `${subject.id} in term ${term} hands over to ${transferTo} for ${(nowMs - sinceMs).toFixed(0)} ms`,
    );
  }

  #checkProgress(
    leader: Subject,
    status: RaftStatus,
    progress: ProgressStatus,
    peer: Subject,
  ): void {
    this.#checks.progress_sanity += 1;
    const { matchIndex, nextIndex, inFlight, inFlightBytes } = progress;
    const fail = (what: string): never => {
      throw new Violation(
        'progress_sanity',
        `${leader.id}, leader of term ${status.term}, of ${peer.id}: ${what}`,
      );
    };
    if (matchIndex >= nextIndex) fail(`match ${matchIndex} is not below next ${nextIndex}`);
    if (matchIndex > status.lastIndex) fail(`match ${matchIndex} is beyond ${status.lastIndex}`);
    const said = this.#acknowledged.get(pairIn(peer.id, leader.id, status.term)) ?? 0;
    if (matchIndex > said) fail(`match ${matchIndex} was never acknowledged in this term`);
    const { inFlightMax, inFlightBytesMax } = this.#options;
    if (inFlight > inFlightMax) fail(`${inFlight} in flight of ${inFlightMax}`);
    // The message that crosses the bound may be as large as one may be; a larger entry goes alone.
    const messageBytesMax = Math.max(this.#options.appendBytesMax, ENTRY_BYTES_MAX);
    if (inFlightBytes > inFlightBytesMax + messageBytesMax) {
      fail(`${inFlightBytes} bytes in flight of ${inFlightBytesMax}`);
    }
    if (inFlightBytes < 0 || (inFlight === 0 && inFlightBytes !== 0)) {
      fail(`${inFlightBytes} bytes in ${inFlight} messages in flight`);
    }
    // In a later term the peer may have given up what it had, though not what is committed.
    if (peer.disk.hardState.term > status.term || matchIndex === 0) return;
    const term = leader.memory.termAt(matchIndex);
    if (term !== null && !peer.disk.log.covers(matchIndex, term)) {
      fail(`match ${matchIndex} of term ${term} is not on its disk`);
    }
  }
}

export function holdsLease(subject: Subject): boolean {
  const untilMs = subject.leaseUntilMs();
  return untilMs !== null && untilMs > subject.localNowMs();
}

function pairIn(from: string, to: string, term: number): string {
  return `${from}>${to}@${term}`;
}
