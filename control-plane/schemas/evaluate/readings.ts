/**
 * What an input of a decision has read: of each metric, of each part of each strategy, of each replica
 * and each budget, the forecast, the windows in force, and what an operator did by hand.
 */

import { z } from 'zod';
import { PAUSES } from '../../model/intervention.ts';
import { type ReadFailure, SIGNAL_REASONS, type SignalReason } from '../../model/reasons.ts';
import {
  list,
  oneOf,
  positive,
  ratio,
  slug,
  strictObject,
  text,
  wholeNumber,
} from '../document.ts';
import { BUDGETS_MAX, METRICS_MAX } from '../policy/limits.ts';
import { SCHEDULES_MAX } from '../schedule.ts';
import { finite, instantMs, line, readValue, replicas, signalName, spanMs } from './fields.ts';

/** Points of one window; what a policy may ask for, and as much again. */
export const READ_POINTS_MAX = 2_000;
/** Replicas of which one input may tell. */
export const READ_REPLICAS_MAX = 10_000;
const FORECASTS_MAX = 16;
const QUANTILES_MAX = 32;

const DECIDED: readonly SignalReason[] = [
  'signal_stale',
  'signal_partial',
  'signal_out_of_range',
  'no_replica_ready',
  'signal_disagrees',
  'request_unknown',
  'formula_failed',
  'forecast_warming',
];

/** The reasons for which a reading itself can fail. */
export const READ_FAILURES = SIGNAL_REASONS.filter(isReadFailure);

const failure = {
  kind: z.literal('failed'),
  reason: z.enum(READ_FAILURES, { error: `expected one of ${READ_FAILURES.join(', ')}` }),
  detail: line,
};

export const observation = z
  .discriminatedUnion(
    'kind',
    [
      strictObject('a sample', {
        kind: z.literal('sample'),
        metric: signalName,
        value: finite,
        sampledAtMs: instantMs.nullable(),
        reporting: replicas.nullable(),
        redundant: z.exactOptional(finite.nullable()).meta({
          description: 'What the second expression says; of a metric with an agreement.',
        }),
      }),
      strictObject('a failed reading', { ...failure, metric: signalName }),
    ],
    { error: 'expected an object whose kind is sample or failed' },
  )
  .meta({ id: 'Observation', description: 'A signal and when it was true.' });

const partReading = z
  .discriminatedUnion(
    'kind',
    [
      strictObject('a sample', {
        kind: z.literal('sample'),
        value: readValue,
        sampledAtMs: instantMs.nullable(),
        reporting: replicas.nullable(),
      }),
      strictObject('points', {
        kind: z.literal('points'),
        points: list(
          `at most ${READ_POINTS_MAX} points`,
          strictObject('a point', { atMs: instantMs, value: readValue }),
          0,
          READ_POINTS_MAX,
        ),
        sampledAtMs: instantMs.nullable(),
      }),
      strictObject('samples of replicas', {
        kind: z.literal('replicas'),
        samples: list(
          `at most ${READ_REPLICAS_MAX} samples`,
          strictObject('a sample of a replica', {
            replicaId: text('the id of a replica', 256),
            value: readValue,
            sampledAtMs: instantMs.nullable(),
          }),
          0,
          READ_REPLICAS_MAX,
        ),
      }),
      strictObject('a failed reading', failure),
    ],
    { error: 'expected an object whose kind is sample, points, replicas or failed' },
  )
  .meta({ id: 'PartReading', description: 'What was read for one part of a strategy.' });

export const readings = list(
  `at most ${METRICS_MAX} readings`,
  strictObject('a reading', {
    strategy: signalName,
    parts: z.record(z.string(), partReading, {
      error: 'expected an object with the parts of the strategy',
    }),
  }),
  0,
  METRICS_MAX,
).meta({ description: 'One per strategy of the policy, in the policy’s order.' });

export const replicaFacts = list(
  `at most ${READ_REPLICAS_MAX} replicas`,
  strictObject('a replica', {
    replicaId: text('the id of a replica', 256),
    address: text('host:port', 512),
    phase: oneOf(['starting', 'ready', 'stopping']),
    startedAtMs: instantMs,
    readyChangedAtMs: instantMs.nullable(),
  }),
  0,
  READ_REPLICAS_MAX,
).meta({ description: 'Each replica, where a strategy looks at them.' });

export const activeSchedules = list(
  `at most ${SCHEDULES_MAX} windows`,
  strictObject('a window in force', {
    name: slug('the name of a schedule'),
    kind: oneOf(['floor', 'cap']),
    replicas,
    fromMs: instantMs,
    untilMs: instantMs,
  }),
  0,
  SCHEDULES_MAX,
).meta({ description: 'The windows of the policy’s schedules that are in force now.' });

const forecastReading = z.discriminatedUnion(
  'kind',
  [
    strictObject('a forecast', {
      kind: z.literal('forecast'),
      horizonMs: spanMs,
      model: text('the name of a model', 63),
      quantiles: list(
        `at most ${QUANTILES_MAX} quantiles`,
        strictObject('a quantile', { level: ratio(0, 1), load: finite }),
        0,
        QUANTILES_MAX,
      ),
      scored: wholeNumber(0, Number.MAX_SAFE_INTEGER),
      skillRatio: finite,
    }),
    strictObject('no forecast', {
      kind: z.literal('none'),
      horizonMs: spanMs,
      reason: oneOf(['forecast_stale', 'forecast_unproven']),
    }),
  ],
  { error: 'expected an object whose kind is forecast or none' },
);

export const forecastInput = z
  .discriminatedUnion(
    'kind',
    [
      strictObject('a forecast that warms up', { kind: z.literal('warming'), detail: line }),
      strictObject('forecasts', {
        kind: z.literal('ready'),
        forecasts: list(`at most ${FORECASTS_MAX} forecasts`, forecastReading, 0, FORECASTS_MAX),
        rules: list(
          `at most ${FORECASTS_MAX} rules`,
          strictObject('a rule', {
            kind: oneOf(['raise', 'hold']),
            horizonMs: spanMs,
            level: ratio(0, 1),
            target: positive(),
          }),
          0,
          FORECASTS_MAX,
        ),
      }),
    ],
    { error: 'expected an object whose kind is warming or ready' },
  )
  .meta({ id: 'ForecastInput', description: 'What the policy’s forecast says.' });

export const budgetInputs = list(
  `at most ${BUDGETS_MAX} budgets`,
  strictObject('a budget', {
    budgetId: slug('the id of a budget'),
    unitsPerReplica: positive(),
    limit: ratio(0, Number.MAX_VALUE).nullable().meta({ description: 'Null: no such budget.' }),
    usedByOthers: ratio(0, Number.MAX_VALUE),
  }),
  0,
  BUDGETS_MAX,
).meta({ description: 'One per budget that the policy shares, in the policy’s order.' });

const intervention = { sinceMs: instantMs, untilMs: instantMs.nullable(), note: line };

export const pauseInput = strictObject('a pause', { direction: oneOf(PAUSES), ...intervention });
export const overrideInput = strictObject('an override', { replicas, ...intervention });

function isReadFailure(reason: SignalReason): reason is ReadFailure {
  return !DECIDED.includes(reason);
}
