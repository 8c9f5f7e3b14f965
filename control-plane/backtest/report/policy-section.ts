/** One policy's part of the report: its charts, its largest misses with the reasons, and why it held. */

import { unreachable } from '../../model/reasons.ts';
import type {
  BacktestResult,
  ChangeEntry,
  Episode,
  Miss,
  PolicyRun,
} from '../../model/backtest.ts';
import { duration, escapeHtml, figure, instant, percent } from './format.ts';

/** Changes that a page lists; the JSON has more. */
const CHANGES_SHOWN = 100;

export function policySection(result: BacktestResult, run: PolicyRun, index: number): string {
  const queues = result.plant.overload.kind === 'queue';
  return [
    `<h2>${escapeHtml(run.label)}</h2>`,
    legend(result),
    `<div class="chart" id="load-${index}"></div><div class="chart" id="replicas-${index}"></div>`,
    queues ? `<div class="chart" id="waiting-${index}"></div>` : '',
    `<div class="two"><div>${misses(run)}</div><div>${holds(result, run)}${changes(run)}</div></div>`,
  ].join('\n');
}

function legend({ outages, kills }: BacktestResult): string {
  const entries: (readonly [string, string])[] = [
    ['load', 'load that came'],
    ['capacity', 'capacity of the ready replicas'],
    ['miss', 'load beyond it'],
    ...(outages.length > 0 ? [['outage', 'injected outage of metrics'] as const] : []),
    ...(kills.length > 0 ? [['kill', 'leader killed'] as const] : []),
  ];
  const marks = entries.map(
    ([name, text]) =>
      `<span><svg viewBox="0 0 14 10" aria-hidden="true"><rect class="fill-${name}" width="14" height="10" rx="2"/></svg>${text}</span>`,
  );
  return `<p class="legend">${marks.join('')}<span>drag to zoom all charts, double-click to see everything</span></p>`;
}

function misses({ misses: list, missesOmitted }: PolicyRun): string {
  if (list.length === 0) return '<h3>Misses</h3><p>Nothing was missed.</p>';
  const more = missesOmitted > 0 ? `, of ${figure(list.length + missesOmitted)}` : '';
  return `<h3>The largest misses${more}</h3>${list.map(missPart).join('\n')}`;
}

function missPart(miss: Miss, rank: number): string {
  const { fromMs, toMs, shareOfAll, peakLoad, readyThen, replicasNeeded, episodes } = miss;
  const length = duration(Math.max(1_000, toMs - fromMs));
  const text = `<b>${instant(fromMs)}</b>, ${length}: ${percent(shareOfAll)} % of all that was missed. The load of ${figure(peakLoad)} needed ${figure(replicasNeeded)} replicas, ${figure(readyThen)} were ready.`;
  const chain = episodes.map((episode) => `<li>${episodePart(episode)}</li>`).join('');
  return `<details class="miss"${rank < 2 ? ' open' : ''}><summary>${text}</summary><ol class="chain">${chain}</ol></details>`;
}

function episodePart(episode: Episode): string {
  const { fromMs, ticks, stages } = episode;
  const times = ticks > 1 ? `, ${figure(ticks)} times` : '';
  const lines = stages.map((line) => `<code>${escapeHtml(line)}</code>`).join('');
  return `${instant(fromMs).slice(11)} ${escapeHtml(verdictText(episode))}${times}${lines}`;
}

function verdictText({ verdict, reason, fromReplicas, toReplicas }: Episode): string {
  switch (verdict) {
    case 'act':
      return `${fromReplicas} → ${toReplicas}: ${reason}`;
    case 'hold':
      return `held at ${toReplicas}: ${reason}`;
    case 'nobody':
      return `nobody decided (leader killed), ${toReplicas} wanted`;
    default:
      return unreachable(verdict);
  }
}

function holds({ steps }: BacktestResult, { holds: list }: PolicyRun): string {
  const most = list[0]?.ticks ?? 1;
  const rows = list.map(({ reason, ticks }) => {
    const width = Math.max(1, Math.round((100 * ticks) / most));
    const bar = `<svg viewBox="0 0 100 12" preserveAspectRatio="none" aria-hidden="true"><rect class="fill-oracle" width="${width}" height="12"/></svg>`;
    return `<tr><td>${escapeHtml(reason)}</td><td>${percent(ticks / steps)} %</td><td>${bar}</td></tr>`;
  });
  return `<h3>Why it held</h3><table class="bars left">${rows.join('')}</table>`;
}

function changes({ changes: list, changesOmitted, measures }: PolicyRun): string {
  const shown = list.slice(0, CHANGES_SHOWN);
  const rest = list.length - shown.length + changesOmitted;
  const rows = shown.map(changeRow).join('');
  const more = rest > 0 ? `<p class="soft">and ${figure(rest)} more</p>` : '';
  return [
    `<h3>What it changed</h3><details class="change"><summary>${figure(measures.actions)} changes</summary>`,
    `<div class="wide"><table class="left"><tr><th>UTC</th><th>replicas</th><th>reason</th></tr>${rows}</table></div>${more}</details>`,
  ].join('');
}

function changeRow({ atMs, fromReplicas, toReplicas, reason }: ChangeEntry): string {
  return `<tr><td>${instant(atMs)}</td><td>${fromReplicas} → ${toReplicas}</td><td>${escapeHtml(reason)}</td></tr>`;
}
