/**
 * What was promised and how it stands: each objective of prometheus/slos with its indicator over
 * several windows, what is left of the error budget, and how fast it burns. Shows every objective
 * that is declared and knows none by name.
 */

import { api } from '../api-links.ts';
import type { DashboardRow, DashboardSpec } from '../dashboard.ts';
import { runbook, toDashboard } from '../links.ts';
import { stat, table, timeSeries } from '../panels.ts';
import type { VariableSpec } from '../variables.ts';

const OF = '{slo=~"$slo"}';
const NO_OBJECTIVES = 'No objective is recorded: prometheus/rules/slo.rules.yml is not loaded';
const NO_EVENTS =
  'Nothing was counted yet: an objective without requests or looks has no indicator';
const ALERTS = toDashboard('omnimind-alerts', 'Alerts');
const BURN_FAST = runbook('OmniMindErrorBudgetBurnFast');
const BURN_SLOW = runbook('OmniMindErrorBudgetBurnSlow');

const objectives: VariableSpec = {
  name: 'slo',
  label: 'Objective',
  description: 'Objectives that are declared in prometheus/slos.',
  series: 'slo:objective:ratio',
  from: 'slo',
  many: true,
};

const health: DashboardRow = {
  title: 'Are the promises kept',
  panels: [
    stat({
      title: 'Objectives',
      description: 'Objectives that are declared and recorded.',
      unit: 'count',
      link: api('/v1/slos', 'Objectives and budgets'),
      noValue: NO_OBJECTIVES,
      queries: [{ expr: `count(slo:objective:ratio${OF})`, legend: 'objectives' }],
      graph: false,
    }),
    stat({
      title: 'Budgets used up',
      description: 'Objectives that failed more often within their window than they may.',
      unit: 'count',
      link: BURN_SLOW,
      noValue: NO_EVENTS,
      queries: [
        {
          expr: `sum(min by (slo) (slo:error_budget_remaining:ratio${OF}) <= bool 0)`,
          legend: 'used up',
        },
      ],
      thresholds: [
        [null, 'ok'],
        [1, 'critical'],
      ],
      graph: false,
    }),
    stat({
      title: 'Lowest budget',
      description:
        'What is left of the budget that is closest to its end; below 0 it is overdrawn. A day of records is a day of the window, also when it is the first.',
      unit: 'ratio',
      link: BURN_SLOW,
      noValue: NO_EVENTS,
      queries: [{ expr: `min(slo:error_budget_remaining:ratio${OF})`, legend: 'left' }],
      thresholds: [
        [null, 'critical'],
        [0.000001, 'warning'],
        [0.25, 'ok'],
      ],
      max: 1,
    }),
    stat({
      title: 'Fastest burn of the last hour',
      description:
        'How many times faster than allowed a budget is used: at 1 it lasts exactly its window, at 14.4 a 30-day budget lasts two days.',
      unit: 'count',
      link: BURN_FAST,
      noValue: NO_EVENTS,
      queries: [{ expr: `max(slo:burn_rate:ratio_rate1h${OF})`, legend: 'burn' }],
      thresholds: [
        [null, 'ok'],
        [1, 'warning'],
        [14.4, 'critical'],
      ],
      min: 0,
    }),
    stat({
      title: 'Burn alerts',
      description: 'Alerts about budgets that fire now.',
      unit: 'count',
      link: ALERTS,
      noValue: 'No rule is evaluated',
      queries: [
        {
          expr: 'count(ALERTS{alertstate="firing", component="slo"}) or vector(0)',
          legend: 'firing',
        },
      ],
      thresholds: [
        [null, 'ok'],
        [1, 'critical'],
      ],
      graph: false,
    }),
    table({
      title: 'Each objective now',
      description:
        'The objective, how good it was over the last hour, day and 30 days, what is left of its budget, how fast that burns, and how much of its window has data. Of an objective per workload: the worst workload.',
      link: api('/v1/slos', 'Objectives and budgets'),
      noValue: NO_OBJECTIVES,
      labels: [
        {
          label: 'slo',
          title: 'Objective',
          widthMin: 200,
          link: toDashboard('omnimind-slo', 'This objective alone', {
            values: { slo: '${__value.raw}' },
          }),
        },
      ],
      columns: [
        {
          expr: `max by (slo) (slo:objective:ratio${OF})`,
          title: 'Promised',
          unit: 'ratio',
          decimals: 2,
        },
        good('1h', 'Last hour'),
        good('1d', 'Last day'),
        good('30d', 'Last 30 days'),
        {
          expr: `min by (slo) (slo:error_budget_remaining:ratio${OF})`,
          title: 'Budget left',
          unit: 'ratio',
          decimals: 1,
          thresholds: [
            [null, 'critical'],
            [0.000001, 'warning'],
            [0.25, 'ok'],
          ],
        },
        burn('1h', 'Burn, 1 h', 14.4),
        burn('6h', 'Burn, 6 h', 6),
        {
          expr: `max by (slo) (slo:window_coverage:ratio${OF})`,
          title: 'Window with data',
          unit: 'ratio',
          decimals: 1,
        },
      ],
      sortBy: 'Budget left',
      size: { width: 24, height: 9 },
    }),
  ],
};

const budgets: DashboardRow = {
  title: 'Budgets',
  panels: [
    timeSeries({
      title: 'Budget left',
      description:
        'Share of what may fail within the window that has not failed yet. A cliff is an incident, a slope a habit.',
      unit: 'ratio',
      max: 1,
      link: BURN_SLOW,
      noValue: NO_EVENTS,
      thresholds: [
        [null, 'critical'],
        [0, 'warning'],
        [0.25, 'ok'],
      ],
      queries: [
        {
          expr: `topk(25, min by (slo, workload) (slo:error_budget_remaining:ratio${OF}))`,
          legend: '{{slo}} {{workload}}',
        },
      ],
      size: { width: 12, height: 9 },
    }),
    timeSeries({
      title: 'Events counted',
      description:
        'What the objective counts (requests, decisions, looks, seconds) per five minutes. Few events make burn rates jump.',
      unit: 'count',
      logarithmic: true,
      link: toDashboard('omnimind-control-plane', 'Control plane'),
      noValue: NO_EVENTS,
      queries: [{ expr: `sum by (slo) (slo:total_events:increase5m${OF})`, legend: '{{slo}}' }],
      size: { width: 12, height: 9 },
    }),
  ],
};

const burning: DashboardRow = {
  title: 'How fast the budgets burn',
  panels: [
    burnOver('Burn, 1 h and 5 min', ['1h', '5m'], 14.4, 'a page when both are above 14.4'),
    burnOver('Burn, 6 h and 30 min', ['6h', '30m'], 6, 'a page when both are above 6'),
    burnOver('Burn, 1 day and 2 h', ['1d', '2h'], 3, 'a warning when both are above 3'),
    burnOver('Burn, 3 days and 6 h', ['3d', '6h'], 1, 'a warning when both are above 1'),
  ],
};

const indicators: DashboardRow = {
  title: 'Indicators',
  panels: [
    failed('5m', 'Failed, 5 min'),
    failed('1h', 'Failed, 1 h'),
    failed('1d', 'Failed, 1 day'),
  ],
};

function good(window: string, title: string) {
  return {
    expr: `1 - max by (slo) (slo:sli_error:ratio_rate${window}${OF})`,
    title,
    unit: 'ratio',
    decimals: 3,
  } as const;
}

function burn(window: string, title: string, page: number) {
  return {
    expr: `max by (slo) (slo:burn_rate:ratio_rate${window}${OF})`,
    title,
    unit: 'count',
    decimals: 2,
    thresholds: [
      [null, 'ok'],
      [1, 'warning'],
      [page, 'critical'],
    ],
  } as const;
}

function burnOver(title: string, windows: readonly string[], limit: number, when: string) {
  return timeSeries({
    title,
    description: `How many times faster than allowed budgets are used, over a long and a short window: ${when}.`,
    unit: 'count',
    min: 0,
    link: limit >= 6 ? BURN_FAST : BURN_SLOW,
    noValue: NO_EVENTS,
    thresholds: [
      [null, 'ok'],
      [limit, limit >= 6 ? 'critical' : 'warning'],
    ],
    queries: windows.map((window) => ({
      expr: `max by (slo) (slo:burn_rate:ratio_rate${window}${OF})`,
      legend: `{{slo}} ${window}`,
    })),
    size: { width: 12, height: 8 },
  });
}

function failed(window: string, title: string) {
  return timeSeries({
    title,
    description: `Share of what was counted in the last ${window} that failed; the worst workload of each objective.`,
    unit: 'ratio',
    min: 0,
    link: ALERTS,
    noValue: NO_EVENTS,
    queries: [{ expr: `max by (slo) (slo:sli_error:ratio_rate${window}${OF})`, legend: '{{slo}}' }],
  });
}

export const slo: DashboardSpec = {
  uid: 'omnimind-slo',
  title: 'SLOs and error budgets',
  description:
    'Whether the promises are kept, what is left of their error budgets, and how long that lasts. For who decides what to do next: repair or go on.',
  events: ['Alerts'],
  variables: [objectives],
  rows: [health, budgets, burning, indicators],
  from: 'now-6h',
};
