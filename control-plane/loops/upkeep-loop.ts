/**
 * The loop beside scaling: counts nodes by health, forgets those that are gone for long, looks more
 * often than a tick does at the replicas that come and go, and publishes the scrape targets for the time when the
 * plane is away. Trouble with one of these does not keep the others from being done. It scales
 * nothing.
 */

import { randomUUID } from 'node:crypto';
import { NODE_STATUSES } from '../model/node.ts';
import type { Clock } from '../ports/clock.ts';
import type { Consensus } from '../ports/consensus.ts';
import type { TargetPublisher } from '../ports/target-publisher.ts';
import type { Series } from '../telemetry/series.ts';
import { within } from './deadline.ts';
import { agentGroups, replicaGroups } from './discovery.ts';
import type { LoopLogger } from './logger.ts';
import type { NodeRegistry } from './node-registry.ts';
import { workloadsDue } from './replica-rounds.ts';
import type { ReplicaWatch } from './replica-watch.ts';
import { reportedRun } from './reported-run.ts';
import { readReplicas } from './sight.ts';
import type { ScaleTargets } from './sight.ts';

/** Nodes forgotten in one run; the others wait for the next. */
const FORGOTTEN_PER_RUN_MAX = 256;

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
  /** Deadline of each of the things that one run does, in ms. */
  readonly timeoutMs: number;
}

/** One run. Rejects, once everything has been tried, when something of it failed. */
export async function runUpkeep(options: UpkeepOptions, signal: AbortSignal): Promise<void> {
  await reportedRun({ ...options, loop: 'upkeep' }, signal, async () => {
    const done = await Promise.allSettled([
      forgetNodes(options, reviewNodes(options), signal),
      watchReplicas(options, signal),
    ]);
    signal.throwIfAborted();
    done.push(...(await publish(options, signal)));
    signal.throwIfAborted();
    const failures = done.flatMap((one): unknown[] =>
      one.status === 'rejected' ? [one.reason] : [],
    );
    if (failures.length > 0) throw new AggregateError(failures, messagesOf(failures));
  });
}

/** The nodes that have been silent for so long that they are to be forgotten. */
function reviewNodes(options: UpkeepOptions): readonly string[] {
  const { consensus, registry, series, forgetAfterMs } = options;
  const nodeIds = Object.keys(consensus.readState().nodes);
  registry.retain(new Set(nodeIds));
  const counts = new Map<string, number>();
  const silent: string[] = [];
  for (const nodeId of nodeIds) {
    const health = registry.health(nodeId);
    counts.set(health.status, (counts.get(health.status) ?? 0) + 1);
    if (health.heartbeatAgeMs >= forgetAfterMs) silent.push(nodeId);
  }
  // To a member that does not lead all nodes are silent: it hears no heartbeats.
  const leads = consensus.leaseTerm() !== null;
  for (const status of NODE_STATUSES) {
    series.nodes.set({ status }, leads ? (counts.get(status) ?? 0) : 0);
  }
  return leads ? silent : [];
}

async function forgetNodes(
  { consensus, clock, logger, forgetAfterMs, timeoutMs }: UpkeepOptions,
  silent: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  if (silent.length === 0) return;
  const nodes = silent.slice(0, FORGOTTEN_PER_RUN_MAX);
  const atMs = clock.nowMs();
  await within(timeoutMs, signal, (deadline) =>
    Promise.all(
      nodes.map((nodeId) => {
        // Not the node's id, which alone may be as long as a key.
        const key = `forget/${randomUUID()}`;
        return consensus.propose({ kind: 'remove_node', key, atMs, nodeId }, deadline);
      }),
    ),
  );
  logger.info({ nodes, silentForMs: forgetAfterMs }, 'forgot nodes that were silent for long');
}

async function watchReplicas(options: UpkeepOptions, signal: AbortSignal): Promise<void> {
  const { consensus, replicas, targets, clock, timeoutMs } = options;
  const lookedAtMs = clock.monotonicMs();
  const isFirst = !replicas.hasLooked;
  const due = workloadsDue(consensus.readState(), replicas);
  const seen = await readReplicas(due, targets, timeoutMs, signal);
  if (isFirst) replicas.saw(seen, lookedAtMs);
  else replicas.sawSome(seen, lookedAtMs);
}

function publish(
  { publisher, consensus, replicas, targets, timeoutMs }: UpkeepOptions,
  signal: AbortSignal,
): Promise<PromiseSettledResult<void>[]> {
  // Members may share the directory: the one that sees the replicas writes.
  if (publisher === null || consensus.leaseTerm() === null) return Promise.resolve([]);
  const state = consensus.readState();
  const lists = [
    ['agents', agentGroups(state)],
    ['replicas', replicaGroups(state, targets, replicas)],
  ] as const;
  return Promise.allSettled(
    lists.map(async ([kind, groups]) => {
      if (groups === null) return;
      await within(timeoutMs, signal, () => publisher.publish(kind, groups));
    }),
  );
}

function messagesOf(failures: readonly unknown[]): string {
  return failures.map((one) => (one instanceof Error ? one.message : String(one))).join('; ');
}
