/**
 * What a tick decided, and what became of its actions. A tick is applied whole or not at all. At
 * most one action per workload is in flight.
 */

import type { Command, DecisionEntry } from '../model/command.ts';
import { NO_BRAKES } from '../model/decision.ts';
import type { Brakes, FencingToken, InFlightAction } from '../model/decision.ts';
import { applyToBrakes } from './brakes.ts';
import { applied, refused } from './outcome.ts';
import type { Outcome } from './outcome.ts';
import { withEntries, withEntry } from './records.ts';
import type { PlaneState, WorkloadState } from './state.ts';
import { workloadNotFound } from './workloads.ts';

type RecordDecisions = Extract<Command, { kind: 'record_decisions' }>;
type FinishAction = Extract<Command, { kind: 'finish_action' }>;

/**
 * Remembers a tick: the brakes of every policy, and the actions that may now start. An entry whose
 * workload or policy has gone since the tick began, or whose policy has moved on to another
 * workload, is skipped: nothing is left that it could be about.
 *
 * A tick that knows its term is refused in every other one: another leader may have decided in
 * between, from other samples and other brakes, and this tick knows nothing of it. One that comes
 * again late in its own term, after a refusal, must start from what is desired by then.
 */
export function recordDecisions(
  state: PlaneState,
  token: FencingToken,
  command: RecordDecisions,
): Outcome {
  const { decidedInTerm } = command;
  if (decidedInTerm !== undefined && decidedInTerm !== token.term) {
    const detail = `decided in term ${decidedInTerm}, logged in term ${token.term}`;
    return refused('stale_term', detail);
  }
  const startedIn = new Map<string, WorkloadState>();
  const brakes = new Map<string, Brakes>();
  for (const entry of command.entries) {
    const { workloadId, policyId } = entry;
    const workload = startedIn.get(workloadId) ?? state.workloads[workloadId];
    const policy = state.policies[policyId]?.policy;
    if (workload === undefined || policy?.workloadId !== workloadId) continue;
    if (entry.action !== null) {
      if (workload.inFlight !== null) return actionInFlight(workload.inFlight);
      const isStale = entry.action.fromReplicas !== workload.desired;
      if (isStale && decidedInTerm !== undefined) return staleDecision(workload, entry.action);
      startedIn.set(workloadId, started(workload, entry, token, command.atMs));
    }
    const known = brakes.get(policyId) ?? state.brakes[policyId] ?? NO_BRAKES;
    brakes.set(policyId, applyToBrakes(known, entry, policy, command.atMs));
  }
  return applied({
    ...state,
    workloads: withEntries(state.workloads, startedIn),
    brakes: withEntries(state.brakes, brakes),
  });
}

/**
 * Ends an action. Verified: what was desired is there. Failed: `desired` becomes what is really
 * ready, so that the next decision starts from the truth, but never beyond the action's two ends:
 * a scale-out whose replicas all crash must not turn into a scale-in, nor a failed scale-in into
 * more than there was. At least 1.
 */
export function finishAction(
  state: PlaneState,
  token: FencingToken,
  command: FinishAction,
): Outcome {
  const workload = state.workloads[command.workloadId];
  if (workload === undefined) return workloadNotFound(command.workloadId);
  const { inFlight } = workload;
  if (inFlight?.decisionId !== command.decisionId) {
    const found = inFlight === null ? 'no action is' : `${inFlight.decisionId} is`;
    const detail = `${found} in flight for workload ${command.workloadId}, not ${command.decisionId}`;
    return refused('action_not_found', detail);
  }
  const desired =
    command.outcome === 'verified'
      ? workload.desired
      : desiredAfterFailure(inFlight, command.readyReplicas);
  const workloads = withEntry(state.workloads, command.workloadId, {
    ...workload,
    desired,
    desiredToken: desired === workload.desired ? workload.desiredToken : token,
    inFlight: null,
  });
  return applied({ ...state, workloads });
}

function desiredAfterFailure(action: InFlightAction, ready: number): number {
  const low = Math.min(action.fromReplicas, action.toReplicas);
  const high = Math.max(action.fromReplicas, action.toReplicas);
  return Math.max(1, Math.min(high, Math.max(low, ready)));
}

function started(
  workload: WorkloadState,
  entry: DecisionEntry,
  token: FencingToken,
  atMs: number,
): WorkloadState {
  const { action, decisionId, workloadId } = entry;
  if (action === null) return workload;
  const { fromReplicas, toReplicas, deadlineMs } = action;
  const inFlight: InFlightAction = {
    decisionId,
    workloadId,
    fromReplicas,
    toReplicas,
    startedAtMs: atMs,
    deadlineMs,
    token,
  };
  return { ...workload, desired: toReplicas, desiredToken: token, inFlight };
}

function actionInFlight(action: InFlightAction): Outcome {
  const { workloadId, decisionId } = action;
  return refused('action_in_flight', `workload ${workloadId} still has ${decisionId} in flight`);
}

function staleDecision(
  { workload, desired }: WorkloadState,
  { fromReplicas }: NonNullable<DecisionEntry['action']>,
): Outcome {
  return refused('stale_decision', `workload ${workload.id} wants ${desired}, not ${fromReplicas}`);
}
