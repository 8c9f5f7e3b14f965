/** Of the Raft group: how elections came about and went, with the traces of single ones. */

import { api } from '../../api-links.ts';
import type { DashboardRow } from '../../dashboard.ts';
import { heatmap } from '../../heatmap.ts';
import { runbook } from '../../links.ts';
import { barGauge, timeSeries } from '../../panels.ts';
import { NOT_SCRAPED, OF } from '../control-plane/queries.ts';

const ELECTIONS = api('/v1/elections', 'Elections with votes and traces', 'limit=20');

export const elections: DashboardRow = {
  title: 'Elections',
  panels: [
    timeSeries({
      title: 'Time without a leader',
      description:
        'From the last message of a leader to the first commit of the next, as that one measured it, by what led to the election. Points lead to the trace of the election.',
      unit: 'seconds',
      link: ELECTIONS,
      noValue: 'No election was won since the members started',
      min: 0,
      queries: [
        {
          expr: 'histogram_quantile(0.95, sum by (cause, le) (increase(omnimind_raft_leaderless_duration_seconds_bucket[$__rate_interval])))',
          legend: '{{cause}} p95',
          exemplar: true,
        },
        {
          expr: 'histogram_quantile(0.95, sum by (le) (increase(omnimind_raft_leaderless_duration_seconds_bucket[$__range])))',
          legend: 'p95 of the whole range',
        },
      ],
      size: { width: 12, height: 9 },
    }),
    timeSeries({
      title: 'Duration of elections',
      description:
        'From the suspicion to the first commit of the new term, or to the loss. Points lead to the trace of the election.',
      unit: 'seconds',
      link: ELECTIONS,
      noValue: 'No election has ended since the members started',
      min: 0,
      queries: [
        {
          expr: 'histogram_quantile(0.95, sum by (outcome, le) (increase(omnimind_raft_election_duration_seconds_bucket[$__rate_interval])))',
          legend: '{{outcome}} p95',
          exemplar: true,
        },
        {
          expr: 'histogram_quantile(0.95, sum by (le) (increase(omnimind_raft_election_duration_seconds_bucket{outcome="elected"}[$__range])))',
          legend: 'elected, p95 of the whole range',
        },
      ],
      size: { width: 12, height: 9 },
    }),
    heatmap({
      title: 'Election durations',
      description:
        'Elections that were won, by how long they took. Points are single elections and lead to their traces.',
      unit: 'seconds',
      link: ELECTIONS,
      noValue: NOT_SCRAPED,
      expr: 'sum by (le) (increase(omnimind_raft_election_duration_seconds_bucket{outcome="elected"}[$__rate_interval]))',
      size: { width: 8, height: 9 },
    }),
    barGauge({
      title: 'Elections by cause and outcome',
      description:
        'Campaigns that ended in the time range. leader_silent in numbers: the network or a slow disk; timed_out: too few members are there.',
      unit: 'count',
      decimals: 0,
      link: runbook('OmniMindElectionStorm'),
      noValue: 'No campaign has ended in this time range',
      min: 0,
      queries: [
        {
          expr: 'sum by (cause, outcome) (increase(omnimind_raft_elections_total[$__range])) > 0 or label_replace(label_replace(sum(increase(omnimind_raft_elections_total[$__range])) == 0, "cause", "none", "", ""), "outcome", "in this time range", "", "")',
          legend: '{{cause}} {{outcome}}',
        },
      ],
      size: { width: 8, height: 9 },
    }),
    timeSeries({
      title: 'Step-downs and transfers',
      description:
        'Times that a leader gave up, by why, and its attempts to hand over. stalled and disk_stalled: it was too slow itself.',
      unit: 'count',
      link: ELECTIONS,
      noValue: NOT_SCRAPED,
      min: 0,
      queries: [
        {
          expr: `sum by (reason) (increase(omnimind_raft_step_downs_total${OF}[$__rate_interval]))`,
          legend: 'stepped down: {{reason}}',
        },
        {
          expr: `sum by (outcome) (increase(omnimind_raft_transfers_total${OF}[$__rate_interval]))`,
          legend: 'transfer: {{outcome}}',
        },
      ],
      size: { width: 8, height: 9 },
    }),
    timeSeries({
      title: 'Votes',
      description: 'Answers to requests for a vote, by phase and reason; the 15 most frequent.',
      unit: 'count',
      link: runbook('OmniMindElectionsFailing'),
      noValue: NOT_SCRAPED,
      min: 0,
      queries: [
        {
          expr: `topk(15, sum by (phase, reason) (increase(omnimind_raft_votes_total${OF}[$__rate_interval])))`,
          legend: '{{phase}}: {{reason}}',
        },
      ],
      size: { width: 12, height: 8 },
    }),
    timeSeries({
      title: 'Elections of the last ten minutes',
      description:
        'Campaigns by outcome over ten minutes: what the alert for a storm of elections looks at.',
      unit: 'count',
      link: runbook('OmniMindElectionStorm'),
      noValue: NOT_SCRAPED,
      min: 0,
      queries: [
        { expr: 'sum by (outcome) (group:raft_elections:increase10m)', legend: '{{outcome}}' },
      ],
      size: { width: 12, height: 8 },
    }),
  ],
};
