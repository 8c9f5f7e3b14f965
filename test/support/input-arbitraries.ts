/** Arbitrary inputs of the decisions of a given policy: readings good and bad, memory, interventions. */

import fc from 'fast-check';

import type {
  AlarmMemory,
  Brakes,
  PolicyMemory,
  ScaleInput,
  StrategyMemory,
} from '../../control-plane/model/decision.ts';
import type { ForecastInput } from '../../control-plane/model/forecast.ts';
import type {
  Observation,
  PartReading,
  ReplicaFact,
  StrategyReading,
} from '../../control-plane/model/observation.ts';
import type { MetricSpec, ScalePolicy } from '../../control-plane/model/policy.ts';
import type { StrategySpec } from '../../control-plane/model/strategy.ts';
import { partsOf } from '../../control-plane/model/strategy-parts.ts';
import type { PartSpec } from '../../control-plane/model/strategy-parts.ts';

const NOW_MS = 1_700_000_000_000;
const HOUR_MS = 3_600_000;

const pastMs = fc.integer({ min: 0, max: HOUR_MS }).map((ageMs) => NOW_MS - ageMs);
const orNull = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: null });
const count = fc.integer({ min: 0, max: 100 });
const load = fc.oneof(
  fc.double({ min: 0, max: 10_000, noNaN: true }).map((value) => value + 0),
  fc.constantFrom(0, -1, 1e300),
);
/** Null stands for a value that is not finite. */
const value = fc.oneof({ weight: 9, arbitrary: load }, { weight: 1, arbitrary: fc.constant(null) });
/** Mostly fresh. */
const sampledAtMs = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: 0, max: 30_000 }).map((ageMs) => NOW_MS - ageMs) },
  { weight: 1, arbitrary: pastMs },
  { weight: 1, arbitrary: fc.constant(null) },
);
const failure = fc.record({
  reason: fc.constantFrom(
    'signal_unavailable' as const,
    'signal_absent' as const,
    'signal_ambiguous' as const,
  ),
  detail: fc.constantFrom('', 'HTTP 503'),
});

function observationOf(metric: MetricSpec): fc.Arbitrary<Observation> {
  const sample = fc
    .record({
      value: load,
      sampledAtMs,
      reporting: orNull(count),
      redundant: orNull(load),
    })
    .map(({ redundant, ...rest }) => ({
      kind: 'sample' as const,
      metric: metric.name,
      ...rest,
      ...(metric.agreement === undefined ? {} : { redundant }),
    }));
  const failed = failure.map((why) => ({ kind: 'failed' as const, metric: metric.name, ...why }));
  return fc.oneof({ weight: 5, arbitrary: sample }, { weight: 1, arbitrary: failed });
}

function partOf(part: PartSpec, replicaIds: readonly string[]): fc.Arbitrary<PartReading> {
  const failed = failure.map((why) => ({ kind: 'failed' as const, ...why }));
  return fc.oneof(
    { weight: 6, arbitrary: readPart(part, replicaIds) },
    { weight: 1, arbitrary: failed },
  );
}

function readPart(part: PartSpec, replicaIds: readonly string[]): fc.Arbitrary<PartReading> {
  switch (part.shape) {
    case 'sample':
      return fc.record({
        kind: fc.constant('sample' as const),
        value,
        sampledAtMs,
        reporting: part.coverage === null ? fc.constant(null) : orNull(count),
      });
    case 'points':
      return fc
        .record({
          values: fc.array(value, { maxLength: Math.floor(part.windowMs / part.stepMs) }),
          sampledAtMs,
        })
        .map(({ values, sampledAtMs: newestMs }) => ({
          kind: 'points' as const,
          points: values.map((one, index) => ({
            atMs: NOW_MS - (values.length - 1 - index) * part.stepMs,
            value: one,
          })),
          sampledAtMs: newestMs,
        }));
    case 'replicas':
      return fc
        .tuple(
          fc.subarray([...replicaIds]),
          fc.array(fc.tuple(value, sampledAtMs), { minLength: 8, maxLength: 8 }),
        )
        .map(([ids, reports]) => ({
          kind: 'replicas' as const,
          samples: ids.map((replicaId, index) => {
            const [one = null, at = null] = reports[index] ?? [];
            return { replicaId, value: one, sampledAtMs: at };
          }),
        }));
  }
}

function readingOf(
  strategy: StrategySpec,
  replicaIds: readonly string[],
): fc.Arbitrary<StrategyReading> {
  const parts = Object.fromEntries(
    partsOf(strategy).map((part) => [part.name, partOf(part, replicaIds)]),
  );
  return fc.record(parts).map((read) => ({ strategy: strategy.name, parts: { ...read } }));
}

const replicaFacts: fc.Arbitrary<readonly ReplicaFact[]> = fc
  .array(
    fc.record({
      phase: fc.constantFrom('starting' as const, 'ready' as const, 'stopping' as const),
      startedAtMs: pastMs,
      readyChangedAtMs: orNull(pastMs),
    }),
    { maxLength: 8 },
  )
  .map((facts) =>
    facts.map((fact, index) => ({
      replicaId: `replica-${index}`,
      address: `10.0.0.${index + 1}:8000`,
      ...fact,
    })),
  );

const alarm: fc.Arbitrary<AlarmMemory> = fc.record({
  kind: fc.constantFrom('ok' as const, 'alarm' as const, 'insufficient_data' as const),
  beyond: fc.integer({ min: 0, max: 20 }),
  lastAtMs: orNull(pastMs),
});

function memoryOf(strategy: StrategySpec): fc.Arbitrary<StrategyMemory> | null {
  switch (strategy.kind) {
    case 'concurrency':
      return fc.record({
        kind: fc.constant('concurrency' as const),
        panicAtMs: orNull(pastMs),
        panicReplicasMax: count,
        idleSinceMs: orNull(pastMs),
        delayed: fc.array(fc.record({ atMs: pastMs, replicas: count }), { maxLength: 3 }),
      });
    case 'target_tracking':
      return fc
        .record({ high: alarm, low: alarm, value: orNull(load.map(Math.abs)) })
        .map((rest) => ({
          kind: 'target_tracking' as const,
          ...rest,
          fault: rest.value === null ? ('signal_absent' as const) : null,
        }));
    case 'step':
      return fc.record({ kind: fc.constant('step' as const), alarm, value: orNull(load) });
    case 'queue':
      return fc.record({ kind: fc.constant('queue' as const), activeAtMs: orNull(pastMs) });
    case 'utilization':
    case 'replica_value':
    case 'target_value':
    case 'pass_through':
    case 'threshold':
    case 'fixed_value':
    case 'inference':
    case 'capacity':
    case 'formula':
      return null;
  }
}

function policyMemoryOf(policy: ScalePolicy): fc.Arbitrary<PolicyMemory> {
  const strategies = Object.fromEntries(
    (policy.strategies ?? []).flatMap((strategy) => {
      const memory = memoryOf(strategy);
      return memory === null ? [] : [[strategy.name, memory] as const];
    }),
  );
  const names = [...policy.metrics, ...(policy.strategies ?? [])].map(({ name }) => name);
  return fc.record({
    events: fc
      .array(fc.record({ atMs: pastMs, change: fc.constantFrom(-3, -1, 1, 4) }), { maxLength: 4 })
      .map((events) => events.toSorted((a, b) => a.atMs - b.atMs)),
    reversalsAtMs: fc.array(pastMs, { maxLength: 4 }).map((times) => times.toSorted()),
    lastDirection: orNull(fc.constantFrom('out' as const, 'in' as const)),
    lostSinceMs: fc
      .tuple(fc.subarray(names), pastMs)
      .map(([lost, sinceMs]) => Object.fromEntries(lost.map((name) => [name, sinceMs]))),
    strategies: fc.record(strategies).map((memories) => ({ ...memories })),
  });
}

function brakesOf(policy: ScalePolicy): fc.Arbitrary<Brakes> {
  return fc
    .record({
      recommendations: fc
        .array(fc.tuple(count, pastMs), { maxLength: 5 })
        .map((runs) =>
          runs
            .toSorted(([, a], [, b]) => a - b)
            .map(([replicas, atMs]) => ({ replicas, firstAtMs: atMs, lastAtMs: atMs })),
        ),
      lastOutAtMs: orNull(pastMs),
      lastInAtMs: orNull(pastMs),
      memory: fc.option(policyMemoryOf(policy)),
    })
    .map(({ memory, ...rest }) => (memory === null ? rest : { ...rest, memory }));
}

function forecastOf(policy: ScalePolicy): fc.Arbitrary<ForecastInput> {
  const target = policy.forecast?.capacity ?? 1;
  const horizonMs = 300_000;
  const reading = fc.oneof(
    fc
      .record({
        scored: count,
        rising: fc.array(load.map(Math.abs), { minLength: 2, maxLength: 2 }),
      })
      .map(({ scored, rising }) => ({
        kind: 'forecast' as const,
        horizonMs,
        model: 'day',
        quantiles: rising
          .toSorted((a, b) => a - b)
          .map((one, index) => ({ level: index === 0 ? 0.5 : 0.99, load: one })),
        scored,
        skillRatio: -0.25,
      })),
    fc.constantFrom('forecast_stale' as const, 'forecast_unproven' as const).map((reason) => ({
      kind: 'none' as const,
      horizonMs,
      reason,
    })),
  );
  const rules = (['raise', 'hold'] as const).map((kind) => ({
    kind,
    horizonMs,
    level: 0.99,
    target,
  }));
  return fc.oneof(
    fc.constant<ForecastInput>({ kind: 'warming', detail: 'reading 336h of history' }),
    fc
      .array(reading, { maxLength: 2 })
      .map((forecasts): ForecastInput => ({ kind: 'ready', forecasts, rules })),
  );
}

/** What an input has exactly when the policy asks for it. */
function askedOf(
  policy: ScalePolicy,
  facts: readonly ReplicaFact[],
): fc.Arbitrary<Partial<ScaleInput>> {
  const { strategies = [], schedules = [], budgets = [], forecast } = policy;
  const ids = facts.map(({ replicaId }) => replicaId);
  return fc.record({
    ...(strategies.length === 0
      ? {}
      : {
          readings: fc.tuple(...strategies.map((strategy) => readingOf(strategy, ids))),
          replicas: fc.constant(facts),
        }),
    ...(schedules.length === 0
      ? {}
      : {
          schedules: fc.subarray([...schedules]).map((active) =>
            active.map(({ name, kind, replicas, durationMs }) => ({
              name,
              kind,
              replicas,
              fromMs: NOW_MS - 1_000,
              untilMs: NOW_MS - 1_000 + durationMs,
            })),
          ),
        }),
    ...(forecast === undefined ? {} : { forecast: forecastOf(policy) }),
    ...(budgets.length === 0
      ? {}
      : {
          budgets: fc.tuple(
            ...budgets.map((share) =>
              fc
                .record({ limit: orNull(count), usedByOthers: count })
                .map((rest) => ({ ...share, ...rest })),
            ),
          ),
        }),
  });
}

const untilMs = orNull(fc.integer({ min: -HOUR_MS, max: HOUR_MS }).map((ms) => NOW_MS + ms));
const intervention = { sinceMs: pastMs, untilMs, note: fc.constantFrom('', 'incident 7') };
const interventions = fc
  .record({
    pause: fc.option(
      fc.record({
        direction: fc.constantFrom('in' as const, 'out' as const, 'both' as const),
        ...intervention,
      }),
      { freq: 4 },
    ),
    override: fc.option(fc.record({ replicas: count, ...intervention }), { freq: 4 }),
  })
  .map(({ pause, override }): Partial<ScaleInput> => ({
    ...(pause === null ? {} : { pause }),
    ...(override === null ? {} : { override }),
  }));

/** An input of one decision of the policy. */
export function arbitraryInputOf(policy: ScalePolicy): fc.Arbitrary<ScaleInput> {
  const common = fc.record({
    nowMs: fc.constant(NOW_MS),
    policy: fc.constant(policy),
    mode: fc.constantFrom('act' as const, 'advise' as const, 'observe' as const),
    desired: count,
    actual: fc.oneof(
      fc.record({ kind: fc.constant('known' as const), ready: count, starting: count }),
      fc.constant({ kind: 'unknown' as const, detail: 'away' }),
    ),
    observations: fc.tuple(...policy.metrics.map(observationOf)),
    brakes: brakesOf(policy),
    inFlight: fc.option(
      fc.record({
        decisionId: fc.constant('018bcfe56800-w'),
        workloadId: fc.constant(policy.workloadId),
        fromReplicas: count,
        toReplicas: count,
        startedAtMs: pastMs,
        deadlineMs: fc.constant(NOW_MS + 60_000),
        token: fc.record({ term: count, index: count }),
      }),
      { freq: 4 },
    ),
  });
  return replicaFacts
    .chain((facts) => fc.tuple(common, askedOf(policy, facts), interventions))
    .map((parts) => structuredClone<ScaleInput>(Object.assign({}, ...parts)));
}
