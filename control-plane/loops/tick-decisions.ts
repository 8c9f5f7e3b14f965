/**
 * The decisions of one tick: the pure decider's input for each policy, put together from the state and
 * from one look at the world, and what of its outcome the state must remember. It reads no clock and
 * asks nobody.
 */

import { decideScale } from '../deciders/scale.ts';
import type { DecisionEntry } from '../model/command.ts';
import { NO_BRAKES, decisionIdOf } from '../model/decision.ts';
import type { DecisionRecord, ScaleInput } from '../model/decision.ts';
import { weakerMode } from '../model/mode.ts';
import type { StoredPolicy } from '../model/policy.ts';
import type { PlaneState, WorkloadState } from '../state/state.ts';
import { actualOf, observationsFor } from './sight.ts';
import type { Sight } from './sight.ts';

/** One decision per policy that has a workload; none of them is committed yet. */
export function decideAll(
  state: PlaneState,
  sight: Sight,
  traceId: string,
): readonly DecisionRecord[] {
  return Object.values(state.policies).flatMap((stored) => {
    const entry = state.workloads[stored.policy.workloadId];
    return entry === undefined ? [] : [decideOne(state, entry, stored, sight, traceId)];
  });
}

/** What the state machine is told of a decision. */
export function entryOf(record: DecisionRecord): DecisionEntry {
  const { verdict, recommendation } = record.outcome;
  return {
    decisionId: record.decisionId,
    workloadId: record.workloadId,
    policyId: record.policyId,
    recommendation,
    action:
      verdict.kind === 'hold'
        ? null
        : {
            fromReplicas: record.input.desired,
            toReplicas: verdict.replicas,
            deadlineMs: record.atMs + record.input.policy.actionTimeoutMs,
          },
  };
}

function decideOne(
  state: PlaneState,
  entry: WorkloadState,
  stored: StoredPolicy,
  sight: Sight,
  traceId: string,
): DecisionRecord {
  const { policy, version } = stored;
  const { workload } = entry;
  const input: ScaleInput = {
    nowMs: sight.atMs,
    policy,
    mode: weakerMode(state.mode, entry.mode),
    desired: entry.desired,
    actual: actualOf(sight.replicas.get(workload.id)),
    observations: observationsFor(sight, stored),
    brakes: state.brakes[policy.id] ?? NO_BRAKES,
    inFlight: entry.inFlight,
  };
  return {
    decisionId: decisionIdOf(sight.atMs, workload.id),
    kind: 'scale',
    workloadId: workload.id,
    policyId: policy.id,
    policyVersion: version,
    atMs: sight.atMs,
    input,
    outcome: decideScale(input),
    traceId,
    token: null,
  };
}
