/**
 * Collects from a collector the way the agent does and keeps the samples by `name{label="value"}`,
 * in the text that Prometheus reads.
 */

import type { Collector } from '../../agents/collector.ts';

export interface Scrape {
  /** The sample's value; undefined when it is absent. Labels may be given in any order. */
  value(name: string, labels?: Readonly<Record<string, string>>): number | undefined;
  /** Values of all samples of a family that have these labels among theirs. */
  values(name: string, labels?: Readonly<Record<string, string>>): readonly number[];
  readonly text: string;
  readonly durationMs: number;
}

interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export async function scrapeOnce(collector: Collector, timeoutMs = 5_000): Promise<Scrape> {
  const samples: Sample[] = [];
  const lines = new Map<string, string[]>();
  const startedAt = performance.now();
  await collector.collect((family, value, ...labelValues) => {
    if (!collector.families.includes(family)) throw new Error(`${family.name} is not declared`);
    if (labelValues.length !== family.labels.length) throw new Error(`${family.name}: labels`);
    const labels = Object.fromEntries(
      family.labels.map((label, at) => [label, labelValues[at] ?? '']),
    );
    samples.push({ name: family.name, labels, value });
    const inner = Object.entries(labels).map(([key, text]) => `${key}=${JSON.stringify(text)}`);
    const head = [`# HELP ${family.name} ${family.help}`, `# TYPE ${family.name} ${family.type}`];
    const block = lines.get(family.name) ?? head;
    block.push(`${family.name}{${inner.join(',')}} ${value}`);
    lines.set(family.name, block);
  }, AbortSignal.timeout(timeoutMs));
  const durationMs = performance.now() - startedAt;
  const values = (name: string, wanted: Readonly<Record<string, string>> = {}): number[] =>
    samples
      .filter((sample) => sample.name === name)
      .filter(({ labels }) => Object.entries(wanted).every(([key, text]) => labels[key] === text))
      .map((sample) => sample.value);
  return {
    value(name, labels) {
      const found = values(name, labels);
      if (found.length > 1) throw new Error(`${name} ${JSON.stringify(labels)} is ambiguous`);
      return found[0];
    },
    values,
    text: [...lines.values()].flat().join('\n') + '\n',
    durationMs,
  };
}
