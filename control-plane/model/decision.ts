/**
 * A decision is act or hold, with a reason. The record holds everything that the decider read and
 * everything that it returned, so that replaying the input gives the same outcome bit for bit.
 */

import type { BudgetInput } from './budget.ts';
import type { ForecastInput } from './forecast.ts';
import type { Override, Pause } from './intervention.ts';
import type { Mode } from './mode.ts';
import type { ActualReplicas, Observation, ReplicaFact, StrategyReading } from './observation.ts';
import type { ScalePolicy } from './policy.ts';
import type { ActReason, HoldReason, Reason, SignalReason } from './reasons.ts';
import type { ActiveSchedule } from './schedule.ts';

/**
 * The stages of the pipeline in their order. One that changed nothing is recorded too, except those
 * that nobody asked for: `lost`, `forecast`, `rates`, `schedule`, `budget`, `pause`, `override`.
 */
export const SCALE_STAGES = [
  'combine',
  'lost',
  'forecast',
  'stabilization',
  'cooldown',
  'rates',
  'pending_action',
  'schedule',
  'bounds',
  'budget',
  'pause',
  'override',
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
  /** Absent unless the policy has what needs it. Since format 4. */
  readonly memory?: PolicyMemory;
}

/** A change that was decided. */
export interface ScaleEvent {
  readonly atMs: number;
  /** Replicas added, or taken when negative; not 0. */
  readonly change: number;
}

/** State of an alarm: deciders/strategies/alarm.ts. */
export interface AlarmMemory {
  readonly kind: 'ok' | 'alarm' | 'insufficient_data';
  readonly beyond: number;
  readonly lastAtMs: number | null;
}

/** What a strategy remembers from tick to tick. */
export type StrategyMemory =
  | {
      readonly kind: 'concurrency';
      readonly panicAtMs: number | null;
      readonly panicReplicasMax: number;
      readonly idleSinceMs: number | null;
      readonly delayed: readonly { readonly atMs: number; readonly replicas: number }[];
    }
  | {
      readonly kind: 'target_tracking';
      readonly high: AlarmMemory;
      readonly low: AlarmMemory;
      readonly value: number | null;
      readonly fault: SignalReason | null;
    }
  | { readonly kind: 'step'; readonly alarm: AlarmMemory; readonly value: number | null }
  | { readonly kind: 'queue'; readonly activeAtMs: number | null };

/** What a policy's newer parts remember. Decided with each decision, and replicated with it. */
export interface PolicyMemory {
  /** Those that a rate policy can still see, oldest first. */
  readonly events: readonly ScaleEvent[];
  /** When the direction turned, as far back as the flap budget looks, oldest first. */
  readonly reversalsAtMs: readonly number[];
  readonly lastDirection: 'out' | 'in' | null;
  /** Since when a metric or strategy could not be used without a break, by its name. */
  readonly lostSinceMs: Readonly<Record<string, number>>;
  /** By the strategy's name; those without memory are not in it. */
  readonly strategies: Readonly<Record<string, StrategyMemory>>;
}

export const NO_MEMORY: PolicyMemory = {
  events: [],
  reversalsAtMs: [],
  lastDirection: null,
  lostSinceMs: {},
  strategies: {},
};

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
  /** One per strategy of the policy, in its order; absent when it has none. */
  readonly readings?: readonly StrategyReading[];
  /** Each replica; absent unless a strategy looks at them. */
  readonly replicas?: readonly ReplicaFact[];
  /** The windows in force now; absent unless the policy has schedules. */
  readonly schedules?: readonly ActiveSchedule[];
  readonly forecast?: ForecastInput;
  /** One per budget that the policy shares, in its order. */
  readonly budgets?: readonly BudgetInput[];
  readonly pause?: Pause;
  readonly override?: Override;
}

/** What one metric asked for. */
export type Proposal =
  | {
      readonly kind: 'replicas';
      readonly metric: string;
      readonly replicas: number;
      /** value ÷ target (per replica), before rounding; null where a strategy has no such ratio. */
      readonly ratio: number | null;
      /** Null where nothing was read that has an age. */
      readonly ageMs: number | null;
      readonly withinTolerance: boolean;
      /** Set when the signal is partial: the proposal may raise, never lower. */
      readonly limited: SignalReason | null;
      /** How it was reckoned, of a strategy. */
      readonly detail?: string;
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
  /** What shall be remembered from here on; absent when the policy has nothing that remembers. */
  readonly memory?: PolicyMemory;
}

/** What a shadow policy decided on the same observations; nothing acts on it. */
export interface ShadowDecision {
  /** Version of the shadow. */
  readonly version: number;
  /** Replicas that it wanted before. */
  readonly desired: number;
  readonly outcome: ScaleOutcome;
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
  /** Absent without a shadow policy. */
  readonly shadow?: ShadowDecision;
}

/** The id of the decision that a tick at `atMs` makes for a workload. */
export function decisionIdOf(atMs: number, workloadId: string): string {
  return `${Math.floor(atMs).toString(16).padStart(12, '0')}-${workloadId}`;
}

export const NO_BRAKES: Brakes = { recommendations: [], lastOutAtMs: null, lastInAtMs: null };
