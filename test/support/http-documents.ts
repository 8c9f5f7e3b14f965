/** Documents that the API accepts, for tests to send as they are or with one thing wrong. */

import { type DecisionRecord, decisionIdOf } from '../../control-plane/model/decision.ts';
import type { ScaleInput } from '../../control-plane/model/decision.ts';
import { decideScale } from '../../control-plane/deciders/scale.ts';
import { registration } from './log-commands.ts';
import { NOW_MS, sample, scaleInput } from './scale-input.ts';

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

export function registrationDocument(overrides: object = {}) {
  return {
    ...registration('node-1', 'node-1.example'),
    address: '10.0.0.1:7410',
    capabilities: ['inference', 'gpu'],
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
    scaleInput({ observations: [sample(70, { sampledAtMs: NOW_MS - 2_000 })] }),
  );
}

/** A record that holds. */
export function holdingDecision(atMs: number, workloadId = 'w'): DecisionRecord {
  return decision(atMs, workloadId, scaleInput());
}
