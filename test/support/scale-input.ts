/** Builds scale inputs for tests: a healthy default, and what a test wants otherwise. */

import type { ScaleInput } from '../../control-plane/model/decision.ts';
import type {
  Observation,
  PartReading,
  ReplicaFact,
  StrategyReading,
} from '../../control-plane/model/observation.ts';
import type { MetricSpec, ScalePolicy } from '../../control-plane/model/policy.ts';
import type { StrategyKind, StrategySpec } from '../../control-plane/model/strategy.ts';
import { partsOf } from '../../control-plane/model/strategy-parts.ts';
import type { PartSpec } from '../../control-plane/model/strategy-parts.ts';

export const NOW_MS = 1_700_000_000_000;

export function metric(overrides: Partial<MetricSpec> = {}): MetricSpec {
  return {
    name: 'load',
    query: 'workload:load:sum{workload="w"}',
    timestampQuery: 'workload:load:oldest_timestamp_seconds{workload="w"}',
    coverage: null,
    kind: 'average_value',
    target: 10,
    ...overrides,
  };
}

export function policy(overrides: Partial<ScalePolicy> = {}): ScalePolicy {
  return {
    id: 'p',
    workloadId: 'w',
    metrics: [metric()],
    replicasMin: 1,
    replicasMax: 10,
    toleranceUpRatio: 0.1,
    toleranceDownRatio: 0.1,
    stabilizationUpMs: 0,
    stabilizationDownMs: 0,
    cooldownUpMs: 0,
    cooldownDownMs: 0,
    signalAgeMaxMs: 30_000,
    actionTimeoutMs: 60_000,
    ...overrides,
  };
}

export function sample(
  value: number,
  overrides: Partial<Extract<Observation, { kind: 'sample' }>> = {},
): Observation {
  return {
    kind: 'sample',
    metric: 'load',
    value,
    sampledAtMs: NOW_MS - 5_000,
    reporting: null,
    ...overrides,
  };
}

export function failed(reason: Extract<Observation, { kind: 'failed' }>['reason']): Observation {
  return { kind: 'failed', metric: 'load', reason, detail: 'made by a test' };
}

export function scaleInput(overrides: Partial<ScaleInput> = {}): ScaleInput {
  return {
    nowMs: NOW_MS,
    policy: policy(),
    mode: 'act',
    desired: 4,
    actual: { kind: 'known', ready: 4, starting: 0 },
    observations: [sample(40)],
    brakes: {
      recommendations: [{ replicas: 4, firstAtMs: NOW_MS - 15_000, lastAtMs: NOW_MS - 15_000 }],
      lastOutAtMs: null,
      lastInAtMs: null,
    },
    inFlight: null,
    ...overrides,
  };
}

const HEAD = { name: 's', group: null, fromReplicas: false } as const;
const SIGNAL = { query: 'sum(x)', timestampQuery: 'min(timestamp(x))' } as const;
const SINGLE = { ...HEAD, ...SIGNAL, coverage: null } as const;
const PER_REPLICA = {
  ...HEAD,
  fromReplicas: true,
  query: 'sum by (replica) (rate(cpu[1m]))',
  timestampQuery: 'min by (replica) (timestamp(cpu))',
  replicaLabel: 'replica',
  windowMs: 60_000,
  readiness: 'judged',
  initializationMs: 300_000,
  initialReadinessDelayMs: 30_000,
  missing: 'hold',
} as const;

/** A strategy of each kind, as its document's defaults would have it. */
const STRATEGIES: { readonly [K in StrategyKind]: Extract<StrategySpec, { kind: K }> } = {
  utilization: {
    kind: 'utilization',
    ...PER_REPLICA,
    requestQuery: 'sum by (replica) (requests)',
    percent: 70,
  },
  replica_value: { kind: 'replica_value', ...PER_REPLICA, readiness: 'ignored', target: 10 },
  target_value: {
    kind: 'target_value',
    ...SINGLE,
    target: 10,
    thresholdRatio: 0.01,
    maxScaleUp: null,
    maxScaleDown: null,
  },
  pass_through: { kind: 'pass_through', ...SINGLE, maxScaleUp: null, maxScaleDown: null },
  threshold: {
    kind: 'threshold',
    ...HEAD,
    ...SIGNAL,
    stepMs: 10_000,
    gapRatioMax: 0.1,
    windowMs: 60_000,
    lowerBound: 70,
    upperBound: null,
    withinBoundsTrigger: 5,
    action: { kind: 'delta', replicas: 1 },
  },
  fixed_value: { kind: 'fixed_value', ...HEAD, replicas: 3 },
  concurrency: {
    kind: 'concurrency',
    ...HEAD,
    ...SIGNAL,
    stepMs: 2_000,
    gapRatioMax: 0.1,
    target: 10,
    capacity: 10,
    stableWindowMs: 60_000,
    panicWindowMs: 6_000,
    panicThresholdRatio: 2,
    maxScaleUpRate: 1_000,
    maxScaleDownRate: 2,
    activationScale: 1,
    scaleDownDelayMs: 0,
    scaleToZeroGraceMs: 30_000,
    targetBurstCapacity: 200,
  },
  target_tracking: {
    kind: 'target_tracking',
    ...SINGLE,
    target: 10,
    scaleInRatio: 0.9,
    outPeriods: 3,
    inPeriods: 15,
    periodMs: 60_000,
    disableScaleIn: false,
  },
  step: {
    kind: 'step',
    ...SINGLE,
    side: 'above',
    bound: 50,
    periods: 1,
    periodMs: 60_000,
    adjustmentKind: 'change',
    minAdjustmentReplicas: 0,
    steps: [
      { lower: 0, upper: 20, adjustment: 1 },
      { lower: 20, upper: null, adjustment: 3 },
    ],
  },
  inference: {
    kind: 'inference',
    ...HEAD,
    fromReplicas: true,
    replicaLabel: 'replica',
    queueQuery: 'sum by (replica) (waiting)',
    kvCacheQuery: 'max by (replica) (kv_cache)',
    timeToFirstTokenQuery: null,
    timestampQuery: 'min by (replica) (timestamp(waiting))',
    kvCacheSaturationRatio: 0.8,
    queueSaturation: 5,
    spareKvCacheMinRatio: 0.1,
    spareQueueMin: 3,
    timeToFirstToken: null,
  },
  queue: { kind: 'queue', ...SINGLE, target: 10, activation: 0, cooldownMs: 300_000 },
  capacity: {
    kind: 'capacity',
    ...HEAD,
    rate: SIGNAL,
    latency: SIGNAL,
    concurrency: 10,
    peakFactor: 1,
    marginRatio: 0,
    redundantReplicas: 0,
  },
  formula: {
    kind: 'formula',
    ...HEAD,
    expression: 'a + b',
    inputs: [
      { name: 'a', ...SIGNAL },
      { name: 'b', ...SIGNAL },
    ],
    result: 'average_value',
    target: 10,
  },
};

/** A strategy of a kind, called `s`. */
export function strategy<K extends StrategyKind>(
  kind: K,
  overrides: Partial<Extract<StrategySpec, { kind: K }>> = {},
): Extract<StrategySpec, { kind: K }> {
  return { ...STRATEGIES[kind], ...overrides };
}

/** A fresh number. */
export function samplePart(
  value: number | null,
  overrides: Partial<Extract<PartReading, { kind: 'sample' }>> = {},
): PartReading {
  return { kind: 'sample', value, sampledAtMs: NOW_MS - 5_000, reporting: null, ...overrides };
}

/** Points that end now, the oldest first. */
export function pointsPart(values: readonly (number | null)[], stepMs: number): PartReading {
  const points = values.map((value, index) => ({
    atMs: NOW_MS - (values.length - 1 - index) * stepMs,
    value,
  }));
  return { kind: 'points', points, sampledAtMs: NOW_MS - 1_000 };
}

/** A fresh number of each replica that replicaFacts makes, in its order. */
export function replicasPart(values: readonly (number | null)[]): PartReading {
  const samples = values.map((value, index) => ({
    replicaId: `replica-${index}`,
    value,
    sampledAtMs: NOW_MS - 5_000,
  }));
  return { kind: 'replicas', samples };
}

/** Replicas that have been ready for an hour. */
export function replicaFacts(
  count: number,
  overrides: Partial<ReplicaFact> = {},
): readonly ReplicaFact[] {
  return Array.from({ length: count }, (_, index) => ({
    replicaId: `replica-${index}`,
    address: `10.0.0.${index + 1}:8000`,
    phase: 'ready',
    startedAtMs: NOW_MS - 3_600_000,
    readyChangedAtMs: NOW_MS - 3_500_000,
    ...overrides,
  }));
}

/** What is read for a strategy, every part of it alike: the same number wherever one is read. */
export function reading(
  spec: StrategySpec,
  value: number | null,
  replicaCount = 4,
): StrategyReading {
  const parts = partsOf(spec).map(
    (part) => [part.name, partWith(part, value, replicaCount)] as const,
  );
  return { strategy: spec.name, parts: Object.fromEntries(parts) };
}

/** An input of a policy with strategies alone, four ready replicas and the given value. */
export function strategyInput(
  strategies: readonly StrategySpec[],
  value: number | null,
  overrides: Partial<ScaleInput> = {},
): ScaleInput {
  return scaleInput({
    policy: policy({ metrics: [], strategies }),
    observations: [],
    readings: strategies.map((spec) => reading(spec, value)),
    replicas: replicaFacts(4),
    ...overrides,
  });
}

function partWith(part: PartSpec, value: number | null, replicaCount: number): PartReading {
  switch (part.shape) {
    case 'sample':
      return samplePart(value);
    case 'points': {
      const length = Math.floor(part.windowMs / part.stepMs);
      return pointsPart(
        Array.from({ length }, () => value),
        part.stepMs,
      );
    }
    case 'replicas':
      return replicasPart(Array.from({ length: replicaCount }, () => value));
  }
}
