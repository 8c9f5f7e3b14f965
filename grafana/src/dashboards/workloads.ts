/**
 * Workloads and their autoscaling: what each wants and has, what every metric asked for, which brakes
 * and bounds stood in between, and how old the signals were. Why one decision came out as it did is
 * in its record; the panels lead there. Refuses to show what a member that leads no more remembers:
 * the series are the leader's.
 */

import { api } from '../api-links.ts';
import type { DashboardRow, DashboardSpec } from '../dashboard.ts';
import { runbook, toDashboard } from '../links.ts';
import { stat, table, timeSeries } from '../panels.ts';
import { workloads as workloadVariable } from '../variables.ts';
import { forecasts, shadows } from './workloads/policies.ts';
import { ACTS, DECISIONS, NO_POLICY, NO_WORKLOAD, OF_WORKLOAD, ONE } from './workloads/queries.ts';
import { reasons, signals, stages } from './workloads/reasons.ts';

const health: DashboardRow = {
  title: 'Is it healthy',
  panels: [
    stat({
      title: 'Workloads',
      description: 'Workloads that the control plane knows.',
      unit: 'count',
      link: api('/v1/workloads', 'Workloads'),
      noValue: 'No member is scraped',
      queries: [{ expr: 'max(omnimind_workloads)', legend: 'workloads' }],
      graph: false,
    }),
    stat({
      title: 'Without usable signals',
      description:
        'Workloads whose last decision held because a signal or the number of replicas could not be trusted. They keep the replicas that they have.',
      unit: 'count',
      link: runbook('OmniMindDecisionInputUnusable'),
      noValue: NO_WORKLOAD,
      queries: [
        {
          expr: `count(max by (workload) (omnimind_last_decision_info{workload=~"$workload", reason=~"signal_.+|no_replica_ready|actual_unknown"})) or vector(0)`,
          legend: 'workloads',
        },
      ],
      thresholds: [
        [null, 'ok'],
        [1, 'warning'],
      ],
      graph: false,
    }),
    stat({
      title: 'At their maximum',
      description:
        'Workloads that want as many replicas as their policy allows; more load is not answered any more.',
      unit: 'count',
      link: runbook('OmniMindAtMaximum'),
      noValue: NO_POLICY,
      queries: [{ expr: `sum(workload:replicas_at_maximum:bool${ONE})`, legend: 'workloads' }],
      thresholds: [
        [null, 'ok'],
        [1, 'warning'],
      ],
      graph: false,
    }),
    stat({
      title: 'Replicas missing',
      description:
        'Replicas that are wanted and do not serve, all workloads together. Above 0 for seconds while replicas start.',
      unit: 'count',
      link: runbook('OmniMindReplicasBelowDesired'),
      noValue: NO_WORKLOAD,
      queries: [
        {
          expr: `sum(clamp_min(max by (workload) (omnimind_replicas_desired${ONE}) - max by (workload) (omnimind_replicas_ready${ONE}), 0))`,
          legend: 'replicas',
        },
      ],
      thresholds: [
        [null, 'ok'],
        [1, 'warning'],
      ],
      min: 0,
    }),
    stat({
      title: 'Actions failed',
      description:
        'Scaling actions of the time range that did not come true before their deadline; the next tick decides anew.',
      unit: 'count',
      decimals: 0,
      link: runbook('OmniMindActionFailed'),
      noValue: NO_WORKLOAD,
      queries: [
        {
          expr: `sum(increase(omnimind_actions_total{workload=~"$workload", outcome="failed"}[$__range]))`,
          legend: 'failed',
        },
      ],
      thresholds: [
        [null, 'ok'],
        [1, 'warning'],
      ],
      graph: false,
    }),
    stat({
      title: 'Oldest last decision',
      description:
        'Time since a workload was last decided for, of the one that waits longest. A tick is due every few seconds.',
      unit: 'seconds',
      link: runbook('OmniMindPolicyNotEvaluated'),
      noValue: NO_POLICY,
      queries: [{ expr: `max(workload:last_evaluation_age_seconds:min${ONE})`, legend: 'oldest' }],
      thresholds: [
        [null, 'ok'],
        [60, 'warning'],
        [300, 'critical'],
      ],
    }),
  ],
};

const numbers: DashboardRow = {
  title: 'Wanted and there',
  panels: [
    table({
      title: 'Each workload now',
      description:
        'What is wanted, what serves, the largest proposal and the bounds of the policy. A proposal above what is wanted is being braked: see below by what.',
      link: api('/v1/workloads', 'Workloads'),
      noValue: NO_WORKLOAD,
      labels: [
        {
          label: 'workload',
          title: 'Workload',
          link: toDashboard('omnimind-workloads', 'This workload alone', {
            values: { workload: '${__value.raw}' },
          }),
        },
      ],
      columns: [
        column('omnimind_replicas_desired', 'Desired'),
        column('omnimind_replicas_ready', 'Ready'),
        column('omnimind_replicas_starting', 'Starting'),
        column('omnimind_proposal_replicas', 'Largest proposal'),
        column('omnimind_replicas_min', 'Minimum'),
        column('omnimind_replicas_max', 'Maximum'),
        {
          expr: `max by (workload) (workload:last_evaluation_age_seconds:min${ONE})`,
          title: 'Last decision',
          unit: 'seconds',
          decimals: 0,
        },
      ],
      sortBy: 'Desired',
      descending: true,
      size: { width: 24, height: 6 },
    }),
    timeSeries({
      title: 'Desired, ready and bounds',
      description:
        'Replicas that the last committed decision wants, those that serve, and the least and most that the policy allows.',
      unit: 'count',
      link: ACTS,
      seriesLink: OF_WORKLOAD,
      noValue: NO_WORKLOAD,
      step: true,
      min: 0,
      queries: [
        {
          expr: `topk(25, max by (workload) (omnimind_replicas_desired${ONE}))`,
          legend: '{{workload}} desired',
        },
        {
          expr: `topk(25, max by (workload) (omnimind_replicas_ready${ONE}))`,
          legend: '{{workload}} ready',
        },
        {
          expr: `topk(25, max by (workload) (omnimind_replicas_min${ONE}))`,
          legend: '{{workload}} minimum',
        },
        {
          expr: `topk(25, max by (workload) (omnimind_replicas_max${ONE}))`,
          legend: '{{workload}} maximum',
        },
      ],
      size: { width: 12, height: 9 },
    }),
    timeSeries({
      title: 'What each metric asks for',
      description:
        'Replicas that one metric of the policy proposes by itself; the largest wins. A line that ends is a signal that cannot be used.',
      unit: 'count',
      link: DECISIONS,
      seriesLink: OF_WORKLOAD,
      noValue: 'No metric proposes: no policy, or no usable signal',
      step: true,
      min: 0,
      queries: [
        {
          expr: `topk(25, max by (workload, metric) (omnimind_proposal_replicas${ONE}))`,
          legend: '{{workload}} {{metric}}',
        },
        {
          expr: `topk(25, max by (workload) (omnimind_replicas_desired${ONE}))`,
          legend: '{{workload}} desired',
        },
      ],
      size: { width: 12, height: 9 },
    }),
    timeSeries({
      title: 'From proposal to decision',
      description:
        'The number after each stage of the decision: combined proposals; what the policy says of lost signals, a forecast, a schedule; the brakes; bounds, budgets, a pause, a number set by hand; mode. Where two part, that stage had its say.',
      unit: 'count',
      link: DECISIONS,
      seriesLink: OF_WORKLOAD,
      noValue: NO_POLICY,
      step: true,
      min: 0,
      queries: [
        {
          expr: `topk(25, max by (workload, stage) (omnimind_decision_stage_replicas${ONE}))`,
          legend: '{{workload}} after {{stage}}',
        },
      ],
      size: { width: 12, height: 9 },
    }),
    timeSeries({
      title: 'Scaling actions',
      description:
        'Actions that ended within the last hour, by direction and whether they came true. Many in both directions are flapping: lengthen the windows.',
      unit: 'count',
      link: runbook('OmniMindFlapping'),
      seriesLink: OF_WORKLOAD,
      noValue: NO_WORKLOAD,
      step: true,
      min: 0,
      queries: [
        {
          expr: `topk(25, sum by (workload, direction, outcome) (workload:actions:increase1h${ONE}))`,
          legend: '{{workload}} {{direction}} {{outcome}}',
        },
      ],
      size: { width: 12, height: 9 },
    }),
    stages,
  ],
};

function column(series: string, title: string) {
  return {
    expr: `max by (workload) (${series}${ONE})`,
    title,
    unit: 'count',
    decimals: 0,
  } as const;
}

export const workloads: DashboardSpec = {
  uid: 'omnimind-workloads',
  title: 'Workloads',
  description:
    'What each workload wants, has and was decided, and why. For who runs a workload: is it scaled as it should be, and if not, what stands in between?',
  events: ['Decisions', 'Elections'],
  variables: [workloadVariable],
  rows: [health, numbers, reasons, forecasts, shadows, signals],
};
