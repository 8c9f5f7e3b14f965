/**
 * A decision's input as JSON, for evaluating on given numbers. The policy may be written as
 * operators write it or as a decision record holds it (told apart by the member `workloadId`), so
 * that the `input` of any record can be sent back, as it is or with one number changed. Refuses
 * readings that do not match the policy; runs no query, so it parses none of a record.
 */

import { z } from 'zod';
import type { ScaleInput } from '../model/decision.ts';
import { MODES } from '../model/mode.ts';
import type { ScalePolicy } from '../model/policy.ts';
import { list, oneOf, parseDocument, slug, strictObject, text, wholeNumber } from './document.ts';
import { instantMs, line, replicas } from './evaluate/fields.ts';
import { matchFaults } from './evaluate/matches.ts';
import { brakesInput } from './evaluate/memory.ts';
import {
  activeSchedules,
  budgetInputs,
  forecastInput,
  observation,
  overrideInput,
  pauseInput,
  readings,
  replicaFacts,
} from './evaluate/readings.ts';
import { policyModel } from './evaluate/recorded-policy.ts';
import { type Fault, SchemaError } from './fault.ts';
import { METRICS_MAX, REPLICAS_MAX } from './policy/limits.ts';
import { parsePolicy, policyDocument } from './policy.ts';

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

const observations = list(`at most ${METRICS_MAX} observations`, observation, 0, METRICS_MAX).meta({
  description: 'One per metric of the policy, in the policy’s order.',
});

const fields = {
  nowMs: instantMs,
  mode: oneOf(MODES).default('act'),
  desired: replicas.meta({ description: 'Replicas wanted by the last committed decision.' }),
  actual,
  observations: observations.default([]),
  brakes: brakesInput.default({ recommendations: [], lastOutAtMs: null, lastInAtMs: null }),
  inFlight: inFlightAction.nullable().default(null),
  readings: z.exactOptional(readings),
  replicas: z.exactOptional(replicaFacts),
  schedules: z.exactOptional(activeSchedules),
  forecast: z.exactOptional(forecastInput),
  budgets: z.exactOptional(budgetInputs),
  pause: z.exactOptional(pauseInput),
  override: z.exactOptional(overrideInput),
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
  if (policy !== null && input !== null) faults.push(...matchFaults(policy, input));
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
