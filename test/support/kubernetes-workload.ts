/** Workloads whose replicas are pods, for tests of the Kubernetes target. */

import type { KubernetesTarget, WorkloadOn } from '../../control-plane/model/workload.ts';
import { workload } from './log-commands.ts';

export function kubernetesWorkload(
  id: string,
  target: Partial<KubernetesTarget> = {},
): WorkloadOn<KubernetesTarget> {
  return {
    ...workload(id, { replicasInitial: 1 }),
    target: {
      kind: 'kubernetes',
      apiVersion: 'apps/v1',
      resource: 'Deployment',
      namespace: 'serving',
      name: id,
      port: 8080,
      metricsPath: '/metrics',
      ...target,
    },
  };
}
