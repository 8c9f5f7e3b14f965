/**
 * What a strategy answers: a number of replicas, or why it has none. Also the arithmetic that all
 * strategies share, so that a boundary is drawn in one place. Bounds, windows and budgets belong to
 * the pipeline that a proposal enters, not to this.
 */

import type { SignalReason } from '../../model/reasons.ts';

/** The signals' reasons, and those that only a strategy can see. Every one of them blocks scale-in. */
export type StrategyReason =
  | SignalReason
  /** A replica's request is not known or is 0, so its utilization has no meaning. */
  | 'request_unknown';

export type StrategyProposal =
  | {
      readonly kind: 'replicas';
      /** Whole, 0 to REPLICAS_LIMIT. */
      readonly replicas: number;
      /** Load ÷ target as the strategy understands it, finite; null where it has no such ratio. */
      readonly ratio: number | null;
      /** The ratio was inside the tolerance, so the number stands. */
      readonly withinTolerance: boolean;
      /** Set when the inputs were incomplete: the proposal is then never below what is wanted. */
      readonly limited: StrategyReason | null;
      /** One line for a person. */
      readonly detail: string;
    }
  | { readonly kind: 'none'; readonly reason: StrategyReason; readonly detail: string };

export type ReplicasProposal = Extract<StrategyProposal, { kind: 'replicas' }>;
export type NoProposal = Extract<StrategyProposal, { kind: 'none' }>;

/** One value in time. */
export interface Reading {
  readonly value: number;
  /** UNIX time in ms; null when it is not known. */
  readonly sampledAtMs: number | null;
}

/** No proposal is larger: 2³¹ − 1, what the scale subresource can hold. */
export const REPLICAS_LIMIT = 2_147_483_647;

/** Below this, a distance from a whole number is rounding of binary fractions, not load. */
export const ROUNDING_SLACK = 1e-9;

export function none(reason: StrategyReason, detail: string): NoProposal {
  return { kind: 'none', reason, detail };
}

/** A number of replicas from an exact quotient: the next whole one. */
export function ceilReplicas(quotient: number): number {
  return boundedReplicas(Math.ceil(quotient - ROUNDING_SLACK));
}

/** Keeps a whole number within 0 and REPLICAS_LIMIT; −0 becomes 0. */
export function boundedReplicas(count: number): number {
  return Math.max(0, Math.min(REPLICAS_LIMIT, count)) + 0;
}

/**
 * Why a reading cannot be used, or null. An age of exactly `ageMaxMs` is still fresh, and so is a
 * time as far in the future; a null `ageMaxMs` judges no age.
 */
export function judgeReading(
  reading: Reading,
  nowMs: number,
  ageMaxMs: number | null,
): NoProposal | null {
  const { value, sampledAtMs } = reading;
  if (!Number.isFinite(value)) return none('signal_not_a_number', 'the value is not finite');
  if (value < 0) return none('signal_out_of_range', `the value is ${value}`);
  if (ageMaxMs === null) return null;
  if (sampledAtMs === null || !Number.isFinite(sampledAtMs)) {
    return none('signal_stale', 'the age of the sample is unknown');
  }
  const ageMs = nowMs - sampledAtMs;
  if (Math.abs(ageMs) <= ageMaxMs) return null;
  return none('signal_stale', `the sample is ${ageMs} ms old, the policy allows ${ageMaxMs} ms`);
}

/** Both ends of the band belong to it. */
export function isWithinTolerance(
  ratio: number,
  tolerance: { readonly toleranceUpRatio: number; readonly toleranceDownRatio: number },
): boolean {
  return ratio >= 1 - tolerance.toleranceDownRatio && ratio <= 1 + tolerance.toleranceUpRatio;
}

/** A proposal from incomplete inputs: it may raise, never lower. */
export function limitProposal(
  proposal: ReplicasProposal,
  current: number,
  limited: StrategyReason,
): ReplicasProposal {
  return { ...proposal, replicas: Math.max(proposal.replicas, current), limited };
}
