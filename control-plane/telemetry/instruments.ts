/**
 * Counters, gauges and histograms with bounded children, over prom-client. A family beyond its cap
 * and a value that is no number are counted and left out: telemetry refuses to throw into the code
 * that it watches, and to grow without end. It knows no names; those are in series.ts.
 */

import { Counter, Gauge, Histogram } from 'prom-client';
import type { Registry } from 'prom-client';
import { exemplarLabels } from './span.ts';

export type Labels<L extends string> = Readonly<Record<L, string>>;

export type SeriesRegistry = Registry<'application/openmetrics-text; version=1.0.0; charset=utf-8'>;

/** One family: a line of the table in series.ts. */
export interface FamilySpec<L extends string> {
  /** omnimind_…, base units; `_total` on counters and on nothing else. */
  readonly name: string;
  readonly help: string;
  readonly labels: readonly L[];
  /** Combinations that exist at 0 from the start, so that a first increase is seen as one. */
  readonly known?: readonly Labels<L>[];
  /** Children allowed per 1 of the registry's cap; for families with several series per workload. */
  readonly capFactor?: number;
}

export interface HistogramSpec<L extends string> extends FamilySpec<L> {
  /** Upper bounds in the family's unit, ascending, at most 12; +Inf is implied. */
  readonly buckets: readonly number[];
  /** Attach the active trace to observations; shown in OpenMetrics only. */
  readonly exemplars?: boolean;
}

export interface CounterSeries<L extends string> {
  /** `by` defaults to 1; negative or not finite is left out and counted. */
  inc(labels: Labels<L>, by?: number): void;
  /** For a total that is counted elsewhere: raises the counter to it, and never lowers. */
  raiseTo(labels: Labels<L>, total: number): void;
}

export interface GaugeSeries<L extends string> {
  /** NaN and infinities are allowed: they are exposed as such. */
  set(labels: Labels<L>, value: number): void;
  /** Adds to the present value, 0 when there is none. */
  add(labels: Labels<L>, by: number): void;
  remove(labels: Labels<L>): void;
}

export interface HistogramSeries<L extends string> {
  /** In the family's unit. The exemplar defaults to the active span's trace id, if it is sampled. */
  observe(
    labels: Labels<L>,
    value: number,
    exemplar?: Readonly<Record<string, string>> | null,
  ): void;
}

/** Makes the members of the table; one implementation exports, another only describes. */
export interface SeriesMaker {
  counter<L extends string>(spec: FamilySpec<L>): CounterSeries<L>;
  gauge<L extends string>(spec: FamilySpec<L>): GaugeSeries<L>;
  histogram<L extends string>(spec: HistogramSpec<L>): HistogramSeries<L>;
}

export interface Drops {
  /** A write was left out because its family is full. */
  series(): void;
  /** A value was no number, or negative for a counter. */
  value(): void;
}

/** A maker that registers with prom-client, and can forget the series of what has departed. */
export class RegistryMaker implements SeriesMaker {
  readonly #registry: SeriesRegistry;
  readonly #seriesMax: number;
  readonly #drops: Drops;
  readonly #children: Children<string>[] = [];

  /** @param seriesMax children per family, times the family's capFactor */
  constructor(registry: SeriesRegistry, seriesMax: number, drops: Drops) {
    this.#registry = registry;
    this.#seriesMax = seriesMax;
    this.#drops = drops;
  }

  counter<L extends string>(spec: FamilySpec<L>): CounterSeries<L> {
    const counter = new Counter<L>(this.#config(spec));
    const children = this.#track(spec, (labels) => counter.remove(labels));
    for (const labels of spec.known ?? []) {
      if (children.admit(labels)) counter.inc(labels, 0);
    }
    const raised = new Map<string, number>();
    const inc = (labels: Labels<L>, by = 1) => {
      if (!Number.isFinite(by) || by < 0) this.#drops.value();
      else if (children.admit(labels)) counter.inc(labels, by);
    };
    return {
      inc,
      raiseTo: (labels, total) => {
        const key = children.keyOf(labels);
        const before = raised.get(key) ?? 0;
        if (total <= before) return;
        raised.set(key, total);
        inc(labels, total - before);
      },
    };
  }

  gauge<L extends string>(spec: FamilySpec<L>): GaugeSeries<L> {
    const gauge = new Gauge<L>(this.#config(spec));
    const children = this.#track(spec, (labels) => gauge.remove(labels));
    for (const labels of spec.known ?? []) {
      if (children.admit(labels)) gauge.set(labels, 0);
    }
    return {
      set: (labels, value) => {
        if (children.admit(labels)) gauge.set(labels, value);
      },
      add: (labels, by) => {
        if (children.admit(labels)) gauge.inc(labels, by);
      },
      remove: (labels) => children.forget((found) => sameLabels(spec.labels, found, labels)),
    };
  }

  histogram<L extends string>(spec: HistogramSpec<L>): HistogramSeries<L> {
    const exemplars = spec.exemplars ?? false;
    // Not Histogram<L>: prom-client's types give exemplars the family's own labels.
    const histogram: Histogram = new Histogram({
      ...this.#config(spec),
      buckets: [...spec.buckets],
      enableExemplars: exemplars,
    });
    const children = this.#track(spec, (labels) => histogram.remove(labels));
    for (const labels of spec.known ?? []) {
      if (children.admit(labels)) histogram.zero(labels);
    }
    return {
      observe: (labels, value, exemplar) => {
        if (!Number.isFinite(value)) this.#drops.value();
        else if (!children.admit(labels)) return;
        else if (!exemplars) histogram.observe(labels, value);
        else {
          const found = exemplar === undefined ? exemplarLabels() : exemplar;
          histogram.observe({ labels, value, exemplarLabels: found ?? {} });
        }
      },
    };
  }

  /** Removes every series that carries `label="value"`: the workload or node is no longer there. */
  forget(label: string, value: string): void {
    for (const children of this.#children) {
      children.forget((labels) => new Map(Object.entries(labels)).get(label) === value);
    }
  }

  #config<L extends string>(spec: FamilySpec<L>) {
    return {
      name: spec.name,
      help: spec.help,
      labelNames: spec.labels,
      registers: [this.#registry],
    };
  }

  #track<L extends string>(spec: FamilySpec<L>, remove: (labels: Labels<L>) => void): Children<L> {
    // What is known to be there always fits.
    const max = Math.max(this.#seriesMax * (spec.capFactor ?? 1), spec.known?.length ?? 0);
    const children = new Children(spec.labels, max, remove, this.#drops);
    this.#children.push(children);
    return children;
  }
}

/** The children of one family: which exist, and whether one more may. */
class Children<L extends string> {
  readonly #names: readonly L[];
  readonly #max: number;
  readonly #remove: (labels: Labels<L>) => void;
  readonly #drops: Drops;
  readonly #found = new Map<string, Labels<L>>();

  constructor(names: readonly L[], max: number, remove: (labels: Labels<L>) => void, drops: Drops) {
    this.#names = names;
    this.#max = max;
    this.#remove = remove;
    this.#drops = drops;
  }

  keyOf(labels: Labels<L>): string {
    // Written to with every command: there is one child, and nothing to tell it by.
    if (this.#names.length === 0) return '';
    return JSON.stringify(this.#names.map((name) => labels[name]));
  }

  admit(labels: Labels<L>): boolean {
    const key = this.keyOf(labels);
    if (this.#found.has(key)) return true;
    if (this.#found.size >= this.#max) {
      this.#drops.series();
      return false;
    }
    // A copy: prom-client keeps the object, and the caller may use it again.
    this.#found.set(key, { ...labels });
    return true;
  }

  forget(matches: (labels: Labels<L>) => boolean): void {
    for (const [key, labels] of this.#found) {
      if (!matches(labels)) continue;
      this.#remove(labels);
      this.#found.delete(key);
    }
  }
}

function sameLabels<L extends string>(names: readonly L[], a: Labels<L>, b: Labels<L>): boolean {
  return names.every((name) => a[name] === b[name]);
}
