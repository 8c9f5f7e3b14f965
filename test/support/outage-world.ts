/**
 * One workload of a simulated outage: a load that comes whatever the number of replicas, replicas that
 * share it and take time to boot, and the scrapes of what they export. Faults befall what is exported,
 * the scrape, or its times. It decides nothing.
 */

import type { Replica } from '../../control-plane/model/workload.ts';
import { ScrapedSeries } from './outage-series.ts';
import type { SeriesLabels } from './outage-series.ts';

export const SCRAPE_MS = 5_000;
export const BOOT_MS = 30_000;
/** Load that one replica shall carry, and what it can. */
export const TARGET_LOAD = 10;
export const FULL_LOAD = 14;

/** What each replica exports, and what stands beside the workload and needs none of them. */
type ReplicaFamily = 'load' | 'kv' | 'waiting' | 'cpu' | 'cpu_request' | 'requests_total';
const OUTSIDE_FAMILIES = ['offered', 'offered_total', 'latency', 'depth'] as const;
type OutsideFamily = (typeof OUTSIDE_FAMILIES)[number];
export type Family = ReplicaFamily | OutsideFamily;

/** `stopped`: nothing comes in any more; `gone`: discovery lost the targets; `half`: every second one. */
export type ScrapeFault = 'stopped' | 'gone' | 'half' | 'slow';

/** What is wrong just now; each is absent or null while it is right. */
export interface Faults {
  scrape: ScrapeFault | null;
  /** What the families that are hit export instead; null: they export nothing. */
  value: ((value: number) => number | null) | null;
  /** How far the clock of Prometheus is ahead of the plane's, in ms; behind when negative. */
  clockMs: number;
  /** Counters begin anew so often, in ms; null: never. */
  resetMs: number | null;
}

export const NO_FAULTS: Readonly<Faults> = { scrape: null, value: null, clockMs: 0, resetMs: null };

export interface WorldOptions {
  readonly workloadId: string;
  /** By ms since the outage's begin. */
  readonly loadAt: (sinceMs: number) => number;
  readonly beginMs: number;
  readonly families: readonly Family[];
  /** Those that faults of value befall. */
  readonly hit: readonly Family[];
}

interface Booted {
  readonly replica: Replica;
  readonly readyAtMs: number;
  requests: number;
}

export class OutageWorld {
  readonly series = new ScrapedSeries();
  readonly faults: Faults = { ...NO_FAULTS };
  readonly #options: WorldOptions;
  #replicas: Booted[] = [];
  #started = 0;
  #offered = 0;
  #resetAtMs = -Infinity;

  constructor(options: WorldOptions) {
    this.#options = options;
  }

  get workloadId(): string {
    return this.#options.workloadId;
  }

  loadAt(atMs: number): number {
    return this.#options.loadAt(atMs - this.#options.beginMs);
  }

  isHit(family: string): boolean {
    return this.#options.hit.some((one) => one === family);
  }

  /** The newest go first. */
  setReplicas(wanted: number, atMs: number): void {
    this.#replicas.length = Math.min(this.#replicas.length, wanted);
    while (this.#replicas.length < wanted) this.#start(atMs, BOOT_MS);
  }

  /** Replicas that serve already. */
  begin(count: number, atMs: number): void {
    while (this.#replicas.length < count) this.#start(atMs, 0);
  }

  replicasAt(atMs: number): readonly Replica[] {
    return this.#replicas.map(({ replica, readyAtMs }) => ({
      ...replica,
      phase: atMs >= readyAtMs ? 'ready' : 'starting',
      readyChangedAtMs: atMs >= readyAtMs ? readyAtMs : replica.startedAtMs,
    }));
  }

  readyAt(atMs: number): number {
    return this.#replicas.filter(({ readyAtMs }) => atMs >= readyAtMs).length;
  }

  /** Time goes on by one scrape interval, and Prometheus scrapes. */
  scrape(atMs: number): void {
    this.#serve(atMs);
    const { scrape, clockMs } = this.faults;
    if (scrape === 'stopped') return;
    if (scrape === 'slow' && Math.floor(atMs / SCRAPE_MS) % 12 !== 0) return;
    const stampMs = atMs + clockMs;
    for (const family of this.#options.families) this.#scrapeFamily(family, atMs, stampMs);
  }

  /** What lies in Prometheus since long ago, a minute apart. */
  fillPast(fromMs: number, toMs: number): void {
    for (let atMs = fromMs; atMs < toMs; atMs += 60_000) {
      for (const family of OUTSIDE_FAMILIES) {
        if (!this.#options.families.includes(family)) continue;
        this.series.append(family, this.#outside(), atMs, this.#outsideValue(family, atMs));
      }
    }
  }

  #start(atMs: number, bootMs: number): void {
    this.#started += 1;
    const replica: Replica = {
      replicaId: `${this.workloadId}-${this.#started}`,
      workloadId: this.workloadId,
      address: `10.0.0.1:${20_000 + this.#started}`,
      metricsPath: '/metrics',
      phase: 'starting',
      startedAtMs: bootMs === 0 ? atMs - 3_600_000 : atMs,
    };
    const readyAtMs = bootMs === 0 ? atMs - 3_570_000 : atMs + bootMs;
    this.#replicas.push({ replica, readyAtMs, requests: 0 });
  }

  #serve(atMs: number): void {
    const { resetMs } = this.faults;
    if (resetMs !== null && atMs - this.#resetAtMs >= resetMs) {
      this.#resetAtMs = atMs;
      this.#offered = 0;
      for (const one of this.#replicas) one.requests = 0;
    }
    const requests = (this.loadAt(atMs) * SCRAPE_MS) / 1_000;
    this.#offered += requests;
    const ready = this.#replicas.filter(({ readyAtMs }) => atMs >= readyAtMs);
    for (const one of ready) one.requests += requests / ready.length;
  }

  #scrapeFamily(family: Family, atMs: number, stampMs: number): void {
    const { scrape, value } = this.faults;
    const spoil = this.isHit(family) ? value : null;
    const exported = scrape === 'gone' ? [] : this.#exported(family, atMs);
    const there = new Set<string | null>();
    for (const [labels, sound] of exported) {
      const shown = spoil === null ? sound : spoil(sound);
      if (shown === null) continue;
      there.add(labels.replica);
      this.series.append(family, labels, stampMs, shown);
    }
    this.series.markGone(family, ({ replica }) => there.has(replica), stampMs);
  }

  #exported(family: Family, atMs: number): readonly (readonly [SeriesLabels, number])[] {
    if (isOutside(family)) {
      return [[this.#outside(), this.#outsideValue(family, atMs)]];
    }
    const ready = this.#replicas.filter(({ readyAtMs }) => atMs >= readyAtMs);
    const share = this.loadAt(atMs) / Math.max(1, ready.length);
    // What replicas ask for is known of them before they serve.
    const exporting = family === 'cpu_request' ? this.#replicas : ready;
    return exporting.flatMap((one, index): (readonly [SeriesLabels, number])[] => {
      if (this.faults.scrape === 'half' && this.isHit(family) && index % 2 === 0) return [];
      const labels = { workload: this.workloadId, replica: one.replica.replicaId };
      return [[labels, replicaValue(family, share, one.requests)]];
    });
  }

  #outside(): SeriesLabels {
    return { workload: this.workloadId, replica: null };
  }

  #outsideValue(family: OutsideFamily, atMs: number): number {
    if (family === 'offered_total') return this.#offered;
    return family === 'latency' ? 1 : this.loadAt(atMs);
  }
}

function isOutside(family: Family): family is OutsideFamily {
  return OUTSIDE_FAMILIES.some((one) => one === family);
}

/** At the target a replica uses 0.7 of its core and of its cache. */
function replicaValue(family: ReplicaFamily, share: number, requests: number): number {
  switch (family) {
    case 'cpu':
    case 'kv':
      return Math.min(1, share / FULL_LOAD);
    case 'cpu_request':
      return 1;
    case 'waiting':
      return Math.max(0, share - FULL_LOAD);
    case 'requests_total':
      return requests;
    case 'load':
      return share;
  }
}
