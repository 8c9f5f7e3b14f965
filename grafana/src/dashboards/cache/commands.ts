/** What is asked of the caches, how fast they answer, and what they turn away. */

import type { DashboardRow } from '../../dashboard.ts';
import { runbook } from '../../links.ts';
import { byServer, cacheLines, OF, SERVER_LEGEND } from './parts.ts';

export const commands: DashboardRow = {
  title: 'Commands',
  panels: [
    cacheLines({
      title: 'Commands',
      description: 'Commands per second, by cache.',
      unit: 'operationsPerSecond',
      queries: [{ expr: `topk(25, cache:commands:rate1m{${OF}})`, legend: '{{target}}' }],
    }),
    cacheLines({
      title: 'Keys found by cache',
      description: 'Share of lookups that found their key. No line while nobody looks anything up.',
      unit: 'ratio',
      max: 1,
      link: runbook('OmniMindCacheHitRatioDropped'),
      queries: [{ expr: `topk(25, cache:keyspace_hit_ratio:rate5m{${OF}})`, legend: '{{target}}' }],
    }),
    cacheLines({
      title: 'Round trip of a PING',
      description:
        'As the agent measures it, the slowest server of each cache. High while commands are slow: the server is busy with one of them.',
      unit: 'seconds',
      link: runbook('OmniMindCacheSlow'),
      queries: [{ expr: `topk(25, cache:ping_duration_seconds:max{${OF}})`, legend: '{{target}}' }],
    }),
    cacheLines({
      title: 'Time per command',
      description:
        'Average time that the server spent in each command, the ten slowest. Without the wait before it.',
      unit: 'seconds',
      logarithmic: true,
      queries: [
        {
          expr: `topk(10, max by (target, command) (rate(omnimind_cache_command_duration_seconds_total{${OF}}[$__rate_interval]) / (rate(omnimind_cache_command_calls_total{${OF}}[$__rate_interval]) > 0)))`,
          legend: '{{target}} {{command}}',
        },
      ],
    }),
    cacheLines({
      title: 'Time spent by command',
      description:
        'Where the time of the servers goes: seconds per second in each command, the ten largest. 1 is all of a server.',
      unit: 'ratio',
      stack: true,
      queries: [
        {
          expr: `topk(10, sum by (target, command) (max by (target, instance_address, command) (rate(omnimind_cache_command_duration_seconds_total{${OF}}[$__rate_interval]))))`,
          legend: '{{target}} {{command}}',
        },
      ],
    }),
    cacheLines({
      title: 'Errors and refusals',
      description:
        'Replies that were errors, and connections refused because there were too many, per second.',
      unit: 'perSecond',
      link: runbook('OmniMindCacheRejectsConnections'),
      queries: [
        {
          expr: `topk(12, sum by (target) (max by (target, instance_address) (rate(omnimind_cache_error_replies_total{${OF}}[$__rate_interval]))))`,
          legend: '{{target}} errors',
        },
        {
          expr: `topk(12, cache:connections_rejected:rate5m{${OF}})`,
          legend: '{{target}} refused',
        },
      ],
    }),
    cacheLines({
      title: 'Clients',
      description: 'Connected clients, and those that wait in a blocking command.',
      link: runbook('OmniMindCacheClientsNearMax'),
      unit: 'count',
      queries: [
        {
          expr: `topk(12, max by (target, instance_address) (omnimind_cache_clients_connected{${OF}}))`,
          legend: `${SERVER_LEGEND} connected`,
        },
        {
          expr: `topk(12, max by (target, instance_address) (omnimind_cache_clients_blocked{${OF}}))`,
          legend: `${SERVER_LEGEND} blocked`,
        },
      ],
    }),
    cacheLines({
      title: 'Slow log',
      description:
        'Entries in each server’s list of slow commands; SLOWLOG GET on the server shows them.',
      unit: 'count',
      queries: [{ expr: byServer(`omnimind_cache_slowlog_length{${OF}}`), legend: SERVER_LEGEND }],
    }),
    cacheLines({
      title: 'Network',
      description: 'Bytes per second that servers read and write.',
      unit: 'bytesPerSecond',
      queries: [
        {
          expr: `topk(12, max by (target, instance_address) (rate(omnimind_cache_network_receive_bytes_total{${OF}}[$__rate_interval])))`,
          legend: `${SERVER_LEGEND} read`,
        },
        {
          expr: `topk(12, max by (target, instance_address) (rate(omnimind_cache_network_transmit_bytes_total{${OF}}[$__rate_interval])))`,
          legend: `${SERVER_LEGEND} written`,
        },
      ],
    }),
  ],
};
