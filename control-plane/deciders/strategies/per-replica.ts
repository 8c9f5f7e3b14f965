/**
 * Metrics that each replica reports of itself, as `resource` and `pods` metrics of autoscaling/v2:
 * utilization of what it asked for, or an average value. Missing and unready replicas are filled in
 * against the direction that the others point in. Deviations: compatibility.ts, rows A, C to F, P.
 * Combining metrics, windows and bounds are not done here.
 */

import { integerThousandths, thousandths } from './quantity.ts';
import { classifyReplicas } from './replica-classes.ts';
import type { ClassRules, ReplicaClasses, ReplicaView } from './replica-classes.ts';
import {
  boundedReplicas,
  ceilReplicas,
  isWithinTolerance,
  limitProposal,
  none,
} from './strategy-proposal.ts';
import type {
  NoProposal,
  ReplicasProposal,
  StrategyProposal,
  StrategyReason,
} from './strategy-proposal.ts';

export type PerReplicaTarget =
  /** Usage in percent of the request; above 0, whole in `hpa-v2`. */
  | { readonly kind: 'utilization'; readonly percent: number }
  /** Mean over the replicas, in the sample's unit; above 0. */
  | { readonly kind: 'average_value'; readonly value: number };

export interface PerReplicaMetric extends ClassRules {
  readonly target: PerReplicaTarget;
  /** 0 to 1 down, at least 0 up. */
  readonly toleranceUpRatio: number;
  readonly toleranceDownRatio: number;
  /** Row D of the table; `hpa-v2` always fills. */
  readonly missing: 'hold' | 'fill';
}

export interface PerReplicaInput {
  readonly nowMs: number;
  /** Replicas wanted now. */
  readonly current: number;
  /** All that are listed; their order does not matter. */
  readonly replicas: readonly ReplicaView[];
}

/** What HPA's controller sets when nothing is said: CPU initialization and readiness delay in ms. */
export const PER_REPLICA_DEFAULTS = {
  initializationMs: 300_000,
  initialReadinessDelayMs: 30_000,
  toleranceUpRatio: 0.1,
  toleranceDownRatio: 0.1,
} as const;

/** A replica as the sums see it. Its request is 1 where the target is a value. */
interface Part {
  readonly value: number;
  readonly request: number;
}

/** Proposes from one metric. */
export function proposePerReplica(
  metric: PerReplicaMetric,
  input: PerReplicaInput,
): StrategyProposal {
  const classes = classifyReplicas(input.replicas, metric, input.nowMs);
  if (classes.reporting.length === 0) return nothingReported(classes);
  const requestless = findRequestless(metric, input.replicas, classes);
  if (requestless !== null) {
    return none('request_unknown', `${requestless.id} does not say what it asks for`);
  }
  const parts = classes.reporting.map(({ replica, value }) => partOf(metric, replica, value));
  const ratio = ratioOf(metric, parts);
  if (ratio === null) return none('request_unknown', 'the replicas ask for nothing');
  const rebalanced = rebalance(metric, classes, parts, ratio);
  if (rebalanced === null) return none('request_unknown', 'the replicas ask for nothing');
  if (!Number.isFinite(ratio) || !Number.isFinite(rebalanced.ratio)) {
    return none('signal_out_of_range', 'the values are too large to add up');
  }
  const proposal = propose(metric, input.current, ratio, rebalanced);
  return limit(metric, classes, input.current, describe(proposal, classes));
}

function nothingReported(classes: ReplicaClasses): NoProposal {
  const { missing, unready, unusable } = classes;
  if (unusable !== null) return unusable;
  if (missing.length > 0) return none('signal_absent', 'no replica reports a sample');
  const detail = unready.length === 0 ? 'there is no live replica' : 'no replica is initialized';
  return none('no_replica_ready', detail);
}

function findRequestless(
  metric: PerReplicaMetric,
  listed: readonly ReplicaView[],
  classes: ReplicaClasses,
): ReplicaView | null {
  if (metric.target.kind === 'average_value') return null;
  const counted = [
    ...classes.reporting.map(({ replica }) => replica),
    ...classes.unready,
    ...classes.missing,
  ];
  const needed = metric.compatibility === 'hpa-v2' ? listed : counted; // row F
  return needed.find(({ request }) => !isRequest(request)) ?? null;
}

function isRequest(request: number | null): boolean {
  return request !== null && Number.isFinite(request) && request >= 0;
}

function partOf(metric: PerReplicaMetric, replica: ReplicaView, value: number): Part {
  return { value, request: metric.target.kind === 'utilization' ? (replica.request ?? 0) : 1 };
}

interface Rebalanced {
  readonly ratio: number;
  /** How many replicas the ratio speaks of. */
  readonly count: number;
  readonly isFilled: boolean;
}

/** Fills in the silent replicas against the direction of the others, where there are any. */
function rebalance(
  metric: PerReplicaMetric,
  classes: ReplicaClasses,
  parts: readonly Part[],
  ratio: number,
): Rebalanced | null {
  const countUnready = classes.unready.length > 0 && ratio > 1;
  if (!countUnready && classes.missing.length === 0) {
    return { ratio, count: parts.length, isFilled: false };
  }
  const filled = [...parts];
  for (const replica of classes.missing) {
    const part = partOf(metric, replica, 0);
    if (ratio < 1) filled.push({ ...part, value: assumedUsage(metric, part.request) });
    if (ratio > 1) filled.push(part);
  }
  if (countUnready) {
    for (const replica of classes.unready) filled.push(partOf(metric, replica, 0));
  }
  const after = ratioOf(metric, filled);
  return after === null ? null : { ratio: after, count: filled.length, isFilled: true };
}

/** Going in, a silent replica is taken to use all it asked for, or the target if that is more. */
function assumedUsage(metric: PerReplicaMetric, request: number): number {
  const { target } = metric;
  if (target.kind === 'average_value') return target.value;
  const percent = Math.max(100, target.percent);
  if (metric.compatibility === 'default') return (request * percent) / 100;
  return Math.trunc((thousandths(request) * percent) / 100) / 1000;
}

/** Usage ÷ target over all parts; null when they ask for nothing. */
function ratioOf(metric: PerReplicaMetric, parts: readonly Part[]): number | null {
  if (metric.compatibility === 'hpa-v2') return cutRatioOf(metric.target, parts); // row C
  const usage = parts.reduce((sum, { value }) => sum + value, 0);
  const requests = parts.reduce((sum, { request }) => sum + request, 0);
  if (requests === 0) return null;
  const { target } = metric;
  if (target.kind === 'average_value') return usage / requests / target.value;
  return (usage / requests) * (100 / target.percent);
}

/** In whole thousandths and, for utilization, whole percent, as integers are divided upstream. */
function cutRatioOf(target: PerReplicaTarget, parts: readonly Part[]): number | null {
  const usage = parts.reduce((sum, { value }) => sum + integerThousandths(value), 0n);
  if (target.kind === 'average_value') {
    return Number(usage / BigInt(parts.length)) / thousandths(target.value);
  }
  const requests = parts.reduce((sum, { request }) => sum + integerThousandths(request), 0n);
  return requests === 0n ? null : Number((usage * 100n) / requests) / target.percent;
}

function propose(
  metric: PerReplicaMetric,
  current: number,
  ratio: number,
  rebalanced: Rebalanced,
): ReplicasProposal {
  const stay = (withinTolerance: boolean) => result(current, rebalanced.ratio, withinTolerance);
  if (isWithinTolerance(rebalanced.ratio, metric)) return stay(true);
  const { ratio: after, count, isFilled } = rebalanced;
  if ((ratio < 1 && after > 1) || (ratio > 1 && after < 1)) return stay(false);
  const raw =
    metric.compatibility === 'hpa-v2'
      ? boundedReplicas(Math.ceil(after * count))
      : ceilReplicas(after * count);
  const against = (after < 1 && raw > current) || (after > 1 && raw < current);
  if (against && (isFilled || metric.compatibility === 'default')) return stay(false); // row A
  return result(raw, after, false);
}

function result(replicas: number, ratio: number, withinTolerance: boolean): ReplicasProposal {
  return { kind: 'replicas', replicas, ratio, withinTolerance, limited: null, detail: '' };
}

function describe(proposal: ReplicasProposal, classes: ReplicaClasses): ReplicasProposal {
  const { reporting, unready, missing } = classes;
  const detail =
    `${(proposal.ratio ?? 0).toPrecision(4)} of the target; ${reporting.length} report, ` +
    `${unready.length} unready, ${missing.length} missing`;
  return { ...proposal, detail };
}

function limit(
  metric: PerReplicaMetric,
  classes: ReplicaClasses,
  current: number,
  proposal: ReplicasProposal,
): ReplicasProposal {
  const reason = limitingReason(metric, classes);
  return reason === null ? proposal : limitProposal(proposal, current, reason);
}

function limitingReason(metric: PerReplicaMetric, classes: ReplicaClasses): StrategyReason | null {
  if (classes.unusable !== null) return classes.unusable.reason;
  if (metric.compatibility === 'hpa-v2' || metric.missing === 'fill') return null;
  return classes.missing.length > 0 ? 'signal_partial' : null; // row D
}
