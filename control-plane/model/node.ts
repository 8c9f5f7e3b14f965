/**
 * A node is a host with an agent. Its registration is replicated; its health is derived from
 * evidence (heartbeats, its own collectors' word, scrapes) and never stored.
 */

/** A capability is a slug, 1 to 32 characters of [a-z0-9_-]: inference, training, memory, agents, gpu, cache … */
export type Capability = string;

export interface NodeInventory {
  readonly operatingSystem: string;
  readonly kernel: string;
  readonly architecture: string;
  readonly cpuModel: string;
  readonly cpuCores: number;
  readonly memoryBytes: number;
  readonly gpus: readonly GpuInventory[];
}

export interface GpuInventory {
  readonly uuid: string;
  readonly name: string;
  readonly memoryBytes: number;
}

export interface NodeRegistration {
  /** Stable over restarts of the agent: 1 to 128 characters of [A-Za-z0-9._-]. */
  readonly nodeId: string;
  readonly hostname: string;
  /** host:port at which Prometheus scrapes the agent. */
  readonly address: string;
  readonly capabilities: readonly Capability[];
  readonly labels: Readonly<Record<string, string>>;
  readonly inventory: NodeInventory;
  readonly agentVersion: string;
}

/** What an agent says of itself with each heartbeat. Kept in memory on the leader, not replicated. */
export interface Heartbeat {
  readonly nodeId: string;
  /** Names of the agent's collectors whose last run failed; empty when all is well. */
  readonly failingCollectors: readonly string[];
  /** Counts up from 0 with each start of the agent. */
  readonly sequence: number;
}

export const NODE_STATUSES = ['healthy', 'degraded', 'stale', 'unreachable'] as const;
export type NodeStatus = (typeof NODE_STATUSES)[number];

/** The evidence for a node's status, all of it, in the words shown to a person. */
export interface NodeHealth {
  readonly status: NodeStatus;
  readonly evidence: string;
  /** Milliseconds since the last heartbeat, or since this member began to watch when there was none. */
  readonly heartbeatAgeMs: number;
}

export interface NodeHealthLimits {
  /** Heartbeat age from which a node is stale, in ms. */
  readonly staleAfterMs: number;
  /** Heartbeat age from which it is unreachable, in ms; greater than staleAfterMs. */
  readonly unreachableAfterMs: number;
}

/** Derives a node's health from the age of its last heartbeat and what that said. Total. */
export function nodeHealth(
  heartbeatAgeMs: number,
  failingCollectors: readonly string[],
  limits: NodeHealthLimits,
): NodeHealth {
  const age = `last heartbeat ${(heartbeatAgeMs / 1000).toFixed(1)} s ago`;
  if (heartbeatAgeMs >= limits.unreachableAfterMs) {
    return { status: 'unreachable', evidence: age, heartbeatAgeMs };
  }
  if (heartbeatAgeMs >= limits.staleAfterMs) {
    return { status: 'stale', evidence: age, heartbeatAgeMs };
  }
  if (failingCollectors.length > 0) {
    const evidence = `${age}; failing collectors: ${failingCollectors.join(', ')}`;
    return { status: 'degraded', evidence, heartbeatAgeMs };
  }
  return { status: 'healthy', evidence: age, heartbeatAgeMs };
}
