/** The shape of a policy. What came with format 4 may be absent. */

import type {
  AgreementSpec,
  BudgetShare,
  CoverageSpec,
  FlapBudgetSpec,
  ForecastSpec,
  MetricSpec,
  OnLostSpec,
  RatePolicySpec,
  RateRulesSpec,
  RatesSpec,
  ScalePolicy,
} from '../model/policy.ts';
import type { ScheduleSpec } from '../model/schedule.ts';
import { count, finite, listOf, nullable, objectOf, oneOf, optional } from './shape.ts';
import { text, truth } from './shape.ts';
import { strategyShape } from './strategy-shape.ts';
import { verticalShape } from './vertical-shape.ts';

const metric = objectOf<MetricSpec>({
  name: text,
  query: text,
  timestampQuery: text,
  coverage: nullable(objectOf<CoverageSpec>({ query: text, minimumRatio: finite })),
  kind: oneOf(['value', 'average_value']),
  target: finite,
  agreement: optional(objectOf<AgreementSpec>({ query: text, toleranceRatio: finite })),
  fromReplicas: optional(truth),
});

const rateRules = objectOf<RateRulesSpec>({
  select: oneOf(['max', 'min', 'disabled']),
  policies: listOf(
    objectOf<RatePolicySpec>({
      kind: oneOf(['replicas', 'percent']),
      value: finite,
      periodMs: finite,
    }),
  ),
});

const schedule = objectOf<ScheduleSpec>({
  name: text,
  kind: oneOf(['floor', 'cap']),
  cron: text,
  timeZone: text,
  durationMs: finite,
  replicas: count,
});

const forecast = objectOf<ForecastSpec>({
  metric: text,
  bootMs: finite,
  capacity: finite,
  historyMs: finite,
});

const onLost = objectOf<OnLostSpec>({
  kind: oneOf(['static', 'current', 'current_if_higher', 'current_if_lower']),
  replicas: count,
  afterMs: finite,
});

const flapBudget = objectOf<FlapBudgetSpec>({
  reversalsMax: finite,
  periodMs: finite,
  windowMaxMs: finite,
});

export const policyShape = objectOf<ScalePolicy>({
  id: text,
  workloadId: text,
  metrics: listOf(metric),
  replicasMin: count,
  replicasMax: count,
  toleranceUpRatio: finite,
  toleranceDownRatio: finite,
  stabilizationUpMs: finite,
  stabilizationDownMs: finite,
  cooldownUpMs: finite,
  cooldownDownMs: finite,
  signalAgeMaxMs: finite,
  actionTimeoutMs: finite,
  strategies: optional(listOf(strategyShape)),
  combination: optional(oneOf<'winner' | 'out_if_any'>(['winner', 'out_if_any'])),
  compatibility: optional(oneOf<'hpa-v2' | 'nomad'>(['hpa-v2', 'nomad'])),
  rates: optional(objectOf<RatesSpec>({ out: rateRules, in: rateRules })),
  schedules: optional(listOf(schedule)),
  forecast: optional(forecast),
  onLost: optional(onLost),
  flapBudget: optional(flapBudget),
  budgets: optional(listOf(objectOf<BudgetShare>({ budgetId: text, unitsPerReplica: finite }))),
  whileBooting: optional(oneOf<'raise'>(['raise'])),
  vertical: optional(verticalShape),
});
