/**
 * The members as a group: who leads, how elections went and why there were any, how fast entries
 * become durable, committed and applied, who lags, and what the network between members refused. A
 * single election is a trace; exemplars and GET /v1/elections lead there.
 */

import { api } from '../api-links.ts';
import type { DashboardRow, DashboardSpec } from '../dashboard.ts';
import { runbook, toDashboard } from '../links.ts';
import { stat, stateTimeline, table, timeSeries } from '../panels.ts';
import { NOT_SCRAPED, OF } from './control-plane/queries.ts';
import { members } from '../variables.ts';
import { elections } from './raft/elections.ts';
import { log, replication } from './raft/replication.ts';

const NO_FOLLOWERS = 'No member leads, or it is a cluster of one';

const MEMBERS = api('/v1/members', 'Members, as the leader sees them');

const ELECTIONS = api('/v1/elections', 'Elections with votes and traces', 'limit=20');

const PLANE = toDashboard('omnimind-control-plane', 'Control plane', { variables: ['member'] });

const health: DashboardRow = {
  title: 'Is it healthy',
  panels: [
    stat({
      title: 'Leader',
      description:
        'The member that leads now; without one nothing is decided and nothing committed.',
      unit: 'count',
      link: runbook('OmniMindNoLeader'),
      noValue: 'Nobody leads',
      queries: [
        {
          expr: 'max by (member) ((omnimind_raft_is_leader == 1) * on (instance) group_left (member) omnimind_raft_member_info)',
          legend: '{{member}}',
        },
      ],
      textMode: 'name',
      graph: false,
    }),
    stat({
      title: 'Members that know a leader',
      description: 'Of the members that are scraped, those that know who leads.',
      unit: 'count',
      link: MEMBERS,
      noValue: NOT_SCRAPED,
      queries: [
        { expr: 'sum(omnimind_raft_has_leader)', legend: 'know' },
        { expr: 'max(omnimind_raft_members{membership="voter"})', legend: 'voters' },
      ],
      textMode: 'value_and_name',
      graph: false,
    }),
    stat({
      title: 'Term',
      description: 'Number of the newest election. It rises with each; between them it stands.',
      unit: 'plain',
      link: ELECTIONS,
      noValue: NOT_SCRAPED,
      queries: [{ expr: 'max(omnimind_raft_term)', legend: 'term' }],
    }),
    stat({
      title: 'Leaders in range',
      description:
        'New leaders in the time range. More than an upgrade explains: look at the causes.',
      unit: 'count',
      decimals: 0,
      link: runbook('OmniMindElectionStorm'),
      noValue: NOT_SCRAPED,
      queries: [
        {
          expr: 'max(increase(omnimind_raft_leader_changes_total[$__range]))',
          legend: 'changes',
        },
      ],
      graph: false,
    }),
    stat({
      title: 'Without a leader in range',
      description:
        'Seconds of the time range without a leader, as the new leaders measured them: from the last message of the old one to the first commit of the next.',
      unit: 'seconds',
      link: runbook('OmniMindNoLeader'),
      noValue: NOT_SCRAPED,
      queries: [
        {
          expr: 'sum(increase(omnimind_raft_leaderless_duration_seconds_sum[$__range]))',
          legend: 'leaderless',
        },
      ],
      graph: false,
    }),
    stat({
      title: 'Furthest behind',
      description: 'Entries that the slowest follower does not have yet.',
      unit: 'count',
      link: runbook('OmniMindMemberBehind'),
      noValue: NO_FOLLOWERS,
      queries: [{ expr: 'max(member:raft_lag_entries:max)', legend: 'entries' }],
      thresholds: [
        [null, 'ok'],
        [1000, 'warning'],
      ],
      min: 0,
    }),
    table({
      title: 'Members',
      description:
        'Each member as it sees itself. Applied far below the newest of all: it is behind, or away from the others.',
      link: MEMBERS,
      noValue: NOT_SCRAPED,
      labels: [{ label: 'instance', title: 'Address', link: PLANE }],
      columns: [
        {
          ...column('omnimind_raft_is_leader', 'Leads'),
          unit: 'count',
          mappings: [
            [0, 'no', 'neutral'],
            [1, 'leads', 'ok'],
          ],
        },
        {
          ...column('omnimind_raft_has_leader', 'Knows a leader'),
          mappings: [
            [0, 'no', 'critical'],
            [1, 'yes', 'ok'],
          ],
        },
        column('omnimind_raft_term', 'Term'),
        column('omnimind_log_last_index', 'Last index'),
        column('omnimind_log_commit_index', 'Committed'),
        column('omnimind_log_applied_index', 'Applied'),
        column('omnimind_log_snapshot_index', 'Snapshot up to'),
      ],
      sortBy: 'Address',
      size: { width: 24, height: 6 },
    }),
  ],
};

const ROLES = ['follower', 'pre_candidate', 'candidate', 'leader'] as const;

const leadership: DashboardRow = {
  title: 'Roles and terms',
  panels: [
    stateTimeline({
      title: 'Role of each member',
      description:
        'What each member was at each scrape. A healthy group shows one leader; elections shorter than a scrape do not show here, but as a change of the leader.',
      unit: 'count',
      link: ELECTIONS,
      noValue: NOT_SCRAPED,
      mappings: [
        [1, 'follower', 'neutral'],
        [2, 'asks whether it would win', 'warning'],
        [3, 'candidate', 'warning'],
        [4, 'leader', 'ok'],
      ],
      queries: [
        {
          expr: ROLES.map(
            (role, at) =>
              `sum by (instance) (omnimind_raft_role{instance=~"$member", role="${role}"}) * ${at + 1}`,
          ).join(' + '),
          legend: '{{instance}}',
        },
      ],
      size: { width: 12, height: 8 },
    }),
    timeSeries({
      title: 'Term of each member',
      description: 'A member whose term stays below the others’ does not hear them.',
      unit: 'plain',
      link: MEMBERS,
      noValue: NOT_SCRAPED,
      step: true,
      queries: [{ expr: `omnimind_raft_term${OF}`, legend: '{{instance}}' }],
      size: { width: 12, height: 8 },
    }),
    stateTimeline({
      title: 'Leaders at each scrape',
      description:
        'How many members say that they lead. Two for an instant is an old leader that does not know yet; its lease keeps it from acting.',
      unit: 'count',
      link: runbook('OmniMindTwoLeaders'),
      noValue: NOT_SCRAPED,
      mappings: [
        [0, 'none', 'critical'],
        [1, 'one', 'ok'],
        [2, 'two', 'warning'],
      ],
      queries: [{ expr: 'group:raft_leaders:sum', legend: 'leaders' }],
      size: { width: 12, height: 5 },
    }),
    timeSeries({
      title: 'Members of the group',
      description:
        'Voters count for a majority, learners only listen, leaving ones are on their way out.',
      unit: 'count',
      link: runbook('OmniMindMembershipChangeStuck'),
      noValue: NOT_SCRAPED,
      step: true,
      min: 0,
      queries: [
        {
          expr: 'max by (membership) (omnimind_raft_members)',
          legend: '{{membership}}',
        },
      ],
      size: { width: 12, height: 5 },
    }),
  ],
};

function column(series: string, title: string) {
  return { expr: `max by (instance) (${series}${OF})`, title, unit: 'plain' } as const;
}

export const raft: DashboardSpec = {
  uid: 'omnimind-raft',
  title: 'Raft and elections',
  description:
    'Whether the members agree: one leader, short elections, fast commits, nobody behind. For who runs the plane.',
  events: ['Elections'],
  variables: [members],
  rows: [health, leadership, elections, replication, log],
};
