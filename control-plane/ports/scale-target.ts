/**
 * What is told how many replicas to run. A target is declarative: it keeps the number that it was
 * told, restarts what dies, and adopts after its own restart what it had started before.
 */

import type { FencingToken } from '../model/decision.ts';
import type { Replica, Workload } from '../model/workload.ts';

export interface ScaleTarget {
  /**
   * Tells the target the number wanted. Durable when it resolves; converging goes on behind it.
   * The same token again is accepted and changes nothing; an older one is refused.
   * @throws ScaleTargetError `stale_token` | `unavailable` | `rejected`
   */
  setReplicas(
    workload: Workload,
    replicas: number,
    token: FencingToken,
    signal: AbortSignal,
  ): Promise<void>;
  /** @throws ScaleTargetError `unavailable` */
  readReplicas(workload: Workload, signal: AbortSignal): Promise<readonly Replica[]>;
  /** Ids of the workloads that this target runs, known to the caller or not. */
  listWorkloads(): Promise<readonly string[]>;
  /** Forgets a workload and stops its replicas. The same fencing as setReplicas. */
  removeWorkload(workloadId: string, token: FencingToken, signal: AbortSignal): Promise<void>;
}

export type ScaleTargetFailure = 'stale_token' | 'unavailable' | 'rejected';

export class ScaleTargetError extends Error {
  override readonly name = 'ScaleTargetError';
  readonly failure: ScaleTargetFailure;

  constructor(failure: ScaleTargetFailure, message: string, options?: ErrorOptions) {
    super(message, options);
    this.failure = failure;
  }
}
