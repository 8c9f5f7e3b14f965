/** Redis as single servers, behind Sentinels, and as clusters. */

import type { DashboardSpec } from '../dashboard.ts';
import { caches } from '../variables.ts';
import { cluster } from './cache/cluster.ts';
import { commands } from './cache/commands.ts';
import { health } from './cache/health.ts';
import { memory } from './cache/memory.ts';
import { replication } from './cache/replication.ts';
import { sentinel } from './cache/sentinel.ts';

export const cache: DashboardSpec = {
  uid: 'omnimind-cache',
  title: 'Caches',
  description:
    'Redis as single servers, behind Sentinels, and as clusters: can it be read, does it answer fast, does it find its keys, is there room, do replicas follow.',
  variables: [caches],
  // Decisions and elections are rarely why a machine is as it is.
  events: ['Alerts'],
  rows: [health, commands, memory, replication, sentinel, cluster],
};
