/**
 * Of workloads: what their policies have beside signals and brakes. Forecasts, shadows, budgets, what
 * operators set by hand, and how often the direction turns. A panel of what no policy asks for is empty,
 * and says so.
 */

import { api } from '../../api-links.ts';
import type { DashboardRow } from '../../dashboard.ts';
import { runbook } from '../../links.ts';
import { stateTimeline, table, timeSeries } from '../../panels.ts';
import { DECISIONS, NO_WORKLOAD, OF_WORKLOAD, ONE } from './queries.ts';

const NO_FORECAST = 'No policy of these workloads forecasts (forecast)';
const NOT_TRUSTED = 'No forecast of these workloads is trusted yet, or none is asked for';

export const forecasts: DashboardRow = {
  title: 'Forecasts',
  panels: [
    timeSeries({
      title: 'Load and its forecast',
      description:
        'The load now, and the loads that one in two and one in a hundred forecasts are exceeded by, so many seconds ahead. Of a trusted model alone.',
      unit: 'count',
      link: runbook('OmniMindForecastWrong'),
      seriesLink: OF_WORKLOAD,
      noValue: NO_FORECAST,
      min: 0,
      queries: [
        {
          expr: `topk(25, max by (workload) (omnimind_forecast_metric_load${ONE}))`,
          legend: '{{workload}} now',
        },
        {
          expr: `topk(25, max by (workload, horizon, level) (omnimind_forecast_load{workload=~"$workload", level=~"0.5|0.99"}))`,
          legend: '{{workload}} in {{horizon}} s, {{level}}',
        },
      ],
      size: { width: 12, height: 9 },
    }),
    timeSeries({
      title: 'What the forecast raises',
      description:
        'Replicas that the metrics ask for, after the forecast had its say, and wanted in the end. Where the second line is above the first, the forecast raises or holds.',
      unit: 'count',
      link: DECISIONS,
      seriesLink: OF_WORKLOAD,
      noValue: NO_FORECAST,
      step: true,
      min: 0,
      queries: [
        {
          expr: `topk(25, ${stage('combine')} and on (workload) ${stage('forecast')})`,
          legend: '{{workload}} by its metrics',
        },
        { expr: `topk(25, ${stage('forecast')})`, legend: '{{workload}} with the forecast' },
        {
          expr: `topk(25, max by (workload) (omnimind_replicas_desired${ONE}) and on (workload) ${stage('forecast')})`,
          legend: '{{workload}} desired',
        },
      ],
      size: { width: 12, height: 9 },
    }),
    stateTimeline({
      title: 'State of the forecast',
      description:
        'Warming: the history is being read and nothing goes in. Unproven: no model beats the last value, and none raises. Stale: no recent load. Trusted: it raises.',
      unit: 'count',
      link: runbook('OmniMindForecastNotReady'),
      seriesLink: OF_WORKLOAD,
      noValue: NO_FORECAST,
      mappings: [
        [1, 'warming', 'warning'],
        [2, 'unproven', 'neutral'],
        [3, 'stale', 'warning'],
        [4, 'trusted', 'ok'],
      ],
      queries: [{ expr: `topk(25, ${states()})`, legend: '{{workload}}' }],
      size: { width: 8, height: 8 },
    }),
    timeSeries({
      title: 'Skill of the forecast',
      description:
        'How much better than the last value the trusted model was lately: 1 is perfect, below 0 it loses its trust.',
      unit: 'ratio',
      link: runbook('OmniMindForecastUnsettled'),
      seriesLink: OF_WORKLOAD,
      noValue: NOT_TRUSTED,
      max: 1,
      queries: [
        {
          expr: `topk(25, max by (workload, horizon) (omnimind_forecast_skill_ratio${ONE}))`,
          legend: '{{workload}} in {{horizon}} s',
        },
      ],
    }),
    timeSeries({
      title: 'Loads above the forecast',
      description:
        'Share of the loads of half a day that were above the quantile that one in a hundred should be above. Near 1 % the forecast is right.',
      unit: 'ratio',
      link: runbook('OmniMindForecastWrong'),
      seriesLink: OF_WORKLOAD,
      noValue: NOT_TRUSTED,
      min: 0,
      thresholds: [
        [null, 'ok'],
        [0.05, 'warning'],
      ],
      queries: [
        {
          expr: `topk(25, 1 - min by (workload, horizon) (omnimind_forecast_coverage_ratio{workload=~"$workload", level="0.99"}))`,
          legend: '{{workload}} in {{horizon}} s',
        },
      ],
    }),
  ],
};

export const shadows: DashboardRow = {
  title: 'Shadows, turns and what is set by hand',
  panels: [
    timeSeries({
      title: 'Shadow and policy in force',
      description:
        'Replicas that a shadow policy wants beside those that are wanted. Nothing acts on a shadow until it is promoted.',
      unit: 'count',
      link: DECISIONS,
      seriesLink: OF_WORKLOAD,
      noValue: 'No policy of these workloads has a shadow (PUT /v1/policies/{id}/shadow)',
      step: true,
      min: 0,
      queries: [
        {
          expr: `topk(25, max by (workload) (omnimind_shadow_replicas${ONE}))`,
          legend: '{{workload}} shadow',
        },
        {
          expr: `topk(25, max by (workload) (omnimind_replicas_desired${ONE}) and on (workload) max by (workload) (omnimind_shadow_replicas))`,
          legend: '{{workload}} desired',
        },
      ],
    }),
    timeSeries({
      title: 'What the shadow would change',
      description:
        'Replicas that the shadow wants more (above 0) or fewer (below 0) than the policy in force, and how often it has turned since it was put.',
      unit: 'count',
      link: DECISIONS,
      seriesLink: OF_WORKLOAD,
      noValue: 'No policy of these workloads has a shadow (PUT /v1/policies/{id}/shadow)',
      step: true,
      queries: [
        {
          expr: `topk(25, max by (workload) (omnimind_shadow_replicas${ONE}) - on (workload) max by (workload) (omnimind_replicas_desired))`,
          legend: '{{workload}} difference',
        },
        {
          expr: `topk(25, max by (workload) (omnimind_shadow_reversals${ONE}))`,
          legend: '{{workload}} turns of the shadow',
        },
      ],
    }),
    timeSeries({
      title: 'Turns within the hour',
      description:
        'How often a decision went the other way than the one before it, and whether the flap budget of the policy widens the window of going in: a step to 1.',
      unit: 'count',
      link: runbook('OmniMindFlapping'),
      seriesLink: OF_WORKLOAD,
      noValue: NO_WORKLOAD,
      step: true,
      min: 0,
      queries: [
        {
          expr: `topk(25, sum by (workload) (increase(omnimind_scale_reversals_total${ONE}[1h])))`,
          legend: '{{workload}}',
        },
        {
          expr: `topk(25, max by (workload) (omnimind_decision_constraint_info{workload=~"$workload", reason="flap_budget"}))`,
          legend: '{{workload}} flap budget holds',
        },
      ],
    }),
    table({
      title: 'Set by hand',
      description:
        'Pauses, and numbers of replicas that an operator set, as long as they are in force. Without an end somebody has to take them back.',
      link: runbook('OmniMindOverrideForgotten'),
      noValue: 'Nothing is paused or set by hand',
      labels: [
        { label: 'workload', title: 'Workload' },
        { label: 'kind', title: 'What' },
      ],
      columns: [
        {
          expr: `1000 * max by (workload, kind) (omnimind_intervention_start_timestamp_seconds${ONE})`,
          title: 'Since',
          unit: 'fromNow',
        },
        {
          expr: `1000 * max by (workload, kind) (omnimind_intervention_end_timestamp_seconds${ONE})`,
          title: 'Until',
          unit: 'time',
        },
      ],
      size: { width: 12, height: 7 },
    }),
    table({
      title: 'Budgets',
      description:
        'What workloads that share a budget have of it together, in its unit. A full one keeps them from growing; what they have they keep.',
      link: runbook('OmniMindBudgetExhausted'),
      noValue: 'There is no budget (PUT /v1/budgets/{id})',
      labels: [
        {
          label: 'budget',
          title: 'Budget',
          link: api('/v1/budgets', 'Who has how much'),
        },
      ],
      columns: [
        { expr: 'max by (budget) (omnimind_budget_used)', title: 'Used', unit: 'count' },
        { expr: 'max by (budget) (omnimind_budget_limit)', title: 'Limit', unit: 'count' },
        {
          expr: 'max by (budget) (omnimind_budget_used) / max by (budget) (omnimind_budget_limit > 0)',
          title: 'Share',
          unit: 'ratio',
          thresholds: [
            [null, 'ok'],
            [1, 'warning'],
          ],
        },
      ],
      sortBy: 'Share',
      descending: true,
      size: { width: 12, height: 7 },
    }),
  ],
};

function stage(name: string): string {
  return `max by (workload) (omnimind_decision_stage_replicas{workload=~"$workload", stage="${name}"})`;
}

/** 1 to 4 in the order of the mappings: a forecast is in one state. */
function states(): string {
  return ['warming', 'unproven', 'stale', 'trusted']
    .map((state, at) => {
      const labels = `workload=~"$workload", state="${state}"`;
      return `max by (workload) (omnimind_forecast_state{${labels}}) * ${at + 1}`;
    })
    .join(' + ');
}
