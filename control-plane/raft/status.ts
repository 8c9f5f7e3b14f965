/** A core as it stands, for series, the API and tests; nothing here is used to decide. */

import type { MemberId } from '../model/configuration.ts';
import type { Core } from './core.ts';
import type { Leadership } from './leadership.ts';
import type { RaftRole } from '../model/leadership.ts';
import type { RaftStatus } from './ready.ts';

export function statusOf(
  core: Core,
  role: RaftRole,
  leaderId: MemberId | null,
  leadership: Leadership | null,
): RaftStatus {
  const { configuration, configurations, log } = core;
  return {
    memberId: core.memberId,
    role,
    term: core.term,
    votedFor: core.votedFor,
    leaderId,
    commitIndex: core.commitIndex,
    appliedIndex: core.appliedIndex,
    lastIndex: log.lastIndex,
    persistedIndex: core.outbox.persistedIndex,
    firstIndex: log.firstIndex,
    snapshotIndex: core.snapshot?.index ?? 0,
    configuration,
    configurationIndex: configurations.latestIndex,
    transferTo: leadership?.transfer?.to ?? null,
    progress: [...(leadership?.progress.values() ?? [])].map((one) => one.status()),
  };
}
