/**
 * How much of each shared budget the workloads have, within one tick: what they are wanted to have, or
 * still have while an action takes some away, and what the decisions of this tick have granted since.
 * Two workloads of one tick so never get the same unit. What is given back counts once it is gone.
 */

import type { Verdict } from '../model/decision.ts';
import type { PlaneState, WorkloadState } from '../state/state.ts';

export class BudgetUse {
  readonly #state: PlaneState;
  /** Units by budget and workload, and in all by budget. */
  readonly #units = new Map<string, Map<string, number>>();
  readonly #totals = new Map<string, number>();

  constructor(state: PlaneState) {
    this.#state = state;
    for (const { policy } of Object.values(state.policies)) {
      const entry = state.workloads[policy.workloadId];
      if (entry === undefined || policy.budgets === undefined) continue;
      this.#take(policy.workloadId, policy.budgets, heldBy(entry));
    }
  }

  /** Null when there is no such budget. */
  limitOf(budgetId: string): number | null {
    return this.#state.budgets[budgetId]?.budget.limit ?? null;
  }

  /** Units that all have together. */
  usedOf(budgetId: string): number {
    return this.#totals.get(budgetId) ?? 0;
  }

  usedByOthers(budgetId: string, workloadId: string): number {
    const own = this.#units.get(budgetId)?.get(workloadId) ?? 0;
    return (this.#totals.get(budgetId) ?? 0) - own;
  }

  /** Takes in what a decision grants; what it takes away is still there. */
  granted(
    { workloadId, budgets }: PlaneState['policies'][string]['policy'],
    verdict: Verdict,
  ): void {
    if (budgets === undefined || verdict.kind === 'hold' || verdict.direction === 'in') return;
    this.#take(workloadId, budgets, verdict.replicas);
  }

  #take(
    workloadId: string,
    shares: readonly { readonly budgetId: string; readonly unitsPerReplica: number }[],
    replicas: number,
  ): void {
    for (const { budgetId, unitsPerReplica } of shares) {
      const byWorkload = this.#units.get(budgetId) ?? new Map<string, number>();
      const units = replicas * unitsPerReplica;
      const change = units - (byWorkload.get(workloadId) ?? 0);
      byWorkload.set(workloadId, units);
      this.#units.set(budgetId, byWorkload);
      this.#totals.set(budgetId, (this.#totals.get(budgetId) ?? 0) + change);
    }
  }
}

function heldBy({ desired, inFlight }: WorkloadState): number {
  return inFlight === null ? desired : Math.max(desired, inFlight.fromReplicas);
}
