/**
 * The names of all series that the product exports, asked from the parts that export them: the
 * control plane's table, the agent's collectors as the agent creates them, and the demo's workload.
 * Beside them those that others have to export, as prometheus/contracts lists them.
 * Histograms are named without `_bucket`, `_sum` and `_count`. Nothing is started or read.
 */

import { parse } from 'yaml';
import { z } from 'zod';
import type { Collector, Family } from '../../agents/collector.ts';
import { createCacheCollector } from '../../agents/collectors/cache.ts';
import { createGpuCollector } from '../../agents/collectors/gpu.ts';
import { createNodeCollector } from '../../agents/collectors/node.ts';
import { createPortableCollector } from '../../agents/collectors/node-portable.ts';
import { createSelfCollector } from '../../agents/collectors/self.ts';
import { createExposition } from '../../agents/metrics.ts';
import { createRegistration } from '../../agents/registration.ts';
import { createScraper } from '../../agents/scrape.ts';
import { describeSeries } from '../../control-plane/telemetry/series.ts';
import { filesIn, namesIn } from './source-tree.ts';

export function planeSeries(): readonly string[] {
  return describeSeries().map(({ name }) => name);
}

/** Every family of every collector, those for hosts without /proc and the scraper's own included. */
export function agentSeries(): readonly string[] {
  return [...new Set(agentFamilies().map(({ name }) => name))];
}

/** The labels of each series of the control plane and the agent, without those that Prometheus adds. */
export function exportedLabels(): ReadonlyMap<string, readonly string[]> {
  const families = [...describeSeries(), ...agentFamilies()];
  return new Map(families.map(({ name, labels }) => [name, labels]));
}

function agentFamilies(): readonly Family[] {
  return [...agentCollectors().flatMap((collector) => collector.families), ...ofScraper()];
}

export function demoSeries(): readonly string[] {
  return filesIn(['demo']).flatMap(({ text }) => namesIn(text, /name: '(inference_[a-z0-9_]+)'/g));
}

const CONTRACT = z.strictObject({
  series: z.array(
    z.strictObject({
      name: z.string(),
      type: z.enum(['gauge', 'counter']),
      labels: z.array(z.string()),
      meaning: z.string(),
    }),
  ),
});

/** Series that rules read and that programs of others export. */
export function contractSeries(): readonly string[] {
  return filesIn(['prometheus/contracts'], ['.yml']).flatMap(({ text }) =>
    CONTRACT.parse(parse(text)).series.map(({ name }) => name),
  );
}

function agentCollectors(): readonly Collector[] {
  const excluded = { mountsExclude: /^(?!)/, disksExclude: /^(?!)/, networksExclude: /^(?!)/ };
  return [
    createNodeCollector({ hostRoot: '/', stalenessMs: 1000, seriesMax: 100, ...excluded }),
    createPortableCollector({ ...excluded, readSizes: () => Promise.resolve([]) }),
    createGpuCollector({
      backend: 'amd',
      pollIntervalMs: 1000,
      stalenessMs: 3000,
      nvidiaSmiPath: 'nvidia-smi',
      nvidiaSmiTimeoutMs: 1000,
      nvmlLibraryPath: null,
      sysRoot: '/sys',
      processesMax: 1,
    }),
    createCacheCollector({ targets: [] }),
    createSelfCollector({ version: '0', facts: () => null, openFiles: () => null }),
    createRegistration({
      client: { post: unasked },
      describe: unasked,
      failingCollectors: () => [],
      retryMaxMs: 1000,
      random: () => 0,
      sleep: () => Promise.resolve(),
      log: () => undefined,
    }),
  ];
}

/** Nothing is started, so nothing asks. */
function unasked(): never {
  throw new Error('not started');
}

/** The scraper tells its own families to the exposition alone. */
function ofScraper(): readonly Family[] {
  const seen: Family[] = [];
  const exposition = createExposition(1);
  createScraper(
    [],
    {
      ...exposition,
      section(families) {
        seen.push(...families);
        return exposition.section(families);
      },
    },
    () => undefined,
  );
  return seen;
}
