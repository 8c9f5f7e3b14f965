/**
 * The strategies of a policy as a decision record holds them. Judged as far as the arithmetic needs:
 * what is divided by is not 0, and an expression can be evaluated. No query is parsed, since none runs.
 */

import { z } from 'zod';
import type { StrategySpec } from '../../model/strategy.ts';
import { list, oneOf, positive, ratio, strictObject, text, wholeNumber } from '../document.ts';
import { expressionFaults } from '../policy/load.ts';
import { FORMULA_INPUTS_MAX, REPLICAS_MAX, STEPS_MAX } from '../policy/limits.ts';
import { durationMs, finite, flag, query, replicas, share, signalName, spanMs } from './fields.ts';

const EXPRESSION_LENGTH_MAX = 4_096;
const PERIODS_MAX = 100_000;
const FACTOR_MAX = 1e9;

export const coverageModel = strictObject('a coverage', { query, minimumRatio: share }).nullable();

const signal = { query, timestampQuery: query };
const head = { name: signalName, group: signalName.nullable(), fromReplicas: flag };
const single = { ...head, ...signal, coverage: coverageModel };
const change = wholeNumber(1, REPLICAS_MAX).nullable();
const stepLimits = { maxScaleUp: change, maxScaleDown: change };
const windowed = { ...head, ...signal, stepMs: spanMs, gapRatioMax: share };
const perReplica = {
  ...head,
  ...signal,
  replicaLabel: text('the name of a label', 128),
  windowMs: durationMs,
  readiness: oneOf(['judged', 'ignored']),
  initializationMs: durationMs,
  initialReadinessDelayMs: durationMs,
  missing: oneOf(['hold', 'fill']),
};
const periods = wholeNumber(1, PERIODS_MAX);

const action = z.discriminatedUnion(
  'kind',
  [
    strictObject('a change', { kind: z.literal('delta'), replicas: finite }),
    strictObject('a percentage', { kind: z.literal('percentage'), percent: finite }),
    strictObject('a number', { kind: z.literal('value'), replicas }),
  ],
  { error: 'expected an object whose kind is delta, percentage or value' },
);

const concurrency = strictObject('a concurrency', {
  kind: z.literal('concurrency'),
  ...windowed,
  target: positive(),
  capacity: positive(),
  stableWindowMs: spanMs,
  panicWindowMs: spanMs,
  panicThresholdRatio: positive(),
  maxScaleUpRate: ratio(1, FACTOR_MAX),
  maxScaleDownRate: ratio(1, FACTOR_MAX),
  activationScale: wholeNumber(1, REPLICAS_MAX),
  scaleDownDelayMs: durationMs,
  scaleToZeroGraceMs: durationMs,
  targetBurstCapacity: finite,
});

const step = strictObject('a step scaling', {
  kind: z.literal('step'),
  ...single,
  side: oneOf(['above', 'below']),
  bound: finite,
  periods,
  periodMs: spanMs,
  adjustmentKind: oneOf(['change', 'percent', 'exact']),
  minAdjustmentReplicas: replicas,
  steps: list(
    `1 to ${STEPS_MAX} steps`,
    strictObject('a step', {
      lower: finite.nullable(),
      upper: finite.nullable(),
      adjustment: finite,
    }),
    1,
    STEPS_MAX,
  ),
});

const inference = strictObject('an inference', {
  kind: z.literal('inference'),
  ...head,
  replicaLabel: text('the name of a label', 128),
  queueQuery: query,
  kvCacheQuery: query,
  timeToFirstTokenQuery: query.nullable(),
  timestampQuery: query,
  kvCacheSaturationRatio: finite,
  queueSaturation: finite,
  spareKvCacheMinRatio: finite,
  spareQueueMin: finite,
  timeToFirstToken: strictObject('{ targetMs, scaleInRatio }', {
    targetMs: spanMs,
    scaleInRatio: share,
  }).nullable(),
}).check((context) => {
  const { timeToFirstToken, timeToFirstTokenQuery } = context.value;
  if ((timeToFirstToken === null) === (timeToFirstTokenQuery === null)) return;
  context.issues.push({
    code: 'custom',
    path: ['timeToFirstTokenQuery'],
    message: 'expected null exactly when timeToFirstToken is null',
    input: timeToFirstTokenQuery,
  });
});

const formula = strictObject('a formula', {
  kind: z.literal('formula'),
  ...head,
  expression: text('an expression', EXPRESSION_LENGTH_MAX),
  inputs: list(
    `1 to ${FORMULA_INPUTS_MAX} inputs`,
    strictObject('an input', { name: signalName, ...signal }),
    1,
    FORMULA_INPUTS_MAX,
  ),
  result: oneOf(['value', 'average_value', 'replicas']),
  target: positive(),
}).check((context) => {
  const { expression, inputs } = context.value;
  for (const [path, message] of expressionFaults(expression, inputs)) {
    context.issues.push({ code: 'custom', path: [...path], message, input: expression });
  }
});

const strategies = [
  strictObject('a utilization', {
    kind: z.literal('utilization'),
    ...perReplica,
    requestQuery: query,
    percent: positive(),
  }),
  strictObject('a value per replica', {
    kind: z.literal('replica_value'),
    ...perReplica,
    target: positive(),
  }),
  strictObject('a target value', {
    kind: z.literal('target_value'),
    ...single,
    ...stepLimits,
    target: ratio(0, Number.MAX_VALUE),
    thresholdRatio: share,
  }),
  strictObject('a pass-through', { kind: z.literal('pass_through'), ...single, ...stepLimits }),
  strictObject('a threshold', {
    kind: z.literal('threshold'),
    ...windowed,
    windowMs: spanMs,
    lowerBound: finite.nullable(),
    upperBound: finite.nullable(),
    withinBoundsTrigger: periods,
    action,
  }),
  strictObject('a fixed value', { kind: z.literal('fixed_value'), ...head, replicas }),
  concurrency,
  strictObject('a target tracking', {
    kind: z.literal('target_tracking'),
    ...single,
    target: positive(),
    scaleInRatio: share,
    outPeriods: periods,
    inPeriods: periods,
    periodMs: spanMs,
    disableScaleIn: flag,
  }),
  step,
  inference,
  strictObject('a queue', {
    kind: z.literal('queue'),
    ...single,
    target: positive(),
    activation: finite,
    cooldownMs: durationMs,
  }),
  strictObject('a capacity', {
    kind: z.literal('capacity'),
    ...head,
    rate: strictObject('a signal', signal),
    latency: strictObject('a signal', signal),
    concurrency: positive(),
    peakFactor: finite,
    marginRatio: finite,
    redundantReplicas: replicas,
  }),
  formula,
] as const;

export const strategyModel: z.ZodType<StrategySpec> = z
  .discriminatedUnion('kind', strategies, {
    error: 'expected a strategy, an object with its kind',
  })
  .meta({ id: 'RecordedStrategy', description: 'A strategy as a decision record holds it.' });
