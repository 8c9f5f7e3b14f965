/**
 * One metric's proposal: an observation held against the policy becomes a number of replicas, or
 * the reason why it cannot. Target tracking as in the Horizontal Pod Autoscaler v2 (ratio of value
 * and target, ceiling, tolerance), with three deliberate differences: the age of the sample is
 * judged, an overloaded metric never proposes fewer replicas than are wanted already, and missing
 * replicas may only make the proposal more careful. Combining metrics is not done here.
 */

import type { Proposal, ScaleInput } from '../model/decision.ts';
import type { Observation } from '../model/observation.ts';
import type { MetricSpec } from '../model/policy.ts';
import type { SignalReason } from '../model/reasons.ts';
import { proposeFromObject } from './strategies/object.ts';
import { ceilReplicas } from './strategies/strategy-proposal.ts';

type Sample = Extract<Observation, { kind: 'sample' }>;
type NoProposal = Extract<Proposal, { kind: 'none' }>;

/**
 * Judges one metric. `ready` is the number of replicas that can serve now; `input.desired` counts
 * the booting ones too, which are capacity to come.
 */
export function proposeReplicas(
  metric: MetricSpec,
  observation: Observation,
  input: ScaleInput,
  ready: number,
): Proposal {
  if (observation.kind === 'failed') {
    const { reason, detail } = observation;
    return { kind: 'none', metric: metric.name, reason, ageMs: null, detail };
  }
  const unusable = judgeSample(metric, observation, input, ready);
  if (unusable !== null) return unusable;
  if (input.policy.compatibility === 'hpa-v2')
    return proposeAsHpa(metric, observation, input, ready);
  return proposeFromSample(metric, observation, input, ready);
}

function judgeSample(
  metric: MetricSpec,
  sample: Sample,
  input: ScaleInput,
  ready: number,
): NoProposal | null {
  const ageMs = sample.sampledAtMs === null ? null : input.nowMs - sample.sampledAtMs;
  const none = (reason: SignalReason, detail: string): NoProposal => ({
    kind: 'none',
    metric: metric.name,
    reason,
    ageMs,
    detail,
  });
  if (!Number.isFinite(sample.value)) return none('signal_not_a_number', 'the value is not finite');
  if (sample.value < 0) return none('signal_out_of_range', `the value is ${sample.value}`);
  if (ageMs === null) return none('signal_stale', 'the age of the oldest sample is unknown');
  const limitMs = input.policy.signalAgeMaxMs;
  if (Math.abs(ageMs) > limitMs) {
    const where = ageMs < 0 ? `${-ageMs} ms in the future` : `${ageMs} ms old`;
    return none('signal_stale', `the oldest sample is ${where}, the policy allows ${limitMs} ms`);
  }
  if (metric.kind === 'value' && ready === 0 && input.policy.compatibility !== 'hpa-v2') {
    return none('no_replica_ready', 'a value per replica needs a ready replica');
  }
  if (metric.coverage !== null && sample.reporting === null) {
    return none('signal_partial', 'the number of reporting replicas could not be read');
  }
  const disagreement = disagreementOf(metric, sample);
  if (disagreement !== null) return none('signal_disagrees', disagreement);
  if (Number.isFinite(sample.value / metric.target)) return null;
  return none('signal_out_of_range', 'the ratio to the target is not finite');
}

/** Two ways to the same number that differ: neither of them can be trusted to be the right one. */
function disagreementOf({ agreement }: MetricSpec, sample: Sample): string | null {
  if (agreement === undefined) return null;
  const { value, redundant } = sample;
  if (redundant === undefined || redundant === null || !Number.isFinite(redundant)) {
    return 'the second expression gave no value';
  }
  const apart = Math.abs(value - redundant);
  const allowed = agreement.toleranceRatio * Math.max(Math.abs(value), Math.abs(redundant));
  if (apart <= allowed) return null;
  return `${value} and ${redundant} lie further apart than ${agreement.toleranceRatio} of the larger`;
}

function proposeFromSample(
  metric: MetricSpec,
  sample: Sample,
  input: ScaleInput,
  ready: number,
): Proposal {
  const { policy, desired } = input;
  const coverageRatio = coverageOf(sample, ready);
  const partial = metric.coverage !== null && coverageRatio < metric.coverage.minimumRatio;
  const ratio = ratioToTarget(metric, sample.value, desired, partial ? coverageRatio : 1);
  const base = metric.kind === 'value' ? ready : Math.max(desired, 1);
  const withinTolerance =
    desired > 0 && ratio >= 1 - policy.toleranceDownRatio && ratio <= 1 + policy.toleranceUpRatio;
  const raw = ceilReplicas(base * ratio);
  const proposed = withinTolerance ? desired : directed(raw, ratio, desired);
  return {
    kind: 'replicas',
    metric: metric.name,
    replicas: partial ? Math.max(proposed, desired) : proposed,
    ratio,
    ageMs: input.nowMs - (sample.sampledAtMs ?? input.nowMs),
    withinTolerance,
    limited: partial ? 'signal_partial' : null,
  };
}

/** Overload never asks for fewer than are wanted, nor idleness for more; of none, any load needs one. */
function directed(raw: number, ratio: number, desired: number): number {
  if (ratio > 1) return Math.max(raw, desired);
  return desired === 0 ? raw : Math.min(raw, desired);
}

/** To the letter of autoscaling/v2, where it is wrong too: strategies/compatibility.ts. */
function proposeAsHpa(
  metric: MetricSpec,
  sample: Sample,
  { policy, nowMs, desired: current }: ScaleInput,
  ready: number,
): Proposal {
  const { value, sampledAtMs } = sample;
  const proposal = proposeFromObject(
    {
      kind: metric.kind,
      target: metric.target,
      toleranceUpRatio: policy.toleranceUpRatio,
      toleranceDownRatio: policy.toleranceDownRatio,
      compatibility: 'hpa-v2',
      sampleAgeMaxMs: policy.signalAgeMaxMs,
    },
    { nowMs, current, ready, series: [{ value, sampledAtMs }] },
  );
  return { metric: metric.name, ageMs: nowMs - (sampledAtMs ?? nowMs), ...proposal };
}

/** Share of the ready replicas that report; more than there are count as all. */
function coverageOf(sample: Sample, ready: number): number {
  if (sample.reporting === null || ready === 0) return 1;
  return Math.min(1, sample.reporting / ready);
}

/**
 * A total that misses replicas is a lower bound already. An average that misses replicas is scaled
 * as if the silent ones were idle, so that it can raise only when the reporting ones justify it.
 */
function ratioToTarget(
  metric: MetricSpec,
  value: number,
  desired: number,
  coverageRatio: number,
): number {
  if (metric.kind === 'value') return (value / metric.target) * coverageRatio;
  return value / (metric.target * Math.max(desired, 1));
}
