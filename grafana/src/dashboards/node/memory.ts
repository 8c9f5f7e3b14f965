/** Memory: how full, with what, and whether programs wait for it. */

import type { DashboardRow } from '../../dashboard.ts';
import { runbook } from '../../links.ts';
import { FULLNESS } from '../../scales.ts';
import { OF, lines } from './parts.ts';

export const memory: DashboardRow = {
  title: 'Memory',
  panels: [
    lines({
      title: 'Memory in use',
      description: 'Share of memory that is not available to programs any more.',
      unit: 'ratio',
      min: 0,
      max: 1,
      link: runbook('OmniMindNodeMemoryAlmostFull'),
      thresholds: FULLNESS,
      queries: [{ expr: `topk(25, node:memory_used_ratio:avg{${OF}})`, legend: '{{node}}' }],
    }),
    lines({
      title: 'What memory is used for',
      description:
        'Over these hosts: memory of programs, files kept in memory (given back when needed), data structures of the kernel, and what is free.',
      unit: 'bytes',
      stack: true,
      min: 0,
      queries: [
        { expr: `sum(omnimind_node_memory_anonymous_bytes{${OF}})`, legend: 'programs' },
        { expr: `sum(omnimind_node_memory_shared_bytes{${OF}})`, legend: 'shared and tmpfs' },
        {
          expr: `sum(omnimind_node_memory_cached_bytes{${OF}} + omnimind_node_memory_buffers_bytes{${OF}} - omnimind_node_memory_shared_bytes{${OF}})`,
          legend: 'files',
        },
        { expr: `sum(omnimind_node_memory_slab_bytes{${OF}})`, legend: 'kernel' },
        { expr: `sum(omnimind_node_memory_free_bytes{${OF}})`, legend: 'free' },
      ],
    }),
    lines({
      title: 'Swap in use',
      description: 'Share of swap space that is in use. Hosts without swap have no line.',
      unit: 'ratio',
      min: 0,
      max: 1,
      noValue: 'These nodes have no swap space',
      queries: [
        {
          expr: `topk(25, 1 - omnimind_node_swap_free_bytes{${OF}} / (omnimind_node_swap_total_bytes{${OF}} > 0))`,
          legend: '{{node}}',
        },
      ],
    }),
    lines({
      title: 'Page faults that read a disk',
      description:
        'Times per second that a program had to wait for memory to be read back from disk. High for long: memory is too small for what runs.',
      unit: 'perSecond',
      min: 0,
      queries: [
        {
          expr: `topk(25, sum by (node) (rate(omnimind_node_major_page_faults_total{${OF}}[$__rate_interval])))`,
          legend: '{{node}}',
        },
      ],
    }),
  ].map((panel) => ({ ...panel, size: { width: 6, height: 8 } })),
};
