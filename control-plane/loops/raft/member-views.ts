/** The members of the configuration in force, as one member sees them. */

import { membersOf } from '../../model/configuration.ts';
import type { Configuration, MemberId } from '../../model/configuration.ts';
import type { MemberView } from '../../ports/membership.ts';
import type { RaftStatus } from '../../raft/ready.ts';

/** What a member said of itself; null while it was not heard of. */
export interface Told {
  apiUrl(memberId: MemberId): string | null;
  formatMax(memberId: MemberId): number | null;
}

/** By member id. */
export function viewMembers(status: RaftStatus, nowMs: number, told: Told): readonly MemberView[] {
  const { configuration } = status;
  return membersOf(configuration).map((memberId) => ({
    memberId,
    address: configuration.addresses[memberId] ?? '',
    apiUrl: told.apiUrl(memberId),
    formatMax: told.formatMax(memberId),
    membership: membershipOf(configuration, memberId),
    role: roleOf(status, memberId),
    ...replicationOf(status, memberId, nowMs),
  }));
}

function membershipOf(configuration: Configuration, id: MemberId): MemberView['membership'] {
  if (configuration.voters.includes(id)) return 'voter';
  return configuration.outgoing.includes(id) ? 'leaving' : 'learner';
}

function roleOf(status: RaftStatus, id: MemberId): MemberView['role'] {
  if (id === status.leaderId) return 'leader';
  if (membershipOf(status.configuration, id) === 'learner') return 'learner';
  if (id === status.memberId) return status.role === 'follower' ? 'follower' : 'candidate';
  return status.role === 'leader' ? 'follower' : 'unknown';
}

function replicationOf(
  { memberId, role, lastIndex, persistedIndex, progress }: RaftStatus,
  id: MemberId,
  nowMs: number,
): Pick<MemberView, 'matchIndex' | 'lagEntries' | 'contactAgeMs' | 'replication'> {
  const leads = role === 'leader';
  if (id === memberId) {
    const matchIndex = leads ? persistedIndex : null;
    const lagEntries = leads ? lastIndex - persistedIndex : null;
    return { matchIndex, lagEntries, contactAgeMs: 0, replication: null };
  }
  const known = progress.find((one) => one.memberId === id);
  if (known === undefined) {
    return { matchIndex: null, lagEntries: null, contactAgeMs: null, replication: null };
  }
  return {
    matchIndex: known.matchIndex,
    lagEntries: lastIndex - known.matchIndex,
    contactAgeMs: known.contactMs === null ? null : Math.max(0, nowMs - known.contactMs),
    replication: known.state,
  };
}
