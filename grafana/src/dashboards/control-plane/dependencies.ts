/** Of the control plane: what it writes to and reads from, and what became of its own telemetry. */

import type { DashboardRow } from '../../dashboard.ts';
import { runbook } from '../../links.ts';
import { stateTimeline, timeSeries } from '../../panels.ts';
import { NOT_SCRAPED, OF, quantiles } from './queries.ts';

export const record: DashboardRow = {
  title: 'Decision record in PostgreSQL',
  panels: [
    stateTimeline({
      title: 'Database',
      description:
        'Whether the database of the decision record answers each member. Without it records wait on disk and the plane goes on deciding.',
      unit: 'count',
      link: runbook('OmniMindDecisionStoreUnreachable'),
      noValue: NOT_SCRAPED,
      mappings: [
        [0, 'away', 'warning'],
        [1, 'connected', 'ok'],
      ],
      queries: [{ expr: `omnimind_decision_store_connected${OF}`, legend: '{{instance}}' }],
      size: { width: 8, height: 8 },
    }),
    timeSeries({
      title: 'Records that wait',
      description: 'Decision records on a member’s disk that the database does not have yet.',
      unit: 'count',
      link: runbook('OmniMindAuditBufferFilling'),
      noValue: NOT_SCRAPED,
      min: 0,
      queries: [{ expr: `omnimind_decision_store_buffered${OF}`, legend: '{{instance}}' }],
    }),
    timeSeries({
      title: 'Spool used',
      description:
        'How full the place on disk is where records wait. When it is full, the oldest holds are given up, then the oldest acts.',
      unit: 'ratio',
      link: runbook('OmniMindAuditBufferFilling'),
      noValue: NOT_SCRAPED,
      min: 0,
      max: 1,
      thresholds: [
        [null, 'ok'],
        [0.5, 'warning'],
        [0.9, 'critical'],
      ],
      queries: [{ expr: `plane:decision_store_spool_fill:ratio${OF}`, legend: '{{instance}}' }],
    }),
    timeSeries({
      title: 'Exchanges with the database',
      description: 'Batches written and looks at an idle database, by outcome.',
      unit: 'perSecond',
      link: runbook('OmniMindDecisionStoreUnreachable'),
      noValue: NOT_SCRAPED,
      min: 0,
      queries: [
        {
          expr: `sum by (instance, outcome) (rate(omnimind_decision_store_batches_total${OF}[$__rate_interval]))`,
          legend: '{{instance}} {{outcome}}',
        },
      ],
    }),
    timeSeries({
      title: 'Duration of exchanges',
      description: 'One batch or one look, the wait for a connection included.',
      unit: 'seconds',
      logarithmic: true,
      link: runbook('OmniMindDecisionStoreUnreachable'),
      noValue: NOT_SCRAPED,
      queries: quantiles('omnimind_decision_store_batch_duration_seconds', false),
    }),
    timeSeries({
      title: 'Records given up',
      description: 'Decision records lost because the spool was full. A flat 0 is health.',
      unit: 'count',
      link: runbook('OmniMindAuditRecordsLost'),
      noValue: NOT_SCRAPED,
      min: 0,
      queries: [
        {
          expr: `increase(omnimind_decision_store_dropped_total${OF}[$__rate_interval])`,
          legend: '{{instance}}',
        },
      ],
    }),
  ],
};

export const source: DashboardRow = {
  title: 'Prometheus as the source of signals',
  panels: [
    timeSeries({
      title: 'Queries by outcome',
      description: 'Queries of the scale loop; any outcome but ok makes workloads hold.',
      unit: 'requestsPerSecond',
      link: runbook('OmniMindMetricsSourceUnreachable'),
      noValue: 'No query was sent yet: no policy, or no leader',
      min: 0,
      queries: [
        {
          expr: `sum by (outcome) (plane:metrics_source_requests:rate5m${OF})`,
          legend: '{{outcome}}',
        },
      ],
    }),
    timeSeries({
      title: 'Duration of queries',
      description: 'Points are single queries and lead to the trace of their tick.',
      unit: 'seconds',
      logarithmic: true,
      link: runbook('OmniMindMetricsSourceUnreachable'),
      noValue: 'No query was sent yet: no policy, or no leader',
      queries: quantiles('omnimind_metrics_source_request_duration_seconds', true),
    }),
    stateTimeline({
      title: 'Breaker',
      description:
        'Open while queries are not sent because the last ones failed; it closes as soon as one succeeds.',
      unit: 'count',
      link: runbook('OmniMindMetricsSourceUnreachable'),
      noValue: NOT_SCRAPED,
      mappings: [
        [0, 'closed', 'ok'],
        [1, 'open', 'critical'],
      ],
      queries: [{ expr: `omnimind_metrics_source_breaker_open${OF}`, legend: '{{instance}}' }],
      size: { width: 8, height: 8 },
    }),
  ],
};

export const telemetry: DashboardRow = {
  title: 'Its own telemetry',
  panels: [
    timeSeries({
      title: 'Log lines',
      description: 'Lines that members write, by level. An error means that somebody must act now.',
      unit: 'perSecond',
      link: runbook('OmniMindMemberLogsErrors'),
      noValue: NOT_SCRAPED,
      min: 0,
      queries: [
        {
          expr: `sum by (level) (rate(omnimind_logged_lines_total${OF}[$__rate_interval]))`,
          legend: '{{level}}',
        },
      ],
    }),
    timeSeries({
      title: 'Traces given up',
      description:
        'Spans dropped because the queue was full, or the trace backend did not take them.',
      unit: 'perSecond',
      link: runbook('OmniMindTracesDropped'),
      noValue: NOT_SCRAPED,
      min: 0,
      queries: [
        {
          expr: `rate(omnimind_traces_dropped_total${OF}[$__rate_interval])`,
          legend: '{{instance}}',
        },
      ],
    }),
    timeSeries({
      title: 'Series and values left out',
      description:
        'Writes to series beyond the cap of their family, and values that were no number. A flat 0 is health.',
      unit: 'perSecond',
      link: runbook('OmniMindMemberDropsSeries'),
      noValue: NOT_SCRAPED,
      min: 0,
      queries: [
        {
          expr: `sum(rate(omnimind_metrics_dropped_series_total${OF}[$__rate_interval]))`,
          legend: 'series',
        },
        {
          expr: `sum(rate(omnimind_metrics_dropped_values_total${OF}[$__rate_interval]))`,
          legend: 'values',
        },
      ],
    }),
  ],
};
