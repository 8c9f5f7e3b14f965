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

/** What Kubernetes runs: a resource with a scale subresource, which this plane alone may scale. */
export interface KubernetesTarget {
  readonly kind: 'kubernetes';
  /** Group and version of the resource, e.g. apps/v1. */
  readonly apiVersion: string;
  /** Its kind, e.g. Deployment or StatefulSet. */
  readonly resource: string;
  readonly namespace: string;
  readonly name: string;
  /** At which each pod serves and is scraped. */
  readonly port: number;
  /** As of LocalProcessTarget. */
  readonly metricsPath: string;
}

/** What Nomad runs: the count of one task group of a service job. */
export interface NomadTarget {
  readonly kind: 'nomad';
  readonly namespace: string;
  /** Null: the region of the agent that is asked. */
  readonly region: string | null;
  readonly jobId: string;
  readonly group: string;
  /** Label of the group's port at which each allocation serves and is scraped. */
  readonly portLabel: string;
  /** As of LocalProcessTarget. */
  readonly metricsPath: string;
}

/** What somebody else runs: a receiver of signed requests that keeps the number it was told. */
export interface WebhookTarget {
  readonly kind: 'webhook';
  /** http or https; the number is sent there, and read from there. */
  readonly url: string;
  /** Name of the secret that signs, one file in the members' directory of webhook secrets. */
  readonly secret: string;
  /** From the request until the receiver must have answered, in ms. */
  readonly requestTimeoutMs: number;
  /** As of LocalProcessTarget. */
  readonly metricsPath: string;
}

/** Where replicas live. */
export type ScaleTargetSpec =
  LocalProcessTarget | DockerTarget | KubernetesTarget | NomadTarget | WebhookTarget;

export const TARGET_KINDS = ['local_process', 'docker', 'kubernetes', 'nomad', 'webhook'] as const;
export type TargetKind = (typeof TARGET_KINDS)[number];

/** The format of the log from which on workloads with such a target stand in it (state/format.ts). */
export const TARGET_FORMATS: Readonly<Record<TargetKind, number>> = {
  local_process: 1,
  docker: 3,
  kubernetes: 4,
  nomad: 4,
  webhook: 4,
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

export function isKubernetes(workload: Workload): workload is WorkloadOn<KubernetesTarget> {
  return workload.target.kind === 'kubernetes';
}

export function isNomad(workload: Workload): workload is WorkloadOn<NomadTarget> {
  return workload.target.kind === 'nomad';
}

export function isWebhook(workload: Workload): workload is WorkloadOn<WebhookTarget> {
  return workload.target.kind === 'webhook';
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
  /** When it last became ready or unready, UNIX time in ms; absent when the target does not know. */
  readonly readyChangedAtMs?: number;
}
