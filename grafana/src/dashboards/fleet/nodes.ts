/** The hosts in one table, and the busiest of them over time. */

import type { DashboardRow } from '../../dashboard.ts';
import { runbook, toDashboard } from '../../links.ts';
import { table, timeSeries } from '../../panels.ts';
import { FULLNESS } from '../../scales.ts';
import { toNode } from './parts.ts';

export const nodes: DashboardRow = {
  title: 'Nodes',
  panels: [
    table({
      title: 'Nodes at a glance',
      description:
        'One row per host, the fullest by CPU first. Memory and disk are shares in use (the fullest file system); load is per CPU; failing counts collectors of the agent that gave no values.',
      link: toDashboard('omnimind-node', 'Nodes'),
      noValue: 'No agent has registered',
      size: { width: 24, height: 8 },
      labels: [
        {
          label: 'node',
          title: 'Node',
          link: toDashboard('omnimind-node', 'This node', {
            values: { node: '${__value.raw}' },
          }),
        },
      ],
      columns: [
        {
          expr: 'min by (node) (up{job="omnimind-agents"})',
          title: 'Agent',
          unit: 'plain',
          mappings: [
            [0, 'Down', 'critical'],
            [1, 'Up', 'ok'],
          ],
        },
        {
          expr: 'node:cpu_busy_ratio:rate1m',
          title: 'CPU',
          unit: 'ratio',
          decimals: 0,
          thresholds: FULLNESS,
        },
        {
          expr: 'node:memory_used_ratio:avg',
          title: 'Memory',
          unit: 'ratio',
          decimals: 0,
          thresholds: FULLNESS,
        },
        {
          expr: 'node:filesystem_used_ratio:max',
          title: 'Disk',
          unit: 'ratio',
          decimals: 0,
          thresholds: FULLNESS,
        },
        {
          expr: 'node:load_per_cpu:avg1m',
          title: 'Load per CPU',
          unit: 'count',
          decimals: 2,
        },
        {
          expr: 'max by (node) (omnimind_gpu_devices)',
          title: 'GPUs',
          unit: 'count',
          decimals: 0,
        },
        {
          expr: 'sum by (node) (omnimind_collector_success == bool 0)',
          title: 'Failing',
          unit: 'count',
          decimals: 0,
          thresholds: [
            [null, 'ok'],
            [1, 'warning'],
          ],
        },
        {
          expr: 'max by (node) (omnimind_node_uptime_seconds)',
          title: 'Up for',
          unit: 'duration',
        },
      ],
      sortBy: 'CPU',
      descending: true,
    }),
    timeSeries({
      title: 'Nodes by health',
      description:
        'How many registered hosts are healthy, degraded, stale or unreachable, as the leader judges them.',
      unit: 'count',
      stack: true,
      min: 0,
      link: runbook('OmniMindNodeHeartbeatsMissing'),
      noValue: 'No member leads, so nobody judges nodes',
      queries: [{ expr: 'max by (status) (omnimind_nodes)', legend: '{{status}}' }],
    }),
    timeSeries({
      title: 'CPU in use, busiest nodes',
      description: 'Share of CPU time that was not idle, of the 25 busiest hosts.',
      unit: 'ratio',
      min: 0,
      max: 1,
      link: toDashboard('omnimind-node', 'Nodes'),
      seriesLink: toNode,
      noValue: 'No agent reports CPU time',
      queries: [{ expr: 'topk(25, node:cpu_busy_ratio:rate1m)', legend: '{{node}}' }],
    }),
    timeSeries({
      title: 'Memory in use, fullest nodes',
      description:
        'Share of memory that is not available to programs any more, of the 25 fullest hosts.',
      unit: 'ratio',
      min: 0,
      max: 1,
      link: toDashboard('omnimind-node', 'Nodes'),
      seriesLink: toNode,
      noValue: 'No agent reports memory',
      queries: [{ expr: 'topk(25, node:memory_used_ratio:avg)', legend: '{{node}}' }],
    }),
  ],
};
