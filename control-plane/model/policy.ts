/** A policy is what the operator asked for: which signals, which targets, which brakes. */

/**
 * How a metric's value becomes a number of replicas:
 * `value` compares one number with a target (a ratio, a latency): ready × value ÷ target;
 * `average_value` shares a total out: total ÷ target per replica.
 */
export type MetricKind = 'value' | 'average_value';

export interface CoverageSpec {
  /** PromQL for the number of replicas that report. */
  readonly query: string;
  /** Share of the ready replicas that must report, 0 to 1. */
  readonly minimumRatio: number;
}

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
}

export interface ScalePolicy {
  /** 1 to 63 characters of [a-z0-9-]. */
  readonly id: string;
  readonly workloadId: string;
  /** 1 to 16, each proposing; the largest proposal wins. */
  readonly metrics: readonly MetricSpec[];
  /** At least 0 (1 until scale to zero exists) and at most replicasMax. */
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
}

/** A policy as the state holds it. */
export interface StoredPolicy {
  readonly policy: ScalePolicy;
  /** Counts up from 1 with each change; the ETag. */
  readonly version: number;
}
