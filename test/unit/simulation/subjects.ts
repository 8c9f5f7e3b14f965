/** Members as the watch of the simulation sees them, made up for its tests. */

import { NO_CONFIGURATION } from '../../../control-plane/model/configuration.ts';
import type { MemberId } from '../../../control-plane/model/configuration.ts';
import type { RaftStatus } from '../../../control-plane/raft/ready.ts';
import { HeldLog } from '../../simulation/held-log.ts';
import { MemberDisk } from '../../simulation/member-disk.ts';
import { memberNumber } from '../../simulation/watch/subject.ts';
import type { Subject } from '../../simulation/watch/subject.ts';

const unwatched = {
  hardStateDurable: () => undefined,
  truncating: () => undefined,
  installing: () => undefined,
};

export function statusOf(memberId: MemberId): RaftStatus {
  return {
    memberId,
    role: 'follower',
    term: 1,
    votedFor: null,
    leaderId: null,
    commitIndex: 0,
    appliedIndex: 0,
    lastIndex: 0,
    persistedIndex: 0,
    firstIndex: 1,
    snapshotIndex: 0,
    configuration: { ...NO_CONFIGURATION, voters: ['a', 'b', 'c'] },
    configurationIndex: 0,
    transferTo: null,
    progress: [],
  };
}

export function simulatedSubject(
  id: MemberId,
  memory = new HeldLog(),
  leaseUntilMs: number | null = null,
): Subject & { status: RaftStatus | null } {
  return {
    id,
    number: memberNumber(id),
    disk: new MemberDisk(unwatched),
    memory,
    status: statusOf(id),
    bootstrap: { ...NO_CONFIGURATION, voters: ['a', 'b', 'c'] },
    installing: false,
    undurableSinceMs: null,
    localNowMs: () => 1_000,
    leaseUntilMs: () => leaseUntilMs,
  };
}
