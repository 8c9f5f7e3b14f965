/**
 * Random policies with any of the parts that came with format 4, strategies of every kind among them.
 * They have the shape of a policy; that their numbers make sense together is not asked.
 */

import fc from 'fast-check';
import type { PolicyMemory, StrategyMemory } from '../../control-plane/model/decision.ts';
import type { ScalePolicy } from '../../control-plane/model/policy.ts';
import type { StrategyKind, StrategySpec } from '../../control-plane/model/strategy.ts';
import { AT_MS } from './log-commands.ts';
import { metric, policy } from './scale-input.ts';

const name = fc.constantFrom('load', 'queue', '__proto__', 'constructor');
const text = fc.constantFrom('', 'up', 'é\n"\u2028');
const ms = fc.integer({ min: 0, max: 600_000 });
const number = fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => value + 0);
const coverage = fc.option(fc.record({ query: text, minimumRatio: number }));
const atMs = ms.map((afterMs) => AT_MS + afterMs);

const head = { name, group: fc.option(text), fromReplicas: fc.boolean() };
const query = { query: text, timestampQuery: text };
const single = { ...head, ...query, coverage };
const steps = { maxScaleUp: fc.option(number), maxScaleDown: fc.option(number) };
const windowed = { ...head, ...query, stepMs: ms, gapRatioMax: number };
const perReplica = {
  ...head,
  ...query,
  replicaLabel: text,
  windowMs: ms,
  readiness: fc.constantFrom('judged' as const, 'ignored' as const),
  initializationMs: ms,
  initialReadinessDelayMs: ms,
  missing: fc.constantFrom('hold' as const, 'fill' as const),
};

/** One of each kind: the compiler holds them to be all. */
export const strategiesByKind: {
  readonly [K in StrategyKind]: fc.Arbitrary<Extract<StrategySpec, { readonly kind: K }>>;
} = {
  utilization: fc.record({
    ...perReplica,
    kind: fc.constant('utilization' as const),
    requestQuery: text,
    percent: number,
  }),
  replica_value: fc.record({
    ...perReplica,
    kind: fc.constant('replica_value' as const),
    target: number,
  }),
  target_value: fc.record({
    ...single,
    ...steps,
    kind: fc.constant('target_value' as const),
    target: number,
    thresholdRatio: number,
  }),
  pass_through: fc.record({ ...single, ...steps, kind: fc.constant('pass_through' as const) }),
  threshold: fc.record({
    ...windowed,
    kind: fc.constant('threshold' as const),
    windowMs: ms,
    lowerBound: fc.option(number),
    upperBound: fc.option(number),
    withinBoundsTrigger: ms,
    action: fc.oneof(
      fc.record({ kind: fc.constant('delta' as const), replicas: number }),
      fc.record({ kind: fc.constant('percentage' as const), percent: number }),
      fc.record({ kind: fc.constant('value' as const), replicas: number }),
    ),
  }),
  fixed_value: fc.record({ ...head, kind: fc.constant('fixed_value' as const), replicas: number }),
  concurrency: fc.record({
    ...windowed,
    kind: fc.constant('concurrency' as const),
    target: number,
    capacity: number,
    stableWindowMs: ms,
    panicWindowMs: ms,
    panicThresholdRatio: number,
    maxScaleUpRate: number,
    maxScaleDownRate: number,
    activationScale: number,
    scaleDownDelayMs: ms,
    scaleToZeroGraceMs: ms,
    targetBurstCapacity: number,
  }),
  target_tracking: fc.record({
    ...single,
    kind: fc.constant('target_tracking' as const),
    target: number,
    scaleInRatio: number,
    outPeriods: ms,
    inPeriods: ms,
    periodMs: ms,
    disableScaleIn: fc.boolean(),
  }),
  step: fc.record({
    ...single,
    kind: fc.constant('step' as const),
    side: fc.constantFrom('above' as const, 'below' as const),
    bound: number,
    periods: ms,
    periodMs: ms,
    adjustmentKind: fc.constantFrom('change' as const, 'percent' as const, 'exact' as const),
    minAdjustmentReplicas: number,
    steps: fc.array(
      fc.record({ lower: fc.option(number), upper: fc.option(number), adjustment: number }),
      { maxLength: 3 },
    ),
  }),
  inference: fc.record({
    ...head,
    kind: fc.constant('inference' as const),
    replicaLabel: text,
    queueQuery: text,
    kvCacheQuery: text,
    timeToFirstTokenQuery: fc.option(text),
    timestampQuery: text,
    kvCacheSaturationRatio: number,
    queueSaturation: number,
    spareKvCacheMinRatio: number,
    spareQueueMin: number,
    timeToFirstToken: fc.option(fc.record({ targetMs: number, scaleInRatio: number })),
  }),
  queue: fc.record({
    ...single,
    kind: fc.constant('queue' as const),
    target: number,
    activation: number,
    cooldownMs: ms,
  }),
  capacity: fc.record({
    ...head,
    kind: fc.constant('capacity' as const),
    rate: fc.record(query),
    latency: fc.record(query),
    concurrency: number,
    peakFactor: number,
    marginRatio: number,
    redundantReplicas: number,
  }),
  formula: fc.record({
    ...head,
    kind: fc.constant('formula' as const),
    expression: text,
    inputs: fc.array(fc.record({ ...query, name: text }), { maxLength: 2 }),
    result: fc.constantFrom('value' as const, 'average_value' as const, 'replicas' as const),
    target: number,
  }),
};

const anyStrategy = fc.oneof(...Object.values<fc.Arbitrary<StrategySpec>>(strategiesByKind));

const rules = fc.record({
  select: fc.constantFrom('max' as const, 'min' as const, 'disabled' as const),
  policies: fc.array(
    fc.record({
      kind: fc.constantFrom('replicas' as const, 'percent' as const),
      value: number,
      periodMs: ms,
    }),
    { maxLength: 2 },
  ),
});

const vertical = fc.record({
  resources: fc.array(
    fc.record({
      resource: fc.constantFrom('cpu' as const, 'memory' as const, 'gpu_memory' as const),
      query: text,
      request: fc.option(number),
      percentile: number,
      marginRatio: number,
      min: fc.option(number),
      max: fc.option(number),
      warmupMs: ms,
      belowPeak: fc.boolean(),
      oom: fc.option(fc.record({ killsQuery: text, limitQuery: fc.option(text) })),
      device: fc.option(
        fc.record({ memoryBytes: ms, slicesBytes: fc.array(ms, { maxLength: 2 }) }),
      ),
    }),
    { maxLength: 3 },
  ),
  replicaLabel: text,
  historyMs: ms,
  stepMs: ms,
  halfLifeMs: ms,
  peakIntervalMs: ms,
  spanMinMs: ms,
  coverageMinRatio: number,
});

const metrics = fc.array(
  fc.oneof(
    fc.constant(metric()),
    fc
      .record({ query: text, toleranceRatio: number })
      .map((agreement) => metric({ name: 'two', agreement })),
    fc.boolean().map((fromReplicas) => metric({ name: 'own', fromReplicas })),
  ),
  { maxLength: 3 },
);

/** Each of the parts of format 4, absent now and then. */
export const newerParts: fc.Arbitrary<Partial<ScalePolicy>> = fc.record(
  {
    metrics,
    replicasMin: fc.constantFrom(0, 1),
    strategies: fc.array(anyStrategy, { maxLength: 3 }),
    combination: fc.constantFrom('winner' as const, 'out_if_any' as const),
    compatibility: fc.constantFrom('hpa-v2' as const, 'nomad' as const),
    rates: fc.record({ out: rules, in: rules }),
    schedules: fc.array(
      fc.record({
        name,
        kind: fc.constantFrom('floor' as const, 'cap' as const),
        cron: text,
        timeZone: text,
        durationMs: ms,
        replicas: fc.nat({ max: 9 }),
      }),
      { maxLength: 2 },
    ),
    forecast: fc.record({ metric: name, bootMs: ms, capacity: number, historyMs: ms }),
    onLost: fc.record({
      kind: fc.constantFrom('static', 'current', 'current_if_higher', 'current_if_lower'),
      replicas: fc.nat({ max: 9 }),
      afterMs: ms,
    }),
    flapBudget: fc.record({ reversalsMax: ms, periodMs: ms, windowMaxMs: ms }),
    budgets: fc.array(
      fc.record({ budgetId: fc.constantFrom('gpus', '__proto__'), unitsPerReplica: number }),
      { maxLength: 2 },
    ),
    whileBooting: fc.constant('raise' as const),
    vertical,
  },
  { requiredKeys: [] },
);

export function anyPolicyOf(id: string, workloadId: string): fc.Arbitrary<ScalePolicy> {
  return newerParts.map((parts) => policy({ id, workloadId, ...parts }));
}

const alarm = fc.record({
  kind: fc.constantFrom('ok' as const, 'alarm' as const, 'insufficient_data' as const),
  beyond: fc.nat({ max: 3 }),
  lastAtMs: fc.option(atMs),
});

const strategyMemory: fc.Arbitrary<StrategyMemory> = fc.oneof(
  fc.record({
    kind: fc.constant('concurrency' as const),
    panicAtMs: fc.option(atMs),
    panicReplicasMax: number,
    idleSinceMs: fc.option(atMs),
    delayed: fc.array(fc.record({ atMs, replicas: number }), { maxLength: 3 }),
  }),
  fc.record({
    kind: fc.constant('target_tracking' as const),
    high: alarm,
    low: alarm,
    value: fc.option(number),
    fault: fc.constantFrom(null, 'signal_stale' as const),
  }),
  fc.record({ kind: fc.constant('step' as const), alarm, value: fc.option(number) }),
  fc.record({ kind: fc.constant('queue' as const), activeAtMs: fc.option(atMs) }),
);

export const anyMemory: fc.Arbitrary<PolicyMemory> = fc.record({
  events: fc.array(fc.record({ atMs, change: fc.integer({ min: -5, max: 5 }) }), { maxLength: 3 }),
  reversalsAtMs: fc.array(atMs, { maxLength: 3 }),
  lastDirection: fc.constantFrom('out' as const, 'in' as const, null),
  lostSinceMs: fc.dictionary(name, atMs),
  strategies: fc.dictionary(name, strategyMemory),
});
