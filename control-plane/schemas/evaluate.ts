/**
 * A decision's input as JSON, for evaluating on given numbers. The policy may be written as
 * operators write it or as a decision record holds it (told apart by the member `workloadId`), so
 * that the `input` of any record can be sent back, as it is or with one number changed. Refuses
 * observations that do not match the policy's metrics; runs no query, so it parses none of a record.
 */

import { z } from 'zod';
import { type ScaleInput, NO_BRAKES } from '../model/decision.ts';
import { MODES } from '../model/mode.ts';
import type { ScalePolicy } from '../model/policy.ts';
import { type ReadFailure, SIGNAL_REASONS, type SignalReason } from '../model/reasons.ts';
import {
  expected,
  list,
  oneOf,
  parseDocument,
  positive,
  ratio,
  slug,
  strictObject,
  text,
  textOrEmpty,
  wholeNumber,
} from './document.ts';
import { type Fault, pointerOf, SchemaError } from './fault.ts';
import { METRICS_MAX, parsePolicy, policyDocument, REPLICAS_MAX } from './policy.ts';

/** Runs of equal recommendations that an input may carry. */
export const RECOMMENDATIONS_MAX = 5_000;

/** Largest instant of ECMAScript, in ms. */
const INSTANT_MAX_MS = 8.64e15;
const DURATION_MAX_MS = 366 * 24 * 3_600_000;

const instantMs = ratio(0, INSTANT_MAX_MS).meta({ description: 'UNIX time in ms.' });
const durationMs = ratio(0, DURATION_MAX_MS).meta({ description: 'In ms.' });
const replicas = wholeNumber(0, REPLICAS_MAX);
const line = textOrEmpty('one line', 4_096);
const metricName = text('the name of a metric', 63);
const query = textOrEmpty('PromQL', 65_536);

const READ_FAILURES = SIGNAL_REASONS.filter(isReadFailure);

const observation = z
  .discriminatedUnion(
    'kind',
    [
      strictObject('a sample', {
        kind: z.literal('sample'),
        metric: metricName,
        value: z.number({ error: (issue) => expected('a finite number', issue.input) }),
        sampledAtMs: instantMs.nullable(),
        reporting: replicas.nullable(),
      }),
      strictObject('a failed reading', {
        kind: z.literal('failed'),
        metric: metricName,
        reason: z.enum(READ_FAILURES, { error: `expected one of ${READ_FAILURES.join(', ')}` }),
        detail: line,
      }),
    ],
    { error: 'expected an object whose kind is sample or failed' },
  )
  .meta({ id: 'Observation', description: 'A signal and when it was true.' });

const actual = z
  .discriminatedUnion(
    'kind',
    [
      strictObject('a count', { kind: z.literal('known'), ready: replicas, starting: replicas }),
      strictObject('an unknown count', { kind: z.literal('unknown'), detail: line }),
    ],
    { error: 'expected an object whose kind is known or unknown' },
  )
  .meta({ id: 'ActualReplicas', description: 'How many replicas the scaling target reports.' });

const brakes = strictObject('brakes', {
  recommendations: list(
    `at most ${RECOMMENDATIONS_MAX} runs`,
    strictObject('a run', { replicas, firstAtMs: instantMs, lastAtMs: instantMs }),
    0,
    RECOMMENDATIONS_MAX,
  ),
  lastOutAtMs: instantMs.nullable(),
  lastInAtMs: instantMs.nullable(),
}).meta({ id: 'Brakes', description: 'What the brakes remember of one policy.' });

export const fencingToken = strictObject('a fencing token', {
  term: wholeNumber(0, Number.MAX_SAFE_INTEGER),
  index: wholeNumber(0, Number.MAX_SAFE_INTEGER),
}).meta({ id: 'FencingToken', description: 'The log entry that allowed an action.' });

export const inFlightAction = strictObject('an action', {
  decisionId: text('the id of a decision', 80),
  workloadId: slug('the id of a workload'),
  fromReplicas: replicas,
  toReplicas: replicas,
  startedAtMs: instantMs,
  deadlineMs: instantMs,
  token: fencingToken,
}).meta({ id: 'InFlightAction', description: 'An action that is committed and not yet verified.' });

const metricSpec = strictObject('a metric', {
  name: metricName,
  query,
  timestampQuery: query,
  coverage: strictObject('a coverage', { query, minimumRatio: ratio(0, 1) }).nullable(),
  kind: oneOf(['value', 'average_value']),
  target: positive(),
});

/** The policy as a decision record holds it. */
const policyModel = strictObject('a policy', {
  id: slug('the id of a policy'),
  workloadId: slug('the id of a workload'),
  metrics: list(`1 to ${METRICS_MAX} metrics`, metricSpec, 1, METRICS_MAX),
  replicasMin: replicas,
  replicasMax: replicas,
  toleranceUpRatio: ratio(0, 1),
  toleranceDownRatio: ratio(0, 1),
  stabilizationUpMs: durationMs,
  stabilizationDownMs: durationMs,
  cooldownUpMs: durationMs,
  cooldownDownMs: durationMs,
  signalAgeMaxMs: durationMs,
  actionTimeoutMs: durationMs,
}).meta({ id: 'RecordedPolicy', description: 'A policy as a decision record holds it.' });

const observations = list(`at most ${METRICS_MAX} observations`, observation, 0, METRICS_MAX).meta({
  description: 'One per metric of the policy, in the policy’s order.',
});

const fields = {
  nowMs: instantMs,
  mode: oneOf(MODES).default('act'),
  desired: replicas.meta({ description: 'Replicas wanted by the last committed decision.' }),
  actual,
  observations,
  brakes: brakes.default({ ...NO_BRAKES, recommendations: [] }),
  inFlight: inFlightAction.nullable().default(null),
};

/** Everything but the policy, which is parsed by itself. */
const surroundings = strictObject('a decision’s input', { ...fields, policy: z.unknown() });

/** What a decision record holds as its input. */
export const recordedInput = strictObject('a decision’s input', {
  ...fields,
  policy: policyModel,
}).meta({ id: 'RecordedInput', description: 'Everything that the decider read.' });

/** What evaluate takes; `policy` as operators write it, or as a record holds it. */
export const evaluateDocument = strictObject('a decision’s input', {
  ...fields,
  policy: z.union([policyDocument, policyModel]),
}).meta({ id: 'EvaluateRequest', description: 'The input of a decision that nothing acts on.' });

/** @throws SchemaError with every fault, of the policy and of what surrounds it */
export function parseScaleInput(value: unknown): ScaleInput {
  const faults: Fault[] = [];
  const policy = attempt(() => parseAnyPolicy(memberOf(value, 'policy')), '/policy', faults);
  const input = attempt(() => parseDocument(surroundings, value, () => []), '', faults);
  if (policy !== null && input !== null) faults.push(...matchFaults(policy, input.observations));
  if (policy === null || input === null || faults.length > 0) throw new SchemaError(faults);
  return { ...input, policy };
}

function parseAnyPolicy(value: unknown): ScalePolicy {
  if (memberOf(value, 'workloadId') === undefined) return parsePolicy(value);
  return parseDocument(policyModel, value, (read) => {
    const min = read(['replicasMin'], replicas) ?? 0;
    const max = read(['replicasMax'], replicas) ?? REPLICAS_MAX;
    if (min <= max) return [];
    return [{ pointer: '/replicasMin', message: `replicasMin ${min} is above replicasMax ${max}` }];
  });
}

function matchFaults(
  policy: ScalePolicy,
  given: readonly { readonly metric: string }[],
): readonly Fault[] {
  const faults = given.flatMap((one, index) => {
    const name = policy.metrics[index]?.name;
    if (name === one.metric) return [];
    const wanted = name === undefined ? 'no further observation' : `the metric "${name}"`;
    const pointer = pointerOf(['observations', index, 'metric']);
    return [{ pointer, message: `expected ${wanted}, in the policy’s order` }];
  });
  const missing = policy.metrics.slice(given.length).map((metric) => `"${metric.name}"`);
  if (missing.length === 0) return faults;
  return [
    ...faults,
    { pointer: '/observations', message: `no observation of ${missing.join(', ')}` },
  ];
}

function attempt<T>(parse: () => T, prefix: string, faults: Fault[]): T | null {
  try {
    return parse();
  } catch (error) {
    if (!(error instanceof SchemaError)) throw error;
    for (const { pointer, message } of error.faults) {
      faults.push({ pointer: `${prefix}${pointer}`, message });
    }
    return null;
  }
}

function memberOf(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined;
  return Reflect.get(value, name);
}

function isReadFailure(reason: SignalReason): reason is ReadFailure {
  return !['signal_stale', 'signal_partial', 'signal_out_of_range', 'no_replica_ready'].includes(
    reason,
  );
}
