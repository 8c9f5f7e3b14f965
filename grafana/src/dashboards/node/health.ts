/** Whether the hosts answer and somebody must act, and what they are made of. */

import type { DashboardRow } from '../../dashboard.ts';
import { runbook, toDashboard } from '../../links.ts';
import { stat } from '../../panels.ts';
import { NONE_IS_WELL, WHOLE_IS_WELL } from '../../scales.ts';
import { toFleet, OF } from './parts.ts';

export const health: DashboardRow = {
  title: 'Is it healthy',
  panels: [
    stat({
      title: 'Agents that answer',
      description: 'Share of these hosts whose agent answered the last scrape.',
      unit: 'ratio',
      max: 1,
      link: runbook('OmniMindNodeDown'),
      noValue: 'No agent has registered under this name',
      thresholds: WHOLE_IS_WELL,
      queries: [{ expr: `avg(up{job="omnimind-agents", ${OF}})`, legend: 'agents that answer' }],
    }),
    stat({
      title: 'Alerts about these nodes',
      description: 'Alerts that fire now and name one of these hosts.',
      unit: 'count',
      link: toDashboard('omnimind-alerts', 'Alerts'),
      noValue: 'Prometheus evaluates no alert',
      thresholds: NONE_IS_WELL,
      queries: [
        {
          expr: `count(ALERTS{alertstate="firing", severity=~"critical|warning", ${OF}}) or vector(0)`,
          legend: 'alerts',
        },
      ],
    }),
    stat({
      title: 'CPUs',
      description: 'CPUs that are online, over these hosts.',
      unit: 'count',
      graph: false,
      link: toFleet,
      noValue: 'No agent of these nodes reports it',
      queries: [{ expr: `sum(omnimind_node_cpus{${OF}})`, legend: 'CPUs' }],
    }),
    stat({
      title: 'Memory',
      description: 'Memory that the kernels can use, over these hosts.',
      unit: 'bytes',
      graph: false,
      link: toFleet,
      noValue: 'No agent of these nodes reports it',
      queries: [{ expr: `sum(omnimind_node_memory_total_bytes{${OF}})`, legend: 'memory' }],
    }),
    stat({
      title: 'Shortest uptime',
      description: 'Time since the host that booted last of these did so.',
      unit: 'duration',
      graph: false,
      link: toFleet,
      noValue: 'No agent of these nodes reports it',
      queries: [{ expr: `min(omnimind_node_uptime_seconds{${OF}})`, legend: 'uptime' }],
    }),
    stat({
      title: 'Programs killed for memory',
      description: 'Programs that the kernels killed for lack of memory within the last hour.',
      unit: 'count',
      decimals: 0,
      link: runbook('OmniMindNodeOomKill'),
      noValue: 'No agent of these nodes reports it',
      thresholds: NONE_IS_WELL,
      queries: [
        { expr: `sum(increase(omnimind_node_oom_kills_total{${OF}}[1h]))`, legend: 'killed' },
      ],
    }),
  ],
};
