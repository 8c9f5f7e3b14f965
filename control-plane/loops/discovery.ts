/**
 * Which addresses Prometheus shall scrape: every registered node's agent, and every replica that
 * serves. A node that is silent stays in the list until it is forgotten, so that `up == 0` shows.
 */

import type { Replica } from '../model/workload.ts';
import type { TargetGroup } from '../ports/target-publisher.ts';
import type { PlaneState } from '../state/state.ts';

export function agentGroups(state: PlaneState): readonly TargetGroup[] {
  return Object.values(state.nodes).map(({ registration }) => ({
    targets: [registration.address],
    labels: {
      __meta_omnimind_node: registration.nodeId,
      node: registration.nodeId,
      ...Object.fromEntries(
        Object.entries(registration.labels).map(([name, value]) => [
          `omnimind_label_${name.replaceAll(/[^a-zA-Z0-9_]/g, '_')}`,
          value,
        ]),
      ),
    },
  }));
}

/** Stopping replicas are still scraped: what they have in hand is load until it is served. */
export function replicaGroups(
  state: PlaneState,
  replicasOf: (workloadId: string) => readonly Replica[],
): readonly TargetGroup[] {
  return Object.keys(state.workloads)
    .flatMap((workloadId) => replicasOf(workloadId))
    .filter((replica) => replica.phase !== 'starting')
    .map((replica) => ({
      targets: [replica.address],
      labels: {
        workload: replica.workloadId,
        replica: replica.replicaId,
        __metrics_path__: replica.metricsPath,
      },
    }));
}
