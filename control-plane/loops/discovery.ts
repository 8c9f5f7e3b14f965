/**
 * Which addresses Prometheus shall scrape: every registered node's agent, and every replica that
 * serves. A node that is silent stays in the list until it is forgotten, so that `up == 0` shows. A
 * list that would lack what is merely not known yet is not given: whoever has one keeps it.
 */

import type { TargetGroup } from '../ports/target-publisher.ts';
import type { PlaneState } from '../state/state.ts';
import type { ReplicaWatch } from './replica-watch.ts';
import type { ScaleTargets } from './sight.ts';

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

/**
 * Stopping replicas are still scraped: what they have in hand is load until it is served. Null while
 * this member has not seen the replicas of each workload; a target that is switched off has none.
 */
export function replicaGroups(
  state: PlaneState,
  targets: ScaleTargets,
  watch: Pick<ReplicaWatch, 'of' | 'isMissing'>,
): readonly TargetGroup[] | null {
  const workloads = Object.values(state.workloads).map(({ workload }) => workload);
  const isMissing = workloads.some(
    ({ id, target }) => (targets[target.kind] ?? null) !== null && watch.isMissing(id),
  );
  if (isMissing) return null;
  return workloads
    .flatMap(({ id }) => watch.of(id))
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
