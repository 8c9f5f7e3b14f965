/**
 * A policy is what the operator asked for: which signals, which targets, which brakes. What may be
 * absent came with format 4 of the log, and is absent unless somebody asked for it: policies of before
 * stay what they were, to the byte.
 */

import type { ScheduleSpec } from './schedule.ts';
import type { CoverageSpec } from './signal.ts';
import type { StrategySpec } from './strategy.ts';
import type { VerticalSpec } from './vertical.ts';

export type { CoverageSpec } from './signal.ts';

/**
 * How a metric's value becomes a number of replicas:
 * `value` compares one number with a target (a ratio, a latency): ready × value ÷ target;
 * `average_value` shares a total out: total ÷ target per replica.
 */
export type MetricKind = 'value' | 'average_value';

export interface MetricSpec {
  /** 1 to 63 characters of [a-z0-9_], unique within the policy. */
  readonly name: string;
  /** PromQL whose answer is one series or one scalar. */
  readonly query: string;
  /**
   * PromQL for the UNIX time in seconds of the oldest sample under the value. An instant query is
   * stamped with its evaluation time however old its samples are, so the age needs a query of its own.
   */
  readonly timestampQuery: string;
  readonly coverage: CoverageSpec | null;
  readonly kind: MetricKind;
  /** Positive. In the metric's own unit; per replica when the kind is `average_value`. */
  readonly target: number;
  /** A second expression of the same quantity; null or absent: none. Since format 4. */
  readonly agreement?: AgreementSpec;
  /** As of a strategy's head; absent is false. Since format 4. */
  readonly fromReplicas?: boolean;
}

/** Two ways to the same number, e.g. through two Prometheus replicas or two exporters. */
export interface AgreementSpec {
  readonly query: string;
  /** How far the two may lie apart, as a share of the larger, 0 to 1. */
  readonly toleranceRatio: number;
}

/** So many replicas, or percent of them, per period. */
export interface RatePolicySpec {
  /** `percent` is of the number at the start of the period. */
  readonly kind: 'replicas' | 'percent';
  /** At least 0; replicas are whole. */
  readonly value: number;
  /** Above 0. */
  readonly periodMs: number;
}

export interface RateRulesSpec {
  /** Of what the policies allow: the most, the least, or nothing at all. */
  readonly select: 'max' | 'min' | 'disabled';
  /** Without any, `max` and `min` allow everything. */
  readonly policies: readonly RatePolicySpec[];
}

/** `behavior` of autoscaling/v2, but for its windows. */
export interface RatesSpec {
  readonly out: RateRulesSpec;
  readonly in: RateRulesSpec;
}

/**
 * What a signal counts as asking for once it has been lost for a while; the other signals ask as
 * ever. Without one: a lost signal holds.
 */
export interface OnLostSpec {
  /**
   * `static`: so many. `current`: what is wanted. `current_if_higher`, `current_if_lower`: what is
   * wanted if it is more (less) than so many, else so many. As KEDA's fallbacks.
   */
  readonly kind: 'static' | 'current' | 'current_if_higher' | 'current_if_lower';
  readonly replicas: number;
  /** How long the signal could not be used before this counts, in ms. */
  readonly afterMs: number;
}

/** How often the direction may turn before going in takes longer. */
export interface FlapBudgetSpec {
  /** Reversals allowed in the period; at least 1. */
  readonly reversalsMax: number;
  readonly periodMs: number;
  /** Each reversal beyond doubles the window of going in, up to this, in ms. */
  readonly windowMaxMs: number;
}

/** Forecasts of one metric's total as a floor. */
export interface ForecastSpec {
  /** Name of a metric of the kind `average_value`. */
  readonly metric: string;
  /** From asking for a replica until it serves, in ms. */
  readonly bootMs: number;
  /** Load that one replica carries at full use; above 0, in the metric's unit. */
  readonly capacity: number;
  /** How far back the history is read when a leader begins, in ms. */
  readonly historyMs: number;
}

/** A share of what several workloads have together, e.g. GPUs of a tenant. */
export interface BudgetShare {
  readonly budgetId: string;
  /** Of the budget's unit, above 0. */
  readonly unitsPerReplica: number;
}

export interface ScalePolicy {
  /** 1 to 63 characters of [a-z0-9-]. */
  readonly id: string;
  readonly workloadId: string;
  /** Up to 16 with the strategies, and one of them at least; each proposes, the largest wins. */
  readonly metrics: readonly MetricSpec[];
  /** At least 0 and at most replicasMax; 0 since format 4. */
  readonly replicasMin: number;
  readonly replicasMax: number;
  /** Band around the target, as a ratio of it, in which nothing changes: 0.1 is ±10 %. */
  readonly toleranceUpRatio: number;
  readonly toleranceDownRatio: number;
  /** Out: the smallest recommendation of the window; in: the largest of the window. */
  readonly stabilizationUpMs: number;
  readonly stabilizationDownMs: number;
  /** From the last action in a direction to the next one in the same direction. */
  readonly cooldownUpMs: number;
  readonly cooldownDownMs: number;
  /** Age of the oldest sample from which a signal is stale. */
  readonly signalAgeMaxMs: number;
  /** From an action's commit until it must be verified; then it counts as failed. */
  readonly actionTimeoutMs: number;
  readonly strategies?: readonly StrategySpec[];
  /** `max` of all when absent; `winner` as nomad-autoscaler; `out_if_any` as AWS: in only if all. */
  readonly combination?: 'winner' | 'out_if_any';
  /** Whose arithmetic to reproduce, also where it is known to be wrong. */
  readonly compatibility?: 'hpa-v2' | 'nomad';
  readonly rates?: RatesSpec;
  readonly schedules?: readonly ScheduleSpec[];
  readonly forecast?: ForecastSpec;
  readonly onLost?: OnLostSpec;
  readonly flapBudget?: FlapBudgetSpec;
  readonly budgets?: readonly BudgetShare[];
  /** `raise`: going further out does not wait for an action that already goes out. */
  readonly whileBooting?: 'raise';
  readonly vertical?: VerticalSpec;
}

/** The fields that came with format 4. */
export const POLICY_FIELDS_4 = [
  'strategies',
  'combination',
  'compatibility',
  'rates',
  'schedules',
  'forecast',
  'onLost',
  'flapBudget',
  'budgets',
  'whileBooting',
  'vertical',
] as const satisfies readonly (keyof ScalePolicy)[];

/** A policy as it was before. */
export interface PastPolicy {
  readonly policy: ScalePolicy;
  readonly version: number;
  /** When the next version took its place, UNIX time in ms. */
  readonly replacedAtMs: number;
}

/** A policy that is decided by, and not acted on, beside the one in force. */
export interface ShadowPolicy {
  readonly policy: ScalePolicy;
  /** Counts up from 1 with each shadow of the policy; none comes twice (StoredPolicy.shadowVersion). */
  readonly version: number;
  /** What it wanted last; null before its first decision. */
  readonly desired: number | null;
  /** The way of its last change; null before the first. */
  readonly lastDirection: 'out' | 'in' | null;
  /** How often it has turned since it was put. */
  readonly reversals: number;
}

/** Past versions that are kept, the newest. */
export const PAST_POLICIES_MAX = 8;

/** A policy as the state holds it. */
export interface StoredPolicy {
  readonly policy: ScalePolicy;
  /** Counts up from 1 with each change; the ETag. */
  readonly version: number;
  /** Oldest first, at most PAST_POLICIES_MAX. Since format 4. */
  readonly past?: readonly PastPolicy[];
  /** Since format 4. */
  readonly shadow?: ShadowPolicy;
  /** Of the newest shadow that there was, also when it is gone: no other may be taken for it. */
  readonly shadowVersion?: number;
}
