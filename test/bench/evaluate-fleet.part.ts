/**
 * A fleet of policies on one control plane for the evaluate benchmark: a real plane process with its
 * log, its spool and a real database, a real Prometheus that scrapes a real exporter, and a scaling
 * target in memory (bench-plane.ts). It reads what the plane exports of itself, and /proc.
 */

import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import type { EventLoopDelay } from '../support/bench-plane.ts';
import { leaderOf, startBenchMembers } from './bench-members.part.ts';
import { stopped } from './bench-plane.part.ts';
import type { BenchPlane } from './bench-plane.part.ts';
import { startPostgres } from '../support/postgres.ts';
import { pollUntil, startProcess } from '../support/process.ts';
import { preparePrometheus, startPrometheus } from '../support/prometheus-process.ts';
import type { PrometheusProcess } from '../support/prometheus-process.ts';
import { cpuMs, descendants, memoryUse, percentile } from './process-cost.part.ts';
import type { MetricsPage } from './metrics-page.part.ts';

export interface FleetOptions {
  readonly policies: number;
  readonly ticks: number;
  readonly tickMs: number;
  readonly database: 'postgres' | 'pglite';
  /** Control planes, of which one leads: 1 or 3. */
  readonly members: number;
  /** Where the plane's CPU profile of the measured ticks is written; null for none. */
  readonly profile: string | null;
}

/** What so many ticks of the fleet cost. */
export interface FleetFigures {
  readonly ticks: number;
  readonly lag_p99_ms: number;
  readonly requests_per_tick: number;
  readonly metrics_dropped: number;
  /** During the ticks, by the terms; 0 for a plane alone. */
  readonly elections: number;
  readonly [figure: string]: number | readonly number[];
}

const SERIES_EACH = 3;
const PUTS_AT_ONCE = 32;
const PUT_MS = 60_000;
const START_MS = 60_000;
const STAGES = ['observe', 'verify', 'decide', 'commit', 'act'] as const;

export async function measureFleet(options: FleetOptions): Promise<FleetFigures> {
  const home = await mkdtemp(join(tmpdir(), 'omnimind-evaluate-'));
  const ends: (() => Promise<unknown>)[] = [() => rm(home, { recursive: true, force: true })];
  let tail = (): string => '';
  try {
    const prometheus = await startSignals(home, options.policies, ends);
    const url = await startDatabase(options, ends);
    const each = { prometheusUrl: prometheus.url, databaseUrl: url, ...options };
    const planes = await startBenchMembers(join(home, 'planes'), options.members, each, ends);
    tail = () => planes.map((one) => one.output().slice(-4_000)).join('\n\n');
    const first = await leaderOf(planes);
    const putSeconds = await putFleet(first.url, options.policies);
    // Leadership may have moved while so many at once were put, and may move again: that is counted.
    const plane = await leaderOf(planes);
    const followers = planes.filter((one) => one !== plane);
    const place = { plane, followers, prometheus, databaseUrl: url };
    return { put_s: putSeconds, ...(await measureTicks(place, options)) };
  } catch (error) {
    throw new Error(`the fleet of ${options.policies} failed; the plane wrote:\n${tail()}`, {
      cause: error,
    });
  } finally {
    for (const end of ends.toReversed()) await end();
  }
}

async function startSignals(
  home: string,
  policies: number,
  ends: (() => Promise<unknown>)[],
): Promise<PrometheusProcess> {
  const entry = fileURLToPath(new URL('../support/bench-exporter.ts', import.meta.url));
  const exporter = startProcess(process.execPath, [entry, String(policies), String(SERIES_EACH)]);
  ends.push(() => stopped(exporter));
  const port = await pollUntil('the exporter listens', START_MS, () => {
    return /port (\d+)/.exec(exporter.output())?.[1];
  });
  const config = `global: { scrape_interval: 5s, scrape_timeout: 4s }
scrape_configs: [{ job_name: bench, static_configs: [{ targets: ['127.0.0.1:${port}'] }] }]
`;
  const place = await preparePrometheus(join(home, 'prometheus'), config, '');
  const prometheus = await startPrometheus(place);
  ends.push(() => prometheus.kill());
  await pollUntil('the load was scraped', START_MS, async () => {
    return (await prometheus.value('count(bench_load)')) === policies * SERIES_EACH;
  });
  return prometheus;
}

async function startDatabase(
  { database }: FleetOptions,
  ends: (() => Promise<unknown>)[],
): Promise<string | null> {
  if (database === 'pglite') return null;
  const postgres = await startPostgres();
  ends.push(() => postgres.stop());
  return postgres.url;
}

/** Workloads and their policies through the API, so many at once; how long it took, in seconds. */
async function putFleet(url: string, policies: number): Promise<number> {
  const startedAt = performance.now();
  let next = 0;
  const putNext = async (): Promise<void> => {
    for (let at = next++; at < policies; at = next++) {
      await put(`${url}/v1/workloads/w-${at}`, workloadDocument(at));
      await put(`${url}/v1/policies/p-${at}`, policyDocument(at));
    }
  };
  await Promise.all(Array.from({ length: PUTS_AT_ONCE }, putNext));
  return rounded((performance.now() - startedAt) / 1_000);
}

/** A member that has no leader just then is asked again; the same document put twice is put once. */
async function put(url: string, document: object): Promise<void> {
  await pollUntil(`${url} was put`, PUT_MS, async () => {
    const answer = await fetch(url, {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(document),
    });
    const text = await answer.text();
    if (!answer.ok && answer.status !== 503) throw new Error(`${url}: ${answer.status} ${text}`);
    return answer.ok;
  });
}

function workloadDocument(at: number): object {
  const target = { kind: 'local_process', command: ['replica'] };
  return {
    id: `w-${at}`,
    capability: 'inference',
    mode: 'act',
    replicasInitial: 5,
    target,
  };
}

function policyDocument(at: number): object {
  const query = `sum(bench_load{workload="w-${at}"})`;
  const metrics = [{ name: 'load', query, target: { averageValue: 10 } }];
  const replicas = { min: 1, max: 20 };
  return { id: `p-${at}`, workload: `w-${at}`, replicas, metrics };
}

interface Place {
  /** The one that leads. */
  readonly plane: BenchPlane;
  readonly followers: readonly BenchPlane[];
  readonly prometheus: PrometheusProcess;
  readonly databaseUrl: string | null;
}

/** From a tick that has seen the whole fleet on. */
async function measureTicks(
  { plane, followers, prometheus, databaseUrl }: Place,
  { policies, ticks, tickMs }: FleetOptions,
): Promise<FleetFigures> {
  const before = await pollUntil('a tick of the whole fleet', 20 * tickMs, async () => {
    await delay(tickMs / 5);
    const page = await plane.metrics();
    const ended = endedTicks(page, 'act');
    const quiet = ended > 0 && ended === endedTicks(page, 'observe');
    return quiet && page.value('omnimind_policies') === policies ? page : null;
  });
  await plane.eventLoop();
  const pids = [plane.pid];
  const databasePids = databaseUrl === null ? descendants(plane.pid) : [];
  const startedAt = performance.now();
  const planeCpu = cpuMs(pids);
  const databaseCpu = databasePids.length === 0 ? NaN : cpuMs(databasePids);
  const written = writtenBytes(plane.pid);
  const prometheusCpu = cpuMs([prometheus.running.pid]);
  const followerPids = followers.map(({ pid }) => pid);
  const followerCpu = followerPids.length === 0 ? 0 : cpuMs(followerPids);
  const pages: MetricsPage[] = [before];
  const rssBytes: number[] = [];
  const scrapesMs: number[] = [];
  while (pages.length <= ticks) {
    const wait = startedAt + pages.length * tickMs - performance.now();
    await delay(Math.max(0, wait));
    const askedAt = performance.now();
    pages.push(await plane.metrics());
    scrapesMs.push(performance.now() - askedAt);
    rssBytes.push(memoryUse(pids).rssBytes);
  }
  const after = pages.at(-1) ?? before;
  const cpu = cpuMs(pids) - planeCpu;
  const ended = performance.now();
  const loop = await plane.eventLoop();
  const followersEnd = await Promise.all(followers.map((one) => one.metrics()));
  const led = endedTicks(after, 'act') - endedTicks(before, 'act');
  const stages = STAGES.map((stage) => [`${stage}_ms`, perTick(pages, stage)] as const);
  const totals = stages.length === 0 ? [] : tickTotals(pages);
  const since = (name: string, labels = {}): number =>
    after.sum(name, labels) - before.sum(name, labels);
  return {
    ticks: led,
    lag_p50_ms: rounded(
      1_000 * after.quantileSince(before, 'omnimind_loop_lag_seconds', { loop: 'scale' }, 0.5),
    ),
    lag_p99_ms: rounded(
      1_000 * after.quantileSince(before, 'omnimind_loop_lag_seconds', { loop: 'scale' }, 0.99),
    ),
    tick_p50_ms: rounded(percentile(totals, 0.5)),
    tick_max_ms: rounded(percentile(totals, 1)),
    ...Object.fromEntries(stages.map(([name, values]) => [name, rounded(percentile(values, 0.5))])),
    block_max_ms: rounded(loop.maxMs),
    blocks_ms: loop.blocks.map(({ wallMs }) => rounded(wallMs)),
    blocks_cpu_ms: loop.blocks.map(({ cpuMs: worked }) => rounded(worked)),
    ...collectionFigures(loop),
    elections: Math.max(...[after, ...followersEnd].map(termOf)) - termOf(before),
    ...(followers.length > 0 && {
      commit_p99_ms: rounded(
        1_000 * after.quantileSince(before, 'omnimind_raft_commit_duration_seconds', {}, 0.99),
      ),
      raft_kib_per_tick: rounded(since('omnimind_raft_frame_bytes_total') / 1_024 / led),
      follower_cpu_ms_per_tick: rounded(
        (cpuMs(followerPids) - followerCpu) / led / followers.length,
      ),
    }),
    requests_per_tick: rounded(since('omnimind_metrics_source_requests_total') / led),
    evaluations: since('omnimind_evaluations_total'),
    actions: since('omnimind_actions_total'),
    plane_cpu_ms_per_tick: rounded(cpu / led),
    plane_cpu_us_per_policy: rounded((1_000 * cpu) / led / policies),
    plane_cpu_share: rounded(cpu / (ended - startedAt)),
    prometheus_cpu_ms_per_tick: rounded((cpuMs([prometheus.running.pid]) - prometheusCpu) / led),
    ...(databasePids.length > 0 && {
      pglite_cpu_share: rounded((cpuMs(databasePids) - databaseCpu) / (ended - startedAt)),
    }),
    written_kib_per_tick: rounded((writtenBytes(plane.pid) - written) / 1_024 / led),
    heap_mib: rounded(loop.heapMiB),
    rss_mib: rounded(Math.max(...rssBytes) / 2 ** 20),
    scrape_p50_ms: rounded(percentile(scrapesMs, 0.5)),
    metrics_kib: rounded(after.bytes / 1_024),
    metrics_dropped: after.sum('omnimind_metrics_dropped_series_total'),
    records_waiting: after.value('omnimind_decision_store_buffered'),
    ...(databaseUrl !== null && (await storedIn(databaseUrl))),
  };
}

function termOf(page: MetricsPage): number {
  return page.value('omnimind_raft_term');
}

function collectionFigures({ collections }: EventLoopDelay): Readonly<Record<string, number>> {
  return Object.fromEntries(
    Object.entries(collections).flatMap(([kind, { count, sumMs, maxMs }]) => [
      [`gc_${kind}`, count],
      [`gc_${kind}_ms`, rounded(sumMs)],
      [`gc_${kind}_max_ms`, rounded(maxMs)],
    ]),
  );
}

/** What the plane had written to disk: its log with the snapshots, and its spool. NaN without /proc. */
function writtenBytes(pid: number): number {
  const text = readFileSync(`/proc/${pid}/io`, 'utf8');
  return Number(/^write_bytes: (\d+)$/m.exec(text)?.[1] ?? NaN);
}

function endedTicks(page: MetricsPage, stage: string): number {
  return page.sum('omnimind_stage_duration_seconds_count', { stage });
}

/** Of each tick the time of one stage, in ms. */
function perTick(pages: readonly MetricsPage[], stage: string): readonly number[] {
  return pages.slice(1).flatMap((page, at) => {
    const earlier = pages[at];
    if (earlier === undefined) return [];
    const of = (one: MetricsPage, part: string): number =>
      one.sum(`omnimind_stage_duration_seconds_${part}`, { stage });
    const ticks = of(page, 'count') - of(earlier, 'count');
    return ticks === 0 ? [] : [(1_000 * (of(page, 'sum') - of(earlier, 'sum'))) / ticks];
  });
}

function tickTotals(pages: readonly MetricsPage[]): readonly number[] {
  const stages = STAGES.map((stage) => perTick(pages, stage));
  return (stages[0] ?? []).map((_, at) => stages.reduce((sum, one) => sum + (one[at] ?? 0), 0));
}

async function storedIn(url: string): Promise<Readonly<Record<string, number>>> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const { rows } = await client.query<{ records: string; bytes: string }>(
      `select count(*) as records, pg_total_relation_size('decisions') as bytes from decisions`,
    );
    const [row] = rows;
    const records = Number(row?.records ?? 0);
    return { records, bytes_per_record: rounded(Number(row?.bytes ?? 0) / Math.max(1, records)) };
  } finally {
    await client.end();
  }
}

function rounded(value: number): number {
  return Number.isFinite(value) ? Number(value.toPrecision(4)) : value;
}
