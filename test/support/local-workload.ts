/** Workloads for tests of scale targets. */

import { fileURLToPath } from 'node:url';

import type { LocalProcessTarget, Workload } from '../../control-plane/model/workload.ts';

const SERVER = fileURLToPath(new URL('./replica-server.ts', import.meta.url));

export function localWorkload(id: string, target: Partial<LocalProcessTarget> = {}): Workload {
  return {
    id,
    description: '',
    capability: 'inference',
    labels: {},
    mode: 'act',
    replicasInitial: 1,
    target: {
      kind: 'local_process',
      command: [process.execPath, SERVER],
      environment: {},
      readinessPath: '/readyz',
      metricsPath: '/metrics',
      startTimeoutMs: 20_000,
      stopGraceMs: 3_000,
      ...target,
    },
  };
}
