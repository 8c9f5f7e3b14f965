/**
 * The control plane on itself, by member: requests (rate, errors, duration), loops and their stages,
 * the process, and what it depends on: the decision record, Prometheus, and its own telemetry. How
 * the members agree is the dashboard for Raft; what they decide is the one for workloads.
 */

import { api } from '../api-links.ts';
import type { DashboardRow, DashboardSpec } from '../dashboard.ts';
import { runbook, toDashboard } from '../links.ts';
import { stat, stateTimeline, timeSeries } from '../panels.ts';
import { NOT_SCRAPED, OF, quantiles } from './control-plane/queries.ts';
import { members } from '../variables.ts';
import { loops, processes } from './control-plane/loops.ts';
import { record, source, telemetry } from './control-plane/dependencies.ts';

const RAFT = toDashboard('omnimind-raft', 'Raft and elections', { variables: ['member'] });

const READINESS = api('/readyz', 'Readiness of the member behind the API');

const health: DashboardRow = {
  title: 'Is it healthy',
  panels: [
    stat({
      title: 'Members that answer',
      description: 'Members that Prometheus could scrape, of those that it knows.',
      unit: 'count',
      link: runbook('OmniMindMemberDown'),
      noValue: 'Prometheus knows no member',
      queries: [
        { expr: 'sum(up{job="omnimind-control-plane"})', legend: 'up' },
        { expr: 'count(up{job="omnimind-control-plane"})', legend: 'known' },
      ],
      textMode: 'value_and_name',
      graph: false,
    }),
    stat({
      title: 'Failed checks',
      description:
        'Readiness checks that failed, all members together: a member with one gets no requests.',
      unit: 'count',
      link: runbook('OmniMindMemberNotReady'),
      noValue: NOT_SCRAPED,
      queries: [
        {
          expr: 'sum(omnimind_readiness_checks{instance=~"$member", status="failed"})',
          legend: 'failed',
        },
      ],
      thresholds: [
        [null, 'ok'],
        [1, 'critical'],
      ],
    }),
    stat({
      title: 'Degraded checks',
      description:
        'Readiness checks that are degraded: the plane goes on without that dependency, and says what it lacks.',
      unit: 'count',
      link: READINESS,
      noValue: NOT_SCRAPED,
      queries: [
        {
          expr: 'sum(omnimind_readiness_checks{instance=~"$member", status="degraded"})',
          legend: 'degraded',
        },
      ],
      thresholds: [
        [null, 'ok'],
        [1, 'warning'],
      ],
    }),
    stat({
      title: 'Requests failed',
      description: 'Share of the requests of the last five minutes that were answered with 5xx.',
      unit: 'ratio',
      link: runbook('OmniMindHttpErrors'),
      noValue: 'No request was answered yet',
      queries: [{ expr: `max(plane:http_request_errors:ratio_rate5m${OF})`, legend: 'worst' }],
      thresholds: [
        [null, 'ok'],
        [0.01, 'warning'],
        [0.05, 'critical'],
      ],
      min: 0,
    }),
    stat({
      title: 'Tick, p99',
      description: '99 of 100 runs of the scale loop took less, on the slowest member.',
      unit: 'seconds',
      link: runbook('OmniMindPolicyNotEvaluated'),
      noValue: 'No tick has run yet',
      queries: [
        {
          expr: 'max(plane_loop:loop_duration_seconds:p99_rate5m{instance=~"$member", loop="scale"})',
          legend: 'p99',
        },
      ],
      thresholds: [
        [null, 'ok'],
        [2.5, 'warning'],
        [5, 'critical'],
      ],
      min: 0,
    }),
    stat({
      title: 'Version',
      description: 'Versions that run; two of them: an upgrade is under way.',
      unit: 'count',
      link: runbook('OmniMindMemberVersionSkew'),
      noValue: NOT_SCRAPED,
      queries: [{ expr: `count by (version) (omnimind_build_info${OF})`, legend: '{{version}}' }],
      textMode: 'name',
      graph: false,
    }),
    stateTimeline({
      title: 'Readiness',
      description:
        'The worst status of each check over the members: log, quorum, Prometheus, decision store, scale loop.',
      unit: 'count',
      link: READINESS,
      noValue: NOT_SCRAPED,
      mappings: [
        [0, 'ok', 'ok'],
        [1, 'degraded', 'warning'],
        [2, 'failed', 'critical'],
      ],
      queries: [
        {
          expr: [
            'max by (check) (omnimind_readiness_checks{instance=~"$member", status="degraded"})',
            '2 * max by (check) (omnimind_readiness_checks{instance=~"$member", status="failed"})',
          ].join(' + '),
          legend: '{{check}}',
        },
      ],
      size: { width: 24, height: 6 },
    }),
  ],
};

const requests: DashboardRow = {
  title: 'Requests',
  panels: [
    timeSeries({
      title: 'Requests by route',
      description:
        'Answered requests, the 15 busiest routes; unmatched are paths that nobody serves.',
      unit: 'requestsPerSecond',
      link: api('/docs', 'The API'),
      noValue: NOT_SCRAPED,
      min: 0,
      queries: [
        {
          expr: `topk(15, sum by (method, route) (plane_route:http_requests:rate5m${OF}))`,
          legend: '{{method}} {{route}}',
        },
      ],
    }),
    timeSeries({
      title: 'Errors by status',
      description:
        'Answers with 4xx (the client’s fault) and 5xx (503 while there is no leader is one). A flat 0 is health.',
      unit: 'requestsPerSecond',
      link: runbook('OmniMindHttpErrors'),
      noValue: NOT_SCRAPED,
      min: 0,
      queries: [
        {
          expr: 'sum by (status) (plane_route:http_requests:rate5m{instance=~"$member", status=~"[45].."}) or label_replace(0 * sum(plane_route:http_requests:rate5m), "status", "none", "", "")',
          legend: '{{status}}',
        },
      ],
    }),
    timeSeries({
      title: 'Duration, p99 by route',
      description:
        'From the head of a request to the end of its answer, the 15 slowest routes. Gaps: nobody asked.',
      unit: 'seconds',
      logarithmic: true,
      link: toDashboard('omnimind-slo', 'Objectives'),
      noValue: NOT_SCRAPED,
      queries: [
        {
          expr: `topk(15, max by (route) (plane_route:http_request_duration_seconds:p99_rate5m${OF}))`,
          legend: '{{route}}',
        },
      ],
    }),
    timeSeries({
      title: 'Duration of all requests',
      description: 'All routes together. Points are single requests and lead to their traces.',
      unit: 'seconds',
      logarithmic: true,
      link: runbook('OmniMindHttpSlow'),
      noValue: NOT_SCRAPED,
      queries: quantiles('omnimind_http_request_duration_seconds', true),
    }),
    timeSeries({
      title: 'In flight',
      description: 'Requests that are being answered right now, by member.',
      unit: 'count',
      link: api('/docs', 'The API'),
      noValue: NOT_SCRAPED,
      min: 0,
      queries: [{ expr: `omnimind_http_requests_in_flight${OF}`, legend: '{{instance}}' }],
    }),
    timeSeries({
      title: 'Sent on to the leader',
      description:
        'Requests that a member had to pass on, by how that ended; refused and not_reached had no effect.',
      unit: 'requestsPerSecond',
      link: RAFT,
      noValue: NOT_SCRAPED,
      min: 0,
      queries: [
        {
          expr: `sum by (outcome) (rate(omnimind_http_forwards_total${OF}[$__rate_interval]))`,
          legend: '{{outcome}}',
        },
      ],
    }),
    timeSeries({
      title: 'Refused for their key',
      description:
        'Requests without a key, with an unknown one, or one whose role may not do that.',
      unit: 'requestsPerSecond',
      link: runbook('OmniMindAuthFailures'),
      noValue: 'None was refused since the members started',
      min: 0,
      queries: [
        {
          expr: `sum by (cause) (rate(omnimind_http_auth_failures_total${OF}[$__rate_interval])) or label_replace(0 * sum(omnimind_http_requests_in_flight), "cause", "none", "", "")`,
          legend: '{{cause}}',
        },
      ],
    }),
  ],
};

export const controlPlane: DashboardSpec = {
  uid: 'omnimind-control-plane',
  title: 'Control plane',
  description:
    'Whether the members of the control plane answer, decide in time, and reach what they depend on. For who runs the plane.',
  events: ['Elections', 'Alerts'],
  variables: [members],
  rows: [health, requests, loops, processes, record, source, telemetry],
};
