/**
 * The scale decision: how many replicas a workload shall have, or why the number stands. Pure:
 * everything it reads is in its input, everything it concludes is in its outcome, and the same
 * input gives the same outcome bit for bit. The live loop, evaluate and replay all call this.
 *
 * Two rules stand above the arithmetic. A signal that is absent, stale, not a number, ambiguous or
 * partial never lowers the number. And nothing lowers it at once after a gap in its own memory.
 */

import type {
  Proposal,
  ScaleInput,
  ScaleOutcome,
  StageRecord,
  Verdict,
} from '../model/decision.ts';
import { isHoldReason } from '../model/reasons.ts';
import type { ActReason, HoldReason, SignalReason } from '../model/reasons.ts';
import { proposeReplicas } from './proposal.ts';
import { isFresh, stabilize } from './stabilization.ts';

/**
 * Decides for one policy.
 * Stages, in this order: combine, stabilization, cooldown, pending_action, bounds, mode.
 */
export function decideScale(input: ScaleInput): ScaleOutcome {
  if (input.actual.kind === 'unknown') return holdWithoutActual(input, input.actual.detail);
  const ready = input.actual.ready;
  const proposals = input.policy.metrics.map((metric, index) => {
    const observation = input.observations[index] ?? missingObservation(metric.name);
    return proposeReplicas(metric, observation, input, ready);
  });
  const combined = combine(input, proposals);
  const stages: StageRecord[] = [combined];
  for (const stage of [
    stabilizationStage,
    cooldownStage,
    pendingActionStage,
    boundsStage,
    modeStage,
  ]) {
    const before = stages.at(-1)?.after ?? input.desired;
    stages.push(stage(input, before, combined.after));
  }
  return {
    verdict: verdictOf(input, stages),
    proposals,
    stages,
    recommendation: isFresh(input) ? input.desired : combined.after,
  };
}

function missingObservation(metric: string) {
  const detail = 'no observation was given for this metric';
  return { kind: 'failed', metric, reason: 'signal_absent', detail } as const;
}

function holdWithoutActual(input: ScaleInput, detail: string): ScaleOutcome {
  const { desired } = input;
  return {
    verdict: { kind: 'hold', replicas: desired, reason: 'actual_unknown' },
    proposals: [],
    stages: [
      { stage: 'combine', before: desired, after: desired, reason: 'actual_unknown', detail },
    ],
    recommendation: null,
  };
}

/** The largest proposal wins; one unusable signal is enough to forbid going below what is wanted. */
function combine(input: ScaleInput, proposals: readonly Proposal[]): StageRecord {
  const { desired } = input;
  const stage = (after: number, reason: StageRecord['reason'], detail: string): StageRecord => ({
    stage: 'combine',
    before: desired,
    after,
    reason,
    detail,
  });
  const winner = largest(proposals);
  if (winner !== null && winner.replicas > desired) {
    return stage(winner.replicas, 'above_target', `${winner.metric} asks for ${winner.replicas}`);
  }
  const unusable = firstUnusable(proposals);
  if (unusable !== null) return stage(desired, unusable.reason, unusable.detail);
  if (winner === null) return stage(desired, 'at_desired', 'the policy has no metric');
  if (winner.replicas < desired) {
    return stage(
      winner.replicas,
      'below_target',
      `${winner.metric} asks for ${winner.replicas}, the most of all`,
    );
  }
  const reason = winner.withinTolerance ? 'within_tolerance' : 'at_desired';
  return stage(
    desired,
    reason,
    `${winner.metric} is at ${winner.ratio.toPrecision(4)} of its target`,
  );
}

function largest(proposals: readonly Proposal[]) {
  let winner: Extract<Proposal, { kind: 'replicas' }> | null = null;
  for (const proposal of proposals) {
    if (proposal.kind !== 'replicas') continue;
    if (winner === null || proposal.replicas > winner.replicas) winner = proposal;
  }
  return winner;
}

function firstUnusable(
  proposals: readonly Proposal[],
): { readonly reason: SignalReason; readonly detail: string } | null {
  for (const proposal of proposals) {
    if (proposal.kind === 'none') {
      return { reason: proposal.reason, detail: `${proposal.metric}: ${proposal.detail}` };
    }
    if (proposal.limited !== null) {
      const detail = `${proposal.metric}: too few of the ready replicas report`;
      return { reason: proposal.limited, detail };
    }
  }
  return null;
}

function stabilizationStage(input: ScaleInput, before: number): StageRecord {
  const { after, reason, detail } = stabilize(input, before);
  return { stage: 'stabilization', before, after, reason, detail };
}

function cooldownStage(input: ScaleInput, before: number): StageRecord {
  const { policy, desired, nowMs, brakes } = input;
  const stays = (after: number, reason: HoldReason | null, detail: string): StageRecord => ({
    stage: 'cooldown',
    before,
    after,
    reason,
    detail,
  });
  if (before > desired) {
    const leftMs = remaining(brakes.lastOutAtMs, policy.cooldownUpMs, nowMs);
    if (leftMs > 0) return stays(desired, 'cooldown_up', `${leftMs} ms of the cooldown are left`);
  }
  if (before < desired) {
    const leftMs = remaining(brakes.lastInAtMs, policy.cooldownDownMs, nowMs);
    if (leftMs > 0) return stays(desired, 'cooldown_down', `${leftMs} ms of the cooldown are left`);
  }
  return stays(before, null, '');
}

function remaining(lastAtMs: number | null, cooldownMs: number, nowMs: number): number {
  return lastAtMs === null ? 0 : lastAtMs + cooldownMs - nowMs;
}

function pendingActionStage(input: ScaleInput, before: number): StageRecord {
  const { inFlight, desired } = input;
  if (inFlight === null || before === desired) {
    return { stage: 'pending_action', before, after: before, reason: null, detail: '' };
  }
  const detail = `${inFlight.decisionId} (${inFlight.fromReplicas} → ${inFlight.toReplicas}) is not verified`;
  return { stage: 'pending_action', before, after: desired, reason: 'action_in_flight', detail };
}

/** Bounds are the operator's word, not a reading: they hold without any signal. */
function boundsStage(input: ScaleInput, before: number, combined: number): StageRecord {
  const { replicasMin, replicasMax } = input.policy;
  const record = (after: number, reason: StageRecord['reason'], detail: string): StageRecord => ({
    stage: 'bounds',
    before,
    after,
    reason,
    detail,
  });
  const after = Math.min(replicasMax, Math.max(replicasMin, before));
  if (input.inFlight !== null && after !== input.desired) {
    return record(input.desired, 'action_in_flight', 'the bounds wait for the action under way');
  }
  if (after < before) {
    const reason = input.desired > replicasMax ? 'above_maximum' : 'at_maximum';
    return record(after, reason, `the maximum is ${replicasMax}`);
  }
  if (after > before) {
    const reason = input.desired < replicasMin ? 'below_minimum' : 'at_minimum';
    return record(after, reason, `the minimum is ${replicasMin}`);
  }
  if (before === replicasMax && combined > replicasMax) {
    return record(after, 'at_maximum', `the maximum is ${replicasMax}`);
  }
  return record(after, null, '');
}

function modeStage(input: ScaleInput, before: number): StageRecord {
  const { mode, desired } = input;
  if (mode === 'act' || before === desired) {
    return { stage: 'mode', before, after: before, reason: null, detail: '' };
  }
  return {
    stage: 'mode',
    before,
    after: desired,
    reason: `mode_${mode}`,
    detail: `the mode is ${mode}`,
  };
}

function verdictOf(input: ScaleInput, stages: readonly StageRecord[]): Verdict {
  const { desired } = input;
  const replicas = stages.at(-1)?.after ?? desired;
  if (replicas === desired) return { kind: 'hold', replicas, reason: holdReason(stages) };
  const direction = replicas > desired ? 'out' : 'in';
  return { kind: 'act', direction, replicas, reason: actReason(input, direction) };
}

function actReason(input: ScaleInput, direction: 'out' | 'in'): ActReason {
  const { policy, desired } = input;
  if (desired < policy.replicasMin) return 'below_minimum';
  if (desired > policy.replicasMax) return 'above_maximum';
  return direction === 'out' ? 'above_target' : 'below_target';
}

/** The last stage that had something to say against moving names the reason. */
function holdReason(stages: readonly StageRecord[]): HoldReason {
  for (const { reason } of stages.toReversed()) {
    if (reason !== null && isHoldReason(reason)) return reason;
  }
  return 'at_desired';
}
