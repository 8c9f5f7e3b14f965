/**
 * The shape of a policy's strategies, kind by kind. Which numbers make sense is the affair of the
 * schemas, which a policy has passed before it comes here.
 */

import type { CoverageSpec, SignalQuery } from '../model/signal.ts';
import type {
  FormulaInput,
  StepSpec,
  StrategyKind,
  StrategySpec,
  ThresholdActionSpec,
} from '../model/strategy.ts';
import { finite, kindOf, listOf, nullable, objectOf, oneOf, text, truth } from './shape.ts';
import type { Check } from './shape.ts';

type SpecOf<K extends StrategyKind> = Extract<StrategySpec, { readonly kind: K }>;
type Shapes<K extends StrategyKind> = { readonly [F in keyof SpecOf<K>]-?: Check<SpecOf<K>[F]> };

const head = { name: text, group: nullable(text), fromReplicas: truth };
const query = { query: text, timestampQuery: text };
const signal = objectOf<SignalQuery>(query);
const single = {
  ...head,
  ...query,
  coverage: nullable(objectOf<CoverageSpec>({ query: text, minimumRatio: finite })),
};
const stepLimits = { maxScaleUp: nullable(finite), maxScaleDown: nullable(finite) };
const perReplica = {
  ...head,
  ...query,
  replicaLabel: text,
  windowMs: finite,
  readiness: oneOf<'judged' | 'ignored'>(['judged', 'ignored']),
  initializationMs: finite,
  initialReadinessDelayMs: finite,
  missing: oneOf<'hold' | 'fill'>(['hold', 'fill']),
};
const windowed = { ...head, ...query, stepMs: finite, gapRatioMax: finite };

const thresholdAction = kindOf<ThresholdActionSpec>({
  delta: objectOf({ kind: oneOf(['delta']), replicas: finite }),
  percentage: objectOf({ kind: oneOf(['percentage']), percent: finite }),
  value: objectOf({ kind: oneOf(['value']), replicas: finite }),
});

/** Those that judge each replica, or replicas by what each of them says. */
const ofReplicas = {
  utilization: shape<'utilization'>({
    ...perReplica,
    kind: oneOf(['utilization']),
    requestQuery: text,
    percent: finite,
  }),
  replica_value: shape<'replica_value'>({
    ...perReplica,
    kind: oneOf(['replica_value']),
    target: finite,
  }),
  inference: shape<'inference'>({
    ...head,
    kind: oneOf(['inference']),
    replicaLabel: text,
    queueQuery: text,
    kvCacheQuery: text,
    timeToFirstTokenQuery: nullable(text),
    timestampQuery: text,
    kvCacheSaturationRatio: finite,
    queueSaturation: finite,
    spareKvCacheMinRatio: finite,
    spareQueueMin: finite,
    timeToFirstToken: nullable(objectOf({ targetMs: finite, scaleInRatio: finite })),
  }),
};

/** Those that read points over a window. */
const ofPoints = {
  threshold: shape<'threshold'>({
    ...windowed,
    kind: oneOf(['threshold']),
    windowMs: finite,
    lowerBound: nullable(finite),
    upperBound: nullable(finite),
    withinBoundsTrigger: finite,
    action: thresholdAction,
  }),
  concurrency: shape<'concurrency'>({
    ...windowed,
    kind: oneOf(['concurrency']),
    target: finite,
    capacity: finite,
    stableWindowMs: finite,
    panicWindowMs: finite,
    panicThresholdRatio: finite,
    maxScaleUpRate: finite,
    maxScaleDownRate: finite,
    activationScale: finite,
    scaleDownDelayMs: finite,
    scaleToZeroGraceMs: finite,
    targetBurstCapacity: finite,
  }),
};

/** Those of one value. */
const ofOneValue = {
  target_value: shape<'target_value'>({
    ...single,
    ...stepLimits,
    kind: oneOf(['target_value']),
    target: finite,
    thresholdRatio: finite,
  }),
  pass_through: shape<'pass_through'>({ ...single, ...stepLimits, kind: oneOf(['pass_through']) }),
  target_tracking: shape<'target_tracking'>({
    ...single,
    kind: oneOf(['target_tracking']),
    target: finite,
    scaleInRatio: finite,
    outPeriods: finite,
    inPeriods: finite,
    periodMs: finite,
    disableScaleIn: truth,
  }),
  step: shape<'step'>({
    ...single,
    kind: oneOf(['step']),
    side: oneOf(['above', 'below']),
    bound: finite,
    periods: finite,
    periodMs: finite,
    adjustmentKind: oneOf(['change', 'percent', 'exact']),
    minAdjustmentReplicas: finite,
    steps: listOf(
      objectOf<StepSpec>({ lower: nullable(finite), upper: nullable(finite), adjustment: finite }),
    ),
  }),
  queue: shape<'queue'>({
    ...single,
    kind: oneOf(['queue']),
    target: finite,
    activation: finite,
    cooldownMs: finite,
  }),
};

export const strategyShape = kindOf<StrategySpec>({
  ...ofReplicas,
  ...ofPoints,
  ...ofOneValue,
  fixed_value: shape<'fixed_value'>({ ...head, kind: oneOf(['fixed_value']), replicas: finite }),
  capacity: shape<'capacity'>({
    ...head,
    kind: oneOf(['capacity']),
    rate: signal,
    latency: signal,
    concurrency: finite,
    peakFactor: finite,
    marginRatio: finite,
    redundantReplicas: finite,
  }),
  formula: shape<'formula'>({
    ...head,
    kind: oneOf(['formula']),
    expression: text,
    inputs: listOf(objectOf<FormulaInput>({ ...query, name: text })),
    result: oneOf(['value', 'average_value', 'replicas']),
    target: finite,
  }),
});

function shape<K extends StrategyKind>(fields: Shapes<K>): Check<SpecOf<K>> {
  return objectOf<object>(fields) as Check<SpecOf<K>>;
}
