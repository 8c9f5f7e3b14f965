/** Whether a cluster can serve all its keys, as each of its nodes sees it. */

import type { DashboardRow } from '../../dashboard.ts';
import { runbook } from '../../links.ts';
import { stateTimeline } from '../../panels.ts';
import { byServer, cacheLines, OF, SERVER_LEGEND } from './parts.ts';

const NO_CLUSTER = 'No cache is a cluster';

export const cluster: DashboardRow = {
  title: 'Cluster',
  panels: [
    stateTimeline({
      title: 'The cluster as each node sees it',
      description:
        'Whether each node holds the cluster for able to serve. Where nodes differ, the network is split.',
      unit: 'plain',
      link: runbook('OmniMindCacheClusterDown'),
      size: { width: 8, height: 8 },
      noValue: NO_CLUSTER,
      mappings: [
        [0, 'Down', 'critical'],
        [1, 'Serves', 'ok'],
      ],
      queries: [
        { expr: byServer(`omnimind_cache_cluster_state_ok{${OF}}`), legend: SERVER_LEGEND },
      ],
    }),
    cacheLines({
      title: 'Slots not served',
      description:
        'Of 16384 slots for keys: those that no node has, that are suspected, and that have failed. Keys in them cannot be reached.',
      unit: 'count',
      noValue: NO_CLUSTER,
      link: runbook('OmniMindCacheClusterSlotsFailed'),
      queries: [
        {
          expr: `topk(8, 16384 - min by (target) (omnimind_cache_cluster_slots_assigned{${OF}}))`,
          legend: '{{target}} without a node',
        },
        {
          expr: `topk(8, max by (target) (omnimind_cache_cluster_slots_pfail{${OF}}))`,
          legend: '{{target}} suspected',
        },
        {
          expr: `topk(8, max by (target) (omnimind_cache_cluster_slots_fail{${OF}}))`,
          legend: '{{target}} failed',
        },
      ],
    }),
    cacheLines({
      title: 'Nodes and masters',
      description: 'Nodes that are known, failed ones included, and masters that serve slots.',
      unit: 'count',
      step: true,
      noValue: NO_CLUSTER,
      queries: [
        {
          expr: `topk(12, max by (target) (omnimind_cache_cluster_known_nodes{${OF}}))`,
          legend: '{{target}} nodes',
        },
        {
          expr: `topk(12, max by (target) (omnimind_cache_cluster_size{${OF}}))`,
          legend: '{{target}} masters',
        },
      ],
    }),
  ],
};
