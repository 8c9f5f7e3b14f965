/**
 * The decisions of one tick: the pure decider's outcome for each policy and its shadow, and what of it
 * the state must remember. It reads no clock and asks nobody.
 */

import { decideScale } from '../deciders/scale.ts';
import type { DecisionEntry, ShadowEntry } from '../model/command.ts';
import { decisionIdOf } from '../model/decision.ts';
import type { DecisionRecord, ScaleOutcome, ShadowDecision } from '../model/decision.ts';
import type { StoredPolicy } from '../model/policy.ts';
import type { PlaneState, WorkloadState } from '../state/state.ts';
import { valuesOf } from '../state/records.ts';
import { inTurns } from './in-turns.ts';
import { BudgetUse } from './budget-use.ts';
import { inputFor, shadowInputFor } from './decision-input.ts';
import type { Beside, InputPlace } from './decision-input.ts';
import type { Sight } from './sight.ts';

/** For who decides on policies that neither forecast nor follow a schedule. */
export const NOTHING_BESIDE: Beside = {
  calendar: { activeAt: () => [], nextChangeMs: () => null },
  forecastOf: () => undefined,
};

/** One decision per policy that has a workload; none of them is committed yet. */
export function decideAll(
  state: PlaneState,
  sight: Sight,
  traceId: string,
  beside: Beside = NOTHING_BESIDE,
): readonly DecisionRecord[] {
  const decide = deciderOf(state, sight, traceId, beside);
  return valuesOf(state.policies).flatMap(decide);
}

/** The same, over several turns of the event loop. */
export async function decideInTurns(
  state: PlaneState,
  sight: Sight,
  traceId: string,
  beside: Beside,
): Promise<readonly DecisionRecord[]> {
  const decided = await inTurns(valuesOf(state.policies), deciderOf(state, sight, traceId, beside));
  return decided.flat();
}

/** Takes the policies in their order: what one is granted of a budget the next one knows. */
function deciderOf(state: PlaneState, sight: Sight, traceId: string, beside: Beside) {
  const place: InputPlace = { state, sight, beside, budgets: new BudgetUse(state) };
  return (stored: StoredPolicy): readonly DecisionRecord[] => {
    const entry = state.workloads[stored.policy.workloadId];
    return entry === undefined ? [] : [decideOne(place, entry, stored, traceId)];
  };
}

/** What the state machine is told of a decision. */
export function entryOf(record: DecisionRecord): DecisionEntry {
  const { verdict, recommendation, memory } = record.outcome;
  const { inFlight, desired, policy } = record.input;
  return {
    decisionId: record.decisionId,
    workloadId: record.workloadId,
    policyId: record.policyId,
    recommendation,
    action:
      verdict.kind === 'hold'
        ? null
        : {
            fromReplicas: desired,
            toReplicas: verdict.replicas,
            deadlineMs: record.atMs + policy.actionTimeoutMs,
            ...(inFlight !== null && { supersedes: inFlight.decisionId }),
          },
    ...(memory !== undefined && { memory }),
    ...(record.shadow !== undefined && { shadow: shadowEntryOf(record.shadow) }),
  };
}

function shadowEntryOf({ version, outcome }: ShadowDecision): ShadowEntry {
  const { verdict, recommendation, memory } = outcome;
  const way = verdict.kind === 'hold' ? 0 : verdict.direction === 'out' ? 1 : -1;
  return {
    version,
    desired: verdict.replicas,
    recommendation,
    direction: way,
    ...(memory !== undefined && { memory }),
  };
}

function decideOne(
  place: InputPlace,
  entry: WorkloadState,
  stored: StoredPolicy,
  traceId: string,
): DecisionRecord {
  const { policy, version } = stored;
  const { atMs } = place.sight;
  const input = inputFor(place, entry, stored);
  const shadow = decideShadow(place, entry, stored);
  const outcome: ScaleOutcome = decideScale(input);
  place.budgets.granted(policy, outcome.verdict);
  return {
    decisionId: decisionIdOf(atMs, entry.workload.id),
    kind: 'scale',
    workloadId: entry.workload.id,
    policyId: policy.id,
    policyVersion: version,
    atMs,
    input,
    outcome,
    traceId,
    token: null,
    ...(shadow !== null && { shadow }),
  };
}

function decideShadow(
  place: InputPlace,
  entry: WorkloadState,
  stored: StoredPolicy,
): ShadowDecision | null {
  const input = shadowInputFor(place, entry, stored);
  if (input === null || stored.shadow === undefined) return null;
  const { version } = stored.shadow;
  return { version, desired: input.desired, outcome: decideScale(input) };
}
