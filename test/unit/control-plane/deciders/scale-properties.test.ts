/**
 * What holds for every decision, over a hundred thousand random cases. A case is one number
 * (scale-arbitraries.ts); fast-check prints its seed and the case that failed, which then belongs into
 * REGRESSIONS.
 */

import assert from 'node:assert/strict';
import fc from 'fast-check';
import { counterfactualsOf } from '../../../../control-plane/deciders/counterfactual.ts';
import { decideScale } from '../../../../control-plane/deciders/scale.ts';
import type { ScaleInput, ScaleOutcome } from '../../../../control-plane/model/decision.ts';
import { isInEffect } from '../../../../control-plane/model/intervention.ts';
import type {
  Observation,
  PartReading,
  StrategyReading,
} from '../../../../control-plane/model/observation.ts';
import type { MetricSpec } from '../../../../control-plane/model/policy.ts';
import { arbitraryCase, inOtherOrder, scaleCase } from '../../../support/scale-arbitraries.ts';
import type { ScaleCaseChoice } from '../../../support/scale-arbitraries.ts';

/** Cases that failed once, each tried with every property. */
const REGRESSIONS: readonly number[] = [0, 4, 0xffff_ffff];

function holds(
  cases: number,
  check: (input: ScaleInput, seed: number) => void,
  choice: ScaleCaseChoice = {},
): void {
  fc.assert(
    fc.property(arbitraryCase, (seed) => {
      check(scaleCase(seed, choice), seed);
    }),
    { numRuns: cases, examples: REGRESSIONS.map((seed) => [seed]) },
  );
}

const overrideIn = ({ override, nowMs }: ScaleInput): boolean =>
  override !== undefined && isInEffect(override, nowMs);

const stageOf = ({ stages }: ScaleOutcome, name: string) =>
  stages.find(({ stage }) => stage === name);

describe('decideScale: properties of every decision', function () {
  this.timeout(120_000);

  it('stays within the bounds, but for an operator’s number and what a budget leaves', () => {
    holds(15_000, (input) => {
      const outcome = decideScale(input);
      const { verdict } = outcome;
      const { replicasMin, replicasMax } = input.policy;
      if (verdict.kind === 'hold') assert.equal(verdict.replicas, input.desired);
      if (verdict.kind === 'hold' || overrideIn(input)) return;
      assert.equal(input.mode, 'act');
      assert.ok(verdict.replicas <= replicasMax);
      const budget = stageOf(outcome, 'budget');
      const isCut = budget !== undefined && budget.after < budget.before;
      if (!isCut) assert.ok(verdict.replicas >= replicasMin);
    });
  });

  it('says whole numbers, stage after stage, each beginning where the last ended', () => {
    holds(8_000, (input) => {
      const { stages, verdict, recommendation, proposals } = decideScale(input);
      let reached = input.desired;
      for (const { before, after } of stages) {
        assert.equal(before, reached);
        assert.ok(Number.isSafeInteger(after) && after >= 0);
        reached = after;
      }
      assert.equal(verdict.replicas, reached);
      assert.ok(Number.isSafeInteger(recommendation));
      for (const proposal of proposals) {
        if (proposal.kind === 'replicas') assert.ok(Number.isSafeInteger(proposal.replicas));
      }
      if (verdict.kind === 'hold') return;
      assert.equal(verdict.direction, verdict.replicas > input.desired ? 'out' : 'in');
    });
  });

  it('starts nothing over an action under way, but for one that goes further out', () => {
    holds(8_000, (input) => {
      const { verdict } = decideScale(input);
      const { inFlight } = input;
      if (verdict.kind === 'hold' || inFlight === null) return;
      assert.equal(verdict.direction, 'out');
      assert.ok(inFlight.toReplicas > inFlight.fromReplicas);
      assert.ok(overrideIn(input) || input.policy.whileBooting === 'raise');
    });
  });

  it('never moves in a paused direction by itself', () => {
    holds(8_000, (drawn, seed) => {
      const direction = (['in', 'out', 'both'] as const)[seed % 3] ?? 'both';
      const pause = { direction, sinceMs: 0, untilMs: null, note: 'by hand' };
      const { verdict } = decideScale({ ...drawn, pause });
      if (verdict.kind === 'hold' || overrideIn(drawn)) return;
      assert.notEqual(direction, 'both');
      assert.notEqual(verdict.direction, direction);
    });
  });

  it('never goes out beyond a budget by itself', () => {
    holds(8_000, (input) => {
      const { verdict } = decideScale(input);
      if (verdict.kind === 'hold' || verdict.direction === 'in' || overrideIn(input)) return;
      for (const { limit, usedByOthers, unitsPerReplica } of input.budgets ?? []) {
        assert.ok(verdict.replicas * unitsPerReplica + usedByOthers <= (limit ?? 0) + 1e-6);
      }
    });
  });

  it('gives the same outcome bit for bit after a trip through JSON', () => {
    holds(10_000, (input) => {
      const outcome = decideScale(input);
      const replayed = decideScale(JSON.parse(JSON.stringify(input)) as ScaleInput);
      assert.equal(JSON.stringify(replayed), JSON.stringify(outcome));
      assert.deepEqual(JSON.parse(JSON.stringify(outcome)), outcome);
    });
  });

  it('depends on no order of the signals', () => {
    holds(12_000, (input, seed) => {
      const one = decideScale(input);
      const other = decideScale(inOtherOrder(input, seed + 1));
      assert.equal(other.verdict.replicas, one.verdict.replicas);
      assert.equal(other.recommendation, one.recommendation);
    });
  });

  it('names what each counterfactual is without, and is right about it', () => {
    holds(1_000, (input) => {
      const { replicas } = decideScale(input).verdict;
      const told = counterfactualsOf(input);
      assert.equal(new Set(told.map(({ without }) => without)).size, told.length);
      for (const one of told) assert.notEqual(one.replicas, replicas);
      const without = (name: string, changed: ScaleInput) => {
        const other = decideScale(changed).verdict.replicas;
        const entry = told.find((one) => one.without === name);
        assert.deepEqual(entry?.replicas, other === replicas ? undefined : other, name);
      };
      const over = { sinceMs: 0, untilMs: input.nowMs, note: 'over' };
      const { override, pause } = input;
      if (override !== undefined) {
        without('the override', { ...input, override: { ...override, ...over } });
      }
      if (pause !== undefined) without('the pause', { ...input, pause: { ...pause, ...over } });
      without('the action under way', { ...input, inFlight: null });
      without(`the mode ${input.mode}`, { ...input, mode: 'act' });
    });
  });
});

describe('decideScale: signals that cannot be used', function () {
  this.timeout(120_000);

  it('never goes in while one of them is broken, whatever the others say', () => {
    holds(
      18_000,
      (drawn, seed) => {
        const input = withOneBroken(within(drawn), seed);
        if (input === null) return;
        const { verdict } = decideScale(input);
        assert.ok(verdict.kind === 'hold' || verdict.direction === 'out', verdict.reason);
      },
      { onLost: false, words: false },
    );
  });

  it('decides in the other direction as if the broken one were not there', () => {
    holds(
      4_000,
      (drawn, seed) => {
        const input = within(drawn);
        const { combination, metrics } = input.policy;
        if (combination !== undefined || metrics.length < 2) return;
        const broken = withOneBroken(input, seed);
        const at = seed % metrics.length;
        const rest = decideScale({
          ...input,
          policy: { ...input.policy, metrics: metrics.filter((_, index) => index !== at) },
          observations: input.observations.filter((_, index) => index !== at),
        });
        if (broken === null) return;
        const { replicas } = decideScale(broken).verdict;
        assert.equal(replicas, Math.max(input.desired, rest.verdict.replicas));
      },
      { onLost: false, words: false, strategies: false },
    );
  });
});

/**
 * Monotone are: metrics of both kinds with any coverage, target_value, pass_through, queue, capacity
 * (in its rate), concurrency, target_tracking; joined by the largest, the winner without groups, or
 * out_if_any; with every brake and every word. Not monotone by their definition, and so not here: a
 * threshold's band has an upper end; a step may take replicas above its bound; a formula is any
 * function; per-replica metrics as HPA has them change which replicas they count at a ratio of 1; a
 * second expression that disagrees withdraws the metric; in a group a check that stays abstains; and
 * hpa-v2 shrinks what is overloaded while replicas are unready.
 */
describe('decideScale: monotone in the load', function () {
  this.timeout(120_000);
  const MONOTONE = ['target_value', 'pass_through', 'queue', 'capacity', 'target_tracking'];

  it('never wants fewer when one signal is higher and all else is equal', () => {
    holds(12_000, (drawn, seed) => {
      const factor = 1 + (seed % 97) / 16;
      const input = unchecked(drawn);
      const higher = withHigher(input, seed, factor, [...MONOTONE, 'concurrency']);
      const low = decideScale(input).verdict.replicas;
      assert.ok(decideScale(higher).verdict.replicas >= low);
    });
  });
});

describe('decideScale: at rest', function () {
  this.timeout(120_000);

  it('stands still once it has what it asked for, with totals that stay what they are', () => {
    holds(
      6_000,
      (input) => {
        const { verdict } = decideScale(input);
        const { replicas } = verdict;
        const next = decideScale({
          ...input,
          desired: replicas,
          actual: { kind: 'known', ready: replicas, starting: 0 },
          inFlight: null,
        });
        if (verdict.kind === 'act') assert.equal(next.verdict.replicas, replicas);
      },
      { rates: false, strategies: false, averages: false, faults: false },
    );
  });
});

/** Within its bounds already, so that no bound moves it. */
function within(input: ScaleInput): ScaleInput {
  const { desired } = input;
  const replicasMax = Math.max(input.policy.replicasMax, desired);
  return { ...input, policy: { ...input.policy, replicasMax } };
}

/** Without second expressions and without groups. */
function unchecked(input: ScaleInput): ScaleInput {
  const { strategies } = input.policy;
  const alone = strategies?.map((spec) => ({ ...spec, group: null }));
  const policy = { ...input.policy, metrics: input.policy.metrics.map(withoutAgreement) };
  return { ...input, policy: alone === undefined ? policy : { ...policy, strategies: alone } };
}

function withoutAgreement({ agreement: _, ...spec }: MetricSpec): MetricSpec {
  return spec;
}

function withHigher(
  input: ScaleInput,
  seed: number,
  factor: number,
  kinds: readonly string[],
): ScaleInput {
  const { metrics, strategies = [] } = input.policy;
  const at = seed % (metrics.length + strategies.length);
  if (at < metrics.length) {
    const observations = input.observations.map((one, index) =>
      index === at && one.kind === 'sample' ? { ...one, value: one.value * factor } : one,
    );
    return { ...input, observations };
  }
  const place = at - metrics.length;
  if (!kinds.includes(strategies[place]?.kind ?? '')) return input;
  const readings = input.readings?.map((one, index) =>
    index === place ? { ...one, parts: mapped(one, (part) => raised(part, factor)) } : one,
  );
  return readings === undefined ? input : { ...input, readings };
}

function raised(part: PartReading, factor: number): PartReading {
  if (part.kind === 'sample') {
    return { ...part, value: part.value === null ? null : part.value * factor };
  }
  if (part.kind !== 'points') return part;
  const points = part.points.map(({ atMs, value }) => ({
    atMs,
    value: value === null ? null : value * factor,
  }));
  return { ...part, points };
}

function mapped(
  { parts }: StrategyReading,
  change: (part: PartReading) => PartReading,
): StrategyReading['parts'] {
  return Object.fromEntries(Object.entries(parts).map(([name, part]) => [name, change(part)]));
}

/** Breaks one signal in one of the ways in which signals break; null where it cannot break. */
function withOneBroken(input: ScaleInput, seed: number): ScaleInput | null {
  const { metrics, strategies = [] } = input.policy;
  const at = seed % (metrics.length + strategies.length);
  const way = Math.floor(seed / 64) % 6;
  if (at < metrics.length) {
    const observations = input.observations.map((one, index) =>
      index === at ? brokenObservation(one, way, input.nowMs) : one,
    );
    return { ...input, observations };
  }
  const place = at - metrics.length;
  // A constant reads nothing that could break.
  if (strategies[place]?.kind === 'fixed_value') return null;
  const readings = input.readings?.map((one, index) =>
    index === place
      ? { ...one, parts: mapped(one, (part) => brokenPart(part, way, input.nowMs)) }
      : one,
  );
  return readings === undefined ? input : { ...input, readings };
}

function brokenObservation(seen: Observation, way: number, nowMs: number): Observation {
  const { metric } = seen;
  const good = { kind: 'sample', metric, value: 0, sampledAtMs: nowMs, reporting: null } as const;
  switch (way) {
    case 0:
      return { kind: 'failed', metric, reason: 'signal_absent', detail: 'broken' };
    case 1:
      return { ...good, value: NaN };
    case 2:
      return { ...good, sampledAtMs: null };
    case 3:
      return { ...good, sampledAtMs: nowMs - 30_001 };
    case 4:
      return { ...good, sampledAtMs: nowMs + 30_001 };
    default:
      return { ...good, value: -1 };
  }
}

function brokenPart(part: PartReading, way: number, nowMs: number): PartReading {
  const atMs = [nowMs, nowMs, null, nowMs - 30_001, nowMs + 30_001, nowMs][way] ?? null;
  const value = way === 1 ? null : way === 5 ? -1 : 0;
  if (way === 0) return { kind: 'failed', reason: 'signal_unavailable', detail: 'broken' };
  switch (part.kind) {
    case 'sample':
      return { ...part, value, sampledAtMs: atMs };
    case 'points': {
      const points = part.points.map((point) => ({ ...point, value }));
      return { ...part, points, sampledAtMs: atMs };
    }
    case 'replicas':
      return {
        kind: 'replicas',
        samples: part.samples.map((one) => ({ ...one, value, sampledAtMs: atMs })),
      };
    case 'failed':
      return part;
  }
}
