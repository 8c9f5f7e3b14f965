/**
 * The replicated state machine: command × state → state. Pure, total and deterministic: every
 * member that applies the same log has the same state, so nothing here reads a clock, a random
 * number or the order of a map. A refusal changes nothing and its key is not remembered: the same
 * command may succeed later.
 */

import type { Applied, Command } from '../model/command.ts';
import type { FencingToken } from '../model/decision.ts';
import { unreachable } from '../model/reasons.ts';
import { putBudget, removeBudget } from './budgets.ts';
import { finishAction, recordDecisions } from './decisions.ts';
import { recordElection } from './elections.ts';
import { setOverride, setPause } from './interventions.ts';
import { isInForce, notInForce, raiseFormat } from './format.ts';
import { registerNode, removeNode } from './nodes.ts';
import { applied } from './outcome.ts';
import type { Outcome } from './outcome.ts';
import { putPolicy, removePolicy } from './policies.ts';
import { promoteShadow, putShadow, removeShadow } from './shadows.ts';
import type { PlaneState } from './state.ts';
import { putWorkload, removeWorkload, setWorkloadMode } from './workloads.ts';

/**
 * Applies the command of the log entry at `token`. A key that was applied before answers with the
 * version that it gave then and leaves the state as it is. A command that finds its content already
 * there changes nothing else, but its key is remembered: its retry must not undo what came between.
 */
export function applyCommand(
  state: PlaneState,
  token: FencingToken,
  command: Command,
): { readonly state: PlaneState; readonly result: Applied } {
  const repeated = state.appliedKeys.versionOf(command.key);
  if (repeated !== null) {
    return { state, result: { kind: 'applied', version: repeated, repeated: true } };
  }
  const outcome = isInForce(state, command)
    ? applyKind(state, token, command)
    : notInForce(state, command);
  if (outcome.kind === 'refused') return { state, result: outcome };
  const { version } = outcome;
  const appliedKeys = state.appliedKeys.withKey(command.key, version);
  return {
    state: { ...outcome.state, appliedKeys },
    result: { kind: 'applied', version, repeated: false },
  };
}

function applyKind(state: PlaneState, token: FencingToken, command: Command): Outcome {
  switch (command.kind) {
    case 'register_node':
      return registerNode(state, command.registration, command.atMs);
    case 'remove_node':
      return removeNode(state, command.nodeId);
    case 'put_workload':
      return putWorkload(state, token, command);
    case 'remove_workload':
      return removeWorkload(state, command.workloadId, command.expectedVersion);
    case 'put_policy':
      return putPolicy(state, command);
    case 'remove_policy':
      return removePolicy(state, command.policyId, command.expectedVersion);
    case 'put_shadow':
      return putShadow(state, command.policy);
    case 'remove_shadow':
      return removeShadow(state, command.policyId);
    case 'promote_shadow':
      return promoteShadow(state, command);
    case 'set_pause':
      return setPause(state, command.workloadId, command.pause);
    case 'set_override':
      return setOverride(state, command.workloadId, command.override);
    case 'put_budget':
      return putBudget(state, command.budget, command.expectedVersion);
    case 'remove_budget':
      return removeBudget(state, command.budgetId, command.expectedVersion);
    case 'set_mode':
      return applied(state.mode === command.mode ? state : { ...state, mode: command.mode });
    case 'set_workload_mode':
      return setWorkloadMode(state, command.workloadId, command.mode);
    case 'record_decisions':
      return recordDecisions(state, token, command);
    case 'finish_action':
      return finishAction(state, token, command);
    case 'record_election':
      return recordElection(state, command.election);
    case 'raise_format':
      return raiseFormat(state, command.formatVersion);
    default:
      return unreachable(command);
  }
}
