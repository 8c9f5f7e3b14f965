/** Workloads whose replicas are containers, for tests of the Docker target. */

import type { DockerTarget, WorkloadOn } from '../../control-plane/model/workload.ts';
import { workload } from './log-commands.ts';

/** The image that the fake engine has. */
export const FAKE_IMAGE = 'example/replica:1';

export function dockerWorkload(
  id: string,
  target: Partial<DockerTarget> = {},
): WorkloadOn<DockerTarget> {
  return {
    ...workload(id, { replicasInitial: 1 }),
    target: {
      kind: 'docker',
      image: FAKE_IMAGE,
      command: [],
      environment: {},
      port: 8080,
      network: 'bridge',
      readinessPath: '/readyz',
      metricsPath: '/metrics',
      startTimeoutMs: 20_000,
      stopGraceMs: 3_000,
      memoryBytes: null,
      cpus: null,
      ...target,
    },
  };
}
