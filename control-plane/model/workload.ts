/** A workload is what is scaled; a replica is one running copy of it. */

import type { Mode } from './mode.ts';

/** Replicas as processes on the control plane's own host: the demo, and hosts without an orchestrator. */
export interface LocalProcessTarget {
  readonly kind: 'local_process';
  /** argv of one replica; it listens on 127.0.0.1 at the port given in the environment variable PORT. */
  readonly command: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  /** Path that answers 200 once the replica can serve, e.g. /readyz. */
  readonly readinessPath: string;
  /** Path that Prometheus scrapes, e.g. /metrics. */
  readonly metricsPath: string;
  /** From start to ready at most, in ms; a replica that takes longer is stopped and started anew. */
  readonly startTimeoutMs: number;
  /** From SIGTERM to SIGKILL, in ms. */
  readonly stopGraceMs: number;
}

/** Where replicas live. Other kinds (Docker, Kubernetes, Nomad, webhook) join this union. */
export type ScaleTargetSpec = LocalProcessTarget;

export interface Workload {
  /** 1 to 63 characters of [a-z0-9-]. */
  readonly id: string;
  readonly description: string;
  readonly capability: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly mode: Mode;
  /** Replicas wanted before any policy has decided. */
  readonly replicasInitial: number;
  readonly target: ScaleTargetSpec;
}

export const REPLICA_PHASES = ['starting', 'ready', 'stopping'] as const;
export type ReplicaPhase = (typeof REPLICA_PHASES)[number];

export interface Replica {
  readonly replicaId: string;
  readonly workloadId: string;
  /** host:port at which it serves and is scraped. */
  readonly address: string;
  readonly metricsPath: string;
  readonly phase: ReplicaPhase;
  readonly startedAtMs: number;
}
