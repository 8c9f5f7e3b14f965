/** What the Sentinels think of the master that they watch. */

import type { DashboardRow } from '../../dashboard.ts';
import { runbook } from '../../links.ts';
import { stateTimeline } from '../../panels.ts';
import { cacheLines, OF } from './parts.ts';

const NO_SENTINEL = 'No cache is watched by Sentinels';

export const sentinel: DashboardRow = {
  title: 'Sentinel',
  panels: [
    stateTimeline({
      title: 'The master by the word of each Sentinel',
      description:
        'Whether each Sentinel holds the master for well. One alone that does not: its network; several: a failover follows.',
      unit: 'plain',
      link: runbook('OmniMindCacheSentinelMasterDown'),
      size: { width: 8, height: 8 },
      noValue: NO_SENTINEL,
      mappings: [
        [0, 'Down', 'critical'],
        [1, 'Well', 'ok'],
      ],
      queries: [
        {
          expr: `topk(25, max by (target, instance_address, master) (omnimind_cache_sentinel_master_state{${OF}, state="ok"}))`,
          legend: '{{target}} {{instance_address}}',
        },
      ],
    }),
    stateTimeline({
      title: 'Enough Sentinels for a failover',
      description:
        'Whether the Sentinels that can be reached suffice to agree on a failover and to carry it out.',
      unit: 'plain',
      link: runbook('OmniMindCacheSentinelQuorumLost'),
      size: { width: 8, height: 8 },
      noValue: NO_SENTINEL,
      mappings: [
        [0, 'No', 'critical'],
        [1, 'Yes', 'ok'],
      ],
      queries: [
        {
          expr: `topk(25, max by (target, instance_address, master) (omnimind_cache_sentinel_quorum_ok{${OF}}))`,
          legend: '{{target}} {{instance_address}}',
        },
      ],
    }),
    cacheLines({
      title: 'Failovers',
      description:
        'Epoch of the master’s configuration, which each failover raises by one, and failovers under way.',
      unit: 'plain',
      step: true,
      noValue: NO_SENTINEL,
      link: runbook('OmniMindCacheFailover'),
      queries: [
        {
          expr: `topk(12, max by (target, master) (omnimind_cache_sentinel_config_epoch{${OF}}))`,
          legend: '{{target}} epoch',
        },
        {
          expr: `topk(12, max by (target, master) (omnimind_cache_sentinel_failover_in_progress{${OF}}))`,
          legend: '{{target}} under way',
        },
      ],
    }),
  ],
};
