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
  /** A write was left out because the family has its `max` children. */
  series(family: string, max: number): void;
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
      if (children.admit(labels) !== null) counter.inc(labels, 0);
    }
    const inc = (labels: Labels<L>, by = 1) => {
      if (!Number.isFinite(by) || by < 0) {
        this.#drops.value();
        return;
      }
      const child = children.admit(labels);
      if (child !== null) counter.inc(child.labels, by);
    };
    return {
      inc,
      raiseTo: (labels, total) => {
        const child = children.admit(labels);
        if (child === null || total <= (child.shown ?? 0)) return;
        const by = total - (child.shown ?? 0);
        if (Number.isFinite(by)) child.shown = total;
        inc(labels, by);
      },
    };
  }

  gauge<L extends string>(spec: FamilySpec<L>): GaugeSeries<L> {
    const gauge = new Gauge<L>(this.#config(spec));
    const children = this.#track(spec, (labels) => gauge.remove(labels));
    for (const labels of spec.known ?? []) {
      if (children.admit(labels) !== null) gauge.set(labels, 0);
    }
    return {
      // Most gauges of a tick stand where they stood: to find that out costs a tenth of setting them.
      set: (labels, value) => {
        const child = children.admit(labels);
        if (child === null || Object.is(child.shown, value)) return;
        child.shown = value;
        gauge.set(child.labels, value);
      },
      add: (labels, by) => {
        const child = children.admit(labels);
        if (child === null) return;
        child.shown = null;
        gauge.inc(child.labels, by);
      },
      remove: (labels) => children.remove(labels),
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
      if (children.admit(labels) !== null) histogram.zero(labels);
    }
    return {
      observe: (labels, value, exemplar) => {
        if (!Number.isFinite(value)) this.#drops.value();
        else if (children.admit(labels) === null) return;
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
    for (const children of this.#children) children.forget(label, value);
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
    const full = () => this.#drops.series(spec.name, max);
    const children = new Children(spec.labels, max, remove, full);
    this.#children.push(children);
    return children;
  }
}

/** One series of a family. */
interface Child<L extends string> {
  /** A copy: prom-client keeps the object, and the caller may use it again. */
  readonly labels: Labels<L>;
  /** What was set or raised to last; null when that is not known. */
  shown: number | null;
}

/**
 * The children of one family: which exist, and whether one more may. Grouped by their first label,
 * which is the workload or the node where there is one: what departs is found without a search.
 */
class Children<L extends string> {
  readonly #names: readonly L[];
  readonly #max: number;
  readonly #remove: (labels: Labels<L>) => void;
  readonly #full: () => void;
  readonly #groups = new Map<string, Map<string, Child<L>>>();
  #size = 0;

  constructor(
    names: readonly L[],
    max: number,
    remove: (labels: Labels<L>) => void,
    full: () => void,
  ) {
    this.#names = names;
    this.#max = max;
    this.#remove = remove;
    this.#full = full;
  }

  /** The child, made where it is missing; null when there is no room for it, which is counted. */
  admit(labels: Labels<L>): Child<L> | null {
    const first = this.#firstOf(labels);
    const rest = this.#restOf(labels);
    const group = this.#groups.get(first);
    const known = group?.get(rest);
    if (known !== undefined) return known;
    if (this.#size >= this.#max) {
      this.#full();
      return null;
    }
    const child: Child<L> = { labels: { ...labels }, shown: null };
    this.#size += 1;
    if (group === undefined) this.#groups.set(first, new Map([[rest, child]]));
    else group.set(rest, child);
    return child;
  }

  /** Nothing happens when there is no such child. */
  remove(labels: Labels<L>): void {
    const first = this.#firstOf(labels);
    const group = this.#groups.get(first);
    const child = group?.get(this.#restOf(labels));
    if (group === undefined || child === undefined) return;
    this.#leave(first, group, child);
  }

  /** Removes every child that carries `label="value"`. */
  forget(label: string, value: string): void {
    const at = this.#names.findIndex((name) => name === label);
    const name = this.#names[at];
    if (name === undefined) return;
    const groups = at === 0 ? [[value, this.#groups.get(value)] as const] : [...this.#groups];
    for (const [first, group] of groups) {
      for (const child of group?.values() ?? []) {
        if (group !== undefined && child.labels[name] === value) this.#leave(first, group, child);
      }
    }
  }

  #leave(first: string, group: Map<string, Child<L>>, child: Child<L>): void {
    this.#remove(child.labels);
    group.delete(this.#restOf(child.labels));
    if (group.size === 0) this.#groups.delete(first);
    this.#size -= 1;
  }

  #firstOf(labels: Labels<L>): string {
    const [name] = this.#names;
    return name === undefined ? '' : labels[name];
  }

  /** Tells the children of one group apart; the lengths keep values apart that hold each other. */
  #restOf(labels: Labels<L>): string {
    const names = this.#names;
    const second = names[1];
    if (second === undefined) return '';
    if (names.length === 2) return labels[second];
    let text = '';
    for (let at = 1; at < names.length; at += 1) {
      const name = names[at];
      if (name !== undefined) text += `${labels[name].length}:${labels[name]}`;
    }
    return text;
  }
}
