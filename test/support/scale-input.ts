/** Builds scale inputs for tests: a healthy default, and what a test wants otherwise. */

import type { ScaleInput } from '../../control-plane/model/decision.ts';
import type { Observation } from '../../control-plane/model/observation.ts';
import type { MetricSpec, ScalePolicy } from '../../control-plane/model/policy.ts';

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
