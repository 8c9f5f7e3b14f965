/**
 * Every series that this process exports, in one table (with the other tables beside it): name, help,
 * labels and buckets. Nothing else declares one. What a label may hold is bounded by a closed set, by
 * the routes and policies that exist, and at last by the cap per family. Makes nothing itself: the
 * maker is an argument.
 */

import { COMMAND_REFUSALS } from '../model/command.ts';
import { FORWARD_OUTCOMES } from '../model/leadership.ts';
import { NODE_STATUSES } from '../model/node.ts';
import { alertSeries } from './alert-series-table.ts';
import type { SeriesMaker } from './instruments.ts';
import { LOGGED_LEVELS } from './logs.ts';
import { raftSeries } from './raft-series-table.ts';
import { scalingSeries } from './scaling-series-table.ts';

export type SeriesMembers = ReturnType<typeof declareSeries>;

/** The members, each made by `make`. */
export function declareSeries(make: SeriesMaker) {
  return {
    ...processSeries(make),
    ...httpSeries(make),
    ...loopSeries(make),
    ...nodeSeries(make),
    ...metricsSourceSeries(make),
    ...logSeries(make),
    ...alertSeries(make),
    ...scalingSeries(make),
    ...raftSeries(make),
  };
}

const REQUEST_SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const STAGE_SECONDS = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const FSYNC_SECONDS = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.5, 1, 5];

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
    loggedLines: make.counter({
      name: 'omnimind_logged_lines_total',
      help: 'Lines that this process wrote to its log, by level; error: somebody must act.',
      labels: ['level'],
      known: LOGGED_LEVELS.map((level) => ({ level })),
    }),
    dataDiskAvailable: make.gauge({
      name: 'omnimind_data_disk_available_bytes',
      help: 'Room on the file system of the data directory; NaN while it cannot be read.',
      labels: [],
    }),
    dataDiskSize: make.gauge({
      name: 'omnimind_data_disk_size_bytes',
      help: 'Size of the file system of the data directory; NaN while it cannot be read.',
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
    httpAnswers: make.counter({
      name: 'omnimind_http_answers_total',
      help: 'Requests by whether the plane did its part: failed is a status of 500 or more. Probes, scrapes and clients that left are not counted.',
      labels: ['result'],
      known: [{ result: 'served' }, { result: 'failed' }],
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
    loopInterval: make.gauge({
      name: 'omnimind_loop_interval_seconds',
      help: 'Time between two runs of a loop, as it is set.',
      labels: ['loop'],
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
