/**
 * Turns what collectors emit into the two exposition formats of Prometheus: text 0.0.4 and
 * OpenMetrics 1.0.0. Written by hand because one registry of the usual library spoils counter names
 * when it serves both formats, and because cached `name{labels} ` prefixes cost a tenth of the CPU.
 * It refuses NaN, infinities, negative counters, a series twice in one scrape, and more series per
 * family than the cap; each refusal is counted, none is silent.
 */

import type { Emit, Family } from './collector.ts';

export const DROP_CAUSES = ['not_finite', 'negative_counter', 'duplicate', 'series_limit'] as const;
export type DropCause = (typeof DROP_CAUSES)[number];
export type ExpositionFormat = 'text' | 'openmetrics';

export const CONTENT_TYPES: Readonly<Record<ExpositionFormat, string>> = {
  text: 'text/plain; version=0.0.4; charset=utf-8',
  openmetrics: 'application/openmetrics-text; version=1.0.0; charset=utf-8',
};

/** The output of one collector: its families, their series, and what became of its last run. */
export interface Section {
  /** Opens a run. A run that was opened before and is still emitting writes into the void from now on. */
  open(): Run;
  /** Drops by cause since the start of the process. */
  readonly dropped: Readonly<Record<DropCause, number>>;
}

export interface Run {
  readonly emit: Emit;
  /** Publishes what was emitted; without effect when another run was opened since. */
  commit(): void;
  /** Discards what was emitted, and what an earlier run had published. */
  discard(): void;
}

export interface Exposition {
  /** Declares a collector's families; throws on a bad or taken name, which is a bug. */
  section(families: readonly Family[]): Section;
  /** What is published now, families in the order in which they were declared. */
  render(format: ExpositionFormat): string;
}

/** `seriesMax`: the most series that one family may have in one scrape. */
export function createExposition(seriesMax: number): Exposition {
  const names = new Set<string>();
  const states: FamilyState[] = [];
  return {
    section(families) {
      const own = families.map((family) => declare(family, names));
      states.push(...own);
      return createSection(own, seriesMax);
    },
    render(format) {
      const parts: (string | number)[] = [];
      for (const state of states) {
        if (state.published.length === 0) continue;
        parts.push(format === 'text' ? state.textHeader : state.openMetricsHeader);
        for (const part of state.published) parts.push(part);
      }
      const end = format === 'text' ? '\n' : '\n# EOF\n';
      return parts.length === 0 ? end.trimStart() : parts.join('').slice(1) + end;
    },
  };
}

/** OpenMetrics when the client names it with version 1.0.0 or none, and does not prefer text. */
export function negotiateFormat(accept: string | undefined): ExpositionFormat {
  if (accept === undefined) return 'text';
  let best = { format: 'text' as ExpositionFormat, quality: 0 };
  for (const range of accept.split(',')) {
    const [type = '', ...parameters] = range.split(';').map((part) => part.trim().toLowerCase());
    const format = formatOf(type, parameters);
    if (format === null) continue;
    const stated = parameters.find((parameter) => parameter.startsWith('q='));
    const quality = stated === undefined ? 1 : Number(stated.slice(2));
    if (quality > best.quality) best = { format, quality };
  }
  return best.format;
}

function formatOf(type: string, parameters: readonly string[]): ExpositionFormat | null {
  if (type === 'text/plain' || type === '*/*' || type === 'text/*') return 'text';
  if (type !== 'application/openmetrics-text') return null;
  const version = parameters.find((parameter) => parameter.startsWith('version='));
  return version === undefined || version === 'version=1.0.0' ? 'openmetrics' : null;
}

interface Series {
  /** Begins with the newline that ends the line before it: one string fewer to join per sample. */
  readonly prefix: string;
  /** Number of the run that emitted it last. */
  run: number;
}

interface FamilyState {
  readonly family: Family;
  readonly textHeader: string;
  readonly openMetricsHeader: string;
  readonly series: Map<string, Series>;
  published: (string | number)[];
  pending: (string | number)[];
}

const metricName = /^[a-z][a-z0-9_]*$/;

function declare(family: Family, names: Set<string>): FamilyState {
  const { name, type, labels } = family;
  const stem = type === 'counter' ? name.replace(/_total$/, '') : name;
  const sound =
    metricName.test(name) &&
    labels.every((label) => metricName.test(label)) &&
    name.endsWith('_total') === (type === 'counter') &&
    family.help !== '';
  if (!sound) throw new TypeError(`family ${name}: bad name, type, label or help`);
  if (names.has(stem)) throw new TypeError(`family ${name} is declared twice`);
  names.add(stem);
  const help = family.help.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');
  const openMetricsHelp = help.replaceAll('"', '\\"');
  return {
    family,
    textHeader: `\n# HELP ${name} ${help}\n# TYPE ${name} ${type}`,
    openMetricsHeader: `\n# HELP ${stem} ${openMetricsHelp}\n# TYPE ${stem} ${type}`,
    series: new Map(),
    published: [],
    pending: [],
  };
}

function createSection(states: readonly FamilyState[], seriesMax: number): Section {
  const byFamily = new Map(states.map((state) => [state.family, state]));
  const dropped = { not_finite: 0, negative_counter: 0, duplicate: 0, series_limit: 0 };
  let current = 0;

  function append(state: FamilyState, value: number, labelValues: readonly string[]): void {
    if (!Number.isFinite(value)) dropped.not_finite++;
    else if (value < 0 && state.family.type === 'counter') dropped.negative_counter++;
    else if (state.pending.length >= seriesMax * 2) dropped.series_limit++;
    else {
      const series = seriesOf(state, labelValues);
      if (series.run === current) dropped.duplicate++;
      else {
        series.run = current;
        state.pending.push(series.prefix, value);
      }
    }
  }

  return {
    dropped,
    open() {
      const run = ++current;
      for (const state of states) state.pending = [];
      return {
        emit(family, value, ...labelValues) {
          if (run !== current) return;
          const state = byFamily.get(family);
          if (state === undefined) throw new TypeError(`family ${family.name} was not declared`);
          append(state, value, labelValues);
        },
        commit() {
          if (run !== current) return;
          for (const state of states) publish(state, run, seriesMax);
          current++;
        },
        discard() {
          if (run !== current) return;
          current++;
          for (const state of states) state.published = state.pending = [];
        },
      };
    },
  };
}

function publish(state: FamilyState, run: number, seriesMax: number): void {
  state.published = state.pending;
  state.pending = [];
  if (state.series.size <= seriesMax * 2) return;
  for (const [key, series] of state.series) if (series.run !== run) state.series.delete(key);
}

function seriesOf(state: FamilyState, labelValues: readonly string[]): Series {
  const key = labelValues.length === 1 ? String(labelValues[0]) : labelValues.join('\u0000');
  let series = state.series.get(key);
  if (series === undefined) {
    series = { prefix: prefixOf(state.family, labelValues), run: 0 };
    state.series.set(key, series);
  }
  return series;
}

function prefixOf(family: Family, labelValues: readonly string[]): string {
  if (labelValues.length !== family.labels.length) {
    throw new TypeError(`family ${family.name} has ${family.labels.length} labels`);
  }
  if (labelValues.length === 0) return `\n${family.name} `;
  const pairs = family.labels.map(
    (label, index) => `${label}="${escape(labelValues[index] ?? '')}"`,
  );
  return `\n${family.name}{${pairs.join(',')}} `;
}

function escape(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}
