/**
 * The brakes of a policy beside its windows and cooldowns, as documents and back: rates, what happens
 * when signals are lost, and how often the direction may turn.
 */

import { z } from 'zod';
import type {
  FlapBudgetSpec,
  OnLostSpec,
  RatePolicySpec,
  RateRulesSpec,
  RatesSpec,
} from '../../model/policy.ts';
import { list, oneOf, ratio, type ReadField, strictObject, wholeNumber } from '../document.ts';
import { durationText, parseDuration, renderDuration } from '../duration.ts';
import { type Fault, pointerOf } from '../fault.ts';
import { judged, oneMemberFault } from './head.ts';
import { RATE_POLICIES_MAX, REPLICAS_MAX } from './limits.ts';
import type { Path } from './signal.ts';

const SECOND_MS = 1_000;
const DAY_MS = 24 * 3_600_000;
const PERCENT_MAX = 1_000_000;
const REVERSALS_MAX = 100;

const ratePolicyDocument = strictObject('{ replicas, per } or { percent, per }', {
  replicas: wholeNumber(0, REPLICAS_MAX).optional(),
  percent: ratio(0, PERCENT_MAX).optional(),
  per: durationText(SECOND_MS, DAY_MS),
});

const rateRulesDocument = strictObject('{ select, policies }', {
  select: oneOf(['max', 'min', 'disabled']).default('max').meta({
    description: 'Of what the policies allow: the most, the least, or nothing at all.',
  }),
  policies: list(
    `at most ${RATE_POLICIES_MAX} rate policies`,
    ratePolicyDocument,
    0,
    RATE_POLICIES_MAX,
  )
    .default([])
    .meta({ description: 'Without any, everything is allowed.' }),
});

export const ratesDocument = strictObject('{ out, in }', {
  out: rateRulesDocument.default({ select: 'max', policies: [] }),
  in: rateRulesDocument.default({ select: 'max', policies: [] }),
}).meta({
  description: 'So many replicas, or percent of them, per period, as `behavior` of autoscaling/v2.',
  examples: [
    {
      out: {
        policies: [
          { replicas: 4, per: '15s' },
          { percent: 100, per: '15s' },
        ],
      },
      in: { select: 'min', policies: [{ percent: 10, per: '1m' }] },
    },
  ],
});

export const onLostDocument = strictObject('{ use, replicas, after }', {
  use: oneOf(['static', 'current', 'current_if_higher', 'current_if_lower']),
  replicas: wholeNumber(0, REPLICAS_MAX).optional().meta({
    description: 'Required unless `use` is current.',
  }),
  after: durationText(0, DAY_MS).default('3m').meta({
    description: 'How long no signal could be used before it counts.',
  }),
}).meta({
  description: 'What is wanted once the signals have been lost. Without it: hold.',
  examples: [{ use: 'current_if_higher', replicas: 4, after: '3m' }],
});

export const flapBudgetDocument = strictObject('{ reversals, per, windowMax }', {
  reversals: wholeNumber(1, REVERSALS_MAX).meta({
    description: 'Changes of direction that are allowed in the period.',
  }),
  per: durationText(60 * SECOND_MS, DAY_MS).default('1h'),
  windowMax: durationText(SECOND_MS, DAY_MS).default('1h').meta({
    description: 'Each reversal beyond doubles the window of going in, up to this.',
  }),
});

type RatesDocument = z.output<typeof ratesDocument>;
type RateRulesDocument = z.output<typeof rateRulesDocument>;
type RatePolicyDocument = z.output<typeof ratePolicyDocument>;
type OnLostDocument = z.output<typeof onLostDocument>;
type FlapBudgetDocument = z.output<typeof flapBudgetDocument>;

export function ratesOf(document: RatesDocument): RatesSpec {
  return { out: rulesOf(document.out), in: rulesOf(document.in) };
}

export function ratesDocumentOf(rates: RatesSpec): RatesDocument {
  return { out: rulesDocumentOf(rates.out), in: rulesDocumentOf(rates.in) };
}

export function ratesFaults(read: ReadField, path: Path): readonly Fault[] {
  const directions = ['out', 'in'] as const;
  return directions.flatMap((direction) => {
    const at = [...path, direction, 'policies'];
    const policies = read(at, z.array(z.unknown())) ?? [];
    return [...policies.slice(0, RATE_POLICIES_MAX).keys()].flatMap((index) => {
      const policy = read([...at, index], z.record(z.string(), z.unknown()));
      const message = policy === undefined ? null : oneMemberFault(policy, ['replicas', 'percent']);
      return message === null ? [] : [{ pointer: pointerOf([...at, index]), message }];
    });
  });
}

export function onLostOf({ use, replicas, after }: OnLostDocument): OnLostSpec {
  return { kind: use, replicas: replicas ?? 0, afterMs: parseDuration(after) };
}

export function onLostDocumentOf({ kind, replicas, afterMs }: OnLostSpec): OnLostDocument {
  const after = renderDuration(afterMs);
  return kind === 'current' ? { use: kind, after } : { use: kind, replicas, after };
}

export function onLostFaults(read: ReadField, path: Path): readonly Fault[] {
  const [min, max] = [replicaBound(read, 'min'), replicaBound(read, 'max')];
  return judged(read, path, onLostDocument, ({ use, replicas }) => {
    const at = ['replicas'];
    if (use === 'current') {
      const message = 'not with use: current, which keeps what is wanted; remove it';
      return replicas === undefined ? [] : [[at, message]];
    }
    if (replicas === undefined) return [[at, `required: expected the replicas of use: ${use}`]];
    if (min !== undefined && replicas < min) return [[at, `${replicas} is below min ${min}`]];
    if (max !== undefined && replicas > max) return [[at, `${replicas} is above max ${max}`]];
    return [];
  });
}

export function flapBudgetOf({ reversals, per, windowMax }: FlapBudgetDocument): FlapBudgetSpec {
  return {
    reversalsMax: reversals,
    periodMs: parseDuration(per),
    windowMaxMs: parseDuration(windowMax),
  };
}

export function flapBudgetDocumentOf(budget: FlapBudgetSpec): FlapBudgetDocument {
  return {
    reversals: budget.reversalsMax,
    per: renderDuration(budget.periodMs),
    windowMax: renderDuration(budget.windowMaxMs),
  };
}

/** `down` is the window of going in; undefined when it is not well-formed. */
export function flapBudgetFaults(
  read: ReadField,
  path: Path,
  down: string | undefined,
): readonly Fault[] {
  if (down === undefined) return [];
  return judged(read, path, flapBudgetDocument, ({ windowMax }) => {
    if (parseDuration(down) === 0) {
      const message =
        'doubles the window of going in, and stabilization.down is 0s; give that at least 1s';
      return [[[], message]];
    }
    if (parseDuration(windowMax) > parseDuration(down)) return [];
    const message = `${windowMax} is not longer than stabilization.down ${down}, so that nothing would widen`;
    return [[['windowMax'], message]];
  });
}

/** One of the two bounds of the document that is read, when it is well-formed. */
export function replicaBound(read: ReadField, which: 'min' | 'max'): number | undefined {
  return read(['replicas', which], wholeNumber(0, REPLICAS_MAX));
}

function rulesOf({ select, policies }: RateRulesDocument): RateRulesSpec {
  return {
    select,
    policies: policies.map(({ replicas, percent, per }): RatePolicySpec => {
      const periodMs = parseDuration(per);
      if (replicas !== undefined) return { kind: 'replicas', value: replicas, periodMs };
      return { kind: 'percent', value: percent ?? 0, periodMs };
    }),
  };
}

function rulesDocumentOf({ select, policies }: RateRulesSpec): RateRulesDocument {
  return {
    select,
    policies: policies.map(({ kind, value, periodMs }): RatePolicyDocument => {
      const per = renderDuration(periodMs);
      return kind === 'replicas' ? { replicas: value, per } : { percent: value, per };
    }),
  };
}
