/** The shapes of the nouns that the log and the snapshots carry; the compiler holds them to the model. */

import type { InFlightAction, Brakes, FencingToken, Recommendation } from '../model/decision.ts';
import { MODES } from '../model/mode.ts';
import type { GpuInventory, NodeInventory, NodeRegistration } from '../model/node.ts';
import type { CoverageSpec, MetricSpec, ScalePolicy } from '../model/policy.ts';
import type { LocalProcessTarget, ScaleTargetSpec, Workload } from '../model/workload.ts';
import { count, finite, kindOf, listOf, mapOf, nullable, objectOf, oneOf, text } from './shape.ts';

export const modeShape = oneOf(MODES);

export const tokenShape = objectOf<FencingToken>({ term: count, index: count });

export const registrationShape = objectOf<NodeRegistration>({
  nodeId: text,
  hostname: text,
  address: text,
  capabilities: listOf(text),
  labels: mapOf(text),
  inventory: objectOf<NodeInventory>({
    operatingSystem: text,
    kernel: text,
    architecture: text,
    cpuModel: text,
    cpuCores: finite,
    memoryBytes: finite,
    gpus: listOf(objectOf<GpuInventory>({ uuid: text, name: text, memoryBytes: finite })),
  }),
  agentVersion: text,
});

export const workloadShape = objectOf<Workload>({
  id: text,
  description: text,
  capability: text,
  labels: mapOf(text),
  mode: modeShape,
  replicasInitial: count,
  target: kindOf<ScaleTargetSpec>({
    local_process: objectOf<LocalProcessTarget>({
      kind: oneOf(['local_process']),
      command: listOf(text),
      environment: mapOf(text),
      readinessPath: text,
      metricsPath: text,
      startTimeoutMs: finite,
      stopGraceMs: finite,
    }),
  }),
});

export const policyShape = objectOf<ScalePolicy>({
  id: text,
  workloadId: text,
  metrics: listOf(
    objectOf<MetricSpec>({
      name: text,
      query: text,
      timestampQuery: text,
      coverage: nullable(objectOf<CoverageSpec>({ query: text, minimumRatio: finite })),
      kind: oneOf(['value', 'average_value']),
      target: finite,
    }),
  ),
  replicasMin: count,
  replicasMax: count,
  toleranceUpRatio: finite,
  toleranceDownRatio: finite,
  stabilizationUpMs: finite,
  stabilizationDownMs: finite,
  cooldownUpMs: finite,
  cooldownDownMs: finite,
  signalAgeMaxMs: finite,
  actionTimeoutMs: finite,
});

export const brakesShape = objectOf<Brakes>({
  recommendations: listOf(
    objectOf<Recommendation>({ replicas: count, firstAtMs: finite, lastAtMs: finite }),
  ),
  lastOutAtMs: nullable(finite),
  lastInAtMs: nullable(finite),
});

export const inFlightShape = objectOf<InFlightAction>({
  decisionId: text,
  workloadId: text,
  fromReplicas: count,
  toReplicas: count,
  startedAtMs: finite,
  deadlineMs: finite,
  token: tokenShape,
});
