/**
 * Serializes a registry as Prometheus text 0.0.4 or OpenMetrics 1.0.0, whichever the Accept header
 * asks for. Reads the metrics and never writes to them: prom-client's own `registry.metrics()`
 * renames counters in place, so that serving one form spoils the other.
 */

import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Metric } from 'prom-client';
import { refreshSeries } from './series.ts';
import type { SeriesRegistry } from './instruments.ts';

export interface Exposition {
  readonly contentType: string;
  readonly body: string;
}

export const TEXT_CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8';
export const OPENMETRICS_CONTENT_TYPE =
  'application/openmetrics-text; version=1.0.0; charset=utf-8';

/**
 * @param accept the request's Accept header; text when it is absent or names neither form
 */
export async function renderMetrics(
  registry: SeriesRegistry,
  accept: string | undefined,
): Promise<Exposition> {
  refreshSeries(registry);
  const openMetrics = prefersOpenMetrics(accept);
  const pieces: string[] = [];
  let piece: string[] = [];
  // A large fleet has a hundred thousand lines: heartbeats and leases do not wait for all of them.
  for (const { name } of registry.getMetricsAsArray()) {
    const family = await readFamily(registry, name);
    if (family === null) continue;
    for (const text of familyText(family, openMetrics)) {
      piece.push(text);
      if (piece.length < LINES_PER_TURN) continue;
      pieces.push(piece.join(''));
      piece = [];
      await nextTurn();
    }
  }
  pieces.push(...piece, openMetrics ? '# EOF\n' : '');
  return {
    contentType: openMetrics ? OPENMETRICS_CONTENT_TYPE : TEXT_CONTENT_TYPE,
    body: pieces.join(''),
  };
}

async function readFamily(registry: SeriesRegistry, name: string): Promise<Family | null> {
  // Undefined, whatever its type says, where the family was taken away since it was listed.
  const metric: Metric | undefined = registry.getSingleMetric(name);
  if (metric === undefined) return null;
  const { help, type, values } = await metric.get();
  return { name, help, type: String(type), rows: values };
}

/** A few milliseconds of a processor. */
const LINES_PER_TURN = 2_000;

/** What prom-client hands out per sample, exemplars included, which its types leave out. */
interface Row {
  readonly value: number;
  readonly labels: Readonly<Partial<Record<string, string | number>>>;
  readonly metricName?: string;
  readonly exemplar?: {
    readonly labelSet: Readonly<Record<string, string>>;
    readonly value: number;
    readonly timestamp: number;
  } | null;
}

interface Family {
  readonly name: string;
  readonly help: string;
  readonly type: string;
  readonly rows: readonly Row[];
}

/** Its lines, each with its end. */
function* familyText(family: Family, openMetrics: boolean): Generator<string> {
  const { name, type, rows } = family;
  if (rows.length === 0) return;
  const counter = type === 'counter';
  // OpenMetrics names a counter's family without the suffix that its samples carry.
  const head = openMetrics && counter ? name.replace(/_total$/, '') : name;
  const shown = openMetrics && counter && head === name ? 'unknown' : type;
  yield `# HELP ${head} ${escapeHelp(family.help, openMetrics)}\n# TYPE ${head} ${shown}\n`;
  for (const row of rows) {
    const line = `${row.metricName ?? name}${labelText(row.labels)} ${numberText(row.value)}`;
    const { exemplar } = row;
    if (!openMetrics || exemplar === undefined || exemplar === null) yield `${line}\n`;
    else {
      const labels = labelText(exemplar.labelSet) || '{}';
      const at = exemplar.timestamp.toFixed(3);
      yield `${line} # ${labels} ${numberText(exemplar.value)} ${at}\n`;
    }
  }
}

function labelText(labels: Row['labels']): string {
  let parts = '';
  for (const name in labels) {
    const value = labels[name];
    if (value === undefined) continue;
    // The same bound is written alike in both forms, or it would be two series.
    const text = name === 'le' && typeof value === 'number' ? boundText(value) : String(value);
    parts += `${parts === '' ? '' : ','}${name}="${escapeLabel(text)}"`;
  }
  return parts === '' ? '' : `{${parts}}`;
}

/** `1` as `1.0`: the canonical form of OpenMetrics, which newer servers make of the other too. */
function boundText(bound: number): string {
  const text = numberText(bound);
  return Number.isInteger(bound) && !text.includes('e') ? `${text}.0` : text;
}

function numberText(value: number): string {
  if (Number.isNaN(value)) return 'NaN';
  if (value === Infinity) return '+Inf';
  if (value === -Infinity) return '-Inf';
  return String(value);
}

function escapeLabel(text: string): string {
  if (!ESCAPED.test(text)) return text;
  return text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}

const ESCAPED = /[\\"\n]/;

function escapeHelp(text: string, openMetrics: boolean): string {
  const escaped = text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');
  return openMetrics ? escaped.replaceAll('"', '\\"') : escaped;
}

/** Whether OpenMetrics 1.0.0 is asked for with at least the weight of plain text. */
function prefersOpenMetrics(accept: string | undefined): boolean {
  let openMetrics = 0;
  let text = 0;
  for (const range of (accept ?? '').toLowerCase().split(',')) {
    const [type, ...parameters] = range.split(';').map((part) => part.trim());
    const found = new Map(parameters.map(splitParameter));
    const weight = weightOf(found.get('q'));
    if (type === 'application/openmetrics-text') {
      const version = found.get('version') ?? '1.0.0';
      if (version === '1.0.0') openMetrics = Math.max(openMetrics, weight);
    } else if (type === 'text/plain') {
      const version = found.get('version') ?? '0.0.4';
      if (version === '0.0.4') text = Math.max(text, weight);
    }
  }
  return openMetrics > 0 && openMetrics >= text;
}

function splitParameter(parameter: string): [string, string] {
  const at = parameter.indexOf('=');
  if (at < 0) return [parameter, ''];
  return [
    parameter.slice(0, at).trim(),
    parameter
      .slice(at + 1)
      .trim()
      .replaceAll('"', ''),
  ];
}

function weightOf(text: string | undefined): number {
  const weight = text === undefined ? 1 : Number(text);
  return weight >= 0 && weight <= 1 ? weight : 0;
}
