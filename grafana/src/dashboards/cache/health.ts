/** Whether each cache can be read, and what kind it is. */

import type { DashboardRow } from '../../dashboard.ts';
import { runbook } from '../../links.ts';
import { stat, stateTimeline, table } from '../../panels.ts';
import { NONE_IS_WELL } from '../../scales.ts';
import { NO_CACHE, OF, toFleet } from './parts.ts';

export const health: DashboardRow = {
  title: 'Is it healthy',
  panels: [
    stat({
      title: 'Caches',
      description: 'Caches that agents watch; each is a server, a Sentinel group or a cluster.',
      unit: 'count',
      link: toFleet,
      noValue: NO_CACHE,
      queries: [{ expr: `count(cache:up:min{${OF}})`, legend: 'caches' }],
    }),
    stat({
      title: 'Caches that cannot be read',
      description: 'No agent could read the server, the master, or any node of the cluster.',
      unit: 'count',
      link: runbook('OmniMindCacheDown'),
      noValue: NO_CACHE,
      thresholds: NONE_IS_WELL,
      queries: [{ expr: `sum(cache:up:min{${OF}} == bool 0)`, legend: 'not readable' }],
    }),
    stat({
      title: 'Servers that do not answer',
      description: 'Single servers, replicas and cluster nodes that did not answer PING and INFO.',
      unit: 'count',
      link: runbook('OmniMindCacheInstanceDown'),
      noValue: NO_CACHE,
      thresholds: NONE_IS_WELL,
      queries: [
        {
          expr: `sum(max by (target, instance_address) (omnimind_cache_instance_up{${OF}}) == bool 0)`,
          legend: 'not answering',
        },
      ],
    }),
    stat({
      title: 'Keys found',
      description:
        'Share of lookups that found their key, of the cache that finds least. A sudden fall sends the load to what is behind the cache.',
      unit: 'ratio',
      max: 1,
      link: runbook('OmniMindCacheHitRatioDropped'),
      noValue: 'No lookups within five minutes, or no cache',
      thresholds: [
        [null, 'warning'],
        [0.8, 'ok'],
      ],
      queries: [{ expr: `min(cache:keyspace_hit_ratio:rate5m{${OF}} >= 0)`, legend: 'keys found' }],
    }),
    stat({
      title: 'Fullest server',
      description: 'Memory in use as a share of the limit that the server has.',
      unit: 'ratio',
      link: runbook('OmniMindCacheMemoryAlmostFull'),
      noValue: 'No server has a memory limit, or no cache',
      thresholds: [
        [null, 'ok'],
        [0.9, 'warning'],
      ],
      queries: [{ expr: `max(cache:memory_used_ratio:max{${OF}})`, legend: 'fullest' }],
    }),
    stat({
      title: 'Snapshots that failed',
      description:
        'Servers whose last attempt to write a snapshot to disk failed. A restart would lose what came after the last good one.',
      unit: 'count',
      link: runbook('OmniMindCachePersistenceFailing'),
      noValue: NO_CACHE,
      thresholds: NONE_IS_WELL,
      queries: [
        {
          expr: `sum(min by (target, instance_address) (omnimind_cache_rdb_last_save_ok{${OF}}) == bool 0)`,
          legend: 'failed',
        },
      ],
    }),
    stateTimeline({
      title: 'Servers that answer',
      description: 'Each single server, replica and cluster node over time.',
      unit: 'plain',
      link: runbook('OmniMindCacheInstanceDown'),
      size: { width: 10, height: 8 },
      noValue: NO_CACHE,
      mappings: [
        [0, 'Down', 'critical'],
        [1, 'Up', 'ok'],
      ],
      queries: [
        {
          expr: `topk(25, max by (target, instance_address) (omnimind_cache_instance_up{${OF}}))`,
          legend: '{{target}} {{instance_address}}',
        },
      ],
    }),
    table({
      title: 'Servers at a glance',
      description: 'One row per server: version and mode, and what it holds now.',
      link: toFleet,
      noValue: NO_CACHE,
      size: { width: 14, height: 8 },
      labels: [
        { label: 'target', title: 'Cache' },
        { label: 'instance_address', title: 'Server', widthMin: 150 },
      ],
      columns: [
        {
          expr: `max by (target, instance_address) (omnimind_cache_role{${OF}, role="master"})`,
          title: 'Master',
          unit: 'yesNo',
        },
        {
          expr: `sum by (target, instance_address) (max by (target, instance_address, db) (omnimind_cache_keyspace_keys{${OF}}))`,
          title: 'Keys',
          unit: 'count',
        },
        {
          expr: `max by (target, instance_address) (omnimind_cache_memory_used_bytes{${OF}})`,
          title: 'Memory',
          unit: 'bytes',
        },
        {
          expr: `max by (target, instance_address) (omnimind_cache_clients_connected{${OF}})`,
          title: 'Clients',
          unit: 'count',
        },
        {
          expr: `max by (target, instance_address) (omnimind_cache_ping_duration_seconds{${OF}})`,
          title: 'PING',
          unit: 'seconds',
        },
      ],
      sortBy: 'Cache',
    }),
  ],
};
