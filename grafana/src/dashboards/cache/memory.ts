/** Room for keys: memory, evictions, and what is safe on disk. */

import type { DashboardRow } from '../../dashboard.ts';
import { runbook } from '../../links.ts';
import { FULLNESS } from '../../scales.ts';
import { byServer, cacheLines, OF, SERVER_LEGEND } from './parts.ts';

export const memory: DashboardRow = {
  title: 'Memory and keys',
  panels: [
    cacheLines({
      title: 'Memory',
      description: 'Memory that each server has allocated for keys and everything else.',
      unit: 'bytes',
      queries: [
        { expr: byServer(`omnimind_cache_memory_used_bytes{${OF}}`), legend: SERVER_LEGEND },
      ],
    }),
    cacheLines({
      title: 'Memory of the limit',
      description:
        'Share of the memory limit in use, the fullest server of each cache. At 100 % keys are evicted or writes refused.',
      unit: 'ratio',
      max: 1,
      thresholds: FULLNESS,
      link: runbook('OmniMindCacheMemoryAlmostFull'),
      noValue: 'No server has a memory limit, or no cache',
      queries: [{ expr: `topk(25, cache:memory_used_ratio:max{${OF}})`, legend: '{{target}}' }],
    }),
    cacheLines({
      title: 'Fragmentation',
      description:
        'Resident memory divided by allocated memory. Above 1.5 on a large server memory is wasted; below 1 it is swapped out.',
      link: runbook('OmniMindCacheFragmented'),
      unit: 'count',
      decimals: 2,
      queries: [
        {
          expr: byServer(`omnimind_cache_memory_fragmentation_ratio{${OF}}`),
          legend: SERVER_LEGEND,
        },
      ],
    }),
    cacheLines({
      title: 'Keys evicted and expired',
      description:
        'Keys per second thrown out because memory was full, and keys that reached the end of their time.',
      unit: 'perSecond',
      link: runbook('OmniMindCacheEvictingFast'),
      queries: [
        { expr: `topk(12, cache:evicted_keys:rate5m{${OF}})`, legend: '{{target}} evicted' },
        {
          expr: `topk(12, sum by (target) (max by (target, instance_address) (rate(omnimind_cache_expired_keys_total{${OF}}[$__rate_interval]))))`,
          legend: '{{target}} expired',
        },
      ],
    }),
    cacheLines({
      title: 'Keys',
      description: 'Keys in each database of each server.',
      unit: 'count',
      noValue: 'The caches hold no key, or there is none',
      queries: [
        {
          expr: `topk(25, max by (target, instance_address, db) (omnimind_cache_keyspace_keys{${OF}}))`,
          legend: `${SERVER_LEGEND} {{db}}`,
        },
      ],
    }),
    cacheLines({
      title: 'Changes not on disk',
      description:
        'Changes since the last snapshot: what a crash would lose where there is no append-only file.',
      unit: 'count',
      link: runbook('OmniMindCachePersistenceFailing'),
      queries: [
        {
          expr: byServer(`omnimind_cache_rdb_changes_since_last_save{${OF}}`),
          legend: SERVER_LEGEND,
        },
      ],
    }),
  ],
};
