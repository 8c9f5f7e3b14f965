/** What the dashboard of workloads asks by, and where its panels lead: the records of decisions. */

import { api } from '../../api-links.ts';

/** Of the chosen workloads. */
export const ONE = '{workload=~"$workload"}';

export const NO_WORKLOAD = 'No workload is registered, or no member leads';

export const NO_POLICY = 'No policy decides for these workloads';

export const DECISIONS = api('/v1/decisions', 'Decision record', 'limit=50');

export const ACTS = api('/v1/decisions', 'Decisions that acted', 'verdict=act&limit=50');

export const OF_WORKLOAD = api(
  '/v1/decisions',
  'Its decisions',
  'workload=${__field.labels.workload}&limit=50',
);
