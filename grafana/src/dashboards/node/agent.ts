/** The agent itself: whether its collectors work, and what it costs. */

import type { DashboardRow } from '../../dashboard.ts';
import { runbook } from '../../links.ts';
import { stateTimeline, table } from '../../panels.ts';
import { toFleet, OF, lines } from './parts.ts';

export const agent: DashboardRow = {
  title: 'The agent',
  panels: [
    stateTimeline({
      title: 'Collectors',
      description:
        'Whether each collector of the agent gave all its values at its last run. A failing one leaves its series out; the others are served.',
      unit: 'plain',
      link: runbook('OmniMindAgentCollectorFailing'),
      size: { width: 12, height: 8 },
      noValue: 'No agent of these nodes reports it',
      mappings: [
        [0, 'Fails', 'critical'],
        [1, 'Works', 'ok'],
      ],
      queries: [
        {
          expr: `topk(25, min by (node, collector) (omnimind_collector_success{${OF}}))`,
          legend: '{{node}} {{collector}}',
        },
      ],
    }),
    lines({
      title: 'Duration of collectors',
      description: 'Time that the last run of each collector took. A scrape waits 10 s at most.',
      link: runbook('OmniMindAgentCollectorSlow'),
      unit: 'seconds',
      logarithmic: true,
      size: { width: 12, height: 8 },
      queries: [
        {
          expr: `topk(25, max by (node, collector) (omnimind_collector_duration_seconds{${OF}}))`,
          legend: '{{node}} {{collector}}',
        },
      ],
    }),
    lines({
      title: 'Memory of the agent',
      description: 'Resident memory of the agent’s process.',
      unit: 'bytes',
      min: 0,
      queries: [
        {
          expr: `topk(25, process_resident_memory_bytes{job="omnimind-agents", ${OF}})`,
          legend: '{{node}}',
        },
      ],
    }),
    lines({
      title: 'CPU of the agent',
      description: 'CPU time that the agent uses per second; 1 is a whole CPU.',
      unit: 'ratio',
      min: 0,
      queries: [
        {
          expr: `topk(25, rate(process_cpu_seconds_total{job="omnimind-agents", ${OF}}[$__rate_interval]))`,
          legend: '{{node}}',
        },
      ],
    }),
    lines({
      title: 'Values refused',
      description:
        'Values per second that the agent did not export: too many series of one kind, or a value that is no number.',
      link: runbook('OmniMindAgentDropsSamples'),
      unit: 'perSecond',
      min: 0,
      queries: [
        {
          expr: `topk(25, sum by (node, collector, cause) (rate(omnimind_collector_dropped_samples_total{${OF}}[$__rate_interval])))`,
          legend: '{{node}} {{collector}} {{cause}}',
        },
      ],
    }),
    table({
      title: 'What these nodes are',
      description: 'Operating system, processor and agent of each host.',
      link: toFleet,
      noValue: 'No agent of these nodes reports it',
      size: { width: 24, height: 6 },
      labels: [
        { label: 'node', title: 'Node' },
        { label: 'operating_system', title: 'Operating system' },
        { label: 'kernel', title: 'Kernel' },
        { label: 'architecture', title: 'Architecture' },
        { label: 'cpu_model', title: 'Processor' },
        { label: 'model', title: 'Machine' },
      ],
      columns: [
        {
          expr: `max by (node, operating_system, kernel, architecture, cpu_model, model) (omnimind_node_inventory_info{${OF}})`,
          title: 'Reports',
          unit: 'yesNo',
        },
      ],
    }),
  ],
};
