/**
 * The closed sets of reasons. One value is the log field, the metric label, the column and the
 * word in an explanation; two causes never share one. Nothing here decides which applies.
 */

/** Why a signal cannot be used. Every one of them blocks scale-in. */
export const SIGNAL_REASONS = [
  /** The metrics source gave no answer: refused, timed out, HTTP error, breaker open. */
  'signal_unavailable',
  /** It answered with something that is not the Prometheus API: HTML, cut JSON, a wrong shape. */
  'signal_malformed',
  /** It says itself that its answer lacks data: stores or shards that did not answer it. */
  'signal_incomplete',
  /** Its answer was larger than the limit and was not read. */
  'signal_oversized',
  /** It refused the query itself (bad_data, execution error). */
  'signal_rejected',
  /** The query returned no series. */
  'signal_absent',
  /** The query returned more than one series. */
  'signal_ambiguous',
  /** The value is NaN or infinite. */
  'signal_not_a_number',
  /** The value is negative: no load is. */
  'signal_out_of_range',
  /** The oldest sample under the value is older than the policy allows, or its age is unknown. */
  'signal_stale',
  /** Fewer replicas report than are ready. */
  'signal_partial',
  /** No replica is ready, so a value per replica says nothing. */
  'no_replica_ready',
  /** Two expressions of the same quantity lie further apart than the policy allows. */
  'signal_disagrees',
  /** A replica's request is not known or is 0, so its utilization has no meaning. */
  'request_unknown',
  /** The formula has no result for these values. */
  'formula_failed',
  /** The policy forecasts, and this leader has not read the history yet. */
  'forecast_warming',
] as const;
export type SignalReason = (typeof SIGNAL_REASONS)[number];

/** The failures that are seen on reading; the others need the policy, the time or the replicas. */
export type ReadFailure = Exclude<
  SignalReason,
  | 'signal_stale'
  | 'signal_partial'
  | 'signal_out_of_range'
  | 'no_replica_ready'
  | 'signal_disagrees'
  | 'request_unknown'
  | 'formula_failed'
  | 'forecast_warming'
>;

/** Why a decision acts. */
export const ACT_REASONS = [
  'above_target',
  'below_target',
  'below_minimum',
  'above_maximum',
  /** A floor under the number is above what is wanted: a forecast, a schedule. */
  'forecast_floor',
  'schedule_floor',
  /** A schedule allows fewer than are wanted. */
  'schedule_cap',
  /** The policy's choice for lost signals. */
  'signals_lost',
  /** An operator's number. */
  'override_set',
] as const;
export type ActReason = (typeof ACT_REASONS)[number];

/** Why a decision holds. */
export const HOLD_REASONS = [
  ...SIGNAL_REASONS,
  /** The proposal is within the policy's tolerance of the target. */
  'within_tolerance',
  /** The proposal, once rounded, is the number of replicas that there is. */
  'at_desired',
  /** A stabilization window still remembers a higher (down) or lower (up) recommendation. */
  'stabilizing_down',
  'stabilizing_up',
  /** The last scaling action in that direction is too recent. */
  'cooldown_down',
  'cooldown_up',
  /** An earlier action is not verified yet. */
  'action_in_flight',
  /** The proposal is beyond the bound at which the workload already is. */
  'at_maximum',
  'at_minimum',
  /** The scaling target did not say how many replicas there are. */
  'actual_unknown',
  /** The workload or the whole plane may not act: observe, advise, or the global stop. */
  /** The rate policies of the direction allow no more now. */
  'rate_limited_up',
  'rate_limited_down',
  /** A budget that several workloads share is used up. */
  'budget_exhausted',
  /** The policy shares a budget that there is not. */
  'budget_unknown',
  /** An operator has paused the direction. */
  'paused_in',
  'paused_out',
  /** An operator's number is the number wanted. */
  'override_holds',
  /** A schedule or a forecast keeps the number from going in. */
  'forecast_holds',
  'schedule_holds',
  /** Scale-in waits longer than the policy's window, since the direction turned too often. */
  'flap_budget',
  'mode_observe',
  'mode_advise',
  'mode_stopped',
] as const;
export type HoldReason = (typeof HOLD_REASONS)[number];

export type Reason = ActReason | HoldReason;

/** Every reason that a decision record may carry. */
export const REASONS: readonly Reason[] = [...ACT_REASONS, ...HOLD_REASONS];

export function isHoldReason(reason: Reason): reason is HoldReason {
  return HOLD_REASONS.some((hold) => hold === reason);
}

/** Marks a switch over a union as complete; reaching it is a bug. */
export function unreachable(value: never): never {
  throw new Error(`unreachable: ${JSON.stringify(value)}`);
}
