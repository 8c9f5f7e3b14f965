/**
 * The table of series-table.ts made real: a registry with typed members, beside the process's own
 * metrics. Nothing else registers a metric. It does not serialize; that is exposition.ts.
 */

import { collectDefaultMetrics, Registry } from 'prom-client';
import { monitorEventLoop } from './event-loop.ts';
import { RegistryMaker } from './instruments.ts';
import type { FamilySpec, SeriesRegistry } from './instruments.ts';
import { INPUT_RESULTS } from './scaling-series-table.ts';
import { declareSeries } from './series-table.ts';
import type { SeriesMembers } from './series-table.ts';

/** A family as data, for catalogues: dashboards, rules and documents are held against it. */
export interface FamilyDescription {
  readonly name: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly help: string;
  readonly labels: readonly string[];
}

export interface SeriesOptions {
  /** Version of this product, for omnimind_build_info. */
  readonly version: string;
  /** Children per family, times what a workload has of it; 10,000 when left out. */
  readonly seriesMax?: number;
  /** Told once of each family that has no room for a series. */
  readonly onFull?: (family: string, seriesMax: number) => void;
}

export type Series = SeriesMembers & {
  readonly registry: SeriesRegistry;
  /** Called before each exposition, to set gauges from what is the case now. Must not throw or wait. */
  onScrape(read: () => void): void;
  /** Gives a workload's counters their zeros, so that the first increase is seen. Idempotent. */
  introduceWorkload(workloadId: string): void;
  /** Removes the series of a workload that is no more. */
  forgetWorkload(workloadId: string): void;
  /** Ends the event loop's monitor; the series stay readable. */
  stop(): void;
};

/** Twice the workloads that one plane is meant for. */
const SERIES_MAX = 10_000;

/** Creates the registry, the process's own metrics and every member of the table. */
export function createSeries(options: SeriesOptions): Series {
  const registry: SeriesRegistry = new Registry();
  // prom-client keeps exemplars for such a registry alone; both forms are rendered from it.
  registry.setContentType(Registry.OPENMETRICS_CONTENT_TYPE);
  collectProcessMetrics(registry);
  const full = new Set<string>();
  const maker = new RegistryMaker(registry, options.seriesMax ?? SERIES_MAX, {
    series: (family, max) => {
      members.metricsDroppedSeries.inc({});
      if (full.has(family)) return;
      full.add(family);
      options.onFull?.(family, max);
    },
    value: () => members.metricsDroppedValues.inc({}),
  });
  const members: SeriesMembers = declareSeries(maker);
  members.buildInfo.set({ version: options.version, node_version: process.version }, 1);
  const lag = monitorEventLoop();
  const readers = [
    () => {
      const now = lag.read();
      members.eventLoopLag.set({ statistic: 'mean' }, now.meanSeconds);
      members.eventLoopLag.set({ statistic: 'p99' }, now.p99Seconds);
      members.eventLoopLag.set({ statistic: 'max' }, now.maxSeconds);
    },
  ];
  scrapeHooks.set(registry, readers);
  return {
    ...members,
    registry,
    onScrape: (read) => void readers.push(read),
    introduceWorkload: (workload) => introduceWorkload(members, workload),
    forgetWorkload: (workload) => maker.forget('workload', workload),
    stop: () => lag.stop(),
  };
}

/** Runs what onScrape was given for this registry; the exposition calls it. */
export function refreshSeries(registry: SeriesRegistry): void {
  for (const read of scrapeHooks.get(registry) ?? []) read();
}

/** The table as data, the process's own metrics (`process_…`, `nodejs_…`) aside. */
export function describeSeries(): readonly FamilyDescription[] {
  const families: FamilyDescription[] = [];
  const add = (type: FamilyDescription['type'], spec: FamilySpec<string>) =>
    void families.push({ name: spec.name, type, help: spec.help, labels: spec.labels });
  const nothing = () => {};
  declareSeries({
    counter: (spec) => {
      add('counter', spec);
      return { inc: nothing, raiseTo: nothing };
    },
    gauge: (spec) => {
      add('gauge', spec);
      return { set: nothing, add: nothing, remove: nothing };
    },
    histogram: (spec) => {
      add('histogram', spec);
      return { observe: nothing };
    },
  });
  return families;
}

const scrapeHooks = new WeakMap<SeriesRegistry, (() => void)[]>();

/** promtool refuses these gauges for their `_total`; the event loop's are replaced by our own. */
const REFUSED_PROCESS_METRICS =
  /^nodejs_(active_(handles|requests|resources)_total|eventloop_lag_.*)$/;

/** Period of the monitor that prom-client starts and whose gauges we remove, in ms: as good as never. */
const UNUSED_MONITOR_PERIOD_MS = 10_000;

function collectProcessMetrics(registry: SeriesRegistry): void {
  collectDefaultMetrics({
    register: registry,
    eventLoopMonitoringPrecision: UNUSED_MONITOR_PERIOD_MS,
  });
  for (const { name } of registry.getMetricsAsArray()) {
    if (REFUSED_PROCESS_METRICS.test(name)) registry.removeSingleMetric(name);
  }
}

/** Only what a rule takes the increase of and cannot do without the first one. */
function introduceWorkload(members: SeriesMembers, workload: string): void {
  for (const result of INPUT_RESULTS) members.decisionInputs.inc({ workload, result }, 0);
  members.reversals.inc({ workload }, 0);
  for (const direction of ['out', 'in']) {
    for (const outcome of ['verified', 'failed']) {
      members.actions.inc({ workload, direction, outcome }, 0);
    }
  }
}
