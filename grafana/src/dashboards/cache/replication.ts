/** Whether replicas follow their masters. */

import type { DashboardRow } from '../../dashboard.ts';
import { runbook } from '../../links.ts';
import { stateTimeline } from '../../panels.ts';
import { byServer, cacheLines, NO_CACHE, NO_REPLICA, OF, SERVER_LEGEND } from './parts.ts';

export const replication: DashboardRow = {
  title: 'Replication',
  panels: [
    stateTimeline({
      title: 'Who is master',
      description: 'Role of each server over time; a change is a failover.',
      unit: 'plain',
      link: runbook('OmniMindCacheReplicationBroken'),
      size: { width: 8, height: 8 },
      noValue: NO_CACHE,
      mappings: [
        [0, 'Replica', 'neutral'],
        [1, 'Master', 'ok'],
      ],
      queries: [
        { expr: byServer(`omnimind_cache_role{${OF}, role="master"}`), legend: SERVER_LEGEND },
      ],
    }),
    cacheLines({
      title: 'Replicas connected',
      description: 'Replicas that each server feeds.',
      unit: 'count',
      queries: [
        { expr: byServer(`omnimind_cache_connected_replicas{${OF}}`), legend: SERVER_LEGEND },
      ],
    }),
    stateTimeline({
      title: 'Replicas linked to their master',
      description: 'Whether each replica is connected to its master.',
      unit: 'plain',
      link: runbook('OmniMindCacheReplicationBroken'),
      size: { width: 8, height: 8 },
      noValue: NO_REPLICA,
      mappings: [
        [0, 'Broken', 'critical'],
        [1, 'Linked', 'ok'],
      ],
      queries: [{ expr: byServer(`omnimind_cache_master_link_up{${OF}}`), legend: SERVER_LEGEND }],
    }),
    cacheLines({
      title: 'Replicas behind, in bytes',
      description: 'Stream that the replica furthest behind has not acknowledged, by cache.',
      unit: 'bytes',
      noValue: NO_REPLICA,
      link: runbook('OmniMindCacheReplicationLagging'),
      queries: [{ expr: `topk(25, cache:replica_lag_bytes:max{${OF}})`, legend: '{{target}}' }],
    }),
    cacheLines({
      title: 'Replicas behind, in time',
      description: 'Since the last acknowledgement of each replica; about a second is normal.',
      unit: 'seconds',
      noValue: NO_REPLICA,
      link: runbook('OmniMindCacheReplicationLagging'),
      queries: [
        {
          expr: `topk(25, max by (target, replica_address) (omnimind_cache_replica_lag_seconds{${OF}}))`,
          legend: '{{target}} {{replica_address}}',
        },
      ],
    }),
  ],
};
