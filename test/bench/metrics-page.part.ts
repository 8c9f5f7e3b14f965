/**
 * One reading of /metrics, for benchmarks: values, sums over children, quantiles of what a histogram
 * got between two readings. It takes what this product writes and no more.
 */

type Labels = Readonly<Record<string, string>>;

interface Line {
  readonly labels: Labels;
  readonly value: number;
}

export class MetricsPage {
  readonly bytes: number;
  readonly #lines: ReadonlyMap<string, readonly Line[]>;

  private constructor(bytes: number, lines: ReadonlyMap<string, readonly Line[]>) {
    this.bytes = bytes;
    this.#lines = lines;
  }

  static parse(text: string): MetricsPage {
    const lines = new Map<string, Line[]>();
    for (const row of text.split('\n')) {
      const found = /^([a-z_]+)(?:\{(.*)\})? (\S+)$/.exec(row);
      if (found === null) continue;
      const [, name = '', inside = '', shown = ''] = found;
      const known = lines.get(name);
      const line = { labels: labelsOf(inside), value: shown === '+Inf' ? Infinity : Number(shown) };
      if (known === undefined) lines.set(name, [line]);
      else known.push(line);
    }
    return new MetricsPage(text.length, lines);
  }

  /** Of the only child; NaN without one. */
  value(name: string): number {
    return this.#lines.get(name)?.[0]?.value ?? NaN;
  }

  /** Over all children with these labels. */
  sum(name: string, labels: Labels = {}): number {
    return this.#found(name, labels).reduce((sum, { value }) => sum + value, 0);
  }

  /** Upper bound of the bucket in which the quantile of what came since lies. */
  quantileSince(before: MetricsPage, name: string, labels: Labels, share: number): number {
    const bucket = `${name}_bucket`;
    const cumulative = this.#found(bucket, labels).map(({ labels: found, value }) => {
      const earlier = before.sum(bucket, { ...labels, le: found['le'] ?? '' });
      return [Number(found['le']), value - earlier] as const;
    });
    const total = cumulative.at(-1)?.[1] ?? 0;
    const [bound = NaN] = cumulative.find(([, count]) => count >= share * total) ?? [];
    return Number.isNaN(bound) ? Infinity : bound;
  }

  #found(name: string, labels: Labels): readonly Line[] {
    const wanted = Object.entries(labels);
    return (this.#lines.get(name) ?? []).filter((line) =>
      wanted.every(([label, value]) => line.labels[label] === value),
    );
  }
}

function labelsOf(inside: string): Labels {
  return Object.fromEntries(
    [...inside.matchAll(/([a-z_]+)="((?:[^"\\]|\\.)*)"/g)].map(([, name = '', value = '']) => [
      name,
      value,
    ]),
  );
}
