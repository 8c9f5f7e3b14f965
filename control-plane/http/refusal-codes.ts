/**
 * What a refusal of the state machine means for a client. Those about actions, terms and formats
 * answer commands that only the loops propose: reaching them here is a bug. A policy's missing workload
 * or budget is a conflict, not a missing page: the routes of policies translate those themselves.
 */

import type { CommandRefusal } from '../model/command.ts';
import type { ProblemCode } from './errors.ts';

export const REFUSAL_CODES: Readonly<Record<CommandRefusal, ProblemCode>> = {
  version_conflict: 'version_conflict',
  workload_not_found: 'workload_not_found',
  policy_not_found: 'policy_not_found',
  node_not_found: 'node_not_found',
  shadow_not_found: 'shadow_not_found',
  shadow_of_another_workload: 'shadow_of_another_workload',
  budget_not_found: 'budget_not_found',
  budget_in_use: 'budget_in_use',
  workload_has_policy: 'workload_has_policy',
  workload_already_has_policy: 'workload_already_has_policy',
  action_in_flight: 'internal_error',
  action_not_found: 'internal_error',
  stale_term: 'internal_error',
  stale_decision: 'internal_error',
  format_not_in_force: 'internal_error',
};
