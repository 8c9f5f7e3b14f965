/** Workloads whose replicas are somebody else's, for tests of the webhook target. */

import type { WebhookTarget, WorkloadOn } from '../../control-plane/model/workload.ts';
import { workload } from './log-commands.ts';

export function webhookWorkload(
  id: string,
  target: Partial<WebhookTarget> & Pick<WebhookTarget, 'url'>,
): WorkloadOn<WebhookTarget> {
  return {
    ...workload(id, { replicasInitial: 1 }),
    target: {
      kind: 'webhook',
      secret: 'scaling',
      requestTimeoutMs: 2_000,
      metricsPath: '/metrics',
      ...target,
    },
  };
}
