/** A policy as a decision record holds it. What came with newer formats may be absent, and stays so. */

import { z } from 'zod';
import { VERTICAL_RESOURCES } from '../../model/vertical.ts';
import { list, oneOf, positive, slug, strictObject, text, wholeNumber } from '../document.ts';
import { BUDGETS_MAX, METRICS_MAX, RATE_POLICIES_MAX } from '../policy/limits.ts';
import { SCHEDULES_MAX } from '../schedule.ts';
import { VERTICAL_SLICES_MAX } from '../vertical.ts';
import { durationMs, finite, flag, query, replicas, share, signalName, spanMs } from './fields.ts';
import { coverageModel, strategyModel } from './recorded-strategies.ts';

const REVERSALS_MAX = 1_000;

const metricModel = strictObject('a metric', {
  name: signalName,
  query,
  timestampQuery: query,
  coverage: coverageModel,
  kind: oneOf(['value', 'average_value']),
  target: positive(),
  agreement: z.exactOptional(strictObject('an agreement', { query, toleranceRatio: share })),
  fromReplicas: z.exactOptional(flag),
});

const rateRules = strictObject('{ select, policies }', {
  select: oneOf(['max', 'min', 'disabled']),
  policies: list(
    `at most ${RATE_POLICIES_MAX} rate policies`,
    strictObject('a rate policy', {
      kind: oneOf(['replicas', 'percent']),
      value: finite.min(0, { error: 'expected 0 or more' }),
      periodMs: spanMs,
    }),
    0,
    RATE_POLICIES_MAX,
  ),
});

const scheduleModel = strictObject('a schedule', {
  name: slug('a name'),
  kind: oneOf(['floor', 'cap']),
  cron: text('a cron expression', 256),
  timeZone: text('a time zone', 64),
  durationMs: spanMs,
  replicas,
});

const optionalNumber = finite.nullable();

const verticalModel = strictObject('vertical recommendations', {
  resources: list(
    '1 to 3 resources',
    strictObject('a resource', {
      resource: oneOf(VERTICAL_RESOURCES),
      query,
      request: optionalNumber,
      percentile: share,
      marginRatio: share,
      min: optionalNumber,
      max: optionalNumber,
      warmupMs: durationMs,
      belowPeak: flag,
      oom: strictObject('{ killsQuery, limitQuery }', {
        killsQuery: query,
        limitQuery: query.nullable(),
      }).nullable(),
      device: strictObject('{ memoryBytes, slicesBytes }', {
        memoryBytes: positive(),
        slicesBytes: list('sizes of slices', positive(), 0, VERTICAL_SLICES_MAX),
      }).nullable(),
    }),
    1,
    VERTICAL_RESOURCES.length,
  ),
  replicaLabel: text('the name of a label', 128),
  historyMs: spanMs,
  stepMs: spanMs,
  halfLifeMs: spanMs,
  peakIntervalMs: spanMs,
  spanMinMs: durationMs,
  coverageMinRatio: share,
});

export const policyModel = strictObject('a policy', {
  id: slug('the id of a policy'),
  workloadId: slug('the id of a workload'),
  metrics: list(`at most ${METRICS_MAX} metrics`, metricModel, 0, METRICS_MAX),
  replicasMin: replicas,
  replicasMax: replicas,
  toleranceUpRatio: share,
  toleranceDownRatio: share,
  stabilizationUpMs: durationMs,
  stabilizationDownMs: durationMs,
  cooldownUpMs: durationMs,
  cooldownDownMs: durationMs,
  signalAgeMaxMs: durationMs,
  actionTimeoutMs: durationMs,
  strategies: z.exactOptional(
    list(`1 to ${METRICS_MAX} strategies`, strategyModel, 1, METRICS_MAX),
  ),
  combination: z.exactOptional(oneOf(['winner', 'out_if_any'])),
  compatibility: z.exactOptional(oneOf(['hpa-v2', 'nomad'])),
  rates: z.exactOptional(strictObject('{ out, in }', { out: rateRules, in: rateRules })),
  schedules: z.exactOptional(
    list(`1 to ${SCHEDULES_MAX} schedules`, scheduleModel, 1, SCHEDULES_MAX),
  ),
  forecast: z.exactOptional(
    strictObject('a forecast', {
      metric: signalName,
      bootMs: durationMs,
      capacity: positive(),
      historyMs: durationMs,
    }),
  ),
  onLost: z.exactOptional(
    strictObject('{ kind, replicas, afterMs }', {
      kind: oneOf(['static', 'current', 'current_if_higher', 'current_if_lower']),
      replicas,
      afterMs: durationMs,
    }),
  ),
  flapBudget: z.exactOptional(
    strictObject('{ reversalsMax, periodMs, windowMaxMs }', {
      reversalsMax: wholeNumber(1, REVERSALS_MAX),
      periodMs: spanMs,
      windowMaxMs: durationMs,
    }),
  ),
  budgets: z.exactOptional(
    list(
      `1 to ${BUDGETS_MAX} budgets`,
      strictObject('a share of a budget', {
        budgetId: slug('the id of a budget'),
        unitsPerReplica: positive(),
      }),
      1,
      BUDGETS_MAX,
    ),
  ),
  whileBooting: z.exactOptional(oneOf(['raise'])),
  vertical: z.exactOptional(verticalModel),
}).meta({ id: 'RecordedPolicy', description: 'A policy as a decision record holds it.' });
