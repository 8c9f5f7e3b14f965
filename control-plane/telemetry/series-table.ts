/**
 * Every series that this process exports, in one table (with raft-series-table.ts): name, help, labels
 * and buckets. Nothing else declares one. What a label may hold is bounded by a closed set, by the routes and policies
 * that exist, and at last by the cap per family. Makes nothing itself: the maker is an argument.
 */

import { COMMAND_REFUSALS } from '../model/command.ts';
import { MODES } from '../model/mode.ts';
import { NODE_STATUSES } from '../model/node.ts';
import { REASONS } from '../model/reasons.ts';
import type { SeriesMaker } from './instruments.ts';
import { raftSeries } from './raft-series-table.ts';

export type SeriesMembers = ReturnType<typeof declareSeries>;

/** The members, each made by `make`. */
export function declareSeries(make: SeriesMaker) {
  return {
    ...processSeries(make),
    ...httpSeries(make),
    ...loopSeries(make),
    ...decisionSeries(make),
    ...workloadSeries(make),
    ...nodeSeries(make),
    ...metricsSourceSeries(make),
    ...logSeries(make),
    ...decisionStoreSeries(make),
    ...raftSeries(make),
  };
}

const REQUEST_SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const STAGE_SECONDS = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const FSYNC_SECONDS = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.5, 1, 5];
const AGE_SECONDS = [1, 2, 5, 10, 15, 30, 45, 60, 120, 300, 600, 1800];
const ACTION_SECONDS = [0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600];

/** How a request that was sent on to the leader ended; not_reached: nobody there, so it had no effect. */
export const FORWARD_OUTCOMES = ['answered', 'refused', 'not_reached', 'broken'] as const;

const STAGES = ['observe', 'decide', 'commit', 'act', 'verify'] as const;

function processSeries(make: SeriesMaker) {
  return {
    buildInfo: make.gauge({
      name: 'omnimind_build_info',
      help: 'Always 1; the versions of this product and of Node.js are the labels.',
      labels: ['version', 'node_version'],
    }),
    eventLoopLag: make.gauge({
      name: 'omnimind_event_loop_lag_seconds',
      help: 'How late the event loop ran over the last 15 to 30 seconds.',
      labels: ['statistic'],
    }),
    readinessChecks: make.gauge({
      name: 'omnimind_readiness_checks',
      help: 'One per dependency and status: 1 for the status that it has, 0 for the others.',
      labels: ['check', 'status'],
    }),
    metricsDroppedSeries: make.counter({
      name: 'omnimind_metrics_dropped_series_total',
      help: 'Writes to a series that does not exist because its family is full.',
      labels: [],
    }),
    metricsDroppedValues: make.counter({
      name: 'omnimind_metrics_dropped_values_total',
      help: 'Values left out because they were not finite, or negative for a counter.',
      labels: [],
    }),
    tracesDropped: make.counter({
      name: 'omnimind_traces_dropped_total',
      help: 'Spans given up: the queue was full, or the collector refused or did not answer.',
      labels: [],
    }),
  };
}

function httpSeries(make: SeriesMaker) {
  return {
    httpRequests: make.counter({
      name: 'omnimind_http_requests_total',
      help: 'Answered requests; route is the template, or unmatched.',
      labels: ['method', 'route', 'status'],
    }),
    httpRequestDuration: make.histogram({
      name: 'omnimind_http_request_duration_seconds',
      help: 'From the head of a request to the end of its answer.',
      labels: ['method', 'route'],
      buckets: REQUEST_SECONDS,
      exemplars: true,
    }),
    httpRequestsInFlight: make.gauge({
      name: 'omnimind_http_requests_in_flight',
      help: 'Requests that are being answered.',
      labels: [],
    }),
    httpForwards: make.counter({
      name: 'omnimind_http_forwards_total',
      help: 'Requests that this member sent on to the leader, by how that ended.',
      labels: ['outcome'],
      known: FORWARD_OUTCOMES.map((outcome) => ({ outcome })),
    }),
    httpAuthFailures: make.counter({
      name: 'omnimind_http_auth_failures_total',
      help: 'Requests refused for their key or its role.',
      labels: ['cause'],
    }),
  };
}

function loopSeries(make: SeriesMaker) {
  return {
    loopDuration: make.histogram({
      name: 'omnimind_loop_duration_seconds',
      help: 'Duration of one run of a loop.',
      labels: ['loop'],
      buckets: STAGE_SECONDS,
      exemplars: true,
    }),
    loopRuns: make.counter({
      name: 'omnimind_loop_runs_total',
      help: 'Runs of a loop by outcome.',
      labels: ['loop', 'outcome'],
    }),
    loopLag: make.histogram({
      name: 'omnimind_loop_lag_seconds',
      help: 'How late a run of a loop started.',
      labels: ['loop'],
      buckets: STAGE_SECONDS,
    }),
    stageDuration: make.histogram({
      name: 'omnimind_stage_duration_seconds',
      help: 'Duration of one stage in the life of a decision.',
      labels: ['stage'],
      buckets: STAGE_SECONDS,
      exemplars: true,
      known: STAGES.map((stage) => ({ stage })),
    }),
  };
}

function decisionSeries(make: SeriesMaker) {
  return {
    evaluations: make.counter({
      name: 'omnimind_evaluations_total',
      help: 'Decisions made, by whether they act and why.',
      labels: ['workload', 'outcome', 'reason'],
      capFactor: REASONS.length,
    }),
    lastEvaluation: make.gauge({
      name: 'omnimind_last_evaluation_timestamp_seconds',
      help: 'UNIX time of the last decision for a workload.',
      labels: ['workload'],
    }),
    decisionInputAge: make.gauge({
      name: 'omnimind_decision_input_age_seconds',
      help: 'Age of the oldest sample under a signal when the last decision read it.',
      labels: ['workload', 'metric'],
      capFactor: 4,
    }),
    decisionInputAgeDistribution: make.histogram({
      name: 'omnimind_decision_input_age_distribution_seconds',
      help: 'Ages of the oldest samples under the signals that decisions read.',
      labels: [],
      buckets: AGE_SECONDS,
    }),
    sampleToAction: make.histogram({
      name: 'omnimind_sample_to_action_seconds',
      help: 'From the newest sample of the deciding signal to the target being told.',
      labels: [],
      buckets: ACTION_SECONDS,
      exemplars: true,
    }),
    proposalReplicas: make.gauge({
      name: 'omnimind_proposal_replicas',
      help: 'Replicas that one metric of the policy asks for; absent when the signal cannot be used.',
      labels: ['workload', 'metric'],
      capFactor: 4,
    }),
    actions: make.counter({
      name: 'omnimind_actions_total',
      help: 'Scaling actions that ended, by direction and outcome.',
      labels: ['workload', 'direction', 'outcome'],
      capFactor: 4,
    }),
    actionDuration: make.histogram({
      name: 'omnimind_action_duration_seconds',
      help: 'From the commit of a scaling action to its end.',
      labels: ['outcome'],
      buckets: ACTION_SECONDS,
      known: [{ outcome: 'verified' }, { outcome: 'failed' }],
    }),
    actionsInFlight: make.gauge({
      name: 'omnimind_actions_in_flight',
      help: 'Scaling actions that are committed and not verified yet.',
      labels: [],
    }),
  };
}

function workloadSeries(make: SeriesMaker) {
  return {
    replicasDesired: make.gauge({
      name: 'omnimind_replicas_desired',
      help: 'Replicas wanted by the last committed decision.',
      labels: ['workload'],
    }),
    replicasReady: make.gauge({
      name: 'omnimind_replicas_ready',
      help: 'Replicas that serve, as last observed.',
      labels: ['workload'],
    }),
    replicasStarting: make.gauge({
      name: 'omnimind_replicas_starting',
      help: 'Replicas that were started and do not serve yet, as last observed.',
      labels: ['workload'],
    }),
    workloadMode: make.gauge({
      name: 'omnimind_workload_mode',
      help: 'One per workload and mode: 1 for the mode that it is in, 0 for the others.',
      labels: ['workload', 'mode'],
      capFactor: MODES.length,
    }),
    planeMode: make.gauge({
      name: 'omnimind_plane_mode',
      help: 'One per mode: 1 for the mode that the whole plane is in, 0 for the others.',
      labels: ['mode'],
      known: MODES.map((mode) => ({ mode })),
    }),
    workloads: make.gauge({
      name: 'omnimind_workloads',
      help: 'Workloads in the state.',
      labels: [],
    }),
    policies: make.gauge({
      name: 'omnimind_policies',
      help: 'Policies in the state.',
      labels: [],
    }),
  };
}

function nodeSeries(make: SeriesMaker) {
  return {
    nodes: make.gauge({
      name: 'omnimind_nodes',
      help: 'Registered nodes by health.',
      labels: ['status'],
      known: NODE_STATUSES.map((status) => ({ status })),
    }),
    heartbeats: make.counter({
      name: 'omnimind_heartbeats_total',
      help: 'Heartbeats received; unknown_node has to register again.',
      labels: ['outcome'],
      known: [{ outcome: 'accepted' }, { outcome: 'unknown_node' }],
    }),
  };
}

function metricsSourceSeries(make: SeriesMaker) {
  return {
    metricsSourceRequests: make.counter({
      name: 'omnimind_metrics_source_requests_total',
      help: 'Queries to the metrics source by outcome.',
      labels: ['outcome'],
    }),
    metricsSourceRequestDuration: make.histogram({
      name: 'omnimind_metrics_source_request_duration_seconds',
      help: 'Duration of one query to the metrics source, answered or not.',
      labels: [],
      buckets: REQUEST_SECONDS,
      exemplars: true,
    }),
    metricsSourceBreakerOpen: make.gauge({
      name: 'omnimind_metrics_source_breaker_open',
      help: '1 while queries are not sent because the last ones failed.',
      labels: [],
    }),
  };
}

function logSeries(make: SeriesMaker) {
  return {
    logCommitIndex: make.gauge({
      name: 'omnimind_log_commit_index',
      help: 'Index of the last committed entry of the command log.',
      labels: [],
    }),
    logAppliedIndex: make.gauge({
      name: 'omnimind_log_applied_index',
      help: 'Index of the last entry that the state has applied.',
      labels: [],
    }),
    logLastIndex: make.gauge({
      name: 'omnimind_log_last_index',
      help: 'Index of the last entry of the command log, committed or not.',
      labels: [],
    }),
    logSnapshotIndex: make.gauge({
      name: 'omnimind_log_snapshot_index',
      help: 'Index of the last entry that the newest snapshot holds; 0 without one.',
      labels: [],
    }),
    logSizeBytes: make.gauge({
      name: 'omnimind_log_size_bytes',
      help: 'Size of the command log on disk, its snapshot included.',
      labels: [],
    }),
    logSnapshotSizeBytes: make.gauge({
      name: 'omnimind_log_snapshot_size_bytes',
      help: 'Size of the newest snapshot on disk; 0 without one.',
      labels: [],
    }),
    logFsyncDuration: make.histogram({
      name: 'omnimind_log_fsync_duration_seconds',
      help: 'Time for one batch of entries to be on disk: its write and flush.',
      labels: [],
      buckets: FSYNC_SECONDS,
    }),
    commands: make.counter({
      name: 'omnimind_commands_total',
      help: 'Commands that the state machine was given, by kind and result.',
      labels: ['kind', 'result'],
    }),
    commandRefusals: make.counter({
      name: 'omnimind_command_refusals_total',
      help: 'Commands that the state machine refused, by refusal.',
      labels: ['refusal'],
      known: COMMAND_REFUSALS.map((refusal) => ({ refusal })),
    }),
  };
}

function decisionStoreSeries(make: SeriesMaker) {
  return {
    decisionStoreConnected: make.gauge({
      name: 'omnimind_decision_store_connected',
      help: '1 while the database of the decision record answers.',
      labels: [],
    }),
    decisionStoreBuffered: make.gauge({
      name: 'omnimind_decision_store_buffered',
      help: 'Decision records that wait on disk for the database.',
      labels: [],
    }),
    decisionStoreDropped: make.counter({
      name: 'omnimind_decision_store_dropped_total',
      help: 'Decision records given up because the spool reached its bound.',
      labels: [],
    }),
  };
}
