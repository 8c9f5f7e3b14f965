/**
 * The capacity formula: by Little's law rate × latency requests are in flight at a time; with a peak
 * factor and a margin, and so many per replica, that is how many replicas it takes. Redundant ones
 * come on top. Reads no queue and no utilization, so it needs no running replica to look at.
 */

import { REPLICAS_LIMIT, ceilReplicas, judgeReading, none } from './strategy-proposal.ts';
import type { Reading, StrategyProposal } from './strategy-proposal.ts';

export interface CapacityRules {
  /** Requests that one replica serves at a time, above 0. */
  readonly concurrency: number;
  /** Peak ÷ mean within the window of the rate, at least 1. */
  readonly peakFactor: number;
  /** Added to the load as a share of it, at least 0: 0.2 is a fifth more. */
  readonly marginRatio: number;
  /** Replicas that may fail without harm: 1 is N+1, 2 is N+2. */
  readonly redundantReplicas: number;
  readonly sampleAgeMaxMs: number | null;
}

export interface CapacityInput {
  readonly nowMs: number;
  /** Requests per second that arrive, over all replicas. */
  readonly rate: Reading | null;
  /** Time that a request occupies a place, in ms. */
  readonly latencyMs: Reading | null;
}

/** Proposes what the rate takes. */
export function proposeCapacity(rules: CapacityRules, input: CapacityInput): StrategyProposal {
  const { rate, latencyMs } = input;
  if (rate === null) return none('signal_absent', 'there is no rate');
  const badRate = judgeReading(rate, input.nowMs, rules.sampleAgeMaxMs);
  if (badRate !== null) return none(badRate.reason, `rate: ${badRate.detail}`);
  if (latencyMs === null) return none('signal_absent', 'there is no latency');
  const badLatency = judgeReading(latencyMs, input.nowMs, rules.sampleAgeMaxMs);
  if (badLatency !== null) return none(badLatency.reason, `latency: ${badLatency.detail}`);
  if (latencyMs.value === 0 && rate.value > 0) {
    return none('signal_out_of_range', 'requests that take no time were not measured');
  }
  const inFlight = (rate.value * latencyMs.value) / 1000;
  const load = inFlight * rules.peakFactor * (1 + rules.marginRatio);
  if (!Number.isFinite(load)) return none('signal_out_of_range', 'the load is not finite');
  const needed = ceilReplicas(load / rules.concurrency);
  return {
    kind: 'replicas',
    replicas: Math.min(REPLICAS_LIMIT, needed + rules.redundantReplicas),
    ratio: null,
    withinTolerance: false,
    limited: null,
    detail:
      `${inFlight.toPrecision(4)} in flight, ${load.toPrecision(4)} with peak and margin, ` +
      `${rules.concurrency} per replica: ${needed} and ${rules.redundantReplicas} redundant`,
  };
}
