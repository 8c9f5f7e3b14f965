/**
 * The stages in which somebody's word stands against the signals': schedules, bounds, shared budgets, a
 * pause, an operator's own number, the mode. They hold without any signal. Each says what it changed.
 */

import type { ScaleInput, ScaleStage, StageRecord } from '../model/decision.ts';
import { isInEffect } from '../model/intervention.ts';
import { applySchedules } from './schedule-stage.ts';

type Reason = StageRecord['reason'];

function recorder(stage: ScaleStage, before: number) {
  return (after: number, reason: Reason = null, detail = ''): StageRecord => ({
    stage,
    before,
    after,
    reason,
    detail,
  });
}

/** Whether a number may be wanted while an action is under way: only one that goes further out. */
export function mayPassInFlight(input: ScaleInput, wanted: number): boolean {
  const { inFlight, desired } = input;
  if (inFlight === null) return true;
  return inFlight.toReplicas > inFlight.fromReplicas && wanted > desired;
}

/**
 * A stage may not start a second action, but for one that goes further out where the policy raises
 * while replicas boot.
 */
function mustWait(input: ScaleInput, after: number): boolean {
  if (input.inFlight === null || after === input.desired) return false;
  return input.policy.whileBooting !== 'raise' || !mayPassInFlight(input, after);
}

/** Null when no window is in force. */
export function scheduleStage(input: ScaleInput, before: number): StageRecord | null {
  const { schedules, desired } = input;
  if (schedules === undefined || schedules.length === 0) return null;
  const record = recorder('schedule', before);
  const { after, reason, detail } = applySchedules(before, schedules);
  if (mustWait(input, after)) {
    return record(desired, 'action_in_flight', 'the schedule waits for the action under way');
  }
  if (reason === 'schedule_floor' && after <= desired)
    return record(after, 'schedule_holds', detail);
  if (reason === 'schedule_cap' && after >= desired) return record(after, 'schedule_holds', detail);
  return record(after, reason, detail);
}

/** Bounds are the operator's word, not a reading: they hold without any signal. */
export function boundsStage(input: ScaleInput, before: number, wished: number): StageRecord {
  const { replicasMin, replicasMax } = input.policy;
  const record = recorder('bounds', before);
  const after = Math.min(replicasMax, Math.max(replicasMin, before));
  if (mustWait(input, after)) {
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
  if (before === replicasMax && wished > replicasMax) {
    return record(after, 'at_maximum', `the maximum is ${replicasMax}`);
  }
  return record(after);
}

/** A budget only ever keeps from going out. Null when the policy shares none. */
export function budgetStage(input: ScaleInput, before: number): StageRecord | null {
  const { budgets, desired } = input;
  if (budgets === undefined || budgets.length === 0) return null;
  const record = recorder('budget', before);
  if (before <= desired) return record(before);
  let after = before;
  let reason: Reason = null;
  let detail = '';
  for (const { budgetId, unitsPerReplica, limit, usedByOthers } of budgets) {
    const room = limit === null ? 0 : Math.floor((limit - usedByOthers) / unitsPerReplica + 1e-9);
    const allowed = Math.max(desired, room);
    if (allowed >= after) continue;
    after = allowed;
    reason = limit === null ? 'budget_unknown' : 'budget_exhausted';
    detail =
      limit === null
        ? `there is no budget ${budgetId}`
        : `others have ${usedByOthers} of the ${limit} of ${budgetId}, a replica takes ${unitsPerReplica}`;
  }
  return record(after, reason, detail);
}

/** Null without a pause. */
export function pauseStage(input: ScaleInput, before: number): StageRecord | null {
  const { pause, desired, nowMs } = input;
  if (pause === undefined || !isInEffect(pause, nowMs)) return null;
  const record = recorder('pause', before);
  const detail = pause.note;
  if (before > desired && pause.direction !== 'in') return record(desired, 'paused_out', detail);
  if (before < desired && pause.direction !== 'out') return record(desired, 'paused_in', detail);
  return record(before);
}

/** An operator's number goes before everything but the mode. Null without one. */
export function overrideStage(input: ScaleInput, before: number): StageRecord | null {
  const { override, desired, nowMs } = input;
  if (override === undefined || !isInEffect(override, nowMs)) return null;
  const record = recorder('override', before);
  const { replicas, note } = override;
  if (replicas === desired) return record(replicas, 'override_holds', note);
  if (mayPassInFlight(input, replicas)) return record(replicas, 'override_set', note);
  return record(desired, 'action_in_flight', 'the override waits for the action under way');
}

export function modeStage(input: ScaleInput, before: number): StageRecord {
  const { mode, desired } = input;
  const record = recorder('mode', before);
  if (mode === 'act' || before === desired) return record(before);
  return record(desired, `mode_${mode}`, `the mode is ${mode}`);
}
