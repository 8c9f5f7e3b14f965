/**
 * A plane under simulated outages: the real scale loop on a stepped clock, the real HTTP client, a
 * Prometheus over HTTP that answers from the worlds of outage-world.ts, and a scaling target that boots
 * its replicas. Only time, the workloads and Prometheus' engine are made up.
 */

import { createCronerCalendar } from '../../control-plane/adapters/calendar/croner.ts';
import { createPrometheusSource } from '../../control-plane/adapters/prometheus/source.ts';
import { Forecasts } from '../../control-plane/loops/forecasts.ts';
import { ReplicaWatch } from '../../control-plane/loops/replica-watch.ts';
import { ScaleLoop } from '../../control-plane/loops/scale-loop.ts';
import { ScaleTelemetry } from '../../control-plane/loops/scale-telemetry.ts';
import type { Command } from '../../control-plane/model/command.ts';
import type { DecisionRecord } from '../../control-plane/model/decision.ts';
import type { ScaleTarget } from '../../control-plane/ports/scale-target.ts';
import { renderMetrics } from '../../control-plane/telemetry/exposition.ts';
import { createSeries } from '../../control-plane/telemetry/series.ts';
import { createMemoryConsensus } from './http-fakes.ts';
import { workload } from './log-commands.ts';
import { createMemoryDecisionStore } from './memory-decision-store.ts';
import { LOADS } from './outage-case.ts';
import type { OutageCase } from './outage-case.ts';
import type { OutageKind } from './outage-kinds.ts';
import { SIGNAL_AGE_MS, WINDOW_MS } from './outage-policies.ts';
import { QueryBook } from './outage-queries.ts';
import type { KnownQuery } from './outage-queries.ts';
import { BOOT_MS, NO_FAULTS, OutageWorld, SCRAPE_MS, TARGET_LOAD } from './outage-world.ts';
import { startPrometheusFake } from './prometheus-fake.ts';
import type { FakeSample, PrometheusFake } from './prometheus-fake.ts';
import { sourceOptions } from './prometheus-options.ts';
import { NOW_MS, policy } from './scale-input.ts';

export const TICK_MS = 15_000;
/** Good data before each outage. */
export const WARM_TICKS = 24;
/** Good data after it. */
export const AFTER_MS = 12 * 60_000;

/** Series whose values are kept for the alerting rules. */
const EXPORTED =
  /^(omnimind_(?:signal_lost_info|replicas_ready|replicas_starting|policies)\b\S*) (\S+)/;

/** The span around the begin in which it is kept. */
export const EXPORT_BEFORE_MS = 60_000;
export const EXPORT_MS = 240_000;

/** What one tick came to for one workload. */
export interface OutageTick {
  /** Since the begin of the outage; the tick at 0 still has good data. */
  readonly sinceMs: number;
  readonly record: DecisionRecord;
  /** Wanted once the tick was over. */
  readonly desired: number;
  readonly ready: number;
  readonly load: number;
}

export interface OutageRun {
  readonly ticks: ReadonlyMap<string, readonly OutageTick[]>;
  /** Values of each exported series, by tick from EXPORT_BEFORE_MS on; null where it was not exported. */
  readonly exported: ReadonlyMap<string, readonly (number | null)[]>;
}

export interface OutageRunOptions {
  readonly cases: readonly OutageCase[];
  readonly durationMs: number;
  /** Befalls the server; null where each case's own kind befalls its workload. */
  readonly serverKind: OutageKind | null;
  /** Nothing goes wrong: what good data would have brought. */
  readonly isControl?: true;
}

export async function runOutages(options: OutageRunOptions): Promise<OutageRun> {
  const plane = await OutagePlane.start(options);
  try {
    return await plane.run();
  } finally {
    await plane.stop();
  }
}

interface Subject {
  readonly of: OutageCase;
  readonly world: OutageWorld;
  readonly ticks: OutageTick[];
}

class OutagePlane {
  readonly #options: OutageRunOptions;
  readonly #subjects = new Map<string, Subject>();
  readonly #queries = new Map<string, KnownQuery>();
  readonly #exported = new Map<string, (number | null)[]>();
  readonly #signal = new AbortController().signal;
  readonly #consensus = createMemoryConsensus();
  readonly #series = createSeries({ version: '0' });
  readonly #beginMs = NOW_MS + WARM_TICKS * TICK_MS;
  readonly #fake: PrometheusFake;
  readonly #source: ReturnType<typeof createPrometheusSource>;
  readonly #forecasts: Forecasts;
  readonly #loop: ScaleLoop;
  #nowMs = NOW_MS;
  #tick = 0;
  #exports = 0;
  #isBroken = false;

  private constructor(options: OutageRunOptions, fake: PrometheusFake, answer: Answerer) {
    this.#options = options;
    this.#fake = fake;
    answer.samples = (query, atMs) => this.#answer(query, atMs);
    answer.nowMs = () => this.#nowMs + (this.#isBroken ? this.#clockMs() : 0);
    const clock = { nowMs: () => this.#nowMs, monotonicMs: () => this.#nowMs - NOW_MS };
    this.#source = createPrometheusSource(sourceOptions(fake.url, clock));
    const logger = { debug: quiet, info: quiet, warn: quiet, error: shout };
    this.#forecasts = new Forecasts({
      source: this.#source,
      clock,
      logger,
      refillTimeoutMs: 10_000,
    });
    this.#loop = new ScaleLoop({
      consensus: this.#consensus,
      source: this.#source,
      targets: { local_process: this.#target() },
      decisions: { ...createMemoryDecisionStore(), append: () => Promise.resolve() },
      replicas: new ReplicaWatch(),
      clock,
      telemetry: new ScaleTelemetry(this.#series, clock),
      logger,
      calendar: createCronerCalendar(),
      forecasts: this.#forecasts,
      observeTimeoutMs: 10_000,
      commitTimeoutMs: 10_000,
      actTimeoutMs: 10_000,
    });
  }

  static async start(options: OutageRunOptions): Promise<OutagePlane> {
    const answerer: Answerer = { samples: () => [], nowMs: () => NOW_MS };
    const fake = await startPrometheusFake({
      samples: (query, atMs) => answerer.samples(query, atMs),
      stepsThrough: true,
      nowMs: () => answerer.nowMs(),
    });
    const plane = new OutagePlane(options, fake, answerer);
    await plane.#put();
    return plane;
  }

  async run(): Promise<OutageRun> {
    const { durationMs } = this.#options;
    const ticks = WARM_TICKS + (durationMs + AFTER_MS) / TICK_MS;
    for (this.#tick = 1; this.#tick <= ticks; this.#tick += 1) {
      const since = this.#nowMs - this.#beginMs;
      if (since === 0) await this.#breakThings();
      if (since === durationMs) await this.#mend();
      await this.#oneTick();
    }
    const told = [...this.#subjects].map(([id, subject]) => [id, subject.ticks] as const);
    return { ticks: new Map(told), exported: this.#exported };
  }

  async stop(): Promise<void> {
    this.#source.close();
    this.#series.stop();
    await this.#fake.stop();
  }

  async #put(): Promise<void> {
    const atMs = this.#nowMs;
    const propose = (command: Command) => this.#consensus.propose(command, this.#signal);
    await propose({ kind: 'raise_format', key: 'format', atMs, formatVersion: 4 });
    for (const one of this.#options.cases) {
      const { id, shape, load } = one;
      const { families, hit } = shape;
      const world = new OutageWorld({
        ...{ workloadId: id, families, hit, loadAt: LOADS[load], beginMs: this.#beginMs },
      });
      this.#subjects.set(id, { of: one, world, ticks: [] });
      const first = Math.ceil(world.loadAt(atMs) / TARGET_LOAD);
      world.begin(first, atMs);
      world.fillPast(atMs - 7_200_000, atMs);
      const wanted = workload(id, { replicasInitial: first });
      const head = { atMs, source: 'api', expectedVersion: null } as const;
      await propose({ ...head, kind: 'put_workload', key: `workload ${id}`, workload: wanted });
      const put = policy({
        ...{ id, workloadId: id, replicasMin: 1, replicasMax: 12, signalAgeMaxMs: SIGNAL_AGE_MS },
        stabilizationDownMs: WINDOW_MS,
        actionTimeoutMs: 4 * BOOT_MS,
        ...shape.policy(new QueryBook(this.#queries, id)),
      });
      const key = `policy ${id}`;
      const { result } = await propose({ ...head, kind: 'put_policy', key, policy: put });
      if (result.kind === 'refused') throw new Error(`${id}: ${result.detail}`);
    }
  }

  async #oneTick(): Promise<void> {
    const from = this.#nowMs;
    for (let atMs = from + SCRAPE_MS; atMs <= from + TICK_MS; atMs += SCRAPE_MS) {
      for (const { world } of this.#subjects.values()) world.scrape(atMs - 1_000);
    }
    this.#nowMs = from + TICK_MS;
    this.#fake.forget();
    await this.#loop.tick(this.#signal);
    await this.#forecasts.refill(this.#signal);
    const { workloads } = this.#consensus.readState();
    for (const [id, { world, ticks }] of this.#subjects) {
      const record = this.#loop.lastDecision(id);
      const desired = workloads[id]?.desired;
      if (record?.atMs !== this.#nowMs || desired === undefined)
        throw new Error(`${id}: no decision`);
      ticks.push({
        sinceMs: this.#nowMs - this.#beginMs,
        record,
        desired,
        ready: world.readyAt(this.#nowMs),
        load: world.loadAt(this.#nowMs),
      });
    }
    if (
      this.#nowMs >= this.#beginMs - EXPORT_BEFORE_MS &&
      this.#nowMs <= this.#beginMs + EXPORT_MS
    ) {
      await this.#export();
    }
  }

  async #export(): Promise<void> {
    const { body } = await renderMetrics(this.#series.registry, undefined);
    const now = new Map<string, number>();
    for (const line of body.split('\n')) {
      const [, name, value] = EXPORTED.exec(line) ?? [];
      if (name !== undefined) now.set(name, Number(value));
    }
    for (const name of now.keys()) {
      if (!this.#exported.has(name)) {
        this.#exported.set(name, new Array<null>(this.#exports).fill(null));
      }
    }
    for (const [name, values] of this.#exported) values.push(now.get(name) ?? null);
    this.#exports += 1;
  }

  async #breakThings(): Promise<void> {
    const { serverKind, isControl } = this.#options;
    if (isControl === true) return;
    this.#isBroken = true;
    for (const { of, world } of this.#subjects.values())
      Object.assign(world.faults, of.kind.faults);
    if (serverKind?.mode !== undefined) await this.#fake.setMode(serverKind.mode);
  }

  async #mend(): Promise<void> {
    this.#isBroken = false;
    for (const { world } of this.#subjects.values()) Object.assign(world.faults, NO_FAULTS);
    await this.#fake.setMode('ok');
  }

  /** Of the server: one that is wrong is wrong for all who ask. */
  #clockMs(): number {
    return this.#options.serverKind?.faults?.clockMs ?? 0;
  }

  #answer(text: string, atMs: number): readonly FakeSample[] {
    const query = this.#queries.get(text.trim());
    const subject = query === undefined ? undefined : this.#subjects.get(query.workload);
    if (query === undefined || subject === undefined) throw new Error(`nobody made: ${text}`);
    const { of, world } = subject;
    const samples = query.ask(world.series, atMs);
    const spoil = this.#isBroken && world.isHit(query.family) ? of.kind.spoil : undefined;
    return spoil === undefined ? samples : spoil(samples, query, this.#tick);
  }

  #target(): ScaleTarget {
    const worldOf = (id: string): OutageWorld => {
      const subject = this.#subjects.get(id);
      if (subject === undefined) throw new Error(`there is no workload ${id}`);
      return subject.world;
    };
    return {
      setReplicas: ({ id }, replicas) => {
        worldOf(id).setReplicas(replicas, this.#nowMs);
        return Promise.resolve();
      },
      readReplicas: ({ id }) => Promise.resolve(worldOf(id).replicasAt(this.#nowMs)),
      listWorkloads: () => Promise.resolve([...this.#subjects.keys()]),
      removeWorkload: () => Promise.reject(new Error('no workload is removed')),
    };
  }
}

interface Answerer {
  nowMs: () => number;
  samples: (query: string, atMs: number) => readonly FakeSample[];
}

function quiet(): void {
  return;
}

function shout(fields: object, message: string): void {
  throw new Error(`${message} ${JSON.stringify(fields)}`);
}
