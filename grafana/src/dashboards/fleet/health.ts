/** One number per question whose answer may be that somebody must act. */

import type { DashboardRow } from '../../dashboard.ts';
import { toDashboard } from '../../links.ts';
import { stat } from '../../panels.ts';
import { toWorkloads, toPlane } from './parts.ts';

export const health: DashboardRow = {
  title: 'Is it healthy',
  panels: [
    stat({
      title: 'Members with a leader',
      description:
        'Share of the control plane’s members that know who leads. Below 100 %: a member is down or cut off. 0 %: nobody decides, workloads stay as they are.',
      unit: 'ratio',
      max: 1,
      link: toDashboard('omnimind-raft', 'Raft and elections'),
      noValue: 'No member is scraped',
      thresholds: [
        [null, 'critical'],
        [0.5, 'warning'],
        [1, 'ok'],
      ],
      queries: [
        {
          expr: '(sum(omnimind_raft_has_leader) or vector(0)) / count(up{job="omnimind-control-plane"})',
          legend: 'members with a leader',
        },
      ],
    }),
    stat({
      title: 'Nodes that report',
      description: 'Hosts whose agent answered the last scrape.',
      unit: 'count',
      link: toDashboard('omnimind-node', 'Nodes'),
      noValue: 'No agent has registered',
      thresholds: [
        [null, 'critical'],
        [1, 'ok'],
      ],
      queries: [{ expr: 'sum(up{job="omnimind-agents"})', legend: 'nodes that report' }],
    }),
    stat({
      title: 'Nodes not well',
      description:
        'Registered hosts that the control plane holds for degraded (a collector fails), stale (heartbeats are late) or unreachable (none for long).',
      unit: 'count',
      link: toDashboard('omnimind-node', 'Nodes'),
      noValue: 'No member leads, so nobody judges nodes',
      thresholds: [
        [null, 'ok'],
        [1, 'warning'],
      ],
      queries: [
        {
          expr: 'sum(max by (status) (omnimind_nodes{status!="healthy"}))',
          legend: 'nodes not well',
        },
      ],
    }),
    stat({
      title: 'Alerts that notify',
      description: 'Alerts that fire now with severity critical or warning. The others inform.',
      unit: 'count',
      link: toDashboard('omnimind-alerts', 'Alerts'),
      noValue: 'Prometheus evaluates no alert',
      thresholds: [
        [null, 'ok'],
        [1, 'critical'],
      ],
      queries: [
        {
          expr: 'count(ALERTS{alertstate="firing", severity=~"critical|warning"}) or vector(0)',
          legend: 'alerts that notify',
        },
      ],
    }),
    stat({
      title: 'Least error budget left',
      description:
        'Of all objectives, the one that has the least of its window’s error budget left. 100 %: nothing failed. Below 0 %: the objective is missed.',
      unit: 'ratio',
      link: toDashboard('omnimind-slo', 'SLOs'),
      noValue: 'No objective has been measured yet',
      thresholds: [
        [null, 'critical'],
        [0, 'warning'],
        [0.25, 'ok'],
      ],
      queries: [
        { expr: 'min(slo:error_budget_remaining:ratio)', legend: 'least error budget left' },
      ],
    }),
    stat({
      title: 'GPUs',
      description: 'GPUs that agents read. A fleet without GPUs is healthy, too.',
      unit: 'count',
      link: toDashboard('omnimind-gpu', 'GPU fleet'),
      noValue: 'No GPU reports',
      thresholds: [[null, 'neutral']],
      queries: [{ expr: 'count(omnimind_gpu_info)', legend: 'GPUs' }],
    }),
    stat({
      title: 'Workloads at their maximum',
      description:
        'Workloads that have as many replicas as their policy allows. They cannot follow more load: raise the maximum, or find out why each replica serves so little.',
      unit: 'count',
      link: toWorkloads,
      noValue: 'No workload is declared',
      thresholds: [
        [null, 'ok'],
        [1, 'warning'],
      ],
      queries: [
        {
          expr: 'sum(max by (workload) (omnimind_replicas_desired) >= bool max by (workload) (omnimind_replicas_max))',
          legend: 'at their maximum',
        },
      ],
    }),
    stat({
      title: 'Workloads held for bad signals',
      description:
        'Workloads whose last decision holds because a signal is absent, stale or unreadable, or because it is not known how many replicas there are. They stay as they are until the signals are good.',
      unit: 'count',
      link: toWorkloads,
      noValue: 'Nothing has been decided yet',
      thresholds: [
        [null, 'ok'],
        [1, 'warning'],
      ],
      queries: [
        {
          expr: 'sum(max by (workload) (omnimind_last_decision_info{outcome="hold", reason=~"signal_.+|no_replica_ready|actual_unknown"})) or 0 * count(omnimind_last_decision_info)',
          legend: 'held for bad signals',
        },
      ],
    }),
    stat({
      title: 'Replicas missing',
      description:
        'Replicas that are wanted and do not serve, over all workloads. It rises for the time that replicas take to start; if it stays, they do not start.',
      unit: 'count',
      link: toWorkloads,
      noValue: 'No workload is declared',
      thresholds: [
        [null, 'ok'],
        [1, 'warning'],
      ],
      queries: [
        {
          expr: 'sum(clamp_min(max by (workload) (omnimind_replicas_desired) - max by (workload) (omnimind_replicas_ready), 0))',
          legend: 'missing',
        },
      ],
    }),
    stat({
      title: 'Mode of the plane',
      description:
        'How far decisions may go: act; advise or observe (decisions are recorded and nothing acts); stopped (the global stop). It caps the mode of each workload.',
      unit: 'plain',
      textMode: 'name',
      graph: false,
      link: toPlane,
      noValue: 'No member leads',
      queries: [{ expr: 'max by (mode) (omnimind_plane_mode) == 1', legend: '{{mode}}' }],
    }),
    stat({
      title: 'Signals can be read',
      description:
        'Whether the control plane gets answers from Prometheus. While it does not, every workload holds.',
      unit: 'plain',
      graph: false,
      link: toPlane,
      noValue: 'No member is scraped',
      mappings: [
        [0, 'Yes', 'ok'],
        [1, 'No', 'critical'],
      ],
      queries: [
        { expr: 'max(omnimind_metrics_source_breaker_open)', legend: 'signals can be read' },
      ],
    }),
    stat({
      title: 'Records not stored yet',
      description:
        'Decision records that lie on the members’ disks because the database has not taken them yet. They are not lost; decisions go on.',
      unit: 'count',
      link: toPlane,
      noValue: 'No member is scraped',
      thresholds: [
        [null, 'ok'],
        [1_000, 'warning'],
        [50_000, 'critical'],
      ],
      queries: [{ expr: 'sum(omnimind_decision_store_buffered)', legend: 'waiting' }],
    }),
  ],
};
