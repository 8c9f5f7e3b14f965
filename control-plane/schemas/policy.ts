/**
 * The scale policy as operators write it (YAML files and API bodies have this one shape), turned
 * into the model and back. Refuses what the decider could not honour; looks at no other document,
 * so whether the workload exists is for the state machine to say.
 */

import type { z } from 'zod';
import type { ScalePolicy } from '../model/policy.ts';
import { list, oneOf, parseDocument, ratio, slug, strictObject, wholeNumber } from './document.ts';
import { durationText, parseDuration, renderDuration } from './duration.ts';
import { type Fault, SchemaError } from './fault.ts';
import {
  flapBudgetDocument,
  flapBudgetDocumentOf,
  flapBudgetOf,
  onLostDocument,
  onLostDocumentOf,
  onLostOf,
  ratesDocument,
  ratesDocumentOf,
  ratesOf,
} from './policy/brakes.ts';
import { crossFaults } from './policy/cross.ts';
import { BUDGETS_MAX, METRICS_MAX, REPLICAS_MAX } from './policy/limits.ts';
import { metricDocument, metricDocumentOf, metricOf } from './policy/metric.ts';
import {
  budgetShareDocument,
  budgetShareDocumentOf,
  budgetShareOf,
  forecastDocument,
  forecastDocumentOf,
  forecastOf,
} from './policy/outlook.ts';
import { strategyDocument, strategyDocumentOf, strategyOf } from './policy/strategies.ts';
import { scheduleDocument, scheduleDocumentOf, scheduleOf, SCHEDULES_MAX } from './schedule.ts';
import { renderVertical, verticalDocument, verticalOf } from './vertical.ts';

const SECOND_MS = 1_000;
const DAY_MS = 24 * 3_600_000;

export const policyDocument = strictObject('a policy', {
  id: slug('an id').meta({ examples: ['demo-inference-load'] }),
  workload: slug('the id of a workload').meta({ examples: ['demo-inference'] }),
  replicas: strictObject('{ min, max }', {
    min: wholeNumber(0, REPLICAS_MAX).meta({
      description: '0 only where something can see demand without a replica.',
    }),
    max: wholeNumber(1, REPLICAS_MAX),
  }),
  metrics: list(`at most ${METRICS_MAX} metrics`, metricDocument, 0, METRICS_MAX)
    .default([])
    .meta({
      description: `1 to ${METRICS_MAX} together with the strategies; each proposes, the largest wins.`,
    }),
  tolerance: strictObject('{ up, down }', {
    up: ratio(0, 1).default(0.1),
    down: ratio(0, 1).default(0.1),
  })
    .default({ up: 0.1, down: 0.1 })
    .meta({ description: 'Band around the target, as a ratio of it, in which nothing changes.' }),
  stabilization: strictObject('{ up, down }', {
    up: durationText(0, DAY_MS).default('0s'),
    down: durationText(0, DAY_MS).default('5m'),
  })
    .default({ up: '0s', down: '5m' })
    .meta({
      description: 'Windows over past recommendations: out takes their least, in their greatest.',
    }),
  cooldown: strictObject('{ up, down }', {
    up: durationText(0, DAY_MS).default('0s'),
    down: durationText(0, DAY_MS).default('0s'),
  })
    .default({ up: '0s', down: '0s' })
    .meta({ description: 'From an action to the next one in the same direction.' }),
  signalAgeMax: durationText(SECOND_MS, DAY_MS).default('60s'),
  actionTimeout: durationText(SECOND_MS, DAY_MS).default('120s'),
  strategies: list(`at most ${METRICS_MAX} strategies`, strategyDocument, 0, METRICS_MAX)
    .optional()
    .meta({
      description: 'Ways to a number of replicas beside those of metrics.',
      examples: [[{ name: 'waiting', queue: { query: 'sum(queue_depth)', target: 10 } }]],
    }),
  combination: oneOf(['max', 'winner', 'out_if_any']).optional().meta({
    description:
      'max (when absent): the largest. winner: as nomad-autoscaler, up before stay before down. out_if_any: as AWS, in only if all.',
  }),
  compatibility: oneOf(['default', 'hpa-v2', 'nomad']).optional().meta({
    description: 'Whose arithmetic to reproduce, also where it is known to be wrong.',
  }),
  rates: ratesDocument.optional(),
  schedules: list(`at most ${SCHEDULES_MAX} schedules`, scheduleDocument, 0, SCHEDULES_MAX)
    .optional()
    .meta({ description: 'Times at which at least, or at most, so many replicas are wanted.' }),
  forecast: forecastDocument.optional(),
  onLost: onLostDocument.optional(),
  flapBudget: flapBudgetDocument.optional(),
  budgets: list(`at most ${BUDGETS_MAX} budgets`, budgetShareDocument, 0, BUDGETS_MAX)
    .optional()
    .meta({ description: 'What the workload shares with others.' }),
  whileBooting: oneOf(['wait', 'raise']).optional().meta({
    description: 'raise: going further out does not wait for an action that already goes out.',
  }),
  vertical: verticalDocument.optional(),
}).meta({ id: 'ScalePolicy', description: 'What to scale on, how far, and with which brakes.' });

/** A policy document with its defaults filled in. */
export type PolicyDocument = z.output<typeof policyDocument>;

/** Members that other autoscalers have, and what to write here. */
const FOREIGN: ReadonlyMap<string, string> = new Map([
  [
    '/behavior',
    'not known here: write stabilizationWindowSeconds as stabilization: { up, down }, tolerance as tolerance: { up, down }, and the policies as rates: { out: { select: max, policies: [{ replicas: 4, per: 15s }, { percent: 100, per: 15s }] }, in: ... }',
  ],
  ['/minReplicas', 'not known here: write replicas: { min, max }'],
  ['/maxReplicas', 'not known here: write replicas: { min, max }'],
  [
    '/scaleTargetRef',
    'not known here: name the workload in workload, and its target in its own document',
  ],
]);

/**
 * Parses a policy document.
 * @throws SchemaError with every fault
 */
export function parsePolicy(document: unknown): ScalePolicy {
  return policyOf(parseTranslated(document));
}

/**
 * Writes a policy as a document: defaults spelt out, durations in their largest unit, and nothing
 * where the policy asks for nothing. A timestamp query that would be derived is left out, so that
 * editing the query of a document that was read back does not leave the age of another query behind.
 * parsePolicy(renderPolicy(p)) equals p.
 */
export function renderPolicy(policy: ScalePolicy): PolicyDocument {
  return {
    id: policy.id,
    workload: policy.workloadId,
    replicas: { min: policy.replicasMin, max: policy.replicasMax },
    metrics: policy.metrics.map(metricDocumentOf),
    tolerance: { up: policy.toleranceUpRatio, down: policy.toleranceDownRatio },
    stabilization: {
      up: renderDuration(policy.stabilizationUpMs),
      down: renderDuration(policy.stabilizationDownMs),
    },
    cooldown: {
      up: renderDuration(policy.cooldownUpMs),
      down: renderDuration(policy.cooldownDownMs),
    },
    signalAgeMax: renderDuration(policy.signalAgeMaxMs),
    actionTimeout: renderDuration(policy.actionTimeoutMs),
    ...optionalDocumentOf(policy),
  };
}

function parseTranslated(document: unknown): PolicyDocument {
  try {
    return parseDocument(policyDocument, document, crossFaults);
  } catch (error) {
    if (!(error instanceof SchemaError)) throw error;
    throw new SchemaError(error.faults.map(translated));
  }
}

function translated({ pointer, message }: Fault): Fault {
  return { pointer, message: FOREIGN.get(pointer) ?? message };
}

function policyOf(document: PolicyDocument): ScalePolicy {
  return {
    id: document.id,
    workloadId: document.workload,
    metrics: document.metrics.map(metricOf),
    replicasMin: document.replicas.min,
    replicasMax: document.replicas.max,
    toleranceUpRatio: document.tolerance.up,
    toleranceDownRatio: document.tolerance.down,
    stabilizationUpMs: parseDuration(document.stabilization.up),
    stabilizationDownMs: parseDuration(document.stabilization.down),
    cooldownUpMs: parseDuration(document.cooldown.up),
    cooldownDownMs: parseDuration(document.cooldown.down),
    signalAgeMaxMs: parseDuration(document.signalAgeMax),
    actionTimeoutMs: parseDuration(document.actionTimeout),
    ...combiningOf(document),
    ...optionalOf(document),
  };
}

type Optional = Partial<ScalePolicy>;

/** What says how proposals are joined; the defaults are absent. */
function combiningOf({ combination, compatibility, whileBooting }: PolicyDocument): Optional {
  return {
    ...(combination === undefined || combination === 'max' ? {} : { combination }),
    ...(compatibility === undefined || compatibility === 'default' ? {} : { compatibility }),
    ...(whileBooting === 'raise' ? { whileBooting } : {}),
  };
}

function optionalOf(document: PolicyDocument): Optional {
  const { strategies = [], schedules = [], budgets = [] } = document;
  const { rates, forecast, onLost, flapBudget, vertical } = document;
  return {
    ...(strategies.length === 0 ? {} : { strategies: strategies.map(strategyOf) }),
    ...(rates === undefined ? {} : { rates: ratesOf(rates) }),
    ...(schedules.length === 0 ? {} : { schedules: schedules.map(scheduleOf) }),
    ...(forecast === undefined ? {} : { forecast: forecastOf(forecast) }),
    ...(onLost === undefined ? {} : { onLost: onLostOf(onLost) }),
    ...(flapBudget === undefined ? {} : { flapBudget: flapBudgetOf(flapBudget) }),
    ...(budgets.length === 0 ? {} : { budgets: budgets.map(budgetShareOf) }),
    ...(vertical === undefined ? {} : { vertical: verticalOf(vertical) }),
  };
}

function optionalDocumentOf(policy: ScalePolicy): Partial<PolicyDocument> {
  const { strategies, schedules, budgets, rates, forecast, onLost, flapBudget, vertical } = policy;
  const { combination, compatibility, whileBooting } = policy;
  return {
    ...(strategies === undefined ? {} : { strategies: strategies.map(strategyDocumentOf) }),
    ...(combination === undefined ? {} : { combination }),
    ...(compatibility === undefined ? {} : { compatibility }),
    ...(rates === undefined ? {} : { rates: ratesDocumentOf(rates) }),
    ...(schedules === undefined ? {} : { schedules: schedules.map(scheduleDocumentOf) }),
    ...(forecast === undefined ? {} : { forecast: forecastDocumentOf(forecast) }),
    ...(onLost === undefined ? {} : { onLost: onLostDocumentOf(onLost) }),
    ...(flapBudget === undefined ? {} : { flapBudget: flapBudgetDocumentOf(flapBudget) }),
    ...(budgets === undefined ? {} : { budgets: budgets.map(budgetShareDocumentOf) }),
    ...(whileBooting === undefined ? {} : { whileBooting }),
    ...(vertical === undefined ? {} : { vertical: renderVertical(vertical) }),
  };
}
