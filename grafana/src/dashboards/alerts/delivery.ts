/** Of alerts: whether they reach anybody, and whether the rules, scrapes and storage under them work. */

import type { DashboardRow } from '../../dashboard.ts';
import { runbook, toDashboard } from '../../links.ts';
import { stateTimeline, table, timeSeries } from '../../panels.ts';

const NO_ALERTMANAGER = 'Alertmanager is not scraped: it is not part of this stack, or it is down';

const NO_PROMETHEUS = 'Prometheus does not scrape itself';

const DELIVERY = runbook('OmniMindNotificationsFailing');

const RULES = runbook('OmniMindRuleEvaluationFailing');

const TARGETS = runbook('OmniMindTargetDown');

export const delivery: DashboardRow = {
  title: 'Whether it reaches anybody',
  panels: [
    timeSeries({
      title: 'Messages sent',
      description:
        'Messages that Alertmanager sent, by receiver’s kind (slack, pagerduty, webhook).',
      unit: 'perSecond',
      link: DELIVERY,
      noValue: NO_ALERTMANAGER,
      min: 0,
      queries: [
        {
          expr: 'sum by (integration) (rate(alertmanager_notifications_total{integration=~"slack|pagerduty|webhook"}[$__rate_interval]))',
          legend: '{{integration}}',
        },
      ],
    }),
    timeSeries({
      title: 'Messages that failed',
      description: 'Messages that could not be delivered, by receiver’s kind. A flat 0 is health.',
      unit: 'perSecond',
      link: DELIVERY,
      noValue: NO_ALERTMANAGER,
      min: 0,
      queries: [
        {
          expr: 'sum by (integration) (rate(alertmanager_notifications_failed_total{integration=~"slack|pagerduty|webhook"}[$__rate_interval]))',
          legend: '{{integration}}',
        },
      ],
    }),
    timeSeries({
      title: 'Time to deliver',
      description: 'How long a receiver took to accept a message, 99 of 100.',
      unit: 'seconds',
      link: DELIVERY,
      noValue: NO_ALERTMANAGER,
      min: 0,
      queries: [
        {
          expr: 'histogram_quantile(0.99, sum by (integration, le) (rate(alertmanager_notification_latency_seconds_bucket{integration=~"slack|pagerduty|webhook"}[$__rate_interval])))',
          legend: '{{integration}} p99',
        },
      ],
    }),
    timeSeries({
      title: 'Alerts in Alertmanager',
      description:
        'Alerts that Alertmanager holds: active ones are told, suppressed ones silenced or inhibited.',
      unit: 'count',
      link: DELIVERY,
      noValue: NO_ALERTMANAGER,
      min: 0,
      queries: [
        { expr: 'max by (state) (alertmanager_alerts)', legend: '{{state}}' },
        { expr: 'max(alertmanager_silences{state="active"})', legend: 'silences' },
      ],
    }),
    timeSeries({
      title: 'From Prometheus to Alertmanager',
      description: 'Alerts that Prometheus sent, failed to send, and gave up.',
      unit: 'perSecond',
      link: runbook('OmniMindNotificationsDropped'),
      noValue: NO_PROMETHEUS,
      min: 0,
      queries: [
        {
          expr: 'sum(rate(prometheus_notifications_sent_total[$__rate_interval])) or vector(0)',
          legend: 'sent',
        },
        {
          expr: 'sum(rate(prometheus_notifications_errors_total[$__rate_interval])) or vector(0)',
          legend: 'failed',
        },
        {
          expr: 'sum(rate(prometheus_notifications_dropped_total[$__rate_interval]))',
          legend: 'given up',
        },
      ],
    }),
    timeSeries({
      title: 'Since the watchdog came through',
      description:
        'Time since the alert that always fires last made the whole way: Prometheus, Alertmanager, control plane. It comes each minute; five are alarming.',
      unit: 'seconds',
      link: runbook('OmniMindAlertPipelineSilent'),
      noValue: 'The watchdog never came: no Alertmanager tells the control plane',
      min: 0,
      queries: [
        { expr: 'min(omnimind_alerts_watchdog_age_seconds)', legend: 'since the last one' },
      ],
    }),
    timeSeries({
      title: 'Alerts told to the control plane',
      description:
        'What Alertmanager told the control plane, repetitions included: kept, or refused because its buffer is full or its disk failed. Refused ones are told again.',
      unit: 'perSecond',
      link: runbook('OmniMindAlertsNotKept'),
      noValue: 'No member of the control plane is scraped',
      min: 0,
      queries: [
        { expr: 'sum(rate(omnimind_alerts_received_total[$__rate_interval]))', legend: 'kept' },
        {
          expr: 'sum by (cause) (rate(omnimind_alerts_refused_total[$__rate_interval]))',
          legend: 'refused: {{cause}}',
        },
      ],
    }),
    stateTimeline({
      title: 'Configurations',
      description:
        'Whether the last reading of its configuration succeeded; after a failure the one from before stays in force. And how many Alertmanagers Prometheus knows.',
      unit: 'count',
      link: runbook('OmniMindPrometheusConfigFailed'),
      noValue: NO_PROMETHEUS,
      mappings: [
        [0, 'wrong or none', 'critical'],
        [1, 'good', 'ok'],
      ],
      queries: [
        { expr: 'min(prometheus_config_last_reload_successful)', legend: 'Prometheus' },
        { expr: 'min(alertmanager_config_last_reload_successful)', legend: 'Alertmanager' },
        {
          expr: 'clamp_max(max(prometheus_notifications_alertmanagers_discovered), 1)',
          legend: 'Alertmanager is known to Prometheus',
        },
      ],
      size: { width: 8, height: 8 },
    }),
  ],
};

export const rules: DashboardRow = {
  title: 'Whether rules are evaluated',
  panels: [
    timeSeries({
      title: 'Evaluations that failed',
      description:
        'Rules that could not be evaluated: their alerts do not fire. A flat 0 is health.',
      unit: 'perSecond',
      link: RULES,
      noValue: NO_PROMETHEUS,
      min: 0,
      queries: [
        {
          expr: 'sum by (group) (label_replace(rate(prometheus_rule_evaluation_failures_total[$__rate_interval]), "group", "$1", "rule_group", ".*;(.*)")) > 0 or label_replace(sum(rate(prometheus_rule_evaluation_failures_total[$__rate_interval])), "group", "all groups", "", "")',
          legend: '{{group}}',
        },
      ],
    }),
    timeSeries({
      title: 'Evaluations that were missed',
      description: 'Evaluations left out because the one before was not done. A flat 0 is health.',
      unit: 'perSecond',
      link: runbook('OmniMindRuleEvaluationMissed'),
      noValue: NO_PROMETHEUS,
      min: 0,
      queries: [
        {
          expr: 'sum(rate(prometheus_rule_group_iterations_missed_total[$__rate_interval]))',
          legend: 'missed',
        },
      ],
    }),
    timeSeries({
      title: 'Slowest groups of rules',
      description:
        'How much of its interval a group of rules takes; at 100 % evaluations are missed.',
      unit: 'ratio',
      link: RULES,
      noValue: NO_PROMETHEUS,
      min: 0,
      queries: [
        {
          expr: 'topk(10, max by (group) (label_replace(prometheus_rule_group_last_duration_seconds / prometheus_rule_group_interval_seconds, "group", "$1", "rule_group", ".*;(.*)")))',
          legend: '{{group}}',
        },
      ],
    }),
  ],
};

export const scrapes: DashboardRow = {
  title: 'Whether targets are scraped',
  panels: [
    table({
      title: 'Targets by job',
      description:
        'How many targets each job has, how many answer, and how long the slowest takes.',
      link: TARGETS,
      noValue: 'Prometheus scrapes nothing',
      labels: [{ label: 'job', title: 'Job', widthMin: 190 }],
      columns: [
        { expr: 'count by (job) (up)', title: 'Targets', unit: 'count', decimals: 0 },
        { expr: 'sum by (job) (up)', title: 'Up', unit: 'count', decimals: 0 },
        {
          expr: 'count by (job) (up) - sum by (job) (up)',
          title: 'Down',
          unit: 'count',
          decimals: 0,
          thresholds: [
            [null, 'ok'],
            [1, 'critical'],
          ],
        },
        {
          expr: 'max by (job) (scrape_duration_seconds)',
          title: 'Slowest scrape',
          unit: 'seconds',
        },
        { expr: 'sum by (job) (scrape_samples_scraped)', title: 'Samples', unit: 'count' },
      ],
      sortBy: 'Down',
      descending: true,
      size: { width: 12, height: 9 },
    }),
    timeSeries({
      title: 'Targets that are down',
      description:
        'Targets that could not be scraped, by job. Replicas that stop are down for a moment.',
      unit: 'count',
      link: TARGETS,
      noValue: 'Prometheus scrapes nothing',
      min: 0,
      queries: [{ expr: 'count by (job) (up) - sum by (job) (up)', legend: '{{job}}' }],
      size: { width: 12, height: 9 },
    }),
    timeSeries({
      title: 'Duration of scrapes',
      description: 'The slowest target of each job.',
      unit: 'seconds',
      link: TARGETS,
      noValue: 'Prometheus scrapes nothing',
      min: 0,
      queries: [{ expr: 'max by (job) (scrape_duration_seconds)', legend: '{{job}}' }],
    }),
    timeSeries({
      title: 'Scrapes refused for their size',
      description:
        'Scrapes with more samples, bytes or labels than their job allows: nothing of them is kept. A flat 0 is health.',
      unit: 'perSecond',
      link: runbook('OmniMindScrapeLimitHit'),
      noValue: NO_PROMETHEUS,
      min: 0,
      queries: [
        {
          expr: 'sum(rate(prometheus_target_scrapes_exceeded_sample_limit_total[$__rate_interval]))',
          legend: 'samples',
        },
        {
          expr: 'sum(rate(prometheus_target_scrapes_exceeded_body_size_limit_total[$__rate_interval]))',
          legend: 'bytes',
        },
        {
          expr: 'sum(rate(prometheus_target_scrape_pool_exceeded_label_limits_total[$__rate_interval]))',
          legend: 'labels',
        },
      ],
    }),
    timeSeries({
      title: 'Discovery that failed',
      description:
        'Readings of the plane’s list of targets that failed; the list from before stays.',
      unit: 'perSecond',
      link: runbook('OmniMindDiscoveryFailing'),
      noValue: NO_PROMETHEUS,
      min: 0,
      queries: [
        {
          expr: 'sum(rate(prometheus_sd_http_failures_total[$__rate_interval]))',
          legend: 'http_sd',
        },
      ],
    }),
  ],
};

export const storage: DashboardRow = {
  title: 'Prometheus itself',
  panels: [
    timeSeries({
      title: 'Series in memory',
      description: 'Series that Prometheus holds; memory grows with them.',
      unit: 'count',
      link: toDashboard('omnimind-fleet', 'Fleet'),
      noValue: NO_PROMETHEUS,
      min: 0,
      queries: [{ expr: 'sum(prometheus_tsdb_head_series)', legend: 'series' }],
    }),
    timeSeries({
      title: 'Samples taken in',
      description: 'Samples that are stored in each second.',
      unit: 'perSecond',
      link: runbook('OmniMindPrometheusNotIngesting'),
      noValue: NO_PROMETHEUS,
      min: 0,
      queries: [
        {
          expr: 'sum(rate(prometheus_tsdb_head_samples_appended_total[$__rate_interval]))',
          legend: 'samples',
        },
      ],
    }),
    timeSeries({
      title: 'Stored on disk',
      description:
        'Finished blocks on disk; the last hours are in memory and in the write-ahead log. The limit, if there is one, is --storage.tsdb.retention.size.',
      unit: 'bytes',
      link: runbook('OmniMindPrometheusStorageFailing'),
      noValue: NO_PROMETHEUS,
      min: 0,
      queries: [
        { expr: 'sum(prometheus_tsdb_storage_blocks_bytes)', legend: 'blocks' },
        { expr: 'max(prometheus_tsdb_retention_limit_bytes) > 0', legend: 'limit' },
      ],
    }),
  ],
};
