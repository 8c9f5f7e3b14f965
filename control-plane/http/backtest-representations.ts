/** How a backtest's result looks in an answer: the schema that the OpenAPI document shows. */

import { z } from 'zod';
import { OUTAGE_KINDS, SIGNAL_RULES } from '../model/backtest.ts';

const ms = z.number().meta({ description: 'UNIX time in ms.' });
const ratio = z.number().meta({ description: '0 to 1.' });
const band = z
  .object({ min: z.array(z.number()), max: z.array(z.number()) })
  .meta({ description: 'The least and the most of each bucket.' });

const measures = z
  .object({
    unservedRatio: ratio,
    lateRatio: ratio.nullable(),
    slackRatio: ratio,
    replicaHours: z.number(),
    actions: z.number(),
    reversalsPerDay: z.number(),
    atMaximumRatio: ratio,
    replicasPeak: z.number(),
  })
  .meta({
    id: 'BacktestMeasures',
    description:
      'What a run was worth: load never served, load served too late or never (null where overload is lost), capacity paid for that served nothing, and what it cost in replica-hours and changes.',
  });

const series = z
  .object({
    ready: band,
    desired: band,
    missed: z.array(z.number()),
    waiting: z.array(z.number()),
  })
  .meta({ id: 'BacktestSeries', description: 'One element per bucket of time.' });

const stages = z.array(z.string());

const episode = z.object({
  fromMs: ms,
  toMs: ms,
  ticks: z.number(),
  verdict: z.enum(['act', 'hold', 'nobody']),
  reason: z.string(),
  fromReplicas: z.number(),
  toReplicas: z.number(),
  stages,
});

const run = z
  .object({
    label: z.string(),
    policyId: z.string(),
    replicasMax: z.number(),
    memory: z.enum(['kept', 'forgotten']),
    measures,
    holds: z.array(z.object({ reason: z.string(), ticks: z.number() })),
    changes: z.array(
      z.object({
        atMs: ms,
        fromReplicas: z.number(),
        toReplicas: z.number(),
        reason: z.string(),
        stages,
      }),
    ),
    changesOmitted: z.number(),
    scaleInsDuringOutages: z.number(),
    misses: z.array(
      z.object({
        fromMs: ms,
        toMs: ms,
        missed: z.number(),
        shareOfAll: ratio,
        peakLoad: z.number(),
        readyThen: z.number(),
        replicasNeeded: z.number(),
        episodes: z.array(episode),
      }),
    ),
    missesOmitted: z.number(),
    series,
  })
  .meta({ id: 'BacktestRun', description: 'What one policy would have done.' });

const window = { fromMs: ms, toMs: ms };

export const backtestAnswer = z
  .object({
    fromMs: ms,
    toMs: ms,
    stepMs: z.number(),
    steps: z.number(),
    plant: z.object({
      bootMs: z.number(),
      replicaCapacity: z.number(),
      replicasInitial: z.number(),
      overload: z.union([
        z.object({ kind: z.literal('lost') }),
        z.object({
          kind: z.literal('queue'),
          lateAfterMs: z.number(),
          timeoutMs: z.number().nullable(),
        }),
      ]),
    }),
    load: z.object({
      from: z.string(),
      mean: z.number(),
      peak: z.number(),
      missingSteps: z.number(),
    }),
    signals: z.array(
      z.object({
        policy: z.string(),
        signal: z.string(),
        rule: z.enum(SIGNAL_RULES),
        missingSteps: z.number(),
      }),
    ),
    seed: z.number(),
    outages: z.array(
      z.object({ ...window, kind: z.enum(OUTAGE_KINDS), metric: z.string().nullable() }),
    ),
    kills: z.array(z.object(window)),
    runs: z.array(run),
    oracle: z.object({ measures, series }),
    warnings: z.array(z.string()),
    bucketsAtMs: z.array(ms),
    loadSeries: band,
  })
  .meta({ id: 'BacktestAnswer', description: 'Every policy beside the others and the oracle.' });
