/**
 * What fires, and whether it reaches anybody: alerts by severity and part, Alertmanager's messages,
 * and the things without which silence would mean nothing: rules that are evaluated, scrapes that
 * succeed, and the watchdog that always fires.
 */

import { api } from '../api-links.ts';
import { alertIndex } from '../alert-index.ts';
import type { DashboardRow, DashboardSpec } from '../dashboard.ts';
import { runbook, toDashboard } from '../links.ts';
import { stat, table, text, timeSeries } from '../panels.ts';
import { delivery, rules, scrapes, storage } from './alerts/delivery.ts';

const WATCHDOG = runbook('OmniMindWatchdog');

const NO_ALERTMANAGER = 'Alertmanager is not scraped: it is not part of this stack, or it is down';

const DELIVERY = runbook('OmniMindNotificationsFailing');

const firing: DashboardRow = {
  title: 'What fires',
  panels: [
    severity('critical', 'Critical', 'critical', 'Somebody is paged for these.'),
    severity('warning', 'Warning', 'warning', 'For the next working day; told to Slack.'),
    severity('info', 'Info', 'neutral', 'Told to nobody; they explain others.'),
    stat({
      title: 'Pending',
      description: 'Conditions that hold, but not for long enough yet to fire.',
      unit: 'count',
      link: toDashboard('omnimind-fleet', 'Fleet'),
      noValue: 'No rule is evaluated',
      queries: [{ expr: 'count(ALERTS{alertstate="pending"}) or vector(0)', legend: 'pending' }],
    }),
    stat({
      title: 'Watchdog',
      description:
        'An alert that always fires. While it does, rules are evaluated; that it arrives is what the dead man’s switch watches.',
      unit: 'count',
      link: WATCHDOG,
      noValue: 'No rule is evaluated',
      mappings: [
        [0, 'silent', 'critical'],
        [1, 'alive', 'ok'],
      ],
      queries: [
        {
          expr: 'max(ALERTS{alertname="OmniMindWatchdog", alertstate="firing"}) or vector(0)',
          legend: 'watchdog',
        },
      ],
      thresholds: [
        [null, 'critical'],
        [1, 'ok'],
      ],
      graph: false,
    }),
    stat({
      title: 'Messages failed',
      description: 'Messages of the time range that Alertmanager could not deliver.',
      unit: 'count',
      decimals: 0,
      link: DELIVERY,
      noValue: NO_ALERTMANAGER,
      queries: [
        {
          expr: 'sum(increase(alertmanager_notifications_failed_total[$__range]))',
          legend: 'failed',
        },
      ],
      thresholds: [
        [null, 'ok'],
        [1, 'critical'],
      ],
      graph: false,
    }),
    table({
      title: 'Firing now',
      description:
        'Alerts that fire, of how many things, and since when. An alert leads to its runbook, its dashboard to the panels that explain it.',
      link: api('/v1/alerts', 'What Alertmanager told the plane'),
      noValue: 'Nothing fires; not even the watchdog: rules are not evaluated',
      labels: [
        {
          label: 'alertname',
          title: 'Alert',
          link: runbookOf('${__value.raw}'),
          widthMin: 330,
        },
        { label: 'severity', title: 'Severity' },
        { label: 'component', title: 'About' },
        {
          label: 'dashboard',
          title: 'Dashboard',
          link: {
            title: 'Its dashboard',
            url: '/d/${__value.raw}?${__url_time_range}',
          },
        },
      ],
      columns: [
        {
          expr: withDashboard(
            'count by (alertname, severity, component) (ALERTS{alertstate="firing"})',
          ),
          title: 'How many',
          unit: 'count',
          decimals: 0,
        },
        {
          expr: withDashboard(
            'min by (alertname, severity, component) (ALERTS_FOR_STATE and ignoring (alertstate) ALERTS{alertstate="firing"}) * 1000',
          ),
          title: 'Since',
          unit: 'fromNow',
        },
      ],
      sortBy: 'Severity',
      size: { width: 24, height: 8 },
    }),
    timeSeries({
      title: 'Firing by severity',
      description: 'Alerts that fired over time; none is the watchdog.',
      unit: 'count',
      link: WATCHDOG,
      noValue: 'Nothing fires; not even the watchdog: rules are not evaluated',
      min: 0,
      stack: true,
      queries: [
        { expr: 'count by (severity) (ALERTS{alertstate="firing"})', legend: '{{severity}}' },
      ],
      size: { width: 12, height: 8 },
    }),
    timeSeries({
      title: 'Firing by part',
      description: 'Alerts that fired over time, by what they are about.',
      unit: 'count',
      link: toDashboard('omnimind-fleet', 'Fleet'),
      noValue: 'Nothing fires; not even the watchdog: rules are not evaluated',
      min: 0,
      stack: true,
      queries: [
        { expr: 'count by (component) (ALERTS{alertstate="firing"})', legend: '{{component}}' },
      ],
      size: { width: 12, height: 8 },
    }),
  ],
};

const index: DashboardRow = {
  title: 'Every alert that there is',
  panels: [
    text({
      title: 'Alerts and their runbooks',
      description: 'Every alert of alerts/rules, what it says, and what to do about it.',
      link: WATCHDOG,
      content: alertIndex(),
      size: { width: 24, height: 24 },
    }),
  ],
};

function severity(
  name: string,
  title: string,
  means: 'critical' | 'warning' | 'neutral',
  description: string,
) {
  return stat({
    title,
    description: `Alerts of severity ${name} that fire now. ${description}`,
    unit: 'count',
    link: api('/v1/alerts', 'What Alertmanager told the plane'),
    noValue: 'No rule is evaluated',
    queries: [
      {
        expr: `count(ALERTS{alertstate="firing", severity="${name}"}) or vector(0)`,
        legend: name,
      },
    ],
    thresholds: [
      [null, 'ok'],
      [1, means],
    ],
  });
}

/** The dashboard of the part that an alert is about, as a label whose value is the uid. */
function withDashboard(expr: string): string {
  const named = `label_replace(${expr}, "dashboard", "omnimind-$1", "component", "(.+)")`;
  const workloads = `label_replace(${named}, "dashboard", "omnimind-workloads", "component", "workload")`;
  return `label_replace(${workloads}, "dashboard", "omnimind-alerts", "component", "observability")`;
}

/** GitHub finds a heading in any case. */
function runbookOf(alert: string) {
  const { url } = runbook('');
  return { title: 'Runbook', url: `${url}${alert}` };
}

export const alerts: DashboardSpec = {
  uid: 'omnimind-alerts',
  title: 'Alerts',
  description:
    'What fires, since when, and whether it reaches anybody; and whether silence can be believed. For who is on call.',
  events: ['Alerts'],
  variables: [],
  rows: [firing, delivery, rules, scrapes, storage, index],
};
