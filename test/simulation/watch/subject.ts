/**
 * One simulated member as those see it who watch for violations: what it last said of itself, the log
 * that it holds in memory as far as its changes tell, and its disk. Nothing here acts.
 */

import type { Configuration, MemberId } from '../../../control-plane/model/configuration.ts';
import type { RaftStatus } from '../../../control-plane/raft/ready.ts';
import type { HeldLog } from '../held-log.ts';
import type { MemberDisk } from '../member-disk.ts';

export interface Subject {
  readonly id: MemberId;
  readonly number: number;
  readonly disk: MemberDisk;
  readonly memory: HeldLog;
  /** Null while it is down. */
  readonly status: RaftStatus | null;
  readonly bootstrap: Configuration;
  /** A snapshot is in the log of its memory, and its state is not restored from it yet. */
  readonly installing: boolean;
  /** Local ms at which the oldest change that it was not told to be durable was handed over. */
  readonly undurableSinceMs: number | null;
  /** Of its own clock, now. */
  localNowMs(): number;
  /** As its core says; null while it is down. */
  leaseUntilMs(): number | null;
}

/** Members have numbers from 0; their ids are one letter each. */
export function memberId(number: number): MemberId {
  return String.fromCharCode('a'.charCodeAt(0) + number);
}

export function memberNumber(id: MemberId): number {
  return id.charCodeAt(0) - 'a'.charCodeAt(0);
}

/** Whether these members, as bits, are a majority of the voters, of both halves of a joint one. */
export function isQuorum(configuration: Configuration, members: number): boolean {
  return (
    isMajority(configuration.voters, members) &&
    (configuration.outgoing.length === 0 || isMajority(configuration.outgoing, members))
  );
}

function isMajority(voters: readonly MemberId[], members: number): boolean {
  let found = 0;
  for (const id of voters) if ((members & (1 << memberNumber(id))) !== 0) found += 1;
  return found * 2 > voters.length;
}
