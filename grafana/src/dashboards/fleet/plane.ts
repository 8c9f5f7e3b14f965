/** The control plane in three pictures: who leads, what it decides, who asks. */

import type { DashboardRow } from '../../dashboard.ts';
import { toDashboard } from '../../links.ts';
import { stateTimeline, timeSeries } from '../../panels.ts';
import { toWorkloads, toPlane } from './parts.ts';

export const plane: DashboardRow = {
  title: 'Control plane',
  panels: [
    stateTimeline({
      title: 'Who leads',
      description:
        'Which member leads over time. A gap is a time without a leader; many changes are an election storm.',
      unit: 'plain',
      link: toDashboard('omnimind-raft', 'Raft and elections'),
      size: { width: 8, height: 8 },
      noValue: 'No member is scraped',
      mappings: [
        [0, 'Follows', 'neutral'],
        [1, 'Leads', 'ok'],
      ],
      queries: [{ expr: 'omnimind_raft_is_leader', legend: '{{instance}}' }],
    }),
    timeSeries({
      title: 'Decisions by reason',
      description:
        'Decisions per second by what they do and why. A healthy plane decides for every workload at every tick; most decisions hold.',
      unit: 'perSecond',
      stack: true,
      min: 0,
      link: toWorkloads,
      noValue: 'Nothing has been decided yet',
      queries: [
        {
          expr: 'topk(25, sum by (outcome, reason) (workload:evaluations:rate5m) > 0)',
          legend: '{{outcome}}: {{reason}}',
        },
      ],
    }),
    timeSeries({
      title: 'Requests to the API',
      description: 'Requests per second that each member answered.',
      unit: 'requestsPerSecond',
      min: 0,
      link: toPlane,
      noValue: 'No member is scraped',
      queries: [
        {
          expr: 'sum by (instance) (plane_route:http_requests:rate5m)',
          legend: '{{instance}}',
        },
      ],
    }),
  ],
};
