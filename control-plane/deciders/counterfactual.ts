/**
 * What the number would have been without one thing: a signal, a window, a rate policy, a schedule, a
 * bound, a pause. Each is answered by the decider itself on the same input with that one thing taken
 * out, so that it holds through all later stages, and not by looking at the stage alone.
 */

import type { ScaleInput } from '../model/decision.ts';
import type { Override, Pause } from '../model/intervention.ts';
import type { RateRulesSpec, ScalePolicy } from '../model/policy.ts';
import { decideScale } from './scale.ts';

export interface Counterfactual {
  /** What is taken out, in words that follow “without”. */
  readonly without: string;
  /** The number that would have been wanted. */
  readonly replicas: number;
}

interface Change {
  readonly without: string;
  readonly input: ScaleInput;
}

/** Beyond any bound that a policy may have. */
const UNBOUNDED = 2_147_483_647;

/** Those that would have changed the number, in the order of the pipeline. */
export function counterfactualsOf(input: ScaleInput): readonly Counterfactual[] {
  const { replicas } = decideScale(input).verdict;
  return changesOf(input).flatMap(({ without, input: changed }) => {
    const other = decideScale(changed).verdict.replicas;
    return other === replicas ? [] : [{ without, replicas: other }];
  });
}

function changesOf(input: ScaleInput): readonly Change[] {
  return [
    ...withoutSignals(input),
    ...withoutBrakes(input),
    ...withoutRates(input),
    ...withoutWords(input),
  ];
}

function withPolicy(input: ScaleInput, without: string, change: Partial<ScalePolicy>): Change {
  return { without, input: { ...input, policy: { ...input.policy, ...change } } };
}

/** Of one signal alone nothing can be taken out. */
function withoutSignals(input: ScaleInput): readonly Change[] {
  const { policy, observations, readings = [] } = input;
  const { metrics, strategies = [] } = policy;
  if (metrics.length + strategies.length < 2) return [];
  const at = (index: number) => (_: unknown, other: number) => other !== index;
  return [
    ...metrics.map(({ name }, index) => {
      const change = withPolicy(input, name, { metrics: metrics.filter(at(index)) });
      return {
        ...change,
        input: { ...change.input, observations: observations.filter(at(index)) },
      };
    }),
    ...strategies.map(({ name }, index) => {
      const change = withPolicy(input, name, { strategies: strategies.filter(at(index)) });
      return { ...change, input: { ...change.input, readings: readings.filter(at(index)) } };
    }),
  ];
}

function withoutBrakes(input: ScaleInput): readonly Change[] {
  const { policy, forecast } = input;
  const changes = [
    withPolicy(input, 'the stabilization windows', {
      stabilizationUpMs: 0,
      stabilizationDownMs: 0,
      ...(policy.flapBudget !== undefined && { flapBudget: UNLIMITED_FLAPS }),
    }),
    withPolicy(input, 'the cooldowns', { cooldownUpMs: 0, cooldownDownMs: 0 }),
    { without: 'the action under way', input: { ...input, inFlight: null } },
  ];
  if (policy.flapBudget !== undefined) {
    changes.push(withPolicy(input, 'the flap budget', { flapBudget: UNLIMITED_FLAPS }));
  }
  if (forecast !== undefined) {
    const silent = { kind: 'ready', forecasts: [], rules: [] } as const;
    changes.push({ without: 'the forecast', input: { ...input, forecast: silent } });
  }
  if (policy.onLost !== undefined) {
    const never = { ...policy.onLost, afterMs: Number.MAX_SAFE_INTEGER };
    changes.push(withPolicy(input, 'the fallback for lost signals', { onLost: never }));
  }
  return changes;
}

const UNLIMITED_FLAPS = { reversalsMax: Number.MAX_SAFE_INTEGER, periodMs: 1, windowMaxMs: 0 };

/** Without each rate policy of a direction that has several, and without all of it. */
function withoutRates(input: ScaleInput): readonly Change[] {
  const { rates } = input.policy;
  if (rates === undefined) return [];
  const open: RateRulesSpec = { select: 'max', policies: [] };
  return (['out', 'in'] as const).flatMap((direction) => {
    const rules = rates[direction];
    const one = rules.policies.flatMap((policy, index) => {
      if (rules.policies.length < 2) return [];
      const policies = rules.policies.filter((_, other) => other !== index);
      const without = `the policy of ${inWords(policy)} ${direction}`;
      return [
        withPolicy(input, without, { rates: { ...rates, [direction]: { ...rules, policies } } }),
      ];
    });
    const all = withPolicy(input, `the rate policies ${direction}`, {
      rates: { ...rates, [direction]: open },
    });
    return [...one, all];
  });
}

function inWords({ kind, value, periodMs }: RateRulesSpec['policies'][number]): string {
  const amount = kind === 'percent' ? `${value} %` : `${value} replicas`;
  return `${amount} in ${periodMs / 1_000} s`;
}

function withoutWords(input: ScaleInput): readonly Change[] {
  const { schedules = [], budgets, pause, override, mode } = input;
  return [
    ...schedules.map(({ name }, index) => ({
      without: `the schedule ${name}`,
      input: { ...input, schedules: schedules.filter((_, other) => other !== index) },
    })),
    withPolicy(input, 'the bounds', { replicasMin: 0, replicasMax: UNBOUNDED }),
    ...(budgets === undefined
      ? []
      : [{ without: 'the budgets', input: { ...input, budgets: [] } }]),
    ...(pause === undefined
      ? []
      : [{ without: 'the pause', input: { ...input, pause: over(pause) } }]),
    ...(override === undefined
      ? []
      : [{ without: 'the override', input: { ...input, override: over(override) } }]),
    ...(mode === 'act'
      ? []
      : [{ without: `the mode ${mode}`, input: { ...input, mode: 'act' } as const }]),
  ];
}

/** The same, long since ended. */
function over<T extends Pause | Override>(intervention: T): T {
  return { ...intervention, untilMs: 0 };
}
