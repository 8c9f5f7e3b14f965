/**
 * A decision is act or hold, with a reason. The record holds everything that the decider read and
 * everything that it returned, so that replaying the input gives the same outcome bit for bit.
 */

import type { Mode } from './mode.ts';
import type { ActualReplicas, Observation } from './observation.ts';
import type { ScalePolicy } from './policy.ts';
import type { ActReason, HoldReason, Reason, SignalReason } from './reasons.ts';

/** The stages of the pipeline in their order; a stage that changed nothing is recorded too. */
export const SCALE_STAGES = [
  'combine',
  'stabilization',
  'cooldown',
  'pending_action',
  'bounds',
  'mode',
] as const;
export type ScaleStage = (typeof SCALE_STAGES)[number];

/** A run of equal recommendations: first and last time at which `replicas` was recommended. */
export interface Recommendation {
  readonly replicas: number;
  readonly firstAtMs: number;
  readonly lastAtMs: number;
}

/** What the brakes remember of one policy. Replicated: the next leader brakes as this one would. */
export interface Brakes {
  /** Oldest first; runs that no window can still see are dropped. */
  readonly recommendations: readonly Recommendation[];
  readonly lastOutAtMs: number | null;
  readonly lastInAtMs: number | null;
}

/** Identifies the log entry that allowed an action; an actuator refuses an older one. */
export interface FencingToken {
  readonly term: number;
  readonly index: number;
}

/** Negative when `a` is older than `b`, 0 when they are the same. */
export function compareTokens(a: FencingToken, b: FencingToken): number {
  return a.term === b.term ? a.index - b.index : a.term - b.term;
}

/** An action that was committed and is not verified yet. */
export interface InFlightAction {
  readonly decisionId: string;
  readonly workloadId: string;
  readonly fromReplicas: number;
  readonly toReplicas: number;
  readonly startedAtMs: number;
  readonly deadlineMs: number;
  readonly token: FencingToken;
}

/** Everything that the scale decider reads. JSON, no more and no less. */
export interface ScaleInput {
  readonly nowMs: number;
  readonly policy: ScalePolicy;
  readonly mode: Mode;
  /** Replicas wanted by the last committed decision. */
  readonly desired: number;
  readonly actual: ActualReplicas;
  /** One per metric of the policy, in the policy's order. */
  readonly observations: readonly Observation[];
  readonly brakes: Brakes;
  readonly inFlight: InFlightAction | null;
}

/** What one metric asked for. */
export type Proposal =
  | {
      readonly kind: 'replicas';
      readonly metric: string;
      readonly replicas: number;
      /** value ÷ target (per replica), before rounding. */
      readonly ratio: number;
      readonly ageMs: number;
      readonly withinTolerance: boolean;
      /** Set when the signal is partial: the proposal may raise, never lower. */
      readonly limited: SignalReason | null;
    }
  | {
      readonly kind: 'none';
      readonly metric: string;
      readonly reason: SignalReason;
      readonly ageMs: number | null;
      readonly detail: string;
    };

export interface StageRecord {
  readonly stage: ScaleStage;
  readonly before: number;
  readonly after: number;
  /** Why it changed the number, or why the number stands; null when the stage had nothing to say. */
  readonly reason: Reason | null;
  /** One line for a person. */
  readonly detail: string;
}

export type Verdict =
  | {
      readonly kind: 'act';
      readonly direction: 'out' | 'in';
      readonly replicas: number;
      readonly reason: ActReason;
    }
  | { readonly kind: 'hold'; readonly replicas: number; readonly reason: HoldReason };

/** Everything that the scale decider returns. */
export interface ScaleOutcome {
  readonly verdict: Verdict;
  readonly proposals: readonly Proposal[];
  readonly stages: readonly StageRecord[];
  /**
   * What the stabilization windows shall remember. A tick that could not use its signals recommends
   * to stay, so that scale-in waits a whole window of good data after an outage. Null only when the
   * scaling target did not say how many replicas there are.
   */
  readonly recommendation: number | null;
}

/** One decision, whole. */
export interface DecisionRecord {
  /** Sorts by time: 12 hexadecimal digits of ms, a dash, the workload's id. Unique. */
  readonly decisionId: string;
  readonly kind: 'scale';
  readonly workloadId: string;
  readonly policyId: string;
  readonly policyVersion: number;
  readonly atMs: number;
  readonly input: ScaleInput;
  readonly outcome: ScaleOutcome;
  /** 32 hexadecimal digits; the tick's trace. */
  readonly traceId: string;
  /** The entry that committed an act; null for holds, and for an act that is not known to be committed. */
  readonly token: FencingToken | null;
}

/** The id of the decision that a tick at `atMs` makes for a workload. */
export function decisionIdOf(atMs: number, workloadId: string): string {
  return `${Math.floor(atMs).toString(16).padStart(12, '0')}-${workloadId}`;
}

export const NO_BRAKES: Brakes = { recommendations: [], lastOutAtMs: null, lastInAtMs: null };
