/**
 * The live views that the HTTP edge asks for, put together from the loops and adapters of this
 * member. Holds nothing of its own and decides nothing.
 */

import { counterfactualsOf } from '../deciders/counterfactual.ts';
import { decideScale } from '../deciders/scale.ts';
import type { LastEvaluation, PlaneViews, ReadinessCheck } from '../http/plane.ts';
import { agentGroups, replicaGroups } from '../loops/discovery.ts';
import type { NodeRegistry } from '../loops/node-registry.ts';
import { previewPolicy } from '../loops/preview.ts';
import type { PreviewOptions } from '../loops/preview.ts';
import type { ReplicaWatch } from '../loops/replica-watch.ts';
import type { ScaleLoop } from '../loops/scale-loop.ts';
import type { ScaleTargets } from '../loops/sight.ts';
import type { Heartbeat } from '../model/node.ts';
import type { Consensus } from '../ports/consensus.ts';
import type { Series } from '../telemetry/series.ts';

export interface ViewParts {
  readonly consensus: Consensus;
  readonly registry: NodeRegistry;
  readonly replicas: ReplicaWatch;
  readonly targets: ScaleTargets;
  readonly loop: ScaleLoop;
  readonly series: Series;
  readonly preview: PreviewOptions;
  readonly heartbeatIntervalMs: number;
  /** Asked at each readiness request; must not wait. */
  readonly checks: readonly (() => ReadinessCheck)[];
}

export function createViews(parts: ViewParts): PlaneViews {
  const { consensus, registry, replicas, loop } = parts;
  const isRegistered = (nodeId: string) => consensus.readState().nodes[nodeId] !== undefined;
  return {
    heartbeatIntervalMs: parts.heartbeatIntervalMs,
    nodeHealth: (nodeId) => (isRegistered(nodeId) ? registry.health(nodeId) : null),
    acceptHeartbeat: (heartbeat) => acceptHeartbeat(parts, heartbeat, isRegistered),
    replicas: (workloadId) => replicas.of(workloadId),
    lastEvaluation: (workloadId) => lastEvaluation(loop, workloadId),
    evaluate: decideScale,
    counterfactuals: counterfactualsOf,
    preview: (policy, signal) => previewPolicy(policy, parts.preview, signal),
    targetGroups: (kind) => {
      const state = consensus.readState();
      return kind === 'agents' ? agentGroups(state) : replicaGroups(state, parts.targets, replicas);
    },
    readiness: () => parts.checks.map((check) => check()),
  };
}

function acceptHeartbeat(
  parts: ViewParts,
  heartbeat: Heartbeat,
  isRegistered: (nodeId: string) => boolean,
): boolean {
  const known = isRegistered(heartbeat.nodeId);
  parts.series.heartbeats.inc({ outcome: known ? 'accepted' : 'unknown_node' });
  if (known) parts.registry.accept(heartbeat);
  return known;
}

function lastEvaluation(loop: ScaleLoop, workloadId: string): LastEvaluation | null {
  const record = loop.lastDecision(workloadId);
  if (record === null) return null;
  const { atMs, decisionId, outcome } = record;
  return { atMs, decisionId, verdict: outcome.verdict };
}
