/**
 * Where panels lead: to a heading of the runbook, or to another dashboard with the time range and the
 * variables that it needs. The one place where the runbook's address and the dashboards' uids are
 * written. Refuses nothing; that the headings and dashboards exist is what the tests check.
 */

import { DashboardLinkBuilder, DashboardLinkType } from '@grafana/grafana-foundation-sdk/dashboard';
import type { DashboardLink } from '@grafana/grafana-foundation-sdk/dashboard';

const RUNBOOK = 'https://github.com/omnimind/omnimind-control-plane/blob/main/alerts/runbook.md';

export const UIDS = [
  'omnimind-fleet',
  'omnimind-node',
  'omnimind-gpu',
  'omnimind-gpu-device',
  'omnimind-cache',
  'omnimind-workloads',
  'omnimind-control-plane',
  'omnimind-raft',
  'omnimind-slo',
  'omnimind-alerts',
] as const;

export type DashboardUid = (typeof UIDS)[number];

export interface PanelLink {
  readonly title: string;
  readonly url: string;
}

/** To the runbook's heading of this alert, such as OmniMindNodeDown. */
export function runbook(alert: string): PanelLink {
  return { title: `Runbook: ${alert}`, url: `${RUNBOOK}#${alert.toLowerCase()}` };
}

/**
 * To another dashboard, keeping the time range. `variables` of this dashboard are handed on under the
 * same name; `values` are set as they are, and may name what was clicked: `${__field.labels.node}`
 * in a series, `${__data.fields.Node}` in a table's row.
 */
export function toDashboard(
  uid: DashboardUid,
  title: string,
  {
    variables = [],
    values = {},
  }: {
    readonly variables?: readonly string[];
    readonly values?: Readonly<Record<string, string>>;
  } = {},
): PanelLink {
  const parts = [
    ...variables.map((name) => `\${${name}:queryparam}`),
    ...Object.entries(values).map(([name, value]) => `var-${name}=${value}`),
    '${__url_time_range}',
  ];
  return { title, url: `/d/${uid}?${parts.join('&')}` };
}

export function linkBuilder({ title, url }: PanelLink): DashboardLinkBuilder {
  return new DashboardLinkBuilder(title).type(DashboardLinkType.Link).url(url).targetBlank(false);
}

/** The menu that every dashboard has: all others of the product, with time range and variables. */
export function productMenu(): DashboardLink {
  const menu = new DashboardLinkBuilder('OmniMind')
    .type(DashboardLinkType.Dashboards)
    .tags(['omnimind'])
    .asDropdown(true)
    .includeVars(true)
    .keepTime(true)
    .build();
  // The builder's default would hide it among the controls of newer Grafanas.
  delete menu.placement;
  return menu;
}
