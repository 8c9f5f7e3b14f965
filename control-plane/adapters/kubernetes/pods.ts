/**
 * What a pod is to the plane: a replica that starts, serves or stops, or none at all any more. Being
 * ready is what Kubernetes says of it; the plane probes no pod.
 */

import { z } from 'zod';
import type { Replica, WorkloadOn, KubernetesTarget } from '../../model/workload.ts';

export type KubernetesWorkload = WorkloadOn<KubernetesTarget>;

export interface Pod {
  readonly name: string;
  readonly resourceVersion: string;
  /** Null: it ran to its end or failed, and serves no more. */
  readonly phase: Replica['phase'] | null;
  /** Null: it has none yet. */
  readonly ip: string | null;
  readonly createdAtMs: number;
}

export const podSchema = z
  .object({
    metadata: z.object({
      name: z.string(),
      resourceVersion: z.string(),
      creationTimestamp: z.string().transform(Date.parse).pipe(z.number()),
      deletionTimestamp: z.string().nullish(),
    }),
    status: z
      .object({
        phase: z.string().optional(),
        podIP: z.string().optional(),
        conditions: z.array(z.object({ type: z.string(), status: z.string() })).nullish(),
      })
      .nullish(),
  })
  .transform(({ metadata, status }): Pod => {
    const isReady = (status?.conditions ?? []).some(
      (condition) => condition.type === 'Ready' && condition.status === 'True',
    );
    return {
      name: metadata.name,
      resourceVersion: metadata.resourceVersion,
      phase: phaseOf(
        status?.phase ?? 'Pending',
        (metadata.deletionTimestamp ?? null) !== null,
        isReady,
      ),
      ip: status?.podIP ?? null,
      createdAtMs: metadata.creationTimestamp,
    };
  });

/** Oldest first. */
export function replicasOf(workload: KubernetesWorkload, pods: Iterable<Pod>): readonly Replica[] {
  const { port, metricsPath } = workload.target;
  return [...pods]
    .toSorted((a, b) => a.createdAtMs - b.createdAtMs || (a.name < b.name ? -1 : 1))
    .flatMap(({ name, phase, ip, createdAtMs }) => {
      // Ended before it ever had an address: there is nothing in its hands.
      if (phase === null || (phase === 'stopping' && ip === null)) return [];
      // A pod that waits for its node is capacity to come. Nobody reaches a replica that starts.
      const host = ip === null ? name : ip.includes(':') ? `[${ip}]` : ip;
      return {
        replicaId: name,
        workloadId: workload.id,
        address: `${host}:${port}`,
        metricsPath,
        phase,
        startedAtMs: createdAtMs,
      };
    });
}

function phaseOf(phase: string, isDeleted: boolean, isReady: boolean): Pod['phase'] {
  if (phase === 'Failed' || phase === 'Succeeded') return null;
  if (isDeleted) return 'stopping';
  return phase === 'Running' && isReady ? 'ready' : 'starting';
}
