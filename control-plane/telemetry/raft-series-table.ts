/**
 * The part of the table of series that is about the Raft group: elections, replication, latencies and
 * the network between members. What is about the log on this member's disk is in series-table.ts. The
 * sets that labels are taken from are closed, and those of the model wherever a part produces them.
 */

import { CONSENSUS_FAILURES } from '../model/consensus-failure.ts';
import { CAMPAIGN_CAUSES, ELECTION_OUTCOMES, VOTE_PHASES } from '../model/election.ts';
import { RAFT_ROLES, STEP_DOWN_REASONS, TRANSFER_OUTCOMES } from '../model/leadership.ts';
import { DIAL_FAILURES, REFUSAL_CAUSES } from '../model/raft-connection.ts';
import { VOTE_REASONS } from '../model/raft-message.ts';
import type { SeriesMaker } from './instruments.ts';

const CONNECTION_KINDS = ['member', 'client', 'unauthenticated'] as const;
const MEMBERSHIPS = ['voter', 'learner', 'leaving'] as const;

/** From the suspicion on: a healthy network needs some ms, a split vote a timeout more. */
const ELECTION_SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 1, 3, 10];
/** With the silence before it: fine where the default timeouts (150 to 300 ms) put it. */
const LEADERLESS_SECONDS = [0.05, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.5, 0.75, 1, 3, 10];
const REPLICATION_SECONDS = [
  0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 2.5,
];

export function raftSeries(make: SeriesMaker) {
  return {
    ...electionSeries(make),
    ...leadershipSeries(make),
    ...groupSeries(make),
    ...replicationSeries(make),
    ...transportSeries(make),
  };
}

function electionSeries(make: SeriesMaker) {
  return {
    raftElections: make.counter({
      name: 'omnimind_raft_elections_total',
      help: 'Attempts of this member to become leader that ended, by what led to them and how they ended.',
      labels: ['cause', 'outcome'],
      known: CAMPAIGN_CAUSES.flatMap((cause) =>
        ELECTION_OUTCOMES.map((outcome) => ({ cause, outcome })),
      ),
    }),
    raftElectionsUntraced: make.counter({
      name: 'omnimind_raft_elections_untraced_total',
      help: 'Of those, the ones without a trace and a record: nobody answered, like the ones before.',
      labels: [],
    }),
    raftElectionDuration: make.histogram({
      name: 'omnimind_raft_election_duration_seconds',
      help: 'From the suspicion to the commit of the new term’s first entry, or to the loss.',
      labels: ['cause', 'outcome'],
      buckets: ELECTION_SECONDS,
      exemplars: true,
      known: CAMPAIGN_CAUSES.map((cause) => ({ cause, outcome: 'elected' })),
    }),
    raftLeaderlessDuration: make.histogram({
      name: 'omnimind_raft_leaderless_duration_seconds',
      help: 'From the last message of a leader to the commit of the next one’s first entry, observed by that one.',
      labels: ['cause'],
      buckets: LEADERLESS_SECONDS,
      exemplars: true,
      known: CAMPAIGN_CAUSES.map((cause) => ({ cause })),
    }),
    raftVotes: make.counter({
      name: 'omnimind_raft_votes_total',
      help: 'Answers of this member to requests for its vote, by phase and reason.',
      labels: ['phase', 'reason'],
      known: VOTE_PHASES.flatMap((phase) => VOTE_REASONS.map((reason) => ({ phase, reason }))),
    }),
  };
}

function leadershipSeries(make: SeriesMaker) {
  return {
    raftLeaderChanges: make.counter({
      name: 'omnimind_raft_leader_changes_total',
      help: 'Terms whose leader this member came to know, itself included.',
      labels: [],
    }),
    raftStepDowns: make.counter({
      name: 'omnimind_raft_step_downs_total',
      help: 'Times that this member gave up leading; stalled and disk_stalled: it was too slow itself.',
      labels: ['reason'],
      known: STEP_DOWN_REASONS.map((reason) => ({ reason })),
    }),
    raftTransfers: make.counter({
      name: 'omnimind_raft_transfers_total',
      help: 'Attempts of this leader to hand over, by outcome.',
      labels: ['outcome'],
      known: TRANSFER_OUTCOMES.map((outcome) => ({ outcome })),
    }),
    raftMessagesIgnored: make.counter({
      name: 'omnimind_raft_messages_ignored_total',
      help: 'Messages of members that nobody in this group can have sent in this state.',
      labels: [],
    }),
    raftProposalsRefused: make.counter({
      name: 'omnimind_raft_proposals_refused_total',
      help: 'Proposals that this member did not bring to a commit, by why.',
      labels: ['reason'],
      known: CONSENSUS_FAILURES.map((reason) => ({ reason })),
    }),
    raftReads: make.counter({
      name: 'omnimind_raft_reads_total',
      help: 'Linearizable reads by outcome: confirmed by a quorum, or why not.',
      labels: ['outcome'],
      known: [{ outcome: 'ok' }, ...CONSENSUS_FAILURES.map((outcome) => ({ outcome }))],
    }),
    raftReadDuration: make.histogram({
      name: 'omnimind_raft_read_duration_seconds',
      help: 'From a linearizable read to the moment at which it may be answered.',
      labels: [],
      buckets: REPLICATION_SECONDS,
      exemplars: true,
      known: [{}],
    }),
  };
}

function groupSeries(make: SeriesMaker) {
  return {
    raftMemberInfo: make.gauge({
      name: 'omnimind_raft_member_info',
      help: 'Always 1; the id of the member that is scraped here is the label.',
      labels: ['member'],
    }),
    raftTerm: make.gauge({
      name: 'omnimind_raft_term',
      help: 'Term that this member is in.',
      labels: [],
    }),
    raftRole: make.gauge({
      name: 'omnimind_raft_role',
      help: 'One per role: 1 for the one that this member has, 0 for the others.',
      labels: ['role'],
      known: RAFT_ROLES.map((role) => ({ role })),
    }),
    raftIsLeader: make.gauge({
      name: 'omnimind_raft_is_leader',
      help: '1 while this member leads.',
      labels: [],
    }),
    raftHasLeader: make.gauge({
      name: 'omnimind_raft_has_leader',
      help: '1 while this member knows a leader, itself included.',
      labels: [],
    }),
    raftMembers: make.gauge({
      name: 'omnimind_raft_members',
      help: 'Members of the group; leaving: voters that a change under way takes out.',
      labels: ['membership'],
      known: MEMBERSHIPS.map((membership) => ({ membership })),
    }),
    raftMatchIndex: make.gauge({
      name: 'omnimind_raft_match_index',
      help: 'Index up to which a member’s log is durable and equal; shown by the leader.',
      labels: ['member'],
    }),
    raftLag: make.gauge({
      name: 'omnimind_raft_lag_entries',
      help: 'Entries of the leader’s log that a member does not have yet; shown by the leader.',
      labels: ['member'],
    }),
    raftContactAge: make.gauge({
      name: 'omnimind_raft_contact_age_seconds',
      help: 'Since a member’s last message; shown by the leader, absent before the first one of its term.',
      labels: ['member'],
    }),
  };
}

function replicationSeries(make: SeriesMaker) {
  return {
    raftAppendDuration: make.histogram({
      name: 'omnimind_raft_append_duration_seconds',
      help: 'From the moment that entries are to be written to their being durable on this member.',
      labels: [],
      buckets: REPLICATION_SECONDS,
      known: [{}],
    }),
    raftCommitDuration: make.histogram({
      name: 'omnimind_raft_commit_duration_seconds',
      help: 'From the proposal of a command at this leader to its commit.',
      labels: [],
      buckets: REPLICATION_SECONDS,
      exemplars: true,
      known: [{}],
    }),
    raftApplyDuration: make.histogram({
      name: 'omnimind_raft_apply_duration_seconds',
      help: 'From the commit of entries to their being applied on this member.',
      labels: [],
      buckets: REPLICATION_SECONDS,
      exemplars: true,
      known: [{}],
    }),
    raftSnapshots: make.counter({
      name: 'omnimind_raft_snapshots_total',
      help: 'Snapshots that this member saved of its own state, or installed from the leader.',
      labels: ['origin'],
      known: [{ origin: 'saved' }, { origin: 'installed' }],
    }),
  };
}

function transportSeries(make: SeriesMaker) {
  return {
    raftFrames: make.counter({
      name: 'omnimind_raft_frames_total',
      help: 'Messages between members, and requests and answers of clients, by kind.',
      labels: ['direction', 'kind'],
    }),
    raftFrameBytes: make.counter({
      name: 'omnimind_raft_frame_bytes_total',
      help: 'Bytes of those frames.',
      labels: ['direction', 'kind'],
    }),
    raftFramesDropped: make.counter({
      name: 'omnimind_raft_frames_dropped_total',
      help: 'Frames that were not sent, by why and kind.',
      labels: ['cause', 'kind'],
    }),
    raftConnections: make.gauge({
      name: 'omnimind_raft_connections',
      help: 'Open connections of the Raft port, dialled and accepted.',
      labels: ['kind'],
      known: CONNECTION_KINDS.map((kind) => ({ kind })),
    }),
    raftConnectionsRefused: make.counter({
      name: 'omnimind_raft_connections_refused_total',
      help: 'Connections refused, or closed for what came over them, by cause.',
      labels: ['cause'],
      known: REFUSAL_CAUSES.map((cause) => ({ cause })),
    }),
    raftDialFailures: make.counter({
      name: 'omnimind_raft_dial_failures_total',
      help: 'Attempts of this member to reach another that failed, by cause.',
      labels: ['cause'],
      known: DIAL_FAILURES.map((cause) => ({ cause })),
    }),
  };
}
