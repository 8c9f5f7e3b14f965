/** Of the control plane: its loops, what they do in a tick, and the processes that they run in. */

import type { DashboardRow } from '../../dashboard.ts';
import { runbook, toDashboard } from '../../links.ts';
import { timeSeries } from '../../panels.ts';
import { NOT_SCRAPED, OF, quantiles } from './queries.ts';

const RAFT = toDashboard('omnimind-raft', 'Raft and elections', { variables: ['member'] });

const ALERTS = toDashboard('omnimind-alerts', 'Alerts and scrapes');

export const loops: DashboardRow = {
  title: 'Loops',
  panels: [
    timeSeries({
      title: 'Ticks of the scale loop',
      description:
        'Duration of one tick: look, verify, decide, commit, act. Points lead to the trace of a tick.',
      unit: 'seconds',
      logarithmic: true,
      link: runbook('OmniMindPolicyNotEvaluated'),
      noValue: 'No tick has run yet',
      queries: quantiles('omnimind_loop_duration_seconds', true, ', loop="scale"'),
    }),
    timeSeries({
      title: 'Stages, p99',
      description:
        'Where a tick spends its time. Observe waits for Prometheus, commit for a majority.',
      unit: 'seconds',
      logarithmic: true,
      link: RAFT,
      noValue: NOT_SCRAPED,
      queries: [
        {
          expr: `max by (stage) (plane_stage:stage_duration_seconds:p99_rate5m${OF})`,
          legend: '{{stage}}',
        },
      ],
    }),
    timeSeries({
      title: 'Lag of loops, p99',
      description:
        'How late a run began. Rises when the process gets no processor, or its disk hangs.',
      unit: 'seconds',
      link: runbook('OmniMindEventLoopBlocked'),
      noValue: NOT_SCRAPED,
      min: 0,
      queries: [
        {
          expr: `max by (instance, loop) (plane_loop:loop_lag_seconds:p99_rate5m${OF})`,
          legend: '{{instance}} {{loop}}',
        },
      ],
    }),
    timeSeries({
      title: 'Runs of loops',
      description: 'Runs by outcome, all members together; failed ones have a line in the log.',
      unit: 'perSecond',
      link: runbook('OmniMindLoopFailing'),
      noValue: NOT_SCRAPED,
      min: 0,
      queries: [
        {
          expr: `sum by (loop, outcome) (plane_loop:loop_runs:rate5m${OF})`,
          legend: '{{loop}} {{outcome}}',
        },
      ],
    }),
    timeSeries({
      title: 'Commands',
      description:
        'Commands that the state machine applied, refused or had already, on the member that saw most.',
      unit: 'perSecond',
      link: RAFT,
      noValue: NOT_SCRAPED,
      min: 0,
      queries: [
        {
          expr: `max by (kind, result) (rate(omnimind_commands_total${OF}[$__rate_interval]))`,
          legend: '{{kind}} {{result}}',
        },
      ],
    }),
    timeSeries({
      title: 'Heartbeats of nodes',
      description: 'Heartbeats that members received; unknown_node has to register again.',
      unit: 'perSecond',
      link: toDashboard('omnimind-fleet', 'Fleet'),
      noValue: NOT_SCRAPED,
      min: 0,
      queries: [{ expr: `sum by (outcome) (plane:heartbeats:rate5m${OF})`, legend: '{{outcome}}' }],
    }),
  ],
};

export const processes: DashboardRow = {
  title: 'Processes',
  panels: [
    timeSeries({
      title: 'Event loop lag',
      description:
        'How late the event loop ran over the last 15 to 30 seconds: 99 of 100 looks, and the worst.',
      unit: 'seconds',
      link: runbook('OmniMindEventLoopBlocked'),
      noValue: NOT_SCRAPED,
      min: 0,
      queries: [
        {
          expr: 'omnimind_event_loop_lag_seconds{instance=~"$member", statistic=~"p99|max"}',
          legend: '{{instance}} {{statistic}}',
        },
      ],
    }),
    timeSeries({
      title: 'Processor',
      description: 'Processors used by each member; 1 is one of them all the time.',
      unit: 'count',
      link: toDashboard('omnimind-fleet', 'Hosts'),
      noValue: NOT_SCRAPED,
      min: 0,
      queries: [
        {
          expr: 'rate(process_cpu_seconds_total{job="omnimind-control-plane", instance=~"$member"}[$__rate_interval])',
          legend: '{{instance}}',
        },
      ],
    }),
    timeSeries({
      title: 'Memory',
      description:
        'Resident memory of each member, and the part of it that is JavaScript’s heap in use.',
      unit: 'bytes',
      link: runbook('OmniMindMemberMemoryHigh'),
      noValue: NOT_SCRAPED,
      min: 0,
      queries: [
        {
          expr: 'process_resident_memory_bytes{job="omnimind-control-plane", instance=~"$member"}',
          legend: '{{instance}} resident',
        },
        {
          expr: 'nodejs_heap_size_used_bytes{job="omnimind-control-plane", instance=~"$member"}',
          legend: '{{instance}} heap',
        },
      ],
    }),
    timeSeries({
      title: 'Garbage collection',
      description: 'Share of the time that collections of garbage stopped the process, by kind.',
      unit: 'ratio',
      link: ALERTS,
      noValue: 'No collection has run yet',
      min: 0,
      queries: [
        {
          expr: 'sum by (instance, kind) (rate(nodejs_gc_duration_seconds_sum{job="omnimind-control-plane", instance=~"$member"}[$__rate_interval]))',
          legend: '{{instance}} {{kind}}',
        },
      ],
    }),
    timeSeries({
      title: 'Open files',
      description: 'File descriptors: connections, the log, the spool. The limit ends all of them.',
      unit: 'count',
      link: runbook('OmniMindMemberOpenFilesAlmostFull'),
      noValue: NOT_SCRAPED,
      min: 0,
      queries: [
        {
          expr: 'process_open_fds{job="omnimind-control-plane", instance=~"$member"}',
          legend: '{{instance}}',
        },
      ],
    }),
    timeSeries({
      title: 'Running since',
      description: 'How long each member has been running; a fall is a restart.',
      unit: 'seconds',
      link: runbook('OmniMindMemberRestarting'),
      noValue: NOT_SCRAPED,
      min: 0,
      queries: [
        {
          expr: 'time() - process_start_time_seconds{job="omnimind-control-plane", instance=~"$member"}',
          legend: '{{instance}}',
        },
      ],
    }),
  ],
};
