/**
 * Strategies are the ways from signals to a number of replicas beside the two of `MetricSpec`: those of
 * the Horizontal Pod Autoscaler per replica, of nomad-autoscaler, Knative, AWS, of inference
 * autoscalers, queues, the capacity formula, and formulas of one's own. A specification says what to
 * read and by which rules; deciders/strategies has the arithmetic. Since format 4 of the log.
 */

import type { CoverageSpec, SignalQuery } from './signal.ts';

interface StrategyHead {
  /** 1 to 63 characters of [a-z0-9_], unique among the policy's metrics and strategies. */
  readonly name: string;
  /** Checks of one group abstain while they ask for nothing; only with the combination `winner`. */
  readonly group: string | null;
  /**
   * The series come from the replicas themselves: with none wanted and none there, their absence is
   * expected and not a loss.
   */
  readonly fromReplicas: boolean;
}

interface SingleStrategy extends StrategyHead, SignalQuery {
  readonly coverage: CoverageSpec | null;
}

/** A limit of one step in each direction, in replicas; null limits nothing. */
interface StepLimits {
  readonly maxScaleUp: number | null;
  readonly maxScaleDown: number | null;
}

interface PerReplicaHead extends StrategyHead, SignalQuery {
  /** Label of the answer's series that names the replica. */
  readonly replicaLabel: string;
  /** The span that each sample sums up, in ms, e.g. that of the rate in the query. */
  readonly windowMs: number;
  /** `judged` for CPU, whose start-up peak is not load. */
  readonly readiness: 'judged' | 'ignored';
  readonly initializationMs: number;
  readonly initialReadinessDelayMs: number;
  /** A replica without a sample: nothing goes in, or it counts as at its target. */
  readonly missing: 'hold' | 'fill';
}

/** As `resource` of autoscaling/v2: usage in percent of what each replica asks for. */
export interface UtilizationStrategy extends PerReplicaHead {
  readonly kind: 'utilization';
  /** PromQL for what each replica asks for, in the unit of the query. */
  readonly requestQuery: string;
  /** Above 0. */
  readonly percent: number;
}

/** As `pods` of autoscaling/v2: the mean over the replicas. */
export interface ReplicaValueStrategy extends PerReplicaHead {
  readonly kind: 'replica_value';
  /** Above 0. */
  readonly target: number;
}

/** nomad-autoscaler's `target-value`. */
export interface TargetValueStrategy extends SingleStrategy, StepLimits {
  readonly kind: 'target_value';
  /** At least 0; with 0 the value itself is the factor. */
  readonly target: number;
  readonly thresholdRatio: number;
}

/** nomad-autoscaler's `pass-through`. */
export interface PassThroughStrategy extends SingleStrategy, StepLimits {
  readonly kind: 'pass_through';
}

export type ThresholdActionSpec =
  | { readonly kind: 'delta'; readonly replicas: number }
  | { readonly kind: 'percentage'; readonly percent: number }
  | { readonly kind: 'value'; readonly replicas: number };

/** What is read as points over a window that ends now; the answer is one series. */
interface WindowedStrategy extends StrategyHead, SignalQuery {
  /** Distance of the points, in ms. */
  readonly stepMs: number;
  /** Share of the window's points that may be missing or not a number, 0 to 1; they are left out. */
  readonly gapRatioMax: number;
}

/** nomad-autoscaler's `threshold`. */
export interface ThresholdStrategy extends WindowedStrategy {
  readonly kind: 'threshold';
  readonly windowMs: number;
  /** Belongs to the band; null is none. */
  readonly lowerBound: number | null;
  /** Does not belong to the band; null is none. */
  readonly upperBound: number | null;
  readonly withinBoundsTrigger: number;
  readonly action: ThresholdActionSpec;
}

/** nomad-autoscaler's `fixed-value`; reads nothing. */
export interface FixedValueStrategy extends StrategyHead {
  readonly kind: 'fixed_value';
  readonly replicas: number;
}

/** Knative's autoscaler (KPA) on concurrency or requests per second. */
export interface ConcurrencyStrategy extends WindowedStrategy {
  readonly kind: 'concurrency';
  readonly target: number;
  readonly capacity: number;
  readonly stableWindowMs: number;
  readonly panicWindowMs: number;
  readonly panicThresholdRatio: number;
  readonly maxScaleUpRate: number;
  readonly maxScaleDownRate: number;
  readonly activationScale: number;
  readonly scaleDownDelayMs: number;
  readonly scaleToZeroGraceMs: number;
  readonly targetBurstCapacity: number;
}

/** Target tracking as in AWS: the mean per replica over periods. */
export interface TargetTrackingStrategy extends SingleStrategy {
  readonly kind: 'target_tracking';
  readonly target: number;
  readonly scaleInRatio: number;
  readonly outPeriods: number;
  readonly inPeriods: number;
  readonly periodMs: number;
  readonly disableScaleIn: boolean;
}

export interface StepSpec {
  /** Distance from the alarm's bound, value − bound; null is without end. */
  readonly lower: number | null;
  readonly upper: number | null;
  readonly adjustment: number;
}

/** Step scaling as in AWS. */
export interface StepStrategy extends SingleStrategy {
  readonly kind: 'step';
  readonly side: 'above' | 'below';
  readonly bound: number;
  readonly periods: number;
  readonly periodMs: number;
  readonly adjustmentKind: 'change' | 'percent' | 'exact';
  readonly minAdjustmentReplicas: number;
  readonly steps: readonly StepSpec[];
}

/** One replica more or fewer on queue depth, KV-cache use and time to first token of each. */
export interface InferenceStrategy extends StrategyHead {
  readonly kind: 'inference';
  readonly replicaLabel: string;
  /** Requests that wait, per replica. */
  readonly queueQuery: string;
  /** Share of the KV cache in use, per replica, 0 to 1. */
  readonly kvCacheQuery: string;
  /** Seconds, per replica; null judges no latency. */
  readonly timeToFirstTokenQuery: string | null;
  /** UNIX time in seconds of each replica's oldest sample. */
  readonly timestampQuery: string;
  readonly kvCacheSaturationRatio: number;
  readonly queueSaturation: number;
  readonly spareKvCacheMinRatio: number;
  readonly spareQueueMin: number;
  /** Null exactly when there is no query for it. */
  readonly timeToFirstToken: { readonly targetMs: number; readonly scaleInRatio: number } | null;
}

/** Workers on a queue, with activation from zero. */
export interface QueueStrategy extends SingleStrategy {
  readonly kind: 'queue';
  /** Items per replica, above 0. */
  readonly target: number;
  readonly activation: number;
  readonly cooldownMs: number;
}

/** rate × latency ÷ concurrency, with a peak factor, a margin and redundant replicas. */
export interface CapacityStrategy extends StrategyHead {
  readonly kind: 'capacity';
  /** Requests per second. */
  readonly rate: SignalQuery;
  /** Seconds. */
  readonly latency: SignalQuery;
  readonly concurrency: number;
  readonly peakFactor: number;
  readonly marginRatio: number;
  readonly redundantReplicas: number;
}

export interface FormulaInput extends SignalQuery {
  /** The name by which the expression knows it. */
  readonly name: string;
}

/** An expression over several signals (deciders/formula), held against a target. */
export interface FormulaStrategy extends StrategyHead {
  readonly kind: 'formula';
  readonly expression: string;
  readonly inputs: readonly FormulaInput[];
  /** As MetricKind; `replicas`: the result is the number itself. */
  readonly result: 'value' | 'average_value' | 'replicas';
  /** Above 0; 1 when the result is the number itself. */
  readonly target: number;
}

export type StrategySpec =
  | UtilizationStrategy
  | ReplicaValueStrategy
  | TargetValueStrategy
  | PassThroughStrategy
  | ThresholdStrategy
  | FixedValueStrategy
  | ConcurrencyStrategy
  | TargetTrackingStrategy
  | StepStrategy
  | InferenceStrategy
  | QueueStrategy
  | CapacityStrategy
  | FormulaStrategy;

export type StrategyKind = StrategySpec['kind'];

export const STRATEGY_KINDS = [
  'utilization',
  'replica_value',
  'target_value',
  'pass_through',
  'threshold',
  'fixed_value',
  'concurrency',
  'target_tracking',
  'step',
  'inference',
  'queue',
  'capacity',
  'formula',
] as const satisfies readonly StrategyKind[];
