/** What the workloads want and how they do. */

import type { DashboardRow } from '../../dashboard.ts';
import { timeSeries } from '../../panels.ts';
import { toWorkloads, toWorkload } from './parts.ts';

export const workloads: DashboardRow = {
  title: 'Workloads',
  panels: [
    timeSeries({
      title: 'Replicas wanted',
      description:
        'What the last committed decision wants, by workload. Marks on the axis are decisions that acted.',
      unit: 'count',
      step: true,
      min: 0,
      link: toWorkloads,
      seriesLink: toWorkload,
      noValue: 'No workload is declared',
      queries: [
        {
          expr: 'topk(25, max by (workload) (omnimind_replicas_desired))',
          legend: '{{workload}}',
        },
      ],
    }),
    timeSeries({
      title: 'Requests in the system',
      description: 'Requests that wait or are being served, by workload, all replicas together.',
      unit: 'count',
      min: 0,
      link: toWorkloads,
      seriesLink: toWorkload,
      noValue: 'No workload reports requests',
      queries: [
        {
          expr: 'topk(25, workload:inference_requests_in_system:sum)',
          legend: '{{workload}}',
        },
      ],
    }),
    timeSeries({
      title: 'Slowest requests (p95)',
      description:
        'Time that 95 % of the answered requests took at most, by workload, over the last minute. No line while nothing was answered.',
      unit: 'seconds',
      min: 0,
      link: toWorkloads,
      seriesLink: toWorkload,
      noValue: 'Nothing was answered within a minute',
      queries: [
        {
          expr: 'topk(25, workload:inference_request_duration_seconds:p95_rate1m)',
          legend: '{{workload}}',
        },
      ],
    }),
  ],
};
