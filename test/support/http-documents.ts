/** Documents that the API accepts, for tests to send as they are or with one thing wrong. */

import { type DecisionRecord, decisionIdOf } from '../../control-plane/model/decision.ts';
import type { ScaleInput } from '../../control-plane/model/decision.ts';
import { decideScale } from '../../control-plane/deciders/scale.ts';
import { scaleInput } from './scale-input.ts';

export function workloadDocument(overrides: object = {}) {
  return {
    id: 'w',
    capability: 'inference',
    mode: 'act',
    target: { kind: 'local_process', command: ['node', 'replica.ts'] },
    ...overrides,
  };
}

export function policyDocument(overrides: object = {}) {
  return {
    id: 'p',
    workload: 'w',
    replicas: { min: 1, max: 8 },
    metrics: [metricDocument()],
    ...overrides,
  };
}

export function metricDocument(overrides: object = {}) {
  return {
    name: 'load',
    query: 'workload:load:sum{workload="w"}',
    timestampQuery: 'workload:load:oldest_timestamp_seconds{workload="w"}',
    target: { averageValue: 4 },
    ...overrides,
  };
}

export function registration(overrides: object = {}) {
  return {
    nodeId: 'node-1',
    hostname: 'node-1.example',
    address: '10.0.0.1:7410',
    capabilities: ['inference', 'gpu'],
    labels: { zone: 'a' },
    inventory: {
      operatingSystem: 'linux',
      kernel: '6.1',
      architecture: 'x64',
      cpuModel: 'cpu',
      cpuCores: 8,
      memoryBytes: 1024,
      gpus: [{ uuid: 'GPU-1', name: 'gpu', memoryBytes: 1024 }],
    },
    agentVersion: '0.1.0',
    ...overrides,
  };
}

/** A record as the loop writes it. */
export function decision(atMs: number, workloadId: string, input: ScaleInput): DecisionRecord {
  return {
    decisionId: decisionIdOf(atMs, workloadId),
    kind: 'scale',
    workloadId,
    policyId: `${workloadId}-policy`,
    policyVersion: 1,
    atMs,
    input,
    outcome: decideScale(input),
    traceId: atMs.toString(16).padStart(32, '0'),
    token: { term: 1, index: 7 },
  };
}

/** A record that scales out. */
export function actingDecision(atMs: number, workloadId = 'w'): DecisionRecord {
  return decision(
    atMs,
    workloadId,
    scaleInput({
      observations: [
        {
          kind: 'sample',
          metric: 'load',
          value: 70,
          sampledAtMs: 1_699_999_998_000,
          reporting: null,
        },
      ],
    }),
  );
}

/** A record that holds. */
export function holdingDecision(atMs: number, workloadId = 'w'): DecisionRecord {
  return decision(atMs, workloadId, scaleInput());
}
