/**
 * The decider alone for the evaluate benchmark: evaluations a second, each with its full record, and
 * what a record costs as JSON, for several shapes of policy. Inputs are varied from a seed, and no two
 * evaluations in a row have the same one.
 */

import { decideScale } from '../../control-plane/deciders/scale.ts';
import { decisionIdOf } from '../../control-plane/model/decision.ts';
import type {
  DecisionRecord,
  Recommendation,
  ScaleInput,
} from '../../control-plane/model/decision.ts';
import type { Observation } from '../../control-plane/model/observation.ts';
import type { MetricSpec } from '../../control-plane/model/policy.ts';
import { metric, NOW_MS, policy } from '../support/scale-input.ts';
import { seededRandom } from '../support/seeded-random.ts';

export interface Shape {
  readonly name: string;
  readonly metrics: number;
  /** Runs that the brakes remember. */
  readonly runs: number;
  /** Share of observations that failed or are stale. */
  readonly faulty: number;
}

export const SHAPES: readonly Shape[] = [
  { name: 'one metric, no history', metrics: 1, runs: 1, faulty: 0 },
  { name: 'one metric, 12 runs in its windows', metrics: 1, runs: 12, faulty: 0 },
  { name: 'four metrics with coverage, 12 runs', metrics: 4, runs: 12, faulty: 0 },
  { name: 'four metrics, 40 runs, one in five unusable', metrics: 4, runs: 40, faulty: 0.2 },
  { name: '16 metrics, 64 runs', metrics: 16, runs: 64, faulty: 0 },
];

const INPUTS = 512;
const SEED = 20_261_121;
const TRACE_ID = '0af7651916cd43dd8448eb211c80319c';

export interface PureFigures {
  readonly evaluations_per_s: number;
  readonly evaluations_with_json_per_s: number;
  readonly us_each: number;
  readonly json_us_each: number;
  readonly record_bytes: number;
  readonly acts_share: number;
}

/** Runs for about `forMs` twice: the record alone, and the record and its JSON text. */
export function measurePure(shape: Shape, forMs: number): PureFigures {
  const inputs = inputsOf(shape);
  run(inputs, forMs / 4, false);
  const alone = run(inputs, forMs, false);
  const withJson = run(inputs, forMs, true);
  return {
    evaluations_per_s: alone.perSecond,
    evaluations_with_json_per_s: withJson.perSecond,
    us_each: 1e6 / alone.perSecond,
    json_us_each: 1e6 / withJson.perSecond - 1e6 / alone.perSecond,
    record_bytes: withJson.bytes / withJson.evaluations,
    acts_share: alone.acts / alone.evaluations,
  };
}

/** One evaluation as the live loop makes it, the record that it leaves included. */
export function evaluate(input: ScaleInput, atMs: number): DecisionRecord {
  const { workloadId, id: policyId } = input.policy;
  return {
    decisionId: decisionIdOf(atMs, workloadId),
    kind: 'scale',
    workloadId,
    policyId,
    policyVersion: 1,
    atMs,
    input,
    outcome: decideScale(input),
    traceId: TRACE_ID,
    token: null,
  };
}

export function inputsOf(shape: Shape): readonly ScaleInput[] {
  const random = seededRandom(SEED);
  return Array.from({ length: INPUTS }, (_, at) => inputOf(shape, at, random));
}

function inputOf(shape: Shape, at: number, random: () => number): ScaleInput {
  const desired = 1 + Math.floor(random() * 40);
  const id = `w-${at}`;
  const metrics = Array.from({ length: shape.metrics }, (_, index) => metricOf(id, index));
  return {
    nowMs: NOW_MS + at,
    policy: policy({
      id: `p-${at}`,
      workloadId: id,
      metrics,
      replicasMax: 60,
      stabilizationDownMs: 300_000,
      cooldownDownMs: at % 3 === 0 ? 60_000 : 0,
    }),
    mode: 'act',
    desired,
    actual: { kind: 'known', ready: desired, starting: 0 },
    observations: metrics.map((one) => observationOf(one, desired, shape.faulty, random)),
    brakes: {
      recommendations: runsOf(shape.runs, desired, random),
      lastOutAtMs: random() < 0.5 ? NOW_MS - 90_000 : null,
      lastInAtMs: random() < 0.5 ? NOW_MS - 30_000 : null,
    },
    inFlight: null,
  };
}

function metricOf(id: string, index: number): MetricSpec {
  const selector = `bench_load_${index}{workload="${id}"}`;
  return metric({
    name: `load_${index}`,
    query: `sum(${selector})`,
    timestampQuery: `min(timestamp(${selector}))`,
    coverage: index % 2 === 1 ? { query: `count(${selector})`, minimumRatio: 0.5 } : null,
  });
}

function observationOf(
  { name, coverage }: MetricSpec,
  desired: number,
  faulty: number,
  random: () => number,
): Observation {
  if (random() < faulty) {
    return { kind: 'failed', metric: name, reason: 'signal_absent', detail: 'no series' };
  }
  return {
    kind: 'sample',
    metric: name,
    value: desired * 10 * (0.6 + 0.8 * random()),
    sampledAtMs: NOW_MS - Math.floor(20_000 * random()),
    reporting: coverage === null ? null : desired,
  };
}

/** Oldest first, over the last five minutes. */
function runsOf(runs: number, desired: number, random: () => number): readonly Recommendation[] {
  const lengthMs = 300_000 / runs;
  return Array.from({ length: runs }, (_, at) => {
    const firstAtMs = Math.round(NOW_MS - 300_000 + at * lengthMs);
    const replicas = Math.max(1, desired - 2 + Math.floor(4 * random()));
    return { replicas, firstAtMs, lastAtMs: Math.round(firstAtMs + lengthMs - 5_000) };
  });
}

function run(inputs: readonly ScaleInput[], forMs: number, withJson: boolean) {
  const startedAt = performance.now();
  let evaluations = 0;
  let acts = 0;
  let bytes = 0;
  let elapsedMs: number;
  do {
    for (const input of inputs) {
      const record = evaluate(input, input.nowMs);
      if (record.outcome.verdict.kind === 'act') acts += 1;
      if (withJson) bytes += JSON.stringify(record).length;
    }
    evaluations += inputs.length;
    elapsedMs = performance.now() - startedAt;
  } while (elapsedMs < forMs);
  return { evaluations, acts, bytes, perSecond: (1_000 * evaluations) / elapsedMs };
}
