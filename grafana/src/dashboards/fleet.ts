/** The first dashboard that anybody opens: is it healthy, and if not, which other dashboard says why. */

import type { DashboardSpec } from '../dashboard.ts';
import { gpusAndCaches } from './fleet/gpus-and-caches.ts';
import { health } from './fleet/health.ts';
import { nodes } from './fleet/nodes.ts';
import { plane } from './fleet/plane.ts';
import { workloads } from './fleet/workloads.ts';

export const fleet: DashboardSpec = {
  uid: 'omnimind-fleet',
  title: 'Fleet',
  description:
    'Is everything healthy, and if not, where to look. Green in the first two rows means that nobody needs to do anything.',
  events: ['Elections', 'Alerts'],
  variables: [],
  rows: [health, workloads, nodes, gpusAndCaches, plane],
};
