/**
 * What bounds every target of replicas alike: how their readiness is probed, how long one that ended
 * is waited with, and how many commands wait. What a target needs beyond that is its own.
 */

export interface ReplicaLimits {
  /** Deadline of one readiness probe, and the time between two of a ready replica, in ms. */
  readonly probeTimeoutMs: number;
  readonly probeIntervalMs: number;
  /** Probes in a row that a ready replica fails before it counts as starting again. */
  readonly probeFailuresMax: number;
  /** First and longest wait before another takes the place of a replica that ended, in ms; it doubles. */
  readonly backoffMinMs: number;
  readonly backoffMaxMs: number;
  /** Ready for that long, a replica counts as sound, and its end as the first one, in ms. */
  readonly soundAfterMs: number;
  /** Commands of one workload that wait for their turn. */
  readonly waitingMax: number;
}

export const REPLICA_LIMITS: ReplicaLimits = {
  probeTimeoutMs: 2_000,
  probeIntervalMs: 2_000,
  probeFailuresMax: 5,
  backoffMinMs: 500,
  backoffMaxMs: 30_000,
  soundAfterMs: 10_000,
  waitingMax: 64,
};

/** Wait before another takes the place of a replica that ended after `failures` failures in a row. */
export function backoffMs(
  failures: number,
  limits: Pick<ReplicaLimits, 'backoffMinMs' | 'backoffMaxMs'>,
): number {
  return Math.min(limits.backoffMaxMs, limits.backoffMinMs * 2 ** Math.min(failures, 30));
}
