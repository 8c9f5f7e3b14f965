/**
 * What a Raft member and its transport tell of themselves, turned into series: latencies as they
 * happen, counts as they are summed up, and what is the case at each scrape. Knows the parts by the
 * shape of what they say alone, and decides nothing; elections are the election tracer's.
 */

import type { Configuration, MemberId } from '../model/configuration.ts';
import { RAFT_ROLES } from '../model/leadership.ts';
import type { RaftRole } from '../model/leadership.ts';
import { exemplarFrom } from './span.ts';
import type { Series } from './series.ts';

export interface RaftNumbers {
  readonly memberId: MemberId;
  readonly role: RaftRole;
  readonly term: number;
  readonly leaderId: MemberId | null;
  readonly commitIndex: number;
  readonly appliedIndex: number;
  readonly lastIndex: number;
  readonly snapshotIndex: number;
  readonly configuration: Configuration;
  /** Of a leader, the other members; empty otherwise. */
  readonly progress: readonly {
    readonly memberId: MemberId;
    readonly matchIndex: number;
    /** Monotonic; null before its first message of this term. */
    readonly contactMs: number | null;
  }[];
}

/** What is asked at each scrape; must neither throw nor wait. */
export interface RaftSource {
  status(): RaftNumbers;
  /** Of segments and snapshot on disk. */
  logBytes(): number;
  snapshotBytes(): number;
  monotonicMs(): number;
}

/** Sets the gauges of the group and the log before each exposition. */
export function watchRaft(series: Series, source: RaftSource): void {
  let shown: readonly MemberId[] = [];
  series.onScrape(() => {
    const status = source.status();
    setOwn(series, status);
    series.logSizeBytes.set({}, source.logBytes());
    series.logSnapshotSizeBytes.set({}, source.snapshotBytes());
    setMembers(series, status.configuration);
    const followers = status.progress.map(({ memberId }) => memberId);
    // Who has left, and everybody once this member leads no more.
    for (const member of shown) if (!followers.includes(member)) forgetFollower(series, member);
    shown = followers;
    setFollowers(series, status, source.monotonicMs());
  });
}

/** Latencies in seconds; a trace is the W3C traceparent of whose work it was, for the exemplar. */
export interface RaftObservation {
  onAppendLatency(seconds: number): void;
  onCommitLatency(seconds: number, trace: string | null): void;
  onApplyLatency(seconds: number, trace?: string | null): void;
  onSnapshotSaved(): void;
  /** A ConsensusFailure. */
  onProposalRefused(failure: string): void;
  /** `ok`, or a ConsensusFailure. */
  onReadEnded(outcome: string, seconds: number): void;
}

export function observeRaft(series: Series): RaftObservation {
  return {
    onAppendLatency: (seconds) => series.raftAppendDuration.observe({}, seconds),
    onCommitLatency: (seconds, trace) =>
      series.raftCommitDuration.observe({}, seconds, exemplarFrom(trace)),
    onApplyLatency: (seconds, trace = null) =>
      series.raftApplyDuration.observe({}, seconds, exemplarFrom(trace)),
    onSnapshotSaved: () => series.raftSnapshots.inc({ origin: 'saved' }),
    onProposalRefused: (reason) => series.raftProposalsRefused.inc({ reason }),
    onReadEnded: (outcome, seconds) => {
      series.raftReads.inc({ outcome });
      if (outcome === 'ok') series.raftReadDuration.observe({}, seconds);
    },
  };
}

export interface TransportObservation {
  /** Summed up since the last call. */
  traffic(direction: 'sent' | 'received', kind: string, frames: number, bytes: number): void;
  dropped(cause: string, kind: string): void;
  refused(cause: string): void;
  dialFailed(peer: string, cause: string): void;
  connections(open: {
    readonly members: number;
    readonly clients: number;
    readonly unauthenticated: number;
  }): void;
}

/** Every argument that becomes a label is of a closed set of the transport's. */
export function observeTransport(series: Series): TransportObservation {
  return {
    traffic: (direction, kind, frames, bytes) => {
      series.raftFrames.inc({ direction, kind }, frames);
      series.raftFrameBytes.inc({ direction, kind }, bytes);
    },
    dropped: (cause, kind) => series.raftFramesDropped.inc({ cause, kind }),
    refused: (cause) => series.raftConnectionsRefused.inc({ cause }),
    dialFailed: (_peer, cause) => series.raftDialFailures.inc({ cause }),
    connections: (open) => {
      series.raftConnections.set({ kind: 'member' }, open.members);
      series.raftConnections.set({ kind: 'client' }, open.clients);
      series.raftConnections.set({ kind: 'unauthenticated' }, open.unauthenticated);
    },
  };
}

function setOwn(series: Series, status: RaftNumbers): void {
  series.raftMemberInfo.set({ member: status.memberId }, 1);
  series.raftTerm.set({}, status.term);
  for (const role of RAFT_ROLES) series.raftRole.set({ role }, role === status.role ? 1 : 0);
  series.raftIsLeader.set({}, status.role === 'leader' ? 1 : 0);
  series.raftHasLeader.set({}, status.leaderId === null ? 0 : 1);
  series.logCommitIndex.set({}, status.commitIndex);
  series.logAppliedIndex.set({}, status.appliedIndex);
  series.logLastIndex.set({}, status.lastIndex);
  series.logSnapshotIndex.set({}, status.snapshotIndex);
}

function setMembers(series: Series, { voters, outgoing, learners }: Configuration): void {
  const leaving = outgoing.filter((id) => !voters.includes(id) && !learners.includes(id));
  series.raftMembers.set({ membership: 'voter' }, voters.length);
  series.raftMembers.set({ membership: 'learner' }, learners.length);
  series.raftMembers.set({ membership: 'leaving' }, leaving.length);
}

function setFollowers(series: Series, status: RaftNumbers, nowMs: number): void {
  for (const { memberId: member, matchIndex, contactMs } of status.progress) {
    series.raftMatchIndex.set({ member }, matchIndex);
    series.raftLag.set({ member }, Math.max(0, status.lastIndex - matchIndex));
    if (contactMs === null) series.raftContactAge.remove({ member });
    else series.raftContactAge.set({ member }, Math.max(0, nowMs - contactMs) / 1_000);
  }
}

function forgetFollower(series: Series, member: MemberId): void {
  series.raftMatchIndex.remove({ member });
  series.raftLag.remove({ member });
  series.raftContactAge.remove({ member });
}
