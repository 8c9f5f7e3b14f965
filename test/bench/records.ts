/**
 * The record of a day: `npm run bench -- records [--policies 1000] [--ticks 5760] [--database pglite]`.
 * The real scale loop decides for all policies at each 15 s of a simulated day, over a stepped clock,
 * the real state machine and a scripted metrics source; every record goes through the real spool into a
 * real database. Then a control plane is started over that database, and random records are fetched and
 * replayed through its API. One line of JSON per figure.
 */

import { mkdtemp, rm } from 'node:fs/promises';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import pg from 'pg';
import { createDecisionStore } from '../../control-plane/adapters/postgres/decision-store.ts';
import type { PostgresDecisionStore } from '../../control-plane/adapters/postgres/decision-store.ts';
import { startPgliteProcess } from '../../control-plane/adapters/postgres/pglite-process.ts';
import { decisionIdOf } from '../../control-plane/model/decision.ts';
import { postgresMissing, startPostgres } from '../support/postgres.ts';
import { createScalePlane } from '../support/scale-plane.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { startBenchPlane } from './bench-plane.part.ts';
import { percentile } from './process-cost.part.ts';

const DAY_MS = 86_400_000;
const TICK_MS = 15_000;
const FETCH_GOAL_MS = 100;
const FETCHES = 1_000;
const REPLAYS = 1_000;
const LISTS = 100;
const SEED = 20_261_121;
/** Records that may wait in the spool before the next simulated tick. */
const WAITING_MAX = 20_000;
const NOBODY = 'http://127.0.0.1:9';

interface Day {
  readonly policies: number;
  /** Wall times of its ticks, in ms. */
  readonly ticksMs: readonly number[];
}

interface OpenedDatabase {
  readonly url: string;
  readonly connectionsMax: number;
  /** What the plane is told of it: null is PGlite in its own data directory. */
  readonly planeUrl: string | null;
  /** Before the plane has it. */
  handOver(): Promise<void>;
  close(): Promise<void>;
}

/** Resolves to true when records come back in time, and every one replays. */
export async function run(args: readonly string[]): Promise<boolean> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      policies: { type: 'string', default: '1000' },
      ticks: { type: 'string', default: String(DAY_MS / TICK_MS) },
      database: { type: 'string', default: 'postgres' },
    },
  });
  const reason = values.database === 'pglite' ? null : postgresMissing();
  if (reason !== null) {
    print('skipped', { what: 'records', reason });
    return true;
  }
  const home = await mkdtemp(join(tmpdir(), 'omnimind-records-'));
  const database = await openDatabase(home, values.database);
  try {
    const head = { database: values.database, policies: Number(values.policies) };
    const day = await writeDay(home, database, head, Number(values.ticks));
    await database.handOver();
    return await readDay(home, database, day, head);
  } finally {
    await database.close();
    await rm(home, { recursive: true, force: true });
  }
}

async function openDatabase(home: string, kind: string): Promise<OpenedDatabase> {
  if (kind === 'pglite') {
    // Where the plane looks for it.
    const pglite = await startPgliteProcess({ directory: join(home, 'plane', 'pglite') });
    const stop = () => pglite.stop();
    const { url, connectionsMax } = pglite;
    return { url, connectionsMax, planeUrl: null, handOver: stop, close: stop };
  }
  const postgres = await startPostgres();
  return {
    url: postgres.url,
    connectionsMax: 4,
    planeUrl: postgres.url,
    handOver: () => Promise.resolve(),
    close: () => postgres.stop(),
  };
}

async function writeDay(
  home: string,
  { url, connectionsMax }: OpenedDatabase,
  head: { readonly database: string; readonly policies: number },
  ticks: number,
): Promise<Day> {
  const store = await createDecisionStore({
    connectionUrl: url,
    connectionsMax,
    spoolDirectory: join(home, 'spool'),
    queryTimeoutMs: 30_000,
    drainTimeoutMs: 120_000,
  });
  await store.start();
  const plane = createScalePlane({ decisions: store });
  plane.now.wallMs = Date.now() - ticks * TICK_MS;
  const ids = Array.from({ length: head.policies }, (_, at) => `w-${at}`);
  for (const id of ids) await plane.put(id, { policy: POLICY });
  const startedAt = performance.now();
  const ticksMs: number[] = [];
  for (let tick = 0; tick < ticks; tick += 1) {
    ids.forEach((id, at) => plane.source.loads.set(id, loadAt(at, tick)));
    await plane.tick(TICK_MS);
    ticksMs.push(plane.now.wallMs);
    await waitForRoom(store, WAITING_MAX);
    // Nothing here reads its lines.
    plane.lines.length = 0;
  }
  await waitForRoom(store, 0);
  const seconds = (performance.now() - startedAt) / 1_000;
  const { dropped, lastError } = store.status();
  await store.stop();
  plane.stop();
  print('day_written', {
    ...head,
    ticks,
    records: ticks * head.policies,
    seconds,
    records_per_s: (ticks * head.policies) / seconds,
    dropped,
    last_error: lastError,
    ...(await sizesIn(url)),
  });
  return { policies: head.policies, ticksMs };
}

const POLICY = { stabilizationDownMs: 300_000, replicasMax: 20, signalAgeMaxMs: 60_000 };

/** From 20 to 80 and back in the course of some hours, with a ripple; each workload at its own time. */
function loadAt(workload: number, tick: number): number {
  const slow = Math.sin((2 * Math.PI * tick) / 960 + workload * 0.618);
  const ripple = Math.sin(tick * 1.7 + workload);
  return 50 + 28 * slow + 2 * ripple;
}

async function waitForRoom(store: PostgresDecisionStore, waitingMax: number): Promise<void> {
  while (store.status().buffered > waitingMax) await delay(5);
}

async function sizesIn(url: string): Promise<Readonly<Record<string, number>>> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const { rows } = await client.query<Record<string, string>>(`
      select count(*) as stored, pg_total_relation_size('decisions') as bytes,
        pg_indexes_size('decisions') as index_bytes from decisions`);
    const [row = {}] = rows;
    const stored = Number(row['stored']);
    return {
      stored,
      database_mib: Number(row['bytes']) / 2 ** 20,
      bytes_per_record: Number(row['bytes']) / Math.max(1, stored),
      index_bytes_per_record: Number(row['index_bytes']) / Math.max(1, stored),
    };
  } finally {
    await client.end();
  }
}

async function readDay(
  home: string,
  database: OpenedDatabase,
  day: Day,
  head: object,
): Promise<boolean> {
  const plane = await startBenchPlane({
    dataDirectory: join(home, 'plane'),
    prometheusUrl: NOBODY,
    databaseUrl: database.planeUrl,
    tickMs: TICK_MS,
    profile: null,
  });
  try {
    const random = seededRandom(SEED);
    const idOf = () => randomId(day, random);
    const get = (path: string) => getJson(`${plane.url}${path}`);
    await untilAnswered(`${plane.url}/v1/decisions/${idOf()}`);
    const fetched = await timed(FETCHES, () => get(`/v1/decisions/${idOf()}`));
    const replayed = await timed(REPLAYS, () => get(`/v1/decisions/${idOf()}/replay`));
    const listed = await timed(LISTS, () => get(`/v1/decisions?workload=${idOf().slice(13)}`));
    const identical = replayed.answers.filter((one) => one['identical'] === true).length;
    const met = percentile(fetched.ms, 0.99) < FETCH_GOAL_MS && identical === REPLAYS;
    print('record_fetched', { ...head, ...figures(fetched), goal_ms: FETCH_GOAL_MS, met });
    print('record_replayed', { ...head, ...figures(replayed), identical, met });
    print('records_listed', { ...head, ...figures(listed) });
    return met;
  } finally {
    await plane.stop();
  }
}

function randomId({ policies, ticksMs }: Day, random: () => number): string {
  const atMs = ticksMs[Math.floor(random() * ticksMs.length)] ?? 0;
  return decisionIdOf(atMs, `w-${Math.floor(random() * policies)}`);
}

type Answer = Readonly<Record<string, unknown>>;

async function getJson(url: string): Promise<Answer> {
  const answer = await fetch(url);
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${url}: ${answer.status} ${text}`);
  return JSON.parse(text) as Answer;
}

/** PGlite takes some seconds to start. */
async function untilAnswered(url: string): Promise<void> {
  const endsAt = performance.now() + 60_000;
  for (;;) {
    const { ok, status } = await fetch(url).then(async (answer) => {
      await answer.body?.cancel();
      return answer;
    });
    if (ok) return;
    if (performance.now() > endsAt) throw new Error(`${url}: still ${status}`);
    await delay(100);
  }
}

async function timed(times: number, ask: () => Promise<Answer>) {
  const ms: number[] = [];
  const answers: Answer[] = [];
  for (let at = 0; at < times; at += 1) {
    const startedAt = performance.now();
    answers.push(await ask());
    ms.push(performance.now() - startedAt);
  }
  return { ms, answers };
}

function figures({ ms }: { readonly ms: readonly number[] }) {
  return {
    requests: ms.length,
    p50_ms: percentile(ms, 0.5),
    p99_ms: percentile(ms, 0.99),
    max_ms: percentile(ms, 1),
  };
}

function print(figure: string, values: object): void {
  const rounded = Object.entries({ ...values, load_average: loadavg()[0] }).map(([name, value]) => [
    name,
    typeof value === 'number' ? Number(value.toPrecision(4)) : value,
  ]);
  console.log(JSON.stringify({ figure, ...Object.fromEntries(rounded) }));
}
