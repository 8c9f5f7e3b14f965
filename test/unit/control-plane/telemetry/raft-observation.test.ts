/** What a Raft member and its transport tell, as series; and the closed sets behind the labels. */

import assert from 'node:assert/strict';
import type { TransportHooks } from '../../../../control-plane/adapters/raft/counting.ts';
import type { Configuration } from '../../../../control-plane/model/configuration.ts';
import { CONSENSUS_FAILURES } from '../../../../control-plane/model/consensus-failure.ts';
import { VOTE_PHASES } from '../../../../control-plane/model/election.ts';
import {
  FORWARD_OUTCOMES,
  RAFT_ROLES,
  STEP_DOWN_REASONS,
  TRANSFER_OUTCOMES,
} from '../../../../control-plane/model/leadership.ts';
import { DIAL_FAILURES, REFUSAL_CAUSES } from '../../../../control-plane/model/raft-connection.ts';
import type { RaftStatus } from '../../../../control-plane/raft/ready.ts';
import { renderMetrics } from '../../../../control-plane/telemetry/exposition.ts';
import {
  observeRaft,
  observeTransport,
  watchRaft,
} from '../../../../control-plane/telemetry/raft-observation.ts';
import { createSeries } from '../../../../control-plane/telemetry/series.ts';
import type { Series } from '../../../../control-plane/telemetry/series.ts';

const VOTERS: Configuration = {
  voters: ['m1', 'm2', 'm3'],
  outgoing: [],
  learners: [],
  addresses: { m1: 'a:1', m2: 'a:2', m3: 'a:3' },
};

const FOLLOWER: RaftStatus = {
  memberId: 'm1',
  role: 'follower',
  term: 4,
  votedFor: 'm2',
  leaderId: 'm2',
  commitIndex: 90,
  appliedIndex: 88,
  lastIndex: 95,
  persistedIndex: 95,
  firstIndex: 41,
  snapshotIndex: 50,
  configuration: VOTERS,
  configurationIndex: 1,
  transferTo: null,
  progress: [],
};

const LEADER: RaftStatus = {
  ...FOLLOWER,
  role: 'leader',
  term: 5,
  leaderId: 'm1',
  progress: ['m2', 'm3'].map((memberId, at) => ({
    memberId,
    state: 'replicate',
    matchIndex: 90 + at * 10,
    nextIndex: 96,
    inFlight: 0,
    inFlightBytes: 0,
    contactMs: at === 0 ? 9_750 : null,
  })),
};

describe('the series of a Raft member', () => {
  let series: Series;
  let status: RaftStatus;
  const lines = async (prefix: string) =>
    (await renderMetrics(series.registry, undefined)).body
      .split('\n')
      .filter((line) => line.startsWith(prefix) && !line.endsWith(' 0'));

  beforeEach(() => {
    series = createSeries({ version: '0' });
    status = FOLLOWER;
    watchRaft(series, {
      status: () => status,
      logBytes: () => 4096,
      snapshotBytes: () => 1024,
      monotonicMs: () => 10_000,
    });
  });
  afterEach(() => series.stop());

  it('show the member as it is at each scrape', async () => {
    assert.deepEqual(await lines('omnimind_raft_member_info{'), [
      'omnimind_raft_member_info{member="m1"} 1',
    ]);
    assert.deepEqual(await lines('omnimind_raft_term '), ['omnimind_raft_term 4']);
    assert.deepEqual(await lines('omnimind_raft_role{'), ['omnimind_raft_role{role="follower"} 1']);
    assert.deepEqual(await lines('omnimind_raft_is_leader '), []);
    assert.deepEqual(await lines('omnimind_raft_has_leader '), ['omnimind_raft_has_leader 1']);
    assert.deepEqual(await lines('omnimind_log_'), [
      'omnimind_log_commit_index 90',
      'omnimind_log_applied_index 88',
      'omnimind_log_last_index 95',
      'omnimind_log_snapshot_index 50',
      'omnimind_log_size_bytes 4096',
      'omnimind_log_snapshot_size_bytes 1024',
    ]);
    status = { ...FOLLOWER, role: 'pre_candidate', leaderId: null };
    assert.deepEqual(await lines('omnimind_raft_role{'), [
      'omnimind_raft_role{role="pre_candidate"} 1',
    ]);
    assert.deepEqual(await lines('omnimind_raft_has_leader '), []);
  });

  it('show a leader’s followers, and forget those that leave, and all when it leads no more', async () => {
    status = LEADER;
    assert.deepEqual(await lines('omnimind_raft_match_index{'), [
      'omnimind_raft_match_index{member="m2"} 90',
      'omnimind_raft_match_index{member="m3"} 100',
    ]);
    // What m3 holds may be ahead of a status that was taken before.
    assert.deepEqual(await lines('omnimind_raft_lag_entries{'), [
      'omnimind_raft_lag_entries{member="m2"} 5',
    ]);
    assert.deepEqual(await lines('omnimind_raft_contact_age_seconds{'), [
      'omnimind_raft_contact_age_seconds{member="m2"} 0.25',
    ]);
    status = { ...LEADER, progress: LEADER.progress.slice(1) };
    assert.deepEqual(await lines('omnimind_raft_match_index{'), [
      'omnimind_raft_match_index{member="m3"} 100',
    ]);
    status = FOLLOWER;
    const body = (await renderMetrics(series.registry, undefined)).body;
    assert.doesNotMatch(body, /member="m[23]"/);
  });

  it('count who is a voter, who learns and who leaves', async () => {
    status = {
      ...FOLLOWER,
      configuration: {
        ...VOTERS,
        voters: ['m1', 'm4'],
        outgoing: ['m1', 'm2', 'm3'],
        learners: ['m3'],
      },
    };
    assert.deepEqual(await lines('omnimind_raft_members{'), [
      'omnimind_raft_members{membership="voter"} 2',
      'omnimind_raft_members{membership="learner"} 1',
      'omnimind_raft_members{membership="leaving"} 1',
    ]);
  });

  it('lead from a commit to the trace of who proposed', async () => {
    const observe = observeRaft(series);
    const traceId = '1'.repeat(32);
    observe.onCommitLatency(0.002, `00-${traceId}-${'2'.repeat(16)}-01`);
    observe.onCommitLatency(0.3, `00-${'3'.repeat(32)}-${'2'.repeat(16)}-00`);
    observe.onCommitLatency(0.3, null);
    observe.onAppendLatency(0.001);
    observe.onApplyLatency(0.001);
    observe.onSnapshotSaved();
    observe.onProposalRefused('overloaded');
    observe.onReadEnded('ok', 0.004);
    observe.onReadEnded('no_leader', 2);
    const { body } = await renderMetrics(series.registry, 'application/openmetrics-text');
    const exemplars = body.split('\n').filter((line) => line.includes('trace_id='));
    assert.equal(exemplars.length, 1);
    assert.match(
      exemplars[0] ?? '',
      /^omnimind_raft_commit_duration_seconds_bucket\{le="0\.0025"\} 1 # \{trace_id="1{32}"\} 0\.002/,
    );
    for (const line of [
      'omnimind_raft_commit_duration_seconds_count 3',
      'omnimind_raft_append_duration_seconds_count 1',
      'omnimind_raft_apply_duration_seconds_count 1',
      'omnimind_raft_snapshots_total{origin="saved"} 1',
      'omnimind_raft_proposals_refused_total{reason="overloaded"} 1',
      'omnimind_raft_reads_total{outcome="ok"} 1',
      'omnimind_raft_reads_total{outcome="no_leader"} 1',
      'omnimind_raft_read_duration_seconds_count 1',
    ]) {
      assert.ok(body.includes(`\n${line}\n`), line);
    }
  });

  it('count what goes over the network, and what is refused there', async () => {
    // As the transport is given it: the shapes fit.
    const hooks: TransportHooks = observeTransport(series);
    hooks.traffic('sent', 'append', 3, 900);
    hooks.traffic('received', 'append_reply', 2, 60);
    hooks.dropped('queue_full', 'append');
    hooks.refused('proof', '10.0.0.1:1', 'another secret');
    hooks.dialFailed('m2', 'unreachable', 'nobody listens');
    hooks.connections({ members: 4, clients: 2, unauthenticated: 1 });
    for (const [prefix, expected] of [
      [
        'frames_total',
        ['{direction="sent",kind="append"} 3', '{direction="received",kind="append_reply"} 2'],
      ],
      [
        'frame_bytes_total',
        ['{direction="sent",kind="append"} 900', '{direction="received",kind="append_reply"} 60'],
      ],
      ['frames_dropped_total', ['{cause="queue_full",kind="append"} 1']],
      ['connections_refused_total', ['{cause="proof"} 1']],
      ['dial_failures_total', ['{cause="unreachable"} 1']],
      ['connections{', ['kind="member"} 4', 'kind="client"} 2', 'kind="unauthenticated"} 1']],
    ] as const) {
      assert.deepEqual(
        await lines(`omnimind_raft_${prefix}`),
        expected.map((rest) => `omnimind_raft_${prefix}${rest}`),
      );
    }
  });
});

describe('the labels of the Raft series', () => {
  it('are there from the start, one for each word of the set and no other', async () => {
    const { body } = await renderMetrics(createSeries({ version: '0' }).registry, undefined);
    for (const [series, label, words] of [
      ['http_forwards_total', 'outcome', FORWARD_OUTCOMES],
      ['raft_votes_total', 'phase', VOTE_PHASES],
      ['raft_role', 'role', RAFT_ROLES],
      ['raft_step_downs_total', 'reason', STEP_DOWN_REASONS],
      ['raft_transfers_total', 'outcome', TRANSFER_OUTCOMES],
      ['raft_proposals_refused_total', 'reason', CONSENSUS_FAILURES],
      ['raft_reads_total', 'outcome', ['ok', ...CONSENSUS_FAILURES]],
      ['raft_connections_refused_total', 'cause', REFUSAL_CAUSES],
      ['raft_dial_failures_total', 'cause', DIAL_FAILURES],
    ] as const) {
      const shown = body.matchAll(
        new RegExp(`^omnimind_${series}\\{(?:.*,)?${label}="([a-z_]+)"`, 'gm'),
      );
      assert.deepEqual(new Set([...shown].map(([, word]) => word)), new Set(words), series);
    }
  });
});
