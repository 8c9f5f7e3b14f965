/**
 * The queries that the policies of simulated outages ask, each as its text and as what the engine would
 * answer it with. Only these forms are known: a query that nobody made here is a mistake of the test.
 */

import type { FakeSample } from './prometheus-fake.ts';
import type { ScrapedSeries, Seen } from './outage-series.ts';

export type Ask = (series: ScrapedSeries, atMs: number) => readonly FakeSample[];

/** What a query is for; faults of answers befall some of them. */
export type QueryRole = 'value' | 'timestamp' | 'coverage' | 'agreement';

export interface KnownQuery {
  readonly workload: string;
  readonly family: string;
  readonly role: QueryRole;
  readonly ask: Ask;
}

const RATE_WINDOW_MS = 60_000;

/** Makes the queries of one workload, and remembers what they mean. */
export class QueryBook {
  readonly #known: Map<string, KnownQuery>;
  readonly #workload: string;

  constructor(known: Map<string, KnownQuery>, workload: string) {
    this.#known = known;
    this.#workload = workload;
  }

  sum(family: string, role: QueryRole = 'value'): string {
    const ask: Ask = (series, atMs) => fold(series.at(family, atMs), total);
    return this.#add(`sum(${this.#select(family)})`, { family, role, ask });
  }

  /** Another way to the same number. */
  sumAgain(family: string): string {
    const ask: Ask = (series, atMs) => fold(series.at(family, atMs), total);
    return this.#add(`sum(${this.#select(family)} + 0)`, { family, role: 'agreement', ask });
  }

  mean(family: string): string {
    const ask: Ask = (series, atMs) =>
      fold(series.at(family, atMs), (values) => total(values) / values.length);
    return this.#add(`avg(${this.#select(family)})`, { family, role: 'value', ask });
  }

  count(family: string): string {
    const ask: Ask = (series, atMs) => fold(series.at(family, atMs), (values) => values.length);
    return this.#add(`count(${this.#select(family)})`, { family, role: 'coverage', ask });
  }

  oldest(family: string): string {
    const ask: Ask = (series, atMs) => fold(timesOf(series.at(family, atMs)), least);
    return this.#add(`min(timestamp(${this.#select(family)}))`, { family, role: 'timestamp', ask });
  }

  byReplica(family: string): string {
    const ask: Ask = (series, atMs) => series.at(family, atMs).map(ofReplica);
    return this.#add(`sum by (replica) (${this.#select(family)})`, { family, role: 'value', ask });
  }

  oldestByReplica(family: string): string {
    const ask: Ask = (series, atMs) => timesOf(series.at(family, atMs)).map(ofReplica);
    const text = `min by (replica) (timestamp(${this.#select(family)}))`;
    return this.#add(text, { family, role: 'timestamp', ask });
  }

  rateSum(family: string): string {
    const ask: Ask = (series, atMs) => fold(series.rate(family, atMs, RATE_WINDOW_MS), total);
    return this.#add(`sum(rate(${this.#select(family)}[1m]))`, { family, role: 'value', ask });
  }

  #select(family: string): string {
    return `${family}{workload="${this.#workload}"}`;
  }

  #add(text: string, query: Omit<KnownQuery, 'workload'>): string {
    this.#known.set(text, { ...query, workload: this.#workload });
    return text;
  }
}

function fold(
  seen: readonly Seen[],
  into: (values: readonly number[]) => number,
): readonly FakeSample[] {
  if (seen.length === 0) return [];
  return [{ labels: {}, value: textOf(into(seen.map(({ value }) => value))) }];
}

function ofReplica({ labels, value }: Seen): FakeSample {
  return { labels: { replica: labels.replica ?? '' }, value: textOf(value) };
}

function timesOf(seen: readonly Seen[]): readonly Seen[] {
  return seen.map((one) => ({ ...one, value: one.atMs / 1_000 }));
}

function total(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0);
}

function least(values: readonly number[]): number {
  return Math.min(...values);
}

/** A number as the API writes it. */
export function textOf(value: number): string {
  if (value === Infinity) return '+Inf';
  return value === -Infinity ? '-Inf' : `${value}`;
}
