/**
 * The alerts that follow from the SLOs: four pairs of windows, each with the share of the budget that
 * is gone when it fires (Google SRE workbook, chapter 5, table 5-8), and one for an SLO of the plane
 * whose series have vanished. The short window ends an alert soon after the trouble; the least number
 * of events keeps one failure of a quiet night from paging anybody. Pure.
 */

import { errorBudget, SLO_SERIES, SLO_WINDOWS } from '../model/slo.ts';
import type { BurnWindow, Slo } from '../model/slo.ts';
import type { RuleGroup } from './slo-rules.ts';

export interface AlertingRule {
  readonly alert: string;
  readonly expr: string;
  readonly for: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

/** Where the links of alerts lead; a deployment has its own. */
export interface AlertLinks {
  /** The file of the headings. */
  readonly runbook: string;
  /** Grafana, without a slash at its end. */
  readonly grafana: string;
}

interface BurnAlert {
  readonly name: string;
  readonly pace: string;
  readonly severity: 'critical' | 'warning';
  readonly long: BurnWindow;
  readonly short: BurnWindow;
  /** Share of the budget that is gone when the long window is full. */
  readonly budgetShare: number;
  readonly longHours: number;
  readonly for: string;
}

const BURN_ALERTS: readonly BurnAlert[] = [
  pair('VeryFast', 'very fast', 'critical', { long: '1h', short: '5m', longHours: 1 }, 0.02, '2m'),
  pair('Fast', 'fast', 'critical', { long: '6h', short: '30m', longHours: 6 }, 0.05, '15m'),
  pair('Slow', 'slowly', 'warning', { long: '1d', short: '2h', longHours: 24 }, 0.1, '1h'),
  pair('VerySlow', 'very slowly', 'warning', { long: '3d', short: '6h', longHours: 72 }, 0.1, '3h'),
];

const DATA_MISSING = 'OmniMindSloDataMissing';

/** The one with a variable for the SLO. */
const SLO_DASHBOARD = 'omnimind-slo';

/** The names of the alerts, each a heading of the runbook. */
export const SLO_ALERTS: readonly string[] = [...BURN_ALERTS.map(({ name }) => name), DATA_MISSING];

export function alertGroups(
  slos: readonly Slo[],
  links: AlertLinks,
): readonly RuleGroup<AlertingRule>[] {
  if (slos.length === 0) return [];
  const burns = slos.flatMap((slo) => BURN_ALERTS.map((burn) => burnAlert(slo, burn, links)));
  const missing = slos.filter(({ scope }) => scope === 'plane');
  return [
    {
      name: 'omnimind-slo-alerts',
      interval: '30s',
      rules: [...burns, ...missing.map((slo) => dataMissing(slo, links))],
    },
  ];
}

function burnAlert(slo: Slo, burn: BurnAlert, links: AlertLinks): AlertingRule {
  const days = SLO_WINDOWS[slo.window];
  const factor = Number(((burn.budgetShare * days * 24) / burn.longHours).toFixed(4));
  const over = (window: BurnWindow) => `${SLO_SERIES.burn}${window}{slo="${slo.id}"} > ${factor}`;
  const enough = `${SLO_SERIES.total}${burn.long}{slo="${slo.id}"} >= ${slo.eventsMin}`;
  const conditions = [over(burn.long), over(burn.short), ...(slo.eventsMin > 0 ? [enough] : [])];
  const allowed = percent(errorBudget(slo));
  const description = [
    slo.description,
    `${subject(slo)} at {{ $value | humanize }} times the pace that the objective allows (${percent(slo.objective)} over ${days} days, so ${allowed} may fail), in the last ${burn.long} and ${burn.short}.`,
    `At ${factor} times, the whole budget lasts ${lifetime(days / factor)}.`,
  ];
  return {
    alert: burn.name,
    expr: conditions.join('\n  and '),
    for: burn.for,
    labels: labelsOf(slo, burn.severity),
    annotations: {
      summary: `SLO ${slo.id}: the error budget burns ${burn.pace}`,
      description: description.join(' '),
      ...linksOf(slo, burn.name, links),
    },
  };
}

/** Only of the plane: a workload may go for good, and its SLO with it. */
function dataMissing(slo: Slo, links: AlertLinks): AlertingRule {
  const series = `${SLO_SERIES.total}5m{slo="${slo.id}"}`;
  return {
    alert: DATA_MISSING,
    expr: `count by (slo, scope) (last_over_time(${series}[1d]))\n  unless on (slo) ${series}`,
    for: '15m',
    labels: labelsOf(slo, 'warning'),
    annotations: {
      summary: `SLO ${slo.id}: nothing is measured any more`,
      description: `${slo.description} Its series were recorded within the last day and are not any more, so its budget is blind: the plane is not scraped, or what is counted has gone.`,
      ...linksOf({ ...slo, labels: [] }, DATA_MISSING, links),
    },
  };
}

function labelsOf(slo: Slo, severity: string): Readonly<Record<string, string>> {
  return { severity, component: 'slo', slo: slo.id, owner: slo.owner };
}

function linksOf(slo: Slo, alert: string, links: AlertLinks): Readonly<Record<string, string>> {
  const variables = [
    ...(slo.dashboard === SLO_DASHBOARD ? [`var-slo=${slo.id}`] : []),
    ...slo.labels.map((label) => `var-${label}={{ $labels.${label} }}`),
  ];
  const query = variables.length === 0 ? '' : `?${variables.join('&')}`;
  return {
    runbook_url: `${links.runbook}#${anchorOf(alert)}`,
    slo_runbook_url: `${links.runbook}#${anchorOf(slo.runbook)}`,
    dashboard_url: `${links.grafana}/d/${slo.dashboard}${query}`,
  };
}

/** What a heading of Markdown is reached under. */
export function anchorOf(heading: string): string {
  return heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
    .replaceAll(/\s/g, '-');
}

/** With the labels that the budget is kept apart by. */
function subject({ labels }: Slo): string {
  if (labels.length === 0) return 'It fails';
  const named = labels.map((label) => `${label} {{ $labels.${label} }}`);
  return `For ${named.join(', ')} it fails`;
}

function percent(ratio: number): string {
  return `${Number((ratio * 100).toFixed(6))} %`;
}

function lifetime(days: number): string {
  return days < 3 ? `${Math.round(days * 24)} hours` : `${Math.round(days)} days`;
}

function pair(
  suffix: string,
  pace: string,
  severity: BurnAlert['severity'],
  windows: Pick<BurnAlert, 'long' | 'short' | 'longHours'>,
  ...rest: readonly [budgetShare: number, hold: string]
): BurnAlert {
  const [budgetShare, hold] = rest;
  const name = `OmniMindErrorBudgetBurn${suffix}`;
  return { name, pace, severity, ...windows, budgetShare, for: hold };
}
