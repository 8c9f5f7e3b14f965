/**
 * The samples that a simulated Prometheus has scraped, and what its engine makes of them: the newest
 * sample within five minutes, staleness markers, `timestamp()`, `rate()` with its extrapolation and
 * its counter resets. It refuses samples out of order, as the real one does. Knows no PromQL text.
 */

export interface SeriesLabels {
  readonly workload: string;
  /** Null for what is not of one replica. */
  readonly replica: string | null;
}

interface Kept {
  readonly labels: SeriesLabels;
  readonly atMs: number[];
  /** A null is a staleness marker. */
  readonly values: (number | null)[];
}

export interface Seen {
  readonly labels: SeriesLabels;
  readonly value: number;
  /** Of the sample, UNIX time in ms. */
  readonly atMs: number;
}

/** How far an instant selector looks back, as Prometheus does unless told otherwise. */
const LOOKBACK_MS = 300_000;
/** Samples of one series that are kept; older ones are dropped by halves. */
const SAMPLES_MAX = 1_024;

export class ScrapedSeries {
  readonly #families = new Map<string, Map<string, Kept>>();

  /** A sample older than the newest one, or as old, is dropped. */
  append(family: string, labels: SeriesLabels, atMs: number, value: number | null): void {
    const series = this.#of(family);
    const key = labels.replica ?? '';
    const kept = series.get(key) ?? { labels, atMs: [], values: [] };
    if (atMs <= (kept.atMs.at(-1) ?? -Infinity)) return;
    if (value === null && (kept.values.at(-1) ?? null) === null) return;
    series.set(key, kept);
    kept.atMs.push(atMs);
    kept.values.push(value);
    if (kept.atMs.length <= SAMPLES_MAX) return;
    kept.atMs.splice(0, SAMPLES_MAX >> 1);
    kept.values.splice(0, SAMPLES_MAX >> 1);
  }

  /** What a target no longer exposes gets a marker. */
  markGone(family: string, isThere: (labels: SeriesLabels) => boolean, atMs: number): void {
    for (const { labels } of this.#of(family).values()) {
      if (!isThere(labels)) this.append(family, labels, atMs, null);
    }
  }

  /** An instant selector. */
  at(family: string, atMs: number): readonly Seen[] {
    return [...this.#of(family).values()].flatMap(({ labels, atMs: times, values }) => {
      const index = lastAtOrBefore(times, atMs);
      const sampledAtMs = times[index] ?? -Infinity;
      const value = values[index] ?? null;
      if (value === null || atMs - sampledAtMs > LOOKBACK_MS) return [];
      return [{ labels, value, atMs: sampledAtMs }];
    });
  }

  /** `rate(family[window])`, per second. */
  rate(family: string, atMs: number, windowMs: number): readonly Seen[] {
    return [...this.#of(family).values()].flatMap(({ labels, atMs: times, values }) => {
      const first = lastAtOrBefore(times, atMs - windowMs - 1) + 1;
      const last = lastAtOrBefore(times, atMs);
      const points: (readonly [number, number])[] = [];
      for (let index = first; index <= last; index += 1) {
        const value = values[index] ?? null;
        if (value !== null) points.push([times[index] ?? 0, value]);
      }
      const value = extrapolatedRate(points, atMs - windowMs, atMs);
      return value === null ? [] : [{ labels, value, atMs }];
    });
  }

  #of(family: string): Map<string, Kept> {
    const known = this.#families.get(family);
    if (known !== undefined) return known;
    const made = new Map<string, Kept>();
    this.#families.set(family, made);
    return made;
  }
}

/** As `extrapolatedRate` of Prometheus' functions.go: null with fewer than two points. */
function extrapolatedRate(
  points: readonly (readonly [number, number])[],
  fromMs: number,
  toMs: number,
): number | null {
  const first = points[0];
  const last = points.at(-1);
  if (first === undefined || last === undefined || points.length < 2) return null;
  let increase = last[1] - first[1];
  for (const [index, [, value]] of points.entries()) {
    const before = points[index - 1]?.[1] ?? 0;
    if (index > 0 && value < before) increase += before;
  }
  const sampledMs = last[0] - first[0];
  const meanMs = sampledMs / (points.length - 1);
  let startMs = first[0] - fromMs;
  if (startMs >= meanMs * 1.1) startMs = meanMs / 2;
  if (increase > 0 && first[1] >= 0) {
    startMs = Math.min(startMs, sampledMs * (first[1] / increase));
  }
  let endMs = toMs - last[0];
  if (endMs >= meanMs * 1.1) endMs = meanMs / 2;
  const factor = (sampledMs + startMs + endMs) / sampledMs;
  return (increase * factor) / ((toMs - fromMs) / 1_000);
}

/** Index of the last time that is not later; −1 when all are. */
function lastAtOrBefore(times: readonly number[], atMs: number): number {
  let low = 0;
  let high = times.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((times[middle] ?? Infinity) <= atMs) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}
