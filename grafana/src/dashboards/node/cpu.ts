/** CPU: how busy, and whether programs wait for it. */

import type { DashboardRow } from '../../dashboard.ts';
import { runbook } from '../../links.ts';
import { OF, lines } from './parts.ts';

export const cpu: DashboardRow = {
  title: 'CPU',
  panels: [
    lines({
      title: 'CPU in use',
      description:
        'Share of CPU time that was not idle. High use alone is no fault: look whether programs wait (pressure).',
      unit: 'ratio',
      min: 0,
      max: 1,
      queries: [{ expr: `topk(25, node:cpu_busy_ratio:rate1m{${OF}})`, legend: '{{node}}' }],
    }),
    lines({
      title: 'CPU time by mode',
      description:
        'What the CPUs of these hosts spend their time on, together. iowait: idle, and some program waits for a disk; steal: taken by the hypervisor.',
      unit: 'ratio',
      stack: true,
      min: 0,
      max: 1,
      queries: [
        {
          expr: `sum by (mode) (rate(omnimind_node_cpu_seconds_total{${OF}, mode!="idle"}[$__rate_interval])) / on () group_left () sum(rate(omnimind_node_cpu_seconds_total{${OF}}[$__rate_interval]))`,
          legend: '{{mode}}',
        },
      ],
    }),
    lines({
      title: 'Waiting for a resource (pressure)',
      description:
        'Share of time in which at least one program waited for CPU, memory or disk. Near 0 on a host that is not saturated, however busy.',
      link: runbook('OmniMindNodeMemoryPressure'),
      unit: 'ratio',
      min: 0,
      noValue: 'These kernels report no pressure (PSI is off)',
      queries: [
        {
          expr: `topk(25, node:pressure_waiting_ratio:rate1m{${OF}})`,
          legend: '{{node}} {{resource}}',
        },
      ],
    }),
    lines({
      title: 'Load per CPU',
      description:
        'Programs that run or wait, on average over a minute, per CPU. Above 1 for long: more work than CPUs.',
      unit: 'count',
      min: 0,
      decimals: 2,
      queries: [{ expr: `topk(25, node:load_per_cpu:avg1m{${OF}})`, legend: '{{node}}' }],
    }),
    lines({
      title: 'Processes by state',
      description: 'Processes that run, and that are blocked waiting for a disk.',
      unit: 'count',
      min: 0,
      queries: [
        {
          expr: `topk(25, sum by (node, state) (omnimind_node_processes{${OF}}))`,
          legend: '{{node}} {{state}}',
        },
      ],
    }),
    lines({
      title: 'Context switches and forks',
      description: 'How often the CPUs changed programs, and how many programs were started.',
      unit: 'perSecond',
      min: 0,
      rightAxis: [['.* started', 'perSecond']],
      queries: [
        {
          expr: `topk(12, sum by (node) (rate(omnimind_node_context_switches_total{${OF}}[$__rate_interval])))`,
          legend: '{{node}} switches',
        },
        {
          expr: `topk(12, sum by (node) (rate(omnimind_node_forks_total{${OF}}[$__rate_interval])))`,
          legend: '{{node}} started',
        },
      ],
    }),
  ],
};
