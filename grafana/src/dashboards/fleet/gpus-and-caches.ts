/** What accelerates: GPUs and caches, or that there are none. */

import type { DashboardRow } from '../../dashboard.ts';
import { toDashboard } from '../../links.ts';
import { stateTimeline, timeSeries } from '../../panels.ts';

export const gpusAndCaches: DashboardRow = {
  title: 'GPUs and caches',
  panels: [
    timeSeries({
      title: 'GPU utilization by node',
      description:
        'Share of time in which some kernel ran, on average over the GPUs of a host. It does not say how much of a GPU was used.',
      unit: 'ratio',
      min: 0,
      max: 1,
      link: toDashboard('omnimind-gpu', 'GPU fleet'),
      seriesLink: toDashboard('omnimind-gpu', 'GPUs of this node', {
        values: { node: '${__field.labels.node}' },
      }),
      noValue: 'No GPU reports',
      queries: [{ expr: 'topk(25, node:gpu_utilization_ratio:avg)', legend: '{{node}}' }],
    }),
    timeSeries({
      title: 'GPU memory in use by node',
      description: 'Share of device memory in use, on average over the GPUs of a host.',
      unit: 'ratio',
      min: 0,
      max: 1,
      link: toDashboard('omnimind-gpu', 'GPU fleet'),
      noValue: 'No GPU reports',
      queries: [{ expr: 'topk(25, node:gpu_memory_used_ratio:avg)', legend: '{{node}}' }],
    }),
    stateTimeline({
      title: 'Caches that can be read',
      description:
        'Whether an agent could read each cache: the server, the master behind the Sentinels, or any node of the cluster.',
      unit: 'plain',
      link: toDashboard('omnimind-cache', 'Caches'),
      size: { width: 8, height: 8 },
      noValue: 'No agent watches a cache (OMNIMIND_AGENT_CACHE_TARGETS_FILE)',
      mappings: [
        [0, 'Down', 'critical'],
        [1, 'Up', 'ok'],
      ],
      queries: [{ expr: 'topk(25, cache:up:min)', legend: '{{target}}' }],
    }),
  ],
};
