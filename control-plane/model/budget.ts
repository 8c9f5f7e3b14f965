/**
 * A budget is what several workloads may have together: GPUs of a tenant, replicas of all agent pools.
 * Policies say how many units a replica takes. Since format 4 of the log.
 */

export interface Budget {
  /** 1 to 63 characters of [a-z0-9-]. */
  readonly id: string;
  readonly description: string;
  /** What is counted, e.g. gpu; for people. */
  readonly unit: string;
  /** At least 0. */
  readonly limit: number;
}

/** A budget as the state holds it. */
export interface StoredBudget {
  readonly budget: Budget;
  /** Counts up from 1 with each change; the ETag. */
  readonly version: number;
}

/** What the decider reads of one budget that the policy shares. */
export interface BudgetInput {
  readonly budgetId: string;
  readonly unitsPerReplica: number;
  /** Null when there is no such budget. */
  readonly limit: number | null;
  /** Units that the other workloads have, in flight ones included. */
  readonly usedByOthers: number;
}
