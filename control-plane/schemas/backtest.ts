/**
 * What is asked of `POST /v1/autoscaling/backtest`, as JSON: policies, by id or whole, a range, a history,
 * a plant, and what goes wrong. Refuses everything that is wrong with the document at once; whether the
 * policies exist, and whether each signal has a rule, is for others to say.
 */

import { z } from 'zod';
import { BACKTEST_LIMITS } from '../model/backtest.ts';
import type { BacktestRequest, HistorySource, Overload, Point } from '../model/backtest.ts';
import type { ScalePolicy } from '../model/policy.ts';
import {
  parseInstant,
  parseKill,
  parseMapping,
  parseOutage,
  readInstant,
} from './backtest-words.ts';
import {
  list,
  oneOf,
  parseDocument,
  positive,
  slug,
  strictObject,
  text,
  wholeNumber,
} from './document.ts';
import type { ReadField } from './document.ts';
import { durationText, parseDuration } from './duration.ts';
import { SchemaError, pointerOf } from './fault.ts';
import type { Fault } from './fault.ts';
import { parsePolicy, policyDocument } from './policy.ts';
import { promqlText } from './promql.ts';

const SECOND_MS = 1_000;
const DAY_MS = 86_400_000;
const SERIES_MAX = 64;
const PLANS_MAX = 32;
const SIGNALS_MAX = 64;
/** Of all series together: reading more would hold up the member that is asked. */
const POINTS_MAX = 10_000;
const NO_PAIR: readonly unknown[] = [];

const instantText = text('an instant such as 2026-11-01T00:00Z', 40)
  .refine((value) => readInstant(value) !== null, {
    error: 'expected an instant such as 2026-11-01T00:00Z',
  })
  .meta({ description: 'RFC 3339; UTC without a zone.', examples: ['2026-11-01T00:00Z'] });

/** Checked by hand: a schema for each of many numbers would hold up the event loop. */
const points = z
  .array(z.unknown(), { error: 'expected a list of [time, number]' })
  .check((context) => {
    const message = pointsFault(context.value);
    if (message !== null) {
      context.issues.push({ code: 'custom', message, input: context.value });
    }
  })
  .meta({
    description:
      'Pairs of UNIX time in seconds or ms and a number, times rising; null is a number that was not one (NaN).',
    override: ({ jsonSchema }) => {
      jsonSchema.items = { type: 'array', minItems: 2, maxItems: 2 };
    },
  });

const values = z
  .array(z.unknown(), { error: 'expected a list of numbers' })
  .check((context) => {
    const wrong = context.value.findIndex((one) => one !== null && typeof one !== 'number');
    if (wrong < 0) return;
    const message = `value ${wrong}: expected a number or null`;
    context.issues.push({ code: 'custom', message, input: context.value });
  })
  .meta({
    description: 'One number per step from start on; null where there was none.',
    override: ({ jsonSchema }) => {
      jsonSchema.items = { type: ['number', 'null'] };
    },
  });

const seriesDocument = strictObject('{ points } or { start, step, values }', {
  points: points.optional(),
  start: instantText.optional(),
  step: durationText(SECOND_MS, DAY_MS).optional(),
  values: values.optional(),
}).meta({ description: 'Exactly one of points, and start with step and values.' });

const sourceDocument = z
  .discriminatedUnion(
    'kind',
    [
      strictObject('the metrics source', { kind: z.literal('prometheus') }),
      strictObject('points', {
        kind: z.literal('points'),
        series: z
          .record(z.string(), seriesDocument, { error: 'expected an object of series' })
          .meta({ description: 'By the name of the signal; `load` for the load.' }),
        lookback: durationText(SECOND_MS, DAY_MS).default('5m').meta({
          description: 'A point says nothing of what is longer after it.',
        }),
      }),
    ],
    { error: 'expected an object whose kind is prometheus or points' },
  )
  .default({ kind: 'prometheus' });

const overloadDocument = z
  .discriminatedUnion(
    'kind',
    [
      strictObject('lost', { kind: z.literal('lost') }),
      strictObject('a queue', {
        kind: z.literal('queue'),
        lateAfter: durationText(0, DAY_MS).default('5s'),
        giveUpAfter: durationText(1, DAY_MS).nullable().default(null),
      }),
    ],
    { error: 'expected an object whose kind is lost or queue' },
  )
  .default({ kind: 'lost' })
  .meta({ description: 'What becomes of load beyond the ready capacity.' });

const plantDocument = strictObject('{ boot, capacity }', {
  boot: durationText(0, DAY_MS).meta({ description: 'From asking for a replica until it serves.' }),
  capacity: positive().meta({
    description: 'Load that one ready replica serves, in the unit of the load.',
  }),
  initial: wholeNumber(0, 100_000).nullable().default(null).meta({
    description: 'Ready at the beginning; null: what the load of the first boot time needs.',
  }),
  overload: overloadDocument,
});

const planText = (parse: (value: string) => unknown, example: string) =>
  text(`a text such as ${example}`, 200).check((context) => {
    for (const message of messagesOf(() => parse(context.value))) {
      context.issues.push({ code: 'custom', message, input: context.value });
    }
  });

const injectionsDocument = strictObject('{ seed, outages, kills }', {
  seed: wholeNumber(0, 2 ** 31 - 1).default(1),
  outages: list(`at most ${PLANS_MAX} plans`, planText(parseOutage, '10m@daily'), 0, PLANS_MAX)
    .default([])
    .meta({
      description:
        '[KIND:]DURATION@WHEN[#SIGNAL], e.g. 10m@daily, zero:5m@6h, stale:90s@2026-11-02T03:00Z.',
    }),
  kills: list(`at most ${PLANS_MAX} plans`, planText(parseKill, '30s@daily'), 0, PLANS_MAX)
    .default([])
    .meta({ description: 'DURATION@WHEN: nobody decides for so long.' }),
  forgotten: z
    .boolean({ error: 'expected true or false' })
    .default(false)
    .meta({ description: 'Runs each policy once more with its memory lost at each kill.' }),
}).default({ seed: 1, outages: [], kills: [], forgotten: false });

const policyEntry = z.union([
  slug('the id of a policy'),
  strictObject('{ label, policy }', {
    label: text('a label', 100).optional(),
    policy: z.union([slug('the id of a policy'), policyDocument]),
  }),
]);

export const backtestDocument = strictObject('a backtest', {
  policies: list(
    `1 to ${BACKTEST_LIMITS.policiesMax} policies`,
    policyEntry,
    1,
    BACKTEST_LIMITS.policiesMax,
  ).meta({ description: 'Ids of policies, or { label, policy } with an id or a whole document.' }),
  from: instantText,
  to: instantText,
  step: durationText(SECOND_MS, DAY_MS).default('15s'),
  source: sourceDocument,
  load: strictObject('{ query } or { series }', {
    query: promqlText().optional(),
    series: text('the name of a series', 200).optional(),
  })
    .optional()
    .meta({ description: 'The load that came; the first signal that is a total when left out.' }),
  signals: z
    .record(z.string().max(200), planText(parseMapping, 'busy:100'), {
      error: 'expected an object of rules',
    })
    .default({})
    .meta({
      description:
        'How signals follow the simulated replicas, by name: total, utilization, busy or queue, with the value at full use where it is not 1 (busy:100).',
    }),
  plant: plantDocument,
  injections: injectionsDocument,
  points: wholeNumber(10, BACKTEST_LIMITS.pointsMax)
    .default(1_000)
    .meta({ description: 'Most points of each series of the answer.' }),
}).meta({ id: 'BacktestRequest', description: 'What policies would have done on recorded load.' });

/** A policy of the request, before ids are looked up. */
export interface AskedPolicy {
  readonly label: string | null;
  readonly asked:
    | { readonly kind: 'id'; readonly id: string }
    | { readonly kind: 'document'; readonly policy: ScalePolicy };
}

export interface AskedBacktest {
  readonly policies: readonly AskedPolicy[];
  readonly rest: Omit<BacktestRequest, 'policies'>;
}

/** What `policies` holds is parsed by itself, with the parser of policies and its rules across fields. */
const around = backtestDocument.extend({
  policies: list(
    `1 to ${BACKTEST_LIMITS.policiesMax} policies`,
    z.unknown(),
    1,
    BACKTEST_LIMITS.policiesMax,
  ),
});

/** @throws SchemaError with every fault */
export function parseBacktest(value: unknown): AskedBacktest {
  const faults: Fault[] = [];
  const parsed = attempt('', faults, () => parseDocument(around, value, crossFaults));
  const entries = policiesOf(value);
  const policies = entries.map((entry, index) =>
    attempt(pointerOf(['policies', index]), faults, () => askedPolicy(entry)),
  );
  if (parsed === null || faults.length > 0) throw new SchemaError(faults);
  return { policies: policies.flatMap((one) => (one === null ? [] : [one])), rest: restOf(parsed) };
}

function restOf(parsed: z.output<typeof around>): AskedBacktest['rest'] {
  const { seed, outages, kills, forgotten } = parsed.injections;
  const { boot, capacity, initial, overload } = parsed.plant;
  const { query, series } = parsed.load ?? {};
  return {
    fromMs: parseInstant(parsed.from),
    toMs: parseInstant(parsed.to),
    stepMs: parseDuration(parsed.step),
    source: sourceOf(parsed.source),
    load:
      query !== undefined
        ? { kind: 'query', query }
        : series !== undefined
          ? { kind: 'series', name: series }
          : loadOtherwise(parsed.source),
    signals: Object.fromEntries(
      Object.entries(parsed.signals).map(([name, rule]) => [name, parseMapping(rule)]),
    ),
    plant: {
      bootMs: parseDuration(boot),
      replicaCapacity: capacity,
      replicasInitial: initial,
      overload: overloadOf(overload),
    },
    injections: {
      seed,
      outages: outages.map(parseOutage),
      kills: kills.map(parseKill),
      compareForgotten: forgotten,
    },
    pointsMax: parsed.points,
  };
}

function loadOtherwise(source: z.output<typeof sourceDocument>): BacktestRequest['load'] {
  const hasLoad = source.kind === 'points' && Object.hasOwn(source.series, 'load');
  return hasLoad ? { kind: 'series', name: 'load' } : { kind: 'first_total' };
}

function sourceOf(source: z.output<typeof sourceDocument>): HistorySource {
  if (source.kind === 'prometheus') return source;
  const series = Object.entries(source.series).map(
    ([name, given]): readonly [string, readonly Point[]] => [name, pointsOf(given)],
  );
  const lookbackMs = parseDuration(source.lookback);
  return { kind: 'points', series: Object.fromEntries(series), lookbackMs };
}

function pointsOf(given: z.output<typeof seriesDocument>): readonly Point[] {
  if (given.points !== undefined) {
    return given.points.flatMap((pair): Point[] => {
      const [time, value] = Array.isArray(pair) ? (pair as readonly unknown[]) : NO_PAIR;
      if (typeof time !== 'number') return [];
      return [[readInstant(String(time)) ?? time, typeof value === 'number' ? value : NaN]];
    });
  }
  const startMs = parseInstant(given.start ?? '');
  const stepMs = parseDuration(given.step ?? '');
  return (given.values ?? []).flatMap((value, at): Point[] =>
    typeof value === 'number' ? [[startMs + at * stepMs, value]] : [],
  );
}

function overloadOf(overload: z.output<typeof overloadDocument>): Overload {
  if (overload.kind === 'lost') return overload;
  const { lateAfter, giveUpAfter } = overload;
  return {
    kind: 'queue',
    lateAfterMs: parseDuration(lateAfter),
    timeoutMs: giveUpAfter === null ? null : parseDuration(giveUpAfter),
  };
}

/** What is wrong with a list of points; null when nothing is. */
function pointsFault(list: readonly unknown[]): string | null {
  let lastMs = -Infinity;
  for (const [index, pair] of list.entries()) {
    const [time, value] = Array.isArray(pair) ? (pair as readonly unknown[]) : NO_PAIR;
    if (!Array.isArray(pair) || pair.length !== 2 || typeof time !== 'number') {
      return `point ${index}: expected [time, number]`;
    }
    if (value !== null && typeof value !== 'number') {
      return `point ${index}: expected a number or null`;
    }
    const atMs = readInstant(String(time));
    if (atMs === null) return `point ${index}: expected a time in UNIX seconds or ms`;
    if (atMs <= lastMs) return `point ${index}: its time is not after the one before it`;
    lastMs = atMs;
  }
  return null;
}

function crossFaults(read: ReadField): readonly Fault[] {
  const faults: Fault[] = [];
  const from = read(['from'], instantText);
  const to = read(['to'], instantText);
  if (from !== undefined && to !== undefined && parseInstant(from) >= parseInstant(to)) {
    faults.push({ pointer: '/from', message: 'is not before `to`' });
  }
  const load = read(['load'], z.record(z.string(), z.unknown()));
  if (load !== undefined && (load['query'] === undefined) === (load['series'] === undefined)) {
    faults.push({ pointer: '/load', message: 'expected exactly one of query and series' });
  }
  faults.push(...seriesFaults(read));
  const signals = read(['signals'], z.record(z.string(), z.unknown())) ?? {};
  if (Object.keys(signals).length > SIGNALS_MAX) {
    faults.push({ pointer: '/signals', message: `more than ${SIGNALS_MAX} rules` });
  }
  return faults;
}

function seriesFaults(read: ReadField): readonly Fault[] {
  const series = read(['source', 'series'], z.record(z.string(), z.unknown())) ?? {};
  const kind = read(['source', 'kind'], oneOf(['points', 'prometheus']));
  const byName = read(['load', 'series'], z.string());
  const names = Object.keys(series);
  const faults: Fault[] = [];
  if (kind === 'points' && names.length === 0) {
    faults.push({ pointer: '/source/series', message: 'expected one series at least' });
  }
  if (names.length > SERIES_MAX) {
    faults.push({ pointer: '/source/series', message: `more than ${SERIES_MAX} series` });
  }
  if (byName !== undefined && !names.includes(byName)) {
    faults.push({ pointer: '/load/series', message: `there is no series "${byName}"` });
  }
  let points = 0;
  for (const name of names) {
    const path = ['source', 'series', name];
    const given = read(path, z.record(z.string(), z.unknown())) ?? {};
    const isPoints = given['points'] !== undefined;
    const list = given['points'] ?? given['values'];
    points += Array.isArray(list) ? list.length : 0;
    const others = ['start', 'step', 'values'].filter((key) => given[key] !== undefined).length;
    if (isPoints ? others > 0 : others < 3) {
      const message = 'expected points, or start with step and values';
      faults.push({ pointer: pointerOf(path), message });
    }
  }
  if (points > POINTS_MAX) {
    const message = `${points} points are more than ${POINTS_MAX}; let them be read from the metrics source, or run npm run backtest over a file`;
    faults.push({ pointer: '/source/series', message });
  }
  return faults;
}

function policiesOf(value: unknown): readonly unknown[] {
  if (typeof value !== 'object' || value === null) return [];
  const given: unknown = Reflect.get(value, 'policies');
  return Array.isArray(given) ? given.slice(0, BACKTEST_LIMITS.policiesMax) : [];
}

const entryAround = strictObject('the id of a policy or { label, policy }', {
  label: text('a label', 100).optional(),
  policy: z.unknown(),
});
const policyId = slug('the id of a policy');

function askedPolicy(entry: unknown): AskedPolicy {
  if (typeof entry === 'string') {
    const id = parseDocument(policyId, entry, () => []);
    return { label: null, asked: { kind: 'id', id } };
  }
  const { label = null, policy } = parseDocument(entryAround, entry, () => []);
  const faults: Fault[] = [];
  const asked = attempt('/policy', faults, (): AskedPolicy['asked'] => {
    if (typeof policy !== 'string') return { kind: 'document', policy: parsePolicy(policy) };
    return { kind: 'id', id: parseDocument(policyId, policy, () => []) };
  });
  if (asked === null) throw new SchemaError(faults);
  return { label, asked };
}

function attempt<T>(prefix: string, faults: Fault[], parse: () => T): T | null {
  try {
    return parse();
  } catch (error) {
    if (!(error instanceof SchemaError)) throw error;
    for (const { pointer, message } of error.faults) {
      faults.push({ pointer: `${prefix}${pointer}`, message });
    }
    return null;
  }
}

function messagesOf(parse: () => unknown): readonly string[] {
  try {
    parse();
    return [];
  } catch (error) {
    if (!(error instanceof SchemaError)) throw error;
    return error.faults.map(({ message }) => message);
  }
}
