/** Workloads whose replicas are allocations, for tests of the Nomad target. */

import type { NomadTarget, WorkloadOn } from '../../control-plane/model/workload.ts';
import { workload } from './log-commands.ts';

export function nomadWorkload(
  id: string,
  target: Partial<NomadTarget> = {},
): WorkloadOn<NomadTarget> {
  return {
    ...workload(id, { replicasInitial: 1 }),
    target: {
      kind: 'nomad',
      namespace: 'serving',
      region: null,
      jobId: id,
      group: 'server',
      portLabel: 'http',
      metricsPath: '/metrics',
      ...target,
    },
  };
}
