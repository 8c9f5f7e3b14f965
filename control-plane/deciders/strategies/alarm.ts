/**
 * An alarm as CloudWatch keeps it for a scaling policy: so many periods in a row beyond a bound. Fed
 * one period at a time; what it remembers is its state, which is an argument and a result. A missing
 * period, a broken value or a gap begins the count anew. Says nothing of replicas.
 */

import type { StrategyReason } from './strategy-proposal.ts';

export interface AlarmRules {
  /** Beyond means above `bound`, or below it; the bound itself is not beyond. */
  readonly side: 'above' | 'below';
  /** In the metric's unit. */
  readonly bound: number;
  /** Periods in a row that must be beyond; at least 1. */
  readonly periods: number;
  readonly periodMs: number;
}

/** One period's value; null when nothing was measured in it. */
export interface Datapoint {
  /** End of the period, UNIX time in ms. */
  readonly atMs: number;
  readonly value: number | null;
}

export interface AlarmState {
  readonly kind: 'ok' | 'alarm' | 'insufficient_data';
  /** Periods in a row beyond the bound, counted up to `periods`. */
  readonly beyond: number;
  /** End of the last period that was taken in. */
  readonly lastAtMs: number | null;
}

export const NEW_ALARM: AlarmState = { kind: 'insufficient_data', beyond: 0, lastAtMs: null };

/** A period that ends later than so many periods after the last one follows a gap. */
const GAP_PERIODS = 1.5;

/** Takes in one period. One that is not newer than the last changes nothing. */
export function observeAlarm(rules: AlarmRules, state: AlarmState, point: Datapoint): AlarmState {
  const { atMs, value } = point;
  if (!Number.isFinite(atMs)) return state;
  if (state.lastAtMs !== null && atMs <= state.lastAtMs) return state;
  if (unusableValue(value) !== null || value === null) {
    return { kind: 'insufficient_data', beyond: 0, lastAtMs: atMs };
  }
  const follows = state.lastAtMs !== null && atMs - state.lastAtMs <= GAP_PERIODS * rules.periodMs;
  const isBeyond = rules.side === 'above' ? value > rules.bound : value < rules.bound;
  const beyond = isBeyond ? Math.min(rules.periods, (follows ? state.beyond : 0) + 1) : 0;
  return { kind: beyond >= rules.periods ? 'alarm' : 'ok', beyond, lastAtMs: atMs };
}

/** Whether the last period is too long ago for the alarm to say anything. */
export function isOverdue(rules: AlarmRules, state: AlarmState, nowMs: number): boolean {
  return state.lastAtMs === null || nowMs - state.lastAtMs > (1 + GAP_PERIODS) * rules.periodMs;
}

/** Why a period's value cannot be used; null when it can. */
export function unusableValue(value: number | null): StrategyReason | null {
  if (value === null) return 'signal_absent';
  if (!Number.isFinite(value)) return 'signal_not_a_number';
  return value < 0 ? 'signal_out_of_range' : null;
}
