/**
 * What a tick decided, and what became of its actions. A tick is applied whole or not at all. At
 * most one action per workload is in flight; going out, it may give way to one that goes further.
 */

import type { Command, DecisionEntry, ShadowEntry } from '../model/command.ts';
import { NO_BRAKES } from '../model/decision.ts';
import type { Brakes, FencingToken, InFlightAction } from '../model/decision.ts';
import type { ShadowPolicy, StoredPolicy } from '../model/policy.ts';
import { applyToBrakes, remember, shadowBrakesId } from './brakes.ts';
import { applied, refused } from './outcome.ts';
import type { Outcome } from './outcome.ts';
import { withEntries, withEntry } from './records.ts';
import type { PlaneState, WorkloadState } from './state.ts';
import { workloadNotFound } from './workloads.ts';

type RecordDecisions = Extract<Command, { kind: 'record_decisions' }>;
type FinishAction = Extract<Command, { kind: 'finish_action' }>;
type Action = NonNullable<DecisionEntry['action']>;

/** From this format on, an action may leave no replica desired. */
const ZERO_SINCE = 4;

/** What the entries of one tick have changed so far, by id. */
interface Changes {
  readonly workloads: Map<string, WorkloadState>;
  readonly policies: Map<string, StoredPolicy>;
  readonly brakes: Map<string, Brakes>;
}

/**
 * Remembers a tick: the brakes of every policy and shadow, and the actions that may now start. An entry whose
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
  const changes: Changes = { workloads: new Map(), policies: new Map(), brakes: new Map() };
  for (const entry of command.entries) {
    const { workloadId, policyId } = entry;
    const workload = changes.workloads.get(workloadId) ?? state.workloads[workloadId];
    const stored = changes.policies.get(policyId) ?? state.policies[policyId];
    if (workload === undefined || stored?.policy.workloadId !== workloadId) continue;
    if (entry.action !== null) {
      const refusal = cannotStart(workload, entry.action, decidedInTerm !== undefined);
      if (refusal !== null) return refusal;
      changes.workloads.set(workloadId, started(workload, entry, token, command.atMs));
    }
    const known = changes.brakes.get(policyId) ?? state.brakes[policyId] ?? NO_BRAKES;
    changes.brakes.set(policyId, applyToBrakes(known, entry, stored.policy, command.atMs));
    rememberShadow(state, changes, entry, command.atMs);
  }
  return applied({
    ...state,
    workloads: withEntries(state.workloads, changes.workloads),
    policies: withEntries(state.policies, changes.policies),
    brakes: withEntries(state.brakes, changes.brakes),
  });
}

/**
 * Ends an action. Verified: what was desired is there. Failed: `desired` becomes what is really
 * ready, so that the next decision starts from the truth, but never beyond the action's two ends:
 * a scale-out whose replicas all crash must not turn into a scale-in, nor a failed scale-in into
 * more than there was. At least 1, so that a workload that was to wake goes on trying; only of an
 * action to none may none be left.
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
      : desiredAfterFailure(inFlight, command.readyReplicas, leastAfterFailure(state, inFlight));
  const workloads = withEntry(state.workloads, command.workloadId, {
    ...workload,
    desired,
    desiredToken: desired === workload.desired ? workload.desiredToken : token,
    inFlight: null,
  });
  return applied({ ...state, workloads });
}

function desiredAfterFailure(action: InFlightAction, ready: number, least: number): number {
  const low = Math.min(action.fromReplicas, action.toReplicas);
  const high = Math.max(action.fromReplicas, action.toReplicas);
  return Math.max(least, Math.min(high, Math.max(low, ready)));
}

function leastAfterFailure({ formatVersion }: PlaneState, { toReplicas }: InFlightAction): number {
  return formatVersion >= ZERO_SINCE && toReplicas === 0 ? 0 : 1;
}

/** Why the action cannot start; null when it can. */
function cannotStart(
  { workload, desired, inFlight }: WorkloadState,
  action: Action,
  isOfTerm: boolean,
): Outcome | null {
  if (inFlight !== null && !takesPlaceOf(inFlight, action)) return actionInFlight(inFlight);
  if (action.fromReplicas === desired) return null;
  if (inFlight === null && !isOfTerm) return null;
  const detail = `workload ${workload.id} wants ${desired}, not ${action.fromReplicas}`;
  return refused('stale_decision', detail);
}

/** An action under way gives way to one that knows of it and goes further out. */
function takesPlaceOf(inFlight: InFlightAction, { supersedes, toReplicas }: Action): boolean {
  const goesOut = inFlight.toReplicas > inFlight.fromReplicas;
  return supersedes === inFlight.decisionId && goesOut && toReplicas > inFlight.toReplicas;
}

/** A decision of a shadow that is gone, or another by now, is not remembered. */
function rememberShadow(
  state: PlaneState,
  { policies, brakes }: Changes,
  { policyId, shadow: decided }: DecisionEntry,
  atMs: number,
): void {
  const stored = policies.get(policyId) ?? state.policies[policyId];
  const shadow = stored?.shadow;
  if (stored === undefined || decided === undefined || shadow?.version !== decided.version) return;
  const id = shadowBrakesId(policyId);
  const known = brakes.get(id) ?? state.brakes[id] ?? NO_BRAKES;
  brakes.set(id, remember(known, decided, shadow.policy, atMs));
  const next = shadowAfter(shadow, decided);
  if (next !== shadow) policies.set(policyId, { ...stored, shadow: next });
}

function shadowAfter(shadow: ShadowPolicy, { desired, direction }: ShadowEntry): ShadowPolicy {
  const { lastDirection, reversals } = shadow;
  if (direction === 0) return desired === shadow.desired ? shadow : { ...shadow, desired };
  const way = direction > 0 ? 'out' : 'in';
  const turns = lastDirection !== null && lastDirection !== way;
  return { ...shadow, desired, lastDirection: way, reversals: reversals + (turns ? 1 : 0) };
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
