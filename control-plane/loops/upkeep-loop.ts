/**
 * The loop beside scaling: counts nodes by health, forgets those that are gone for long, looks at
 * the replicas more often than a tick does, publishes the scrape targets for the time when the plane is away. It scales nothing.
 */

import { NODE_STATUSES } from '../model/node.ts';
import type { Clock } from '../ports/clock.ts';
import type { Consensus } from '../ports/consensus.ts';
import type { TargetPublisher } from '../ports/target-publisher.ts';
import type { Series } from '../telemetry/series.ts';
import { agentGroups, replicaGroups } from './discovery.ts';
import type { LoopLogger } from './logger.ts';
import type { NodeRegistry } from './node-registry.ts';
import type { ReplicaWatch } from './replica-watch.ts';
import { readReplicas } from './sight.ts';
import type { ScaleTargets } from './sight.ts';

export interface UpkeepOptions {
  readonly consensus: Consensus;
  readonly registry: NodeRegistry;
  readonly replicas: ReplicaWatch;
  readonly targets: ScaleTargets;
  /** Null: no copies for file_sd. */
  readonly publisher: TargetPublisher | null;
  readonly clock: Clock;
  readonly series: Series;
  readonly logger: LoopLogger;
  /** Heartbeat age from which a node is removed, in ms. */
  readonly forgetAfterMs: number;
}

/** One run. */
export async function runUpkeep(options: UpkeepOptions, signal: AbortSignal): Promise<void> {
  const { publisher, consensus, replicas, targets } = options;
  await reviewNodes(options, signal);
  const state = consensus.readState();
  replicas.saw(await readReplicas(state, targets, signal));
  if (publisher === null) return;
  await publisher.publish('agents', agentGroups(state));
  await publisher.publish(
    'replicas',
    replicaGroups(state, (id) => replicas.of(id)),
  );
}

async function reviewNodes(options: UpkeepOptions, signal: AbortSignal): Promise<void> {
  const { consensus, registry, series, clock, logger, forgetAfterMs } = options;
  const nodeIds = Object.keys(consensus.readState().nodes);
  registry.retain(new Set(nodeIds));
  const counts = new Map<string, number>();
  for (const nodeId of nodeIds) {
    const health = registry.health(nodeId);
    counts.set(health.status, (counts.get(health.status) ?? 0) + 1);
    if (health.heartbeatAgeMs < forgetAfterMs) continue;
    logger.info({ node: nodeId, evidence: health.evidence }, 'forgetting a node');
    const atMs = clock.nowMs();
    await consensus.propose(
      { kind: 'remove_node', key: `forget/${nodeId}/${atMs}`, atMs, nodeId },
      signal,
    );
  }
  for (const status of NODE_STATUSES) series.nodes.set({ status }, counts.get(status) ?? 0);
}
