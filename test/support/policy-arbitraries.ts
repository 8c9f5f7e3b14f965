/**
 * Arbitrary policies with all that a policy can have, and arbitrary inputs of their decisions, for
 * property tests. Every policy is one that a document can say: parsing what renders it gives it back.
 */

import fc from 'fast-check';

import type { ScaleInput } from '../../control-plane/model/decision.ts';
import type { MetricSpec, ScalePolicy } from '../../control-plane/model/policy.ts';
import type { ScheduleSpec } from '../../control-plane/model/schedule.ts';
import type { SignalQuery } from '../../control-plane/model/signal.ts';
import type { StepSpec, StrategyKind, StrategySpec } from '../../control-plane/model/strategy.ts';
import { STRATEGY_KINDS } from '../../control-plane/model/strategy.ts';
import type { VerticalSpec } from '../../control-plane/model/vertical.ts';
import { isWakeful } from '../../control-plane/model/wakefulness.ts';
import { arbitraryInputOf } from './input-arbitraries.ts';

const SECOND_MS = 1_000;
const DAY_MS = 86_400_000;

export const arbitraryName = fc
  .stringMatching(/^[a-z][a-z0-9_]{0,11}$/)
  .filter((name) => !['constructor', 'and', 'or', 'not'].includes(name));
const id = fc.stringMatching(/^[a-z0-9][a-z0-9-]{0,11}$/).filter((text) => text !== 'constructor');
const bool = fc.boolean();
const share = fc.double({ min: 0, max: 1, noNaN: true }).map((value) => value + 0);
const amount = fc.oneof(
  fc.integer({ min: 1, max: 1_000 }),
  fc.double({ min: 1e-6, max: 1e9, noNaN: true }),
);
const signed = fc.integer({ min: -1_000, max: 1_000 });
const durationMs = fc.integer({ min: SECOND_MS, max: DAY_MS });
const anyDurationMs = fc.integer({ min: 0, max: DAY_MS });
const orNull = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: null });

const signal: fc.Arbitrary<SignalQuery> = fc.oneof(
  fc.constantFrom(
    { query: 'sum(x)', timestampQuery: 'min(timestamp(x))' },
    { query: 'hour()', timestampQuery: 'time()' },
  ),
  fc.record({
    query: fc.constantFrom('sum(x)', 'job:load:sum', 'rate(y[1m]) + on (a) z'),
    timestampQuery: fc.constantFrom('min(timestamp(q))', 'job:load:oldest_timestamp_seconds'),
  }),
);
const coverage = orNull(
  fc.record({ query: fc.constantFrom('count(up)', 'job:up:count'), minimumRatio: share }),
);

const metricSpec: fc.Arbitrary<MetricSpec> = fc
  .record({
    name: arbitraryName,
    signal,
    coverage,
    kind: fc.constantFrom('value' as const, 'average_value' as const),
    target: amount,
    agreement: fc.option(
      fc.record({ query: fc.constantFrom('sum(second)', 'other:x'), toleranceRatio: share }),
    ),
    fromReplicas: bool,
  })
  .map(({ signal: read, agreement, fromReplicas, ...rest }) => ({
    ...rest,
    ...read,
    ...(agreement === null ? {} : { agreement }),
    ...(fromReplicas ? { fromReplicas } : {}),
  }));

const head = { name: arbitraryName, group: fc.constant(null), fromReplicas: bool };

/** A query per replica, its age derived or given. */
const perReplica = fc
  .record({
    replicaLabel: fc.constantFrom('replica', 'pod'),
    isDerived: bool,
    windowMs: durationMs,
    readiness: fc.constantFrom('judged' as const, 'ignored' as const),
    initializationMs: anyDurationMs,
    initialReadinessDelayMs: anyDurationMs,
    missing: fc.constantFrom('hold' as const, 'fill' as const),
  })
  .map(({ isDerived, ...rest }) => {
    const by = `by (${rest.replicaLabel})`;
    return {
      ...rest,
      query: `sum ${by} (rate(cpu[1m]))`,
      timestampQuery: isDerived ? `min ${by} (timestamp(cpu))` : `max ${by} (timestamp(other))`,
    };
  });

const stepLimits = {
  maxScaleUp: orNull(fc.integer({ min: 1, max: 50 })),
  maxScaleDown: orNull(fc.integer({ min: 1, max: 50 })),
};

const flat = <T extends object, U extends object>(
  outer: fc.Arbitrary<T>,
  inner: fc.Arbitrary<U>,
): fc.Arbitrary<T & U> => fc.tuple(outer, inner).map(([a, b]) => ({ ...a, ...b }));

const single = flat(fc.record({ ...head, coverage }), signal);

const windowed = fc
  .record({
    stepMs: fc.integer({ min: SECOND_MS, max: 60_000 }),
    points: fc.integer({ min: 10, max: 1_000 }),
  })
  .map(({ stepMs, points }) => ({ stepMs, windowMs: Math.min(DAY_MS, stepMs * points) }));

const steps: fc.Arbitrary<readonly StepSpec[]> = fc
  .tuple(
    fc.uniqueArray(signed, { minLength: 1, maxLength: 5 }),
    fc.array(fc.integer({ min: 0, max: 20 }), { minLength: 6, maxLength: 6 }),
    bool,
    bool,
  )
  .map(([bounds, adjustments, isOpenBelow, isOpenAbove]) => {
    const edges = bounds.toSorted((a, b) => a - b);
    const lowers = [null, ...edges];
    const all = lowers.map((lower, index) => ({
      lower,
      upper: edges[index] ?? null,
      adjustment: adjustments[index] ?? 1,
    }));
    return all.slice(isOpenBelow ? 0 : 1, isOpenAbove || edges.length === 1 ? all.length : -1);
  })
  .filter((list) => list.length > 0);

const STRATEGIES: { readonly [K in StrategyKind]: fc.Arbitrary<StrategySpec & { kind: K }> } = {
  utilization: flat(
    fc.record({
      kind: fc.constant('utilization' as const),
      ...head,
      percent: fc.integer({ min: 1, max: 200 }),
    }),
    perReplica.map((read) => ({
      ...read,
      requestQuery: `sum by (${read.replicaLabel}) (requests)`,
    })),
  ),
  replica_value: flat(
    fc.record({ kind: fc.constant('replica_value' as const), ...head, target: amount }),
    perReplica,
  ),
  target_value: flat(
    fc.record({
      kind: fc.constant('target_value' as const),
      target: fc.oneof(fc.constant(0), amount),
      thresholdRatio: share,
      ...stepLimits,
    }),
    single,
  ),
  pass_through: flat(
    fc.record({ kind: fc.constant('pass_through' as const), ...stepLimits }),
    single,
  ),
  threshold: flat(
    fc
      .record({
        kind: fc.constant('threshold' as const),
        ...head,
        signal,
        gapRatioMax: share,
        lowerBound: orNull(fc.integer({ min: -100, max: 100 })),
        above: fc.integer({ min: 1, max: 100 }),
        isOpen: bool,
        withinBoundsTrigger: fc.integer({ min: 1, max: 10 }),
        action: fc.oneof(
          fc.record({
            kind: fc.constant('delta' as const),
            replicas: fc.integer({ min: -5, max: 5 }),
          }),
          fc.record({
            kind: fc.constant('percentage' as const),
            percent: fc.integer({ min: -100, max: 200 }),
          }),
          fc.record({
            kind: fc.constant('value' as const),
            replicas: fc.integer({ min: 0, max: 50 }),
          }),
        ),
      })
      .map(({ signal: read, above, isOpen, ...rest }) => ({
        ...rest,
        ...read,
        upperBound: isOpen && rest.lowerBound !== null ? null : (rest.lowerBound ?? 0) + above,
      })),
    windowed,
  ),
  fixed_value: fc.record({
    kind: fc.constant('fixed_value' as const),
    ...head,
    replicas: fc.integer({ min: 0, max: 50 }),
  }),
  concurrency: fc
    .record({
      kind: fc.constant('concurrency' as const),
      ...head,
      signal,
      gapRatioMax: share,
      target: amount,
      more: fc.integer({ min: 0, max: 10 }),
      stepMs: fc.integer({ min: SECOND_MS, max: 10_000 }),
      panicPoints: fc.integer({ min: 1, max: 20 }),
      stablePoints: fc.integer({ min: 21, max: 200 }),
      panicThresholdRatio: fc.integer({ min: 2, max: 10 }),
      maxScaleUpRate: fc.integer({ min: 2, max: 1_000 }),
      maxScaleDownRate: fc.integer({ min: 2, max: 10 }),
      activationScale: fc.integer({ min: 1, max: 5 }),
      scaleDownDelayMs: fc.oneof(fc.constant(0), anyDurationMs),
      scaleToZeroGraceMs: anyDurationMs,
      targetBurstCapacity: fc.integer({ min: -1, max: 500 }),
    })
    .map(({ signal: read, more, panicPoints, stablePoints, ...rest }) => ({
      ...rest,
      ...read,
      capacity: rest.target + more,
      panicWindowMs: rest.stepMs * panicPoints,
      stableWindowMs: rest.stepMs * stablePoints,
    })),
  target_tracking: flat(
    fc.record({
      kind: fc.constant('target_tracking' as const),
      target: amount,
      scaleInRatio: share,
      outPeriods: fc.integer({ min: 1, max: 5 }),
      inPeriods: fc.integer({ min: 1, max: 20 }),
      periodMs: fc.constantFrom(10_000, 60_000),
      disableScaleIn: bool,
    }),
    single,
  ),
  step: flat(
    fc.record({
      kind: fc.constant('step' as const),
      side: fc.constantFrom('above' as const, 'below' as const),
      bound: signed,
      periods: fc.integer({ min: 1, max: 5 }),
      periodMs: fc.constantFrom(10_000, 60_000),
      adjustmentKind: fc.constantFrom('change' as const, 'exact' as const),
      minAdjustmentReplicas: fc.constant(0),
      steps,
    }),
    single,
  ),
  inference: fc
    .record({
      kind: fc.constant('inference' as const),
      ...head,
      replicaLabel: fc.constantFrom('replica', 'pod'),
      hasLatency: bool,
      targetMs: fc.integer({ min: 1, max: 10_000 }),
      scaleInRatio: share,
      spareKvCacheMinRatio: fc.double({ min: 0, max: 0.4, noNaN: true }).map((value) => value + 0),
      spareQueueMin: fc.integer({ min: 0, max: 4 }),
    })
    .map(({ hasLatency, targetMs, scaleInRatio, ...rest }) => {
      const by = `by (${rest.replicaLabel})`;
      return {
        ...rest,
        queueQuery: `sum ${by} (waiting)`,
        kvCacheQuery: `max ${by} (kv_cache)`,
        timeToFirstTokenQuery: hasLatency ? `avg ${by} (ttft)` : null,
        timestampQuery: `max ${by} (timestamp(waiting))`,
        kvCacheSaturationRatio: 0.8,
        queueSaturation: 5,
        timeToFirstToken: hasLatency ? { targetMs, scaleInRatio } : null,
      };
    }),
  queue: flat(
    fc.record({
      kind: fc.constant('queue' as const),
      target: amount,
      activation: fc.integer({ min: 0, max: 100 }),
      cooldownMs: anyDurationMs,
    }),
    single,
  ),
  capacity: fc.record({
    kind: fc.constant('capacity' as const),
    ...head,
    rate: signal,
    latency: signal,
    concurrency: amount,
    peakFactor: fc.double({ min: 1, max: 10, noNaN: true }),
    marginRatio: fc.double({ min: 0, max: 10, noNaN: true }).map((value) => value + 0),
    redundantReplicas: fc.integer({ min: 0, max: 3 }),
  }),
  formula: fc
    .record({
      kind: fc.constant('formula' as const),
      ...head,
      inputs: fc.uniqueArray(flat(fc.record({ name: fc.constantFrom('a', 'b', 'c') }), signal), {
        minLength: 1,
        maxLength: 3,
        selector: ({ name }) => name,
      }),
      join: fc.constantFrom(' + ', ' - ', ' / '),
      result: fc.constantFrom('value' as const, 'average_value' as const, 'replicas' as const),
      target: amount,
    })
    .map(({ join, target, ...rest }) => ({
      ...rest,
      expression: rest.inputs.map(({ name }) => name).join(join),
      target: rest.result === 'replicas' ? 1 : target,
    })),
};

/** A strategy of one kind. */
export function arbitraryStrategyOf<K extends StrategyKind>(
  kind: K,
): fc.Arbitrary<StrategySpec & { kind: K }> {
  // Records of fast-check may be without a prototype, which deepEqual tells apart.
  return STRATEGIES[kind].map((spec) => structuredClone(spec));
}

/** A strategy of any kind, or of one of the given ones. */
export function arbitraryStrategy(
  kinds: readonly StrategyKind[] = STRATEGY_KINDS,
): fc.Arbitrary<StrategySpec> {
  return fc.oneof(...kinds.map((kind): fc.Arbitrary<StrategySpec> => arbitraryStrategyOf(kind)));
}

const ratePolicy = fc.record({
  kind: fc.constantFrom('replicas' as const, 'percent' as const),
  value: fc.integer({ min: 0, max: 200 }),
  periodMs: fc.integer({ min: SECOND_MS, max: 1_800_000 }),
});
const rateRules = fc.record({
  select: fc.constantFrom('max' as const, 'min' as const, 'disabled' as const),
  policies: fc.array(ratePolicy, { maxLength: 3 }),
});

const VERTICAL: VerticalSpec = {
  resources: [
    {
      resource: 'cpu',
      query: 'sum by (replica) (rate(cpu[5m]))',
      request: 2,
      percentile: 0.9,
      marginRatio: 0.15,
      min: null,
      max: 8,
      warmupMs: 60_000,
      belowPeak: false,
      oom: null,
      device: null,
    },
  ],
  replicaLabel: 'replica',
  historyMs: 8 * DAY_MS,
  stepMs: 300_000,
  halfLifeMs: DAY_MS,
  peakIntervalMs: DAY_MS,
  spanMinMs: DAY_MS,
  coverageMinRatio: 0.5,
};

/** What a policy may have beside what every policy has. */
export interface PolicyChoice {
  /** Strategies are of these kinds; none: metrics alone. */
  readonly kinds?: readonly StrategyKind[];
  /** Whether everything else that is optional may be there. */
  readonly optional?: boolean;
  readonly maxStrategies?: number;
}

/** A valid policy. */
export function arbitraryPolicy(choice: PolicyChoice = {}): fc.Arbitrary<ScalePolicy> {
  const { kinds = STRATEGY_KINDS, optional = true, maxStrategies = 4 } = choice;
  const strategies =
    kinds.length === 0
      ? fc.constant([])
      : fc.array(arbitraryStrategy(kinds), { maxLength: maxStrategies });
  const base = fc.record({
    id,
    workloadId: id,
    metrics: fc.array(metricSpec, { maxLength: 4 }),
    strategies,
    min: fc.integer({ min: 0, max: 20 }),
    width: fc.integer({ min: 0, max: 80 }),
    toleranceUpRatio: share,
    toleranceDownRatio: share,
    stabilizationUpMs: fc.oneof(fc.constant(0), durationMs),
    stabilizationDownMs: fc.integer({ min: 1, max: DAY_MS / 4 }),
    cooldownUpMs: fc.oneof(fc.constant(0), anyDurationMs),
    cooldownDownMs: fc.oneof(fc.constant(0), anyDurationMs),
    signalAgeMaxMs: durationMs,
    actionTimeoutMs: durationMs,
  });
  return fc
    .tuple(base, optional ? extras : fc.constant(NO_EXTRAS), metricSpec)
    .map(([parts, extra, spare]) => assemble(parts, extra, spare));
}

/** The kinds on which each rule of combination and compatibility makes sense are drawn separately. */
const extras = fc.record({
  combination: fc.option(fc.constantFrom('winner' as const, 'out_if_any' as const)),
  group: fc.option(arbitraryName),
  compatibility: fc.option(fc.constantFrom('hpa-v2' as const, 'nomad' as const)),
  rates: fc.option(fc.record({ out: rateRules, in: rateRules })),
  schedules: fc.array(
    fc.record({
      name: id,
      isFloor: bool,
      cron: fc.constantFrom('0 8 * * 1-5', '*/15 * * * *'),
      timeZone: fc.constantFrom('UTC', 'Europe/Berlin'),
      durationMs: fc.integer({ min: 1, max: 600 }).map((minutes) => minutes * 60_000),
      place: share,
    }),
    { maxLength: 3 },
  ),
  forecast: fc.option(
    fc.record({ bootMs: durationMs, more: share, historyMs: fc.constantFrom(DAY_MS, 14 * DAY_MS) }),
  ),
  onLost: fc.option(
    fc.record({
      kind: fc.constantFrom(
        'static' as const,
        'current' as const,
        'current_if_higher' as const,
        'current_if_lower' as const,
      ),
      place: share,
      afterMs: anyDurationMs,
    }),
  ),
  flapBudget: fc.option(
    fc.record({
      reversalsMax: fc.integer({ min: 1, max: 10 }),
      periodMs: fc.integer({ min: 60_000, max: DAY_MS }),
    }),
  ),
  budgets: fc.uniqueArray(fc.record({ budgetId: id, unitsPerReplica: amount }), {
    maxLength: 2,
    selector: ({ budgetId }) => budgetId,
  }),
  isRaising: bool,
  hasVertical: bool,
});
type Extras = typeof extras extends fc.Arbitrary<infer T> ? T : never;

const NO_EXTRAS: Extras = {
  combination: null,
  group: null,
  compatibility: null,
  rates: null,
  schedules: [],
  forecast: null,
  onLost: null,
  flapBudget: null,
  budgets: [],
  isRaising: false,
  hasVertical: false,
};

interface Bounded extends Omit<ScalePolicy, 'replicasMin' | 'replicasMax' | 'strategies'> {
  readonly strategies: readonly StrategySpec[];
  readonly min: number;
  readonly width: number;
}

const HPA: readonly StrategyKind[] = ['utilization', 'replica_value'];
const NOMAD: readonly StrategyKind[] = ['target_value', 'pass_through', 'threshold', 'fixed_value'];

/** Joins the parts into a policy that the schema accepts: unique names, bounds that hold. */
function assemble(parts: Bounded, extra: Extras, spare: MetricSpec): ScalePolicy {
  const { metrics: drawn, strategies: drawnStrategies, min, width, ...head } = parts;
  const compatibility = compatibilityOf(extra, drawn, drawnStrategies);
  const combination =
    compatibility === 'nomad' ? 'winner' : compatibility === null ? extra.combination : null;
  const group = combination === 'winner' ? extra.group : null;
  const names = new Set<string>();
  const unused = ({ name }: { readonly name: string }) =>
    !names.has(name) && names.add(name).size > 0;
  const given = drawn.length + drawnStrategies.length === 0 ? [spare] : drawn;
  const metrics = given.filter(unused);
  const strategies = drawnStrategies.filter(unused).map((one) => ({ ...one, group }));
  const wakes =
    metrics.some(({ kind, fromReplicas }) => kind === 'average_value' && fromReplicas !== true) ||
    strategies.some(isWakeful);
  const replicasMin = wakes ? min : Math.max(1, min);
  const replicasMax = Math.max(1, replicasMin + width);
  const at = (place: number) => replicasMin + Math.floor(place * (replicasMax - replicasMin));
  const forecastable = metrics.find(({ kind }) => kind === 'average_value');
  return structuredClone<ScalePolicy>({
    ...head,
    metrics,
    replicasMin,
    replicasMax,
    ...(strategies.length === 0 ? {} : { strategies }),
    ...(combination === null ? {} : { combination }),
    ...(compatibility === null ? {} : { compatibility }),
    ...(extra.rates === null ? {} : { rates: extra.rates }),
    ...schedulesOf(extra, at),
    ...(extra.forecast === null || forecastable === undefined
      ? {}
      : {
          forecast: {
            metric: forecastable.name,
            bootMs: extra.forecast.bootMs,
            capacity: forecastable.target * (1 + extra.forecast.more),
            historyMs: extra.forecast.historyMs,
          },
        }),
    ...(extra.onLost === null
      ? {}
      : {
          onLost: {
            kind: extra.onLost.kind,
            replicas: extra.onLost.kind === 'current' ? 0 : at(extra.onLost.place),
            afterMs: extra.onLost.afterMs,
          },
        }),
    ...(extra.flapBudget === null
      ? {}
      : {
          flapBudget: {
            ...extra.flapBudget,
            windowMaxMs: head.stabilizationDownMs * 2 + SECOND_MS,
          },
        }),
    ...(extra.budgets.length === 0 ? {} : { budgets: extra.budgets }),
    ...(extra.isRaising ? { whileBooting: 'raise' } : {}),
    ...(extra.hasVertical ? { vertical: VERTICAL } : {}),
  });
}

function compatibilityOf(
  { compatibility }: Extras,
  metrics: readonly MetricSpec[],
  strategies: readonly StrategySpec[],
): 'hpa-v2' | 'nomad' | null {
  if (compatibility === 'hpa-v2') {
    return strategies.every(({ kind }) => HPA.includes(kind)) ? compatibility : null;
  }
  if (compatibility === null || metrics.length > 0 || strategies.length === 0) return null;
  return strategies.every(({ kind }) => NOMAD.includes(kind)) ? compatibility : null;
}

function schedulesOf(
  { schedules }: Extras,
  at: (place: number) => number,
): { schedules?: readonly ScheduleSpec[] } {
  const names = new Set<string>();
  const kept = schedules
    .filter(({ name }) => !names.has(name) && names.add(name).size > 0)
    .map(({ isFloor, place, ...rest }): ScheduleSpec => ({
      ...rest,
      kind: isFloor ? 'floor' : 'cap',
      replicas: isFloor ? Math.max(1, at(place)) : at(place),
    }));
  return kept.length === 0 ? {} : { schedules: kept };
}

/** An input of a decision, of a policy that is drawn too. */
export function arbitraryScaleInput(choice: PolicyChoice = {}): fc.Arbitrary<ScaleInput> {
  return arbitraryPolicy(choice).chain((policy) => arbitraryInputOf(policy));
}
