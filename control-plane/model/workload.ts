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

/** Replicas as containers of one Docker Engine, which all members of the cluster reach. */
export interface DockerTarget {
  readonly kind: 'docker';
  /** Name or id of an image that the engine has: nothing is pulled. */
  readonly image: string;
  /** argv that takes the place of the image's own command; empty keeps that. */
  readonly command: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  /** At which a replica listens inside its container; told to it in the environment variable PORT. */
  readonly port: number;
  /** Network of the engine on which members and Prometheus reach the replicas. */
  readonly network: string;
  /** As of LocalProcessTarget. */
  readonly readinessPath: string;
  readonly metricsPath: string;
  readonly startTimeoutMs: number;
  /** From SIGTERM to SIGKILL, in ms; the engine counts whole seconds, so it is rounded up to them. */
  readonly stopGraceMs: number;
  /** Most memory of one replica, in bytes; null: no limit. */
  readonly memoryBytes: number | null;
  /** Most CPU time of one replica, in cores; null: no limit. */
  readonly cpus: number | null;
}

/** Where replicas live. Other kinds (Kubernetes, Nomad, webhook) join this union. */
export type ScaleTargetSpec = LocalProcessTarget | DockerTarget;

/** The format of the log from which on workloads with such a target stand in it (state/format.ts). */
export const TARGET_FORMATS: Readonly<Record<ScaleTargetSpec['kind'], number>> = {
  local_process: 1,
  docker: 3,
};

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

/** A workload whose replicas live in one kind of place. */
export type WorkloadOn<Target extends ScaleTargetSpec> = Workload & { readonly target: Target };

export function isLocalProcess(workload: Workload): workload is WorkloadOn<LocalProcessTarget> {
  return workload.target.kind === 'local_process';
}

export function isDocker(workload: Workload): workload is WorkloadOn<DockerTarget> {
  return workload.target.kind === 'docker';
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
