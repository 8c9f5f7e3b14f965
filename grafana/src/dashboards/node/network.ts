/** Network: what goes in and out, what is lost, and which tables fill. */

import type { DashboardRow } from '../../dashboard.ts';
import { runbook } from '../../links.ts';
import { FULLNESS } from '../../scales.ts';
import { OF, lines } from './parts.ts';

export const network: DashboardRow = {
  title: 'Network',
  panels: [
    lines({
      title: 'Received and sent',
      description: 'Bytes per second over all network devices of a host.',
      unit: 'bytesPerSecond',
      queries: [
        {
          expr: `topk(12, node:network_receive_bytes:rate1m{${OF}})`,
          legend: '{{node}} received',
        },
        { expr: `topk(12, node:network_transmit_bytes:rate1m{${OF}})`, legend: '{{node}} sent' },
      ],
    }),
    lines({
      title: 'Lost packets',
      description: 'Packets per second that a device dropped or found broken, in both directions.',
      link: runbook('OmniMindNodeNetworkErrors'),
      unit: 'packetsPerSecond',
      min: 0,
      queries: [
        {
          expr: `topk(12, sum by (node, device) (rate(omnimind_node_network_receive_drops_total{${OF}}[$__rate_interval]) + rate(omnimind_node_network_transmit_drops_total{${OF}}[$__rate_interval])))`,
          legend: '{{node}} {{device}} dropped',
        },
        {
          expr: `topk(12, sum by (node, device) (rate(omnimind_node_network_receive_errors_total{${OF}}[$__rate_interval]) + rate(omnimind_node_network_transmit_errors_total{${OF}}[$__rate_interval])))`,
          legend: '{{node}} {{device}} broken',
        },
      ],
    }),
    lines({
      title: 'TCP sent again',
      description:
        'Share of TCP segments that had to be sent again. Above 1 % connections become slow.',
      unit: 'ratio',
      min: 0,
      queries: [
        {
          expr: `topk(25, sum by (node) (rate(omnimind_node_tcp_retransmitted_segments_total{${OF}}[$__rate_interval])) / (sum by (node) (rate(omnimind_node_tcp_sent_segments_total{${OF}}[$__rate_interval])) > 0))`,
          legend: '{{node}}',
        },
      ],
    }),
    lines({
      title: 'TCP connections',
      description:
        'Connections that are established, and that wait for late packets after their end (TIME_WAIT).',
      unit: 'count',
      min: 0,
      queries: [
        {
          expr: `topk(12, sum by (node) (omnimind_node_tcp_established_connections{${OF}}))`,
          legend: '{{node}} established',
        },
        {
          expr: `topk(12, sum by (node) (omnimind_node_tcp_time_wait{${OF}}))`,
          legend: '{{node}} waiting',
        },
      ],
    }),
    lines({
      title: 'Connections turned away',
      description:
        'Connections per second that were dropped because a program did not accept them fast enough.',
      unit: 'perSecond',
      min: 0,
      queries: [
        {
          expr: `topk(25, sum by (node) (rate(omnimind_node_tcp_listen_drops_total{${OF}}[$__rate_interval])))`,
          legend: '{{node}}',
        },
      ],
    }),
    lines({
      title: 'Tracked connections in use',
      description:
        'Share of the firewall’s table of connections. When it is full, new connections are dropped.',
      link: runbook('OmniMindNodeConnectionTrackingFull'),
      unit: 'ratio',
      min: 0,
      max: 1,
      thresholds: FULLNESS,
      noValue: 'The firewall of these nodes tracks no connections',
      queries: [
        {
          expr: `topk(25, omnimind_node_tracked_connections{${OF}} / (omnimind_node_tracked_connections_max{${OF}} > 0))`,
          legend: '{{node}}',
        },
      ],
    }),
  ],
};
