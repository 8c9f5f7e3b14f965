/**
 * Scale inputs drawn from one number: a policy with any of its parts, signals that are mostly good and
 * near the target, brakes that mostly let through. One number is one input, so that a case that failed
 * can be kept by its number, and a hundred thousand of them are made in seconds. The inputs of
 * policy-arbitraries.ts are wider and rarely decide anything but to hold.
 */

import fc from 'fast-check';
import type { BudgetInput } from '../../control-plane/model/budget.ts';
import type { Brakes, PolicyMemory, ScaleInput } from '../../control-plane/model/decision.ts';
import type { ForecastInput } from '../../control-plane/model/forecast.ts';
import type { Observation, StrategyReading } from '../../control-plane/model/observation.ts';
import type {
  BudgetShare,
  FlapBudgetSpec,
  MetricSpec,
  OnLostSpec,
  RateRulesSpec,
  ScalePolicy,
} from '../../control-plane/model/policy.ts';
import type { ActiveSchedule } from '../../control-plane/model/schedule.ts';
import type { StrategySpec } from '../../control-plane/model/strategy.ts';
import { NOW_MS, metric, policy, reading, replicaFacts, strategy } from './scale-input.ts';
import { seededRandom } from './seeded-random.ts';

const TARGET = 10;
const KINDS = [
  'target_value',
  'pass_through',
  'threshold',
  'fixed_value',
  'concurrency',
  'target_tracking',
  'step',
  'queue',
  'capacity',
  'formula',
  'utilization',
  'replica_value',
  'inference',
] as const;

/** Parts that a case may have; absent: it may. */
export interface ScaleCaseChoice {
  readonly strategies?: boolean;
  /** Operators' words and modes that go before the signals: override, schedules, modes but act. */
  readonly words?: boolean;
  readonly onLost?: boolean;
  readonly rates?: boolean;
  /** Kind `value`, coverage and a second expression; without, totals alone. */
  readonly averages?: boolean;
  /** Signals that cannot be used. */
  readonly faults?: boolean;
}

/** The number of a case. */
export const arbitraryCase = fc.noShrink(fc.integer({ min: 0, max: 0xffff_ffff }));

class Draws {
  readonly #random: () => number;

  constructor(seed: number) {
    this.#random = seededRandom(seed);
  }

  /** Below 1. */
  share(): number {
    return this.#random();
  }

  chance(ratio: number): boolean {
    return this.#random() < ratio;
  }

  whole(min: number, max: number): number {
    return min + Math.floor(this.#random() * (max - min + 1));
  }

  pick<const T>(list: readonly [T, ...T[]]): T {
    return list[this.whole(0, list.length - 1)] ?? list[0];
  }

  shuffled<T>(list: readonly T[]): readonly T[] {
    return list
      .map((one) => ({ one, at: this.#random() }))
      .sort((a, b) => a.at - b.at)
      .map(({ one }) => one);
  }
}

/** The input of a number. */
export function scaleCase(seed: number, choice: ScaleCaseChoice = {}): ScaleInput {
  const draws = new Draws(seed);
  const desired = draws.pick([0, 1, 2, 3, 4, 5, 8, 12, 20]);
  const starting = draws.chance(0.2) ? draws.whole(0, desired) : 0;
  // Some have died, or drain still.
  const ready = draws.chance(0.1) ? draws.whole(0, desired + 2) : desired - starting;
  const metrics = metricsOf(draws, choice);
  const strategies = strategiesOf(draws, choice, metrics.length === 0);
  const budgets = budgetsOf(draws);
  const base: ScaleInput = {
    nowMs: NOW_MS + draws.whole(0, 20_000),
    policy: policyOf(draws, choice, { metrics, strategies, budgets, desired }),
    mode: choice.words === false || draws.chance(0.9) ? 'act' : draws.pick(['advise', 'stopped']),
    desired,
    actual: { kind: 'known', ready, starting },
    observations: [],
    brakes: { recommendations: [], lastOutAtMs: null, lastInAtMs: null },
    inFlight: null,
  };
  const seen: ScaleInput = {
    ...base,
    observations: metrics.map((spec) => observationOf(draws, choice, spec, base)),
    brakes: brakesOf(draws, base),
    ...besidesOf(draws, choice, base),
  };
  if (strategies.length === 0) return seen;
  return {
    ...seen,
    readings: strategies.map((spec) => readingOf(draws, choice, spec, seen)),
    replicas: replicaFacts(ready),
  };
}

/** The same with the signals in another order. */
export function inOtherOrder(input: ScaleInput, seed: number): ScaleInput {
  const draws = new Draws(seed);
  const { metrics, strategies = [] } = input.policy;
  const pairs = draws.shuffled(metrics.map((spec, at) => ({ spec, seen: input.observations[at] })));
  const read = draws.shuffled(strategies.map((spec, at) => ({ spec, seen: input.readings?.[at] })));
  const observations = pairs.flatMap(({ seen }) => (seen === undefined ? [] : [seen]));
  if (strategies.length === 0) {
    const shuffled = { ...input.policy, metrics: pairs.map(({ spec }) => spec) };
    return { ...input, policy: shuffled, observations };
  }
  return {
    ...input,
    policy: {
      ...input.policy,
      metrics: pairs.map(({ spec }) => spec),
      strategies: read.map(({ spec }) => spec),
    },
    observations,
    readings: read.flatMap(({ seen }) => (seen === undefined ? [] : [seen])),
  };
}

function metricsOf(draws: Draws, { averages, strategies }: ScaleCaseChoice): readonly MetricSpec[] {
  const count = draws.whole(strategies === false ? 1 : 0, 3);
  return Array.from({ length: count }, (_, index) => {
    const isAverage = averages !== false && draws.chance(0.4);
    return metric({
      name: `m${index}`,
      kind: isAverage ? 'value' : 'average_value',
      target: isAverage ? 0.7 : TARGET,
      ...(averages !== false &&
        draws.chance(0.2) && { coverage: { query: 'count(up)', minimumRatio: 0.8 } }),
      ...(averages !== false &&
        draws.chance(0.1) && { agreement: { query: 'sum(second)', toleranceRatio: 0.1 } }),
      ...(draws.chance(0.2) && { fromReplicas: true }),
    });
  });
}

function strategiesOf(
  draws: Draws,
  choice: ScaleCaseChoice,
  isNeeded: boolean,
): readonly StrategySpec[] {
  if (choice.strategies === false) return [];
  const count = draws.whole(isNeeded ? 1 : 0, 2);
  return Array.from({ length: count }, (_, index): StrategySpec => {
    const kind = draws.pick(KINDS);
    const fromReplicas = draws.chance(0.2);
    // Groups count with the combination winner alone.
    const group = draws.chance(0.3) ? 'g' : null;
    return { ...strategy(kind), name: `s${index}`, fromReplicas, group };
  });
}

function budgetsOf(draws: Draws): readonly BudgetShare[] {
  if (draws.chance(0.8)) return [];
  return Array.from({ length: draws.whole(1, 2) }, (_, index) => ({
    budgetId: `b${index}`,
    unitsPerReplica: draws.pick([0.1, 0.5, 1, 2, 8]),
  }));
}

interface Parts {
  readonly metrics: readonly MetricSpec[];
  readonly strategies: readonly StrategySpec[];
  readonly budgets: readonly BudgetShare[];
  readonly desired: number;
}

function policyOf(draws: Draws, choice: ScaleCaseChoice, parts: Parts): ScalePolicy {
  const { metrics, strategies, budgets, desired } = parts;
  const replicasMin = draws.chance(0.05) ? desired + 1 : draws.pick([0, 0, 1, 2]);
  const below = draws.chance(0.05) ? Math.max(1, desired - 1) : 25;
  return policy({
    metrics,
    replicasMin,
    replicasMax: Math.max(replicasMin, below),
    stabilizationUpMs: draws.pick([0, 0, 30_000]),
    stabilizationDownMs: draws.pick([0, 0, 60_000, 300_000]),
    cooldownUpMs: draws.pick([0, 0, 60_000]),
    cooldownDownMs: draws.pick([0, 0, 120_000]),
    ...(strategies.length > 0 && { strategies }),
    ...(draws.chance(0.2) && { combination: draws.pick(['winner', 'out_if_any']) }),
    ...(choice.rates !== false &&
      draws.chance(0.25) && { rates: { out: rulesOf(draws), in: rulesOf(draws) } }),
    ...(choice.onLost !== false && draws.chance(0.25) && { onLost: onLostOf(draws) }),
    ...(draws.chance(0.2) && { flapBudget: FLAP_BUDGET }),
    ...(budgets.length > 0 && { budgets }),
    ...(draws.chance(0.3) && { whileBooting: 'raise' as const }),
  });
}

const FLAP_BUDGET: FlapBudgetSpec = {
  reversalsMax: 2,
  periodMs: 3_600_000,
  windowMaxMs: 1_200_000,
};

function rulesOf(draws: Draws): RateRulesSpec {
  return {
    select: draws.pick(['max', 'max', 'min', 'disabled']),
    policies: Array.from({ length: draws.whole(0, 2) }, () => ({
      kind: draws.pick(['replicas', 'percent']),
      value: draws.pick([0, 1, 4, 50, 100]),
      periodMs: draws.pick([15_000, 60_000, 300_000]),
    })),
  };
}

function onLostOf(draws: Draws): OnLostSpec {
  return {
    kind: draws.pick(['static', 'current', 'current_if_higher', 'current_if_lower']),
    replicas: draws.whole(0, 15),
    afterMs: draws.pick([0, 60_000, 180_000]),
  };
}

function observationOf(
  draws: Draws,
  choice: ScaleCaseChoice,
  spec: MetricSpec,
  { nowMs, desired, actual }: ScaleInput,
): Observation {
  if (choice.faults !== false && draws.chance(0.08)) {
    const reason = draws.pick(['signal_absent', 'signal_unavailable', 'signal_ambiguous']);
    return { kind: 'failed', metric: spec.name, reason, detail: 'drawn' };
  }
  const ready = actual.kind === 'known' ? actual.ready : 0;
  const size = spec.kind === 'value' ? spec.target : spec.target * Math.max(1, desired);
  const value = draws.chance(0.05) ? 0 : size * draws.share() * 1.6;
  const isBad = choice.faults !== false && draws.chance(0.05);
  return {
    kind: 'sample',
    metric: spec.name,
    value,
    sampledAtMs: isBad ? draws.pick([null, nowMs - 30_001, nowMs + 30_001]) : nowMs - 5_000,
    reporting: spec.coverage === null ? null : draws.chance(0.8) ? ready : Math.floor(ready / 2),
    ...(spec.agreement !== undefined && { redundant: draws.chance(0.8) ? value : value * 2 + 1 }),
  };
}

function readingOf(
  draws: Draws,
  choice: ScaleCaseChoice,
  spec: StrategySpec,
  { desired, actual }: ScaleInput,
): StrategyReading {
  if (choice.faults !== false && draws.chance(0.08)) return { strategy: spec.name, parts: {} };
  const ready = actual.kind === 'known' ? actual.ready : 0;
  const perReplica = 'replicaLabel' in spec;
  const value = perReplica
    ? draws.share() * 12
    : draws.share() * 1.6 * TARGET * Math.max(1, desired);
  return reading(spec, spec.kind === 'pass_through' ? draws.share() * 20 : value, ready);
}

function brakesOf(draws: Draws, { nowMs, policy: asked, desired }: ScaleInput): Brakes {
  const past = (): number => nowMs - draws.whole(0, 400_000);
  const count = draws.chance(0.1) ? 0 : draws.whole(1, 4);
  const recommendations = Array.from({ length: count }, () => past())
    .sort((a, b) => a - b)
    .map((atMs) => ({
      replicas: Math.max(0, desired + draws.whole(-2, 2)),
      firstAtMs: atMs,
      lastAtMs: atMs,
    }));
  return {
    recommendations,
    lastOutAtMs: draws.chance(0.3) ? past() : null,
    lastInAtMs: draws.chance(0.3) ? past() : null,
    ...(draws.chance(0.5) && { memory: memoryOf(draws, asked, past) }),
  };
}

function memoryOf(draws: Draws, asked: ScalePolicy, past: () => number): PolicyMemory {
  const names = [...asked.metrics, ...(asked.strategies ?? [])].map(({ name }) => name);
  const times = (max: number): readonly number[] =>
    Array.from({ length: draws.whole(0, max) }, past).sort((a, b) => a - b);
  return {
    events: times(3).map((atMs) => ({ atMs, change: draws.pick([-3, -1, 1, 2, 5]) })),
    reversalsAtMs: times(4),
    lastDirection: draws.pick([null, 'in', 'out']),
    lostSinceMs: Object.fromEntries(
      names.filter(() => draws.chance(0.5)).map((name) => [name, past()]),
    ),
    strategies: {},
  };
}

function besidesOf(draws: Draws, choice: ScaleCaseChoice, input: ScaleInput): Partial<ScaleInput> {
  const { nowMs, desired } = input;
  const untilMs = draws.pick([null, nowMs, nowMs + 1]);
  const words = choice.words !== false;
  const note = 'drawn';
  const isOut = draws.chance(0.8);
  const budgets = budgetsIn(draws, input.policy);
  return {
    ...(draws.chance(0.15) && {
      inFlight: {
        decisionId: 'd',
        workloadId: 'w',
        fromReplicas: Math.max(0, desired + (isOut ? -1 : 1)),
        toReplicas: desired,
        startedAtMs: nowMs - 10_000,
        deadlineMs: nowMs + 50_000,
        token: { term: 1, index: 7 },
      },
    }),
    ...(draws.chance(0.2) && { forecast: forecastOf(draws, desired) }),
    ...(budgets.length > 0 && { budgets }),
    ...(draws.chance(0.1) && {
      pause: { direction: draws.pick(['in', 'out', 'both']), sinceMs: 0, untilMs, note },
    }),
    ...(words && draws.chance(0.2) && { schedules: schedulesOf(draws, nowMs) }),
    ...(words &&
      draws.chance(0.1) && {
        override: { replicas: draws.whole(0, 30), sinceMs: 0, untilMs, note },
      }),
  };
}

function budgetsIn(draws: Draws, { budgets = [] }: ScalePolicy): readonly BudgetInput[] {
  return budgets.map((share) => ({
    ...share,
    limit: draws.chance(0.1) ? null : draws.whole(0, 60),
    usedByOthers: draws.pick([0, 0.3, 3, 20]),
  }));
}

function schedulesOf(draws: Draws, nowMs: number): readonly ActiveSchedule[] {
  return Array.from({ length: draws.whole(1, 2) }, (_, index) => ({
    name: `schedule-${index}`,
    kind: draws.pick(['floor', 'cap']),
    replicas: draws.whole(0, 15),
    fromMs: nowMs - 1_000,
    untilMs: nowMs + 1_000,
  }));
}

function forecastOf(draws: Draws, desired: number): ForecastInput {
  if (draws.chance(0.2)) return { kind: 'warming', detail: 'drawn' };
  const horizonMs = 300_000;
  const load = draws.share() * TARGET * (desired + 4);
  return {
    kind: 'ready',
    forecasts: draws.chance(0.1)
      ? [{ kind: 'none', horizonMs, reason: 'forecast_unproven' }]
      : [
          {
            kind: 'forecast',
            horizonMs,
            model: 'day',
            quantiles: [{ level: 0.9, load }],
            scored: 100,
            skillRatio: 0.5,
          },
        ],
    rules: [{ kind: draws.pick(['raise', 'hold']), horizonMs, level: 0.9, target: TARGET }],
  };
}
