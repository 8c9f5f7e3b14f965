/**
 * A backtest as one HTML page that needs nothing else: charts, numbers and reasons for a person, in light
 * and dark. Everything that somebody named (policies, reasons, queries) is text in it and never markup,
 * and its content security policy lets it load and send nothing.
 */

import type { BacktestResult } from '../../model/backtest.ts';
import { REPORT_CLIENT } from './client.ts';
import { duration, escapeHtml, figure, instant, scriptJson } from './format.ts';
import { headline } from './headline.ts';
import { howItWorks } from './how.ts';
import { policySection } from './policy-section.ts';
import { REPORT_STYLE } from './style.ts';
import { comparison } from './table.ts';

/** What a page is made with beside the result. */
export interface ReportAssets {
  /** uPlot as a script that defines the global uPlot, and its style sheet. */
  readonly chartScript: string;
  readonly chartStyle: string;
  /** SHA-256 in base64, for the content security policy. */
  readonly sha256: (text: string) => string;
}

/** A policy document as its author wrote it. */
export interface ReportDocument {
  readonly label: string;
  readonly text: string;
}

export function renderReport(
  result: BacktestResult,
  documents: readonly ReportDocument[],
  assets: ReportAssets,
): string {
  const style = styleOf(assets);
  const policy = pagePolicy(assets);
  const title = `Backtest of ${result.runs.map(({ label }) => label).join(', ')}`;
  return [
    '<!doctype html><html lang="en"><head><meta charset="utf-8">',
    `<meta http-equiv="Content-Security-Policy" content="${escapeHtml(policy)}">`,
    '<meta name="viewport" content="width=device-width, initial-scale=1">',
    `<title>${escapeHtml(title)}</title><style>${style}</style></head><body>`,
    heading(result),
    headlines(result),
    warnings(result),
    comparison(result),
    ...result.runs.map((run, index) => policySection(result, run, index)),
    howItWorks(result),
    '<h2>The policies</h2>',
    ...documents.map(documentPart),
    `<script type="application/json" id="data">${scriptJson(chartData(result))}</script>`,
    `<script>${assets.chartScript}</script><script>${REPORT_CLIENT}</script>`,
    '</body></html>',
  ].join('\n');
}

/** Only the page's own scripts and styles, by their hashes; nothing is fetched, sent or framed. */
export function pagePolicy(assets: ReportAssets): string {
  const scripts = [assets.chartScript, REPORT_CLIENT].map(
    (one) => `'sha256-${assets.sha256(one)}'`,
  );
  const style = assets.sha256(styleOf(assets));
  return `default-src 'none'; script-src ${scripts.join(' ')}; style-src 'sha256-${style}'; base-uri 'none'; form-action 'none'`;
}

function styleOf({ chartStyle }: ReportAssets): string {
  return `${chartStyle}\n${REPORT_STYLE}`;
}

function heading(result: BacktestResult): string {
  const { fromMs, toMs, steps, stepMs, load, plant } = result;
  const range = `${instant(fromMs)} to ${instant(toMs)} UTC (${duration(toMs - fromMs)})`;
  const about = `${figure(steps)} steps of ${duration(stepMs)}; a replica serves ${figure(plant.replicaCapacity)} and boots in ${duration(plant.bootMs)}; load ${figure(load.mean)} on average, ${figure(load.peak)} at most, from ${load.from}.`;
  return `<h1>What these policies would have done</h1><p class="soft">${escapeHtml(range)}. ${escapeHtml(about)}</p>`;
}

function headlines({ runs, oracle }: BacktestResult): string {
  const lines = runs.map((run) => {
    const text = headline(run, oracle.measures);
    const name = escapeHtml(run.label);
    return `<li><b>${name}</b>${escapeHtml(text.slice(run.label.length))}.</li>`;
  });
  return `<ul class="heads">${lines.join('')}</ul>`;
}

function warnings(result: BacktestResult): string {
  if (result.warnings.length === 0) return '';
  const lines = result.warnings.map((line) => `<li>${escapeHtml(line)}</li>`);
  return `<div class="warn"><b>Before you believe it</b><ul>${lines.join('')}</ul></div>`;
}

function documentPart({ label, text }: ReportDocument): string {
  return `<details><summary>${escapeHtml(label)}</summary><pre>${escapeHtml(text)}</pre></details>`;
}

/** What the charts draw: numbers alone. */
function chartData(result: BacktestResult) {
  const { bucketsAtMs, steps, stepMs, outages, kills, runs, oracle, loadSeries, plant } = result;
  const stepsEach = Math.max(1, Math.ceil(steps / Math.max(1, bucketsAtMs.length)));
  return {
    at: bucketsAtMs,
    stepsEach,
    bucketMs: stepsEach * stepMs,
    capacity: plant.replicaCapacity,
    load: loadSeries,
    outages: outages.map(({ fromMs, toMs }) => [fromMs, toMs]),
    kills: kills.map(({ fromMs, toMs }) => [fromMs, toMs]),
    runs: runs.map(({ series }) => series),
    oracle: oracle.series,
  };
}
