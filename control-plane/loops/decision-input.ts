/**
 * The pure decider's input for one policy, put together from the state, from one look at the world, and
 * from what this member knows beside them: the calendar and the forecasts. It reads no clock and asks
 * nobody. What a policy did not ask for is absent from its input.
 */

import type { BudgetInput } from '../model/budget.ts';
import type { ScaleInput } from '../model/decision.ts';
import { NO_BRAKES } from '../model/decision.ts';
import type { ForecastInput } from '../model/forecast.ts';
import { weakerMode } from '../model/mode.ts';
import type { ScalePolicy, StoredPolicy } from '../model/policy.ts';
import type { Calendar } from '../ports/calendar.ts';
import { CalendarError } from '../ports/calendar.ts';
import { shadowBrakesId } from '../state/brakes.ts';
import type { PlaneState, WorkloadState } from '../state/state.ts';
import type { BudgetUse } from './budget-use.ts';
import type { PolicyObservations } from './observe.ts';
import { factsOf, underReplicaIds } from './part-readings.ts';
import { actualOf, observationsFor, shadowObservationsFor } from './sight.ts';
import type { Sight } from './sight.ts';

/** What a decision needs that is neither replicated nor looked at. */
export interface Beside {
  readonly calendar: Calendar;
  /** Undefined for a policy that forecasts nothing. `key` tells a policy from its shadow. */
  forecastOf(key: string, policy: ScalePolicy, nowMs: number): ForecastInput | undefined;
}

export interface InputPlace {
  readonly state: PlaneState;
  readonly sight: Sight;
  readonly beside: Beside;
  readonly budgets: BudgetUse;
}

export function inputFor(
  place: InputPlace,
  entry: WorkloadState,
  stored: StoredPolicy,
): ScaleInput {
  const { state, sight } = place;
  const { policy } = stored;
  const seen = observationsFor(sight, stored);
  return {
    nowMs: sight.atMs,
    policy,
    mode: weakerMode(state.mode, entry.mode),
    desired: entry.desired,
    actual: actualOf(sight.replicas.get(entry.workload.id)),
    observations: seen.observations,
    brakes: state.brakes[policy.id] ?? NO_BRAKES,
    inFlight: entry.inFlight,
    ...besides(place, { policy, seen, key: policy.id, workloadId: entry.workload.id }),
    ...(entry.pause !== undefined && { pause: entry.pause }),
    ...(entry.override !== undefined && { override: entry.override }),
  };
}

/**
 * The input of a policy's shadow: the same world, and its own memory of what it would have wanted.
 * What operators do by hand concerns the policy in force; so does an action under way.
 */
export function shadowInputFor(
  place: InputPlace,
  entry: WorkloadState,
  stored: StoredPolicy,
): ScaleInput | null {
  const { shadow } = stored;
  if (shadow === undefined) return null;
  const { state, sight } = place;
  const { policy, desired } = shadow;
  const key = shadowBrakesId(policy.id);
  const seen = shadowObservationsFor(sight, stored, policy);
  return {
    nowMs: sight.atMs,
    policy,
    mode: 'act',
    desired: desired ?? entry.desired,
    actual: actualOf(sight.replicas.get(entry.workload.id)),
    observations: seen.observations,
    brakes: state.brakes[key] ?? NO_BRAKES,
    inFlight: null,
    ...besides(place, { policy, seen, key, workloadId: entry.workload.id }),
  };
}

interface Asked {
  readonly policy: ScalePolicy;
  readonly seen: PolicyObservations;
  readonly key: string;
  readonly workloadId: string;
}

type Besides = Partial<
  Pick<ScaleInput, 'readings' | 'replicas' | 'schedules' | 'forecast' | 'budgets' | 'actual'>
>;

function besides({ sight, beside, budgets }: InputPlace, asked: Asked): Besides {
  const { policy, seen, key, workloadId } = asked;
  const forecast = beside.forecastOf(key, policy, sight.atMs);
  const shares = budgetsOf(policy, budgets);
  return {
    ...strategyReadings(policy, seen, sight, workloadId),
    ...schedulesOf(policy, beside.calendar, sight.atMs),
    ...(forecast !== undefined && { forecast }),
    ...(shares.length > 0 && { budgets: shares }),
  };
}

function strategyReadings(
  { strategies = [] }: ScalePolicy,
  { readings }: PolicyObservations,
  sight: Sight,
  workloadId: string,
): Besides {
  if (strategies.length === 0) return {};
  const seen = sight.replicas.get(workloadId);
  const looksAtEach = strategies.some((spec) => 'replicaLabel' in spec);
  if (!looksAtEach || seen?.kind !== 'seen') return { readings };
  const replicas = factsOf(seen.replicas);
  return { readings: underReplicaIds(readings, replicas), replicas };
}

/** A schedule that cannot be read might be a floor: nothing is decided without it. */
function schedulesOf({ schedules }: ScalePolicy, calendar: Calendar, nowMs: number): Besides {
  if (schedules === undefined) return {};
  try {
    return { schedules: calendar.activeAt(schedules, nowMs) };
  } catch (error) {
    if (!(error instanceof CalendarError)) throw error;
    return { actual: { kind: 'unknown', detail: error.message } };
  }
}

function budgetsOf(
  { budgets = [], workloadId }: ScalePolicy,
  use: BudgetUse,
): readonly BudgetInput[] {
  return budgets.map(({ budgetId, unitsPerReplica }) => ({
    budgetId,
    unitsPerReplica,
    limit: use.limitOf(budgetId),
    usedByOthers: use.usedByOthers(budgetId, workloadId),
  }));
}
