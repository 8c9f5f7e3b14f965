/** Of the Raft group: how entries get to the members, onto their disks, and over the network. */

import { api } from '../../api-links.ts';
import type { DashboardRow } from '../../dashboard.ts';
import { runbook, toDashboard } from '../../links.ts';
import { timeSeries } from '../../panels.ts';
import { NOT_SCRAPED, OF, quantiles } from '../control-plane/queries.ts';

const NO_FOLLOWERS = 'No member leads, or it is a cluster of one';

const MEMBERS = api('/v1/members', 'Members, as the leader sees them');

const PLANE = toDashboard('omnimind-control-plane', 'Control plane', { variables: ['member'] });

export const replication: DashboardRow = {
  title: 'Replication',
  panels: [
    timeSeries({
      title: 'Commit',
      description:
        'From the proposal of a command at the leader to its commit by a majority. Points lead to the trace of who proposed.',
      unit: 'seconds',
      logarithmic: true,
      link: runbook('OmniMindCommitSlow'),
      noValue: NOT_SCRAPED,
      queries: quantiles('omnimind_raft_commit_duration_seconds', true),
    }),
    timeSeries({
      title: 'Append, p99',
      description:
        'From the moment that entries are to be written to their being durable, by member.',
      unit: 'seconds',
      logarithmic: true,
      link: runbook('OmniMindLogSlow'),
      noValue: NOT_SCRAPED,
      queries: [
        { expr: `plane:raft_append_duration_seconds:p99_rate5m${OF}`, legend: '{{instance}}' },
      ],
    }),
    timeSeries({
      title: 'Write and flush of a batch, p99',
      description:
        'What the disk alone takes. Above some 10 ms the disk, or who else uses it, is the matter.',
      unit: 'seconds',
      logarithmic: true,
      link: runbook('OmniMindLogSlow'),
      noValue: NOT_SCRAPED,
      queries: [
        { expr: `plane:log_fsync_duration_seconds:p99_rate5m${OF}`, legend: '{{instance}}' },
      ],
    }),
    timeSeries({
      title: 'Apply, p99',
      description: 'From the commit of entries to their being applied to the state, by member.',
      unit: 'seconds',
      logarithmic: true,
      link: PLANE,
      noValue: NOT_SCRAPED,
      queries: [
        { expr: `plane:raft_apply_duration_seconds:p99_rate5m${OF}`, legend: '{{instance}}' },
      ],
    }),
    timeSeries({
      title: 'Linearizable reads',
      description:
        'Reads by outcome: ok was confirmed by a majority, the others were not answered with certainty. On the right how long 99 of 100 took until they might be answered; a gap: nobody read.',
      unit: 'perSecond',
      rightAxis: [['p99', 'seconds']],
      link: PLANE,
      noValue: NOT_SCRAPED,
      min: 0,
      queries: [
        {
          expr: `sum by (outcome) (rate(omnimind_raft_reads_total${OF}[$__rate_interval]))`,
          legend: '{{outcome}}',
        },
        {
          expr: `histogram_quantile(0.99, sum by (le) (rate(omnimind_raft_read_duration_seconds_bucket${OF}[$__rate_interval])))`,
          legend: 'p99',
          exemplar: true,
        },
      ],
    }),
    timeSeries({
      title: 'Proposals refused',
      description: 'Proposals that this member did not bring to a commit, by why.',
      unit: 'perSecond',
      link: runbook('OmniMindNoLeader'),
      noValue: NOT_SCRAPED,
      min: 0,
      queries: [
        {
          expr: `sum by (reason) (rate(omnimind_raft_proposals_refused_total${OF}[$__rate_interval]))`,
          legend: '{{reason}}',
        },
      ],
    }),
    timeSeries({
      title: 'Lag of followers',
      description: 'Entries of the leader’s log that a member does not have yet.',
      unit: 'count',
      link: runbook('OmniMindMemberBehind'),
      noValue: NO_FOLLOWERS,
      min: 0,
      queries: [{ expr: 'member:raft_lag_entries:max', legend: '{{member}}' }],
    }),
    timeSeries({
      title: 'Match index',
      description: 'Up to which index a member’s log is durable and equal to the leader’s.',
      unit: 'plain',
      link: MEMBERS,
      noValue: NO_FOLLOWERS,
      queries: [
        { expr: 'max by (member) (omnimind_raft_match_index)', legend: '{{member}}' },
        { expr: 'max(omnimind_log_commit_index)', legend: 'committed' },
      ],
    }),
    timeSeries({
      title: 'Silence of followers',
      description: 'Time since a member’s last message to the leader.',
      unit: 'seconds',
      link: runbook('OmniMindMemberBehind'),
      noValue: NO_FOLLOWERS,
      min: 0,
      queries: [{ expr: 'member:raft_contact_age_seconds:max', legend: '{{member}}' }],
    }),
  ],
};

export const log: DashboardRow = {
  title: 'Log, snapshots and network',
  panels: [
    timeSeries({
      title: 'Size on disk',
      description: 'The command log with its snapshot, and the snapshot alone.',
      unit: 'bytes',
      link: runbook('OmniMindMemberDiskAlmostFull'),
      noValue: NOT_SCRAPED,
      min: 0,
      queries: [
        { expr: `omnimind_log_size_bytes${OF}`, legend: '{{instance}} log' },
        { expr: `omnimind_log_snapshot_size_bytes${OF}`, legend: '{{instance}} snapshot' },
      ],
    }),
    timeSeries({
      title: 'Entries since the snapshot',
      description: 'What a member that starts has to replay; falls when a snapshot is saved.',
      unit: 'count',
      link: MEMBERS,
      noValue: NOT_SCRAPED,
      min: 0,
      queries: [
        {
          expr: `omnimind_log_last_index${OF} - omnimind_log_snapshot_index${OF}`,
          legend: '{{instance}}',
        },
      ],
    }),
    timeSeries({
      title: 'Snapshots',
      description:
        'Snapshots saved of a member’s own state, and installed from the leader because it was too far behind.',
      unit: 'count',
      link: runbook('OmniMindMemberBehind'),
      noValue: NOT_SCRAPED,
      min: 0,
      queries: [
        {
          expr: `sum by (instance, origin) (increase(omnimind_raft_snapshots_total${OF}[$__rate_interval]))`,
          legend: '{{instance}} {{origin}}',
        },
      ],
    }),
    timeSeries({
      title: 'Traffic between members',
      description: 'Bytes of messages, requests and answers over the Raft port, by member.',
      unit: 'bytesPerSecond',
      link: MEMBERS,
      noValue: 'It is a cluster of one: there is no traffic',
      min: 0,
      queries: [
        {
          expr: `sum by (instance, direction) (rate(omnimind_raft_frame_bytes_total${OF}[$__rate_interval]))`,
          legend: '{{instance}} {{direction}}',
        },
      ],
    }),
    timeSeries({
      title: 'Connections',
      description:
        'Open connections of the Raft port. Unauthenticated ones that stay are not members.',
      unit: 'count',
      link: MEMBERS,
      noValue: NOT_SCRAPED,
      min: 0,
      queries: [
        {
          expr: `sum by (instance, kind) (omnimind_raft_connections${OF})`,
          legend: '{{instance}} {{kind}}',
        },
      ],
    }),
    timeSeries({
      title: 'Frames not sent',
      description: 'Messages between members that were dropped, by why. Raft sends them again.',
      unit: 'perSecond',
      link: MEMBERS,
      noValue: 'Nothing was dropped since the members started',
      min: 0,
      queries: [
        {
          expr: `sum by (cause) (rate(omnimind_raft_frames_dropped_total${OF}[$__rate_interval])) or label_replace(0 * sum(omnimind_raft_term), "cause", "none", "", "")`,
          legend: '{{cause}}',
        },
      ],
    }),
    timeSeries({
      title: 'Connections refused, by cause',
      description:
        'Connections refused, or closed for what came over them. proof, mac, tls, certificate: somebody with another secret; version: an upgrade.',
      unit: 'perSecond',
      link: runbook('OmniMindRaftConnectionUnproven'),
      noValue: NOT_SCRAPED,
      min: 0,
      queries: [
        {
          expr: byCause('omnimind_raft_connections_refused_total'),
          legend: '{{cause}}',
        },
      ],
    }),
    timeSeries({
      title: 'Attempts to connect that failed',
      description: 'Attempts to reach another member, by why they failed; unreachable: it is away.',
      unit: 'perSecond',
      link: runbook('OmniMindMemberDown'),
      noValue: NOT_SCRAPED,
      min: 0,
      queries: [
        {
          expr: byCause('omnimind_raft_dial_failures_total'),
          legend: '{{cause}}',
        },
      ],
    }),
    timeSeries({
      title: 'Messages ignored',
      description:
        'Messages that no member can have sent in this state. Anything but 0 is a bug or an attack.',
      unit: 'perSecond',
      link: MEMBERS,
      noValue: NOT_SCRAPED,
      min: 0,
      queries: [
        {
          expr: `rate(omnimind_raft_messages_ignored_total${OF}[$__rate_interval])`,
          legend: '{{instance}}',
        },
      ],
    }),
  ],
};

/** The causes that there are, or one line at 0: each has a series from the start. */
function byCause(counter: string): string {
  const perSecond = `rate(${counter}${OF}[$__rate_interval])`;
  const none = `label_replace(sum(${perSecond}) == 0, "cause", "none", "", "")`;
  return `sum by (cause) (${perSecond}) > 0 or ${none}`;
}
