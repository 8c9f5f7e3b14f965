/** Of workloads: why their numbers stand where they stand, and the signals that it was decided on. */

import { api } from '../../api-links.ts';
import type { DashboardRow } from '../../dashboard.ts';
import { runbook, toDashboard } from '../../links.ts';
import { barGauge, stateTimeline, table, timeSeries } from '../../panels.ts';
import { ACTS, DECISIONS, NO_POLICY, NO_WORKLOAD, OF_WORKLOAD, ONE } from './queries.ts';

export const reasons: DashboardRow = {
  title: 'Why it stands where it stands',
  panels: [
    stateTimeline({
      title: 'Reason of the last decision',
      description:
        'Why the last decision acted or held, as it changed over time; a bar for each reason while it applied.',
      unit: 'count',
      link: DECISIONS,
      seriesLink: OF_WORKLOAD,
      noValue: NO_POLICY,
      mappings: [[1, 'so', 'neutral']],
      queries: [
        {
          expr: `topk(25, max by (workload, outcome, reason) (omnimind_last_decision_info${ONE}))`,
          legend: '{{workload}} {{outcome}}: {{reason}}',
        },
      ],
      size: { width: 12, height: 9 },
    }),
    stateTimeline({
      title: 'Active constraints',
      description:
        'What changed the number or kept it behind the proposals: lost signals, forecasts, schedules, windows, cooldowns, rates, an action under way, bounds, budgets, pauses, numbers set by hand, the mode.',
      unit: 'count',
      link: DECISIONS,
      seriesLink: OF_WORKLOAD,
      noValue: NO_POLICY,
      mappings: [
        [0, 'unconstrained', 'ok'],
        [1, 'active', 'warning'],
      ],
      queries: [
        {
          expr: `topk(25, max by (workload, stage, reason) (omnimind_decision_constraint_info${ONE}))`,
          legend: '{{workload}} {{stage}}: {{reason}}',
        },
        {
          // Beside the active ones: no brake and no bound is something to see as well.
          expr: `topk(25, 0 * max by (workload) (omnimind_last_decision_info${ONE}) unless on (workload) omnimind_decision_constraint_info)`,
          legend: '{{workload}}: none',
        },
      ],
      size: { width: 12, height: 9 },
    }),
    barGauge({
      title: 'Holds by reason',
      description: 'Decisions of the time range that changed nothing, by reason.',
      unit: 'count',
      decimals: 0,
      link: api('/v1/decisions', 'Decisions that held', 'verdict=hold&limit=50'),
      seriesLink: api(
        '/v1/decisions',
        'Decisions with this reason',
        'reason=${__field.labels.reason}&limit=50',
      ),
      noValue: 'Nothing held in this time range',
      min: 0,
      queries: [
        {
          expr: `topk(15, sum by (reason) (increase(omnimind_evaluations_total{workload=~"$workload", outcome="hold"}[$__range])) > 0)`,
          legend: '{{reason}}',
        },
      ],
      size: { width: 8, height: 9 },
    }),
    stateTimeline({
      title: 'At a bound',
      description: 'Whether as few or as many replicas are wanted as the policy allows.',
      unit: 'count',
      link: runbook('OmniMindAtMaximum'),
      noValue: NO_POLICY,
      mappings: [
        [0, 'between', 'ok'],
        [1, 'at minimum', 'neutral'],
        [2, 'at maximum', 'warning'],
        [3, 'minimum is maximum', 'neutral'],
      ],
      queries: [
        {
          expr: `topk(25, 2 * workload:replicas_at_maximum:bool${ONE} + workload:replicas_at_minimum:bool${ONE})`,
          legend: '{{workload}}',
        },
      ],
      size: { width: 8, height: 9 },
    }),
    stateTimeline({
      title: 'Mode',
      description:
        'Whether the plane may act on a workload: the weaker of its own mode and that of the whole plane.',
      unit: 'count',
      link: api('/v1/mode', 'Mode of the plane'),
      noValue: NO_WORKLOAD,
      mappings: [
        [1, 'stopped', 'critical'],
        [2, 'observe', 'warning'],
        [3, 'advise', 'warning'],
        [4, 'act', 'ok'],
      ],
      queries: [
        {
          expr: `topk(25, ${modes()})`,
          legend: '{{workload}}',
        },
      ],
      size: { width: 8, height: 9 },
    }),
  ],
};

/** In the order in which a decision passes them. */
const STAGES = [
  ['combine', 'Combined'],
  ['lost', 'Lost signals'],
  ['forecast', 'Forecast'],
  ['stabilization', 'Windows'],
  ['cooldown', 'Cooldown'],
  ['rates', 'Rates'],
  ['pending_action', 'In flight'],
  ['schedule', 'Schedule'],
  ['bounds', 'Bounds'],
  ['budget', 'Budget'],
  ['pause', 'Pause'],
  ['override', 'By hand'],
  ['mode', 'Mode'],
] as const;

/** Of now what the lines over time show, without a legend to search. */
export const stages = table({
  title: 'Stages of the last decision',
  description:
    'The number of replicas after each stage of the last decision, from left to right. Where it changes, that stage had its say; a dash is a stage that the policy does not ask for.',
  link: DECISIONS,
  noValue: NO_POLICY,
  labels: [{ label: 'workload', title: 'Workload' }],
  columns: STAGES.map(([stage, title]) => ({
    expr: `max by (workload) (omnimind_decision_stage_replicas{workload=~"$workload", stage="${stage}"})`,
    title,
    unit: 'count',
    decimals: 0,
  })),
  sortBy: 'Workload',
  size: { width: 24, height: 6 },
});

export const signals: DashboardRow = {
  title: 'Signals',
  panels: [
    timeSeries({
      title: 'Age of each signal',
      description:
        'Age of the oldest sample under a signal when the last decision read it. Past the policy’s signalAgeMax it holds.',
      unit: 'seconds',
      link: runbook('OmniMindDecisionInputStale'),
      seriesLink: OF_WORKLOAD,
      noValue: NO_POLICY,
      min: 0,
      queries: [
        {
          expr: `topk(25, max by (workload, metric) (omnimind_decision_input_age_seconds${ONE}))`,
          legend: '{{workload}} {{metric}}',
        },
      ],
    }),
    timeSeries({
      title: 'Ages of all signals read',
      description: 'Half, and 99 of 100, of the signals that decisions read were younger.',
      unit: 'seconds',
      link: toDashboard('omnimind-alerts', 'Scrapes'),
      noValue: 'No decision has read a signal yet',
      min: 0,
      queries: [0.5, 0.99].map((quantile) => ({
        expr: `histogram_quantile(${quantile}, sum by (le) (rate(omnimind_decision_input_age_distribution_seconds_bucket[$__rate_interval])))`,
        legend: `p${quantile * 100}`,
      })),
    }),
    timeSeries({
      title: 'From sample to action',
      description:
        'From the newest sample of the deciding signal to the target being told. Points lead to the trace of the tick.',
      unit: 'seconds',
      link: ACTS,
      noValue: 'Nothing was scaled yet',
      min: 0,
      queries: [
        {
          expr: 'histogram_quantile(0.95, sum by (le) (rate(omnimind_sample_to_action_seconds_bucket[$__rate_interval])))',
          legend: 'p95',
          exemplar: true,
        },
      ],
    }),
    timeSeries({
      title: 'Time until an action came true',
      description: 'From the commit of an action to its end; 95 of 100 of the last hour took less.',
      unit: 'seconds',
      link: runbook('OmniMindActionFailed'),
      noValue: 'No member is scraped',
      min: 0,
      queries: [{ expr: 'outcome:action_duration_seconds:p95_rate1h', legend: '{{outcome}}' }],
    }),
    timeSeries({
      title: 'Requests in system',
      description:
        'Requests that wait or are being served, all replicas together, for workloads that export inference_requests_in_system.',
      unit: 'count',
      link: toDashboard('omnimind-slo', 'Objectives'),
      noValue: 'No workload exports inference_requests_in_system (the demo does)',
      min: 0,
      queries: [
        {
          expr: `topk(25, workload:inference_requests_in_system:sum${ONE})`,
          legend: '{{workload}}',
        },
      ],
    }),
    timeSeries({
      title: 'Request latency',
      description:
        '95 of 100 requests of the last minute were answered faster, for workloads that export inference_request_duration_seconds. A gap: none was answered.',
      unit: 'seconds',
      link: toDashboard('omnimind-slo', 'Objectives'),
      noValue: 'No workload exports inference_request_duration_seconds (the demo does)',
      min: 0,
      queries: [
        {
          expr: `topk(25, workload:inference_request_duration_seconds:p95_rate1m${ONE})`,
          legend: '{{workload}} p95',
        },
      ],
    }),
  ],
};

/** 1 to 4 in the order of the mappings: a workload is in one mode. */
function modes(): string {
  return ['stopped', 'observe', 'advise', 'act']
    .map((mode, at) => {
      const labels = `workload=~"$workload", mode="${mode}"`;
      return `max by (workload) (omnimind_workload_mode{${labels}}) * ${at + 1}`;
    })
    .join(' + ');
}
