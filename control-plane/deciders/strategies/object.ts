/**
 * One number for the whole workload: `object` and `external` metrics of autoscaling/v2. A value is
 * held against the target as a ratio and multiplies the replicas that serve it; an average value
 * shares a total out. External series are summed. Deviations: compatibility.ts, rows A, B, C and P.
 */

import type { HpaCompatibility } from './compatibility.ts';
import { thousandths } from './quantity.ts';
import {
  boundedReplicas,
  ceilReplicas,
  isWithinTolerance,
  judgeReading,
  none,
} from './strategy-proposal.ts';
import type { Reading, ReplicasProposal, StrategyProposal } from './strategy-proposal.ts';

export interface ObjectMetric {
  /** `value`: sum ÷ target × ready replicas. `average_value`: sum ÷ target. */
  readonly kind: 'value' | 'average_value';
  /** Above 0, in the metric's unit; per replica for `average_value`. */
  readonly target: number;
  /** 0 to 1 down, at least 0 up. */
  readonly toleranceUpRatio: number;
  readonly toleranceDownRatio: number;
  readonly compatibility: HpaCompatibility;
  /** Row P of the table. */
  readonly sampleAgeMaxMs: number | null;
}

export interface ObjectInput {
  readonly nowMs: number;
  /** Replicas wanted now. */
  readonly current: number;
  /** Replicas that can serve now. */
  readonly ready: number;
  /** One for an object; all that match for an external metric. Their order does not matter. */
  readonly series: readonly Reading[];
}

/** Proposes from one metric. */
export function proposeFromObject(metric: ObjectMetric, input: ObjectInput): StrategyProposal {
  if (input.series.length === 0) return none('signal_absent', 'the metric has no series');
  for (const reading of input.series) {
    const fault = judgeReading(reading, input.nowMs, metric.sampleAgeMaxMs);
    if (fault !== null) return fault;
  }
  const sum = sumOf(metric, input.series);
  if (!Number.isFinite(sum)) return none('signal_out_of_range', 'the values are too large to add');
  return metric.kind === 'value'
    ? proposeFromValue(metric, input, sum)
    : proposeFromAverage(metric, input, sum);
}

/** Sorted, because a sum of fractions depends on their order. */
function sumOf(metric: ObjectMetric, series: readonly Reading[]): number {
  const values = series.map(({ value }) => value).sort((a, b) => a - b);
  if (metric.compatibility === 'default') return values.reduce((sum, value) => sum + value, 0);
  return values.reduce((sum, value) => sum + thousandths(value), 0);
}

function targetOf(metric: ObjectMetric): number {
  return metric.compatibility === 'hpa-v2' ? thousandths(metric.target) : metric.target;
}

/** From zero there is neither a tolerance nor a ready replica to multiply. */
function proposeFromValue(metric: ObjectMetric, input: ObjectInput, sum: number): StrategyProposal {
  const { current, ready } = input;
  const ratio = sum / targetOf(metric);
  if (!Number.isFinite(ratio)) return none('signal_out_of_range', 'the ratio is not finite');
  if (current === 0) return propose(roundUp(metric, ratio), ratio, false);
  if (isWithinTolerance(ratio, metric)) return propose(current, ratio, true);
  if (metric.compatibility === 'hpa-v2')
    return propose(roundUp(metric, ratio * ready), ratio, false);
  if (ready === 0) return none('no_replica_ready', 'a value needs a ready replica to multiply');
  return propose(directed(roundUp(metric, ratio * ready), ratio, current), ratio, false);
}

function proposeFromAverage(
  metric: ObjectMetric,
  input: ObjectInput,
  sum: number,
): StrategyProposal {
  const { current } = input;
  const needed = sum / targetOf(metric);
  const ratio = needed / Math.max(current, 1);
  if (!Number.isFinite(needed)) return none('signal_out_of_range', 'the ratio is not finite');
  if (current > 0 && isWithinTolerance(ratio, metric)) return propose(current, ratio, true);
  const replicas = roundUp(metric, needed);
  const isFree = current === 0 || metric.compatibility === 'hpa-v2';
  return propose(isFree ? replicas : directed(replicas, ratio, current), ratio, false);
}

function roundUp(metric: ObjectMetric, quotient: number): number {
  if (metric.compatibility === 'hpa-v2') return boundedReplicas(Math.ceil(quotient));
  return ceilReplicas(quotient);
}

/** Rows A and B: above the target never fewer, below it never more. */
function directed(replicas: number, ratio: number, current: number): number {
  return ratio > 1 ? Math.max(replicas, current) : Math.min(replicas, current);
}

function propose(replicas: number, ratio: number, withinTolerance: boolean): ReplicasProposal {
  const detail = `${ratio.toPrecision(4)} of the target`;
  return { kind: 'replicas', replicas, ratio, withinTolerance, limited: null, detail };
}
