/**
 * Budgets that policies share. What is used of one is not kept here: it follows from the policies and
 * the replicas wanted, and the decider reckons it.
 */

import type { Budget } from '../model/budget.ts';
import type { ScalePolicy } from '../model/policy.ts';
import { sameContent } from './canonical.ts';
import { applied, refused, versionConflict } from './outcome.ts';
import type { Outcome } from './outcome.ts';
import { entriesOf, withEntry, withoutEntry } from './records.ts';
import type { PlaneState } from './state.ts';

/** Policies that a refusal names; of more it says how many. */
const NAMED_MAX = 5;

export function putBudget(
  state: PlaneState,
  budget: Budget,
  expectedVersion: number | null,
): Outcome {
  const known = state.budgets[budget.id];
  const conflict = versionConflict(`budget ${budget.id}`, expectedVersion, known?.version ?? 0);
  if (conflict !== null) return conflict;
  if (known !== undefined && sameContent(known.budget, budget)) {
    return applied(state, known.version);
  }
  const version = (known?.version ?? 0) + 1;
  const budgets = withEntry(state.budgets, budget.id, { budget, version });
  return applied({ ...state, budgets }, version);
}

/** One that a policy shares, or a shadow, stays: what it was to keep within would have no end. */
export function removeBudget(
  state: PlaneState,
  budgetId: string,
  expectedVersion: number | null,
): Outcome {
  const known = state.budgets[budgetId];
  if (known === undefined) return budgetNotFound(budgetId);
  const conflict = versionConflict(`budget ${budgetId}`, expectedVersion, known.version);
  if (conflict !== null) return conflict;
  const sharers = sharersOf(state, budgetId);
  if (sharers.length > 0) {
    const more = sharers.length > NAMED_MAX ? ` and ${sharers.length - NAMED_MAX} more` : '';
    const named = sharers.slice(0, NAMED_MAX).join(', ') + more;
    return refused('budget_in_use', `budget ${budgetId} is shared by ${named}`);
  }
  return applied({ ...state, budgets: withoutEntry(state.budgets, budgetId) });
}

/** Refuses a policy that shares a budget that there is not; null when there is none such. */
export function missingBudget(state: PlaneState, policy: ScalePolicy): Outcome | null {
  const missing = policy.budgets?.find(({ budgetId }) => state.budgets[budgetId] === undefined);
  return missing === undefined ? null : budgetNotFound(missing.budgetId);
}

function sharersOf(state: PlaneState, budgetId: string): readonly string[] {
  const shares = ({ budgets = [] }: ScalePolicy): boolean =>
    budgets.some((share) => share.budgetId === budgetId);
  const sharers: string[] = [];
  for (const [id, { policy, shadow }] of entriesOf(state.policies)) {
    if (shares(policy)) sharers.push(`policy ${id}`);
    if (shadow !== undefined && shares(shadow.policy)) sharers.push(`the shadow of policy ${id}`);
  }
  return sharers;
}

function budgetNotFound(budgetId: string): Outcome {
  return refused('budget_not_found', `there is no budget ${budgetId}`);
}
