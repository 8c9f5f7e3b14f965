/**
 * Three control planes as real processes on one host, with one directory of replicas, one database,
 * one Prometheus whose load swings and one collector of traces. The leader can be killed at chosen
 * moments of its ticks. Everything that the members said is kept: what they wrote, when each took
 * part, and which exemplars their metrics had.
 */

import { mkdir, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { DecisionRecord } from '../../control-plane/model/decision.ts';
import type { Election } from '../../control-plane/model/election.ts';
import { prepareCluster } from './cluster-process.ts';
import type { Cluster, ClusterOptions, LeaderSeen } from './cluster-process.ts';
import { REPLICA_LOAD, loadSamples, swingingLoad, swingingPlanePlace } from './load-policy.ts';
import { startOtlpReceiver } from './otlp-receiver.ts';
import type { OtlpReceiver } from './otlp-receiver.ts';
import { WORKLOAD_ID } from './plane-process.ts';
import { pollUntil, startProcess } from './process.ts';
import type { RunningProcess } from './process.ts';
import { startPrometheusFake } from './prometheus-fake.ts';
import type { PrometheusFake } from './prometheus-fake.ts';
import { markedProcesses } from './replica-processes.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
/** Replicas that the load is worth once it stands still. */
export const REST_REPLICAS = 2;
const EXEMPLARS_EVERY_MS = 200;
export const MEMBERS = ['m1', 'm2', 'm3'] as const;

/** One life of a member's process. UNIX ms. */
export interface MemberLife {
  readonly memberId: string;
  readonly running: RunningProcess;
  /** From when on it knew the leader; null before. */
  followedAtMs: number | null;
  /** When it was killed or told to stop; null while it lives. */
  endedAtMs: number | null;
}

/** What a member knows of its group. */
export interface MemberView {
  readonly leaderId: string | null;
  readonly term: number;
  readonly commitIndex: number;
}

/** Where in the leader's work a kill shall fall. */
export type KillPoint =
  /** Soon after it asked Prometheus: from the look at the world to the act. */
  | { readonly kind: 'asked'; readonly delayMs: number }
  /** As it starts a replica. */
  | { readonly kind: 'starting'; readonly delayMs: number };

export class DecisionsRig {
  readonly lives: MemberLife[] = [];
  /** Trace ids that the members' election histograms named. */
  readonly exemplars = new Set<string>();
  readonly cluster: Cluster;
  readonly receiver: OtlpReceiver;
  readonly home: string;
  readonly #prometheus: PrometheusFake;
  readonly #database: RunningProcess;
  readonly #load: Load;
  #watching: Promise<void> | null = null;
  #ending = false;

  constructor(parts: RigParts) {
    this.cluster = parts.cluster;
    this.receiver = parts.receiver;
    this.home = parts.home;
    this.#prometheus = parts.prometheus;
    this.#database = parts.database;
    this.#load = parts.load;
  }

  /** Loads that Prometheus has answered. */
  get samples(): ReadonlySet<number> {
    return this.#load.answered;
  }

  get journal(): string {
    return join(this.home, 'replicas', 'journal.jsonl');
  }

  async start(): Promise<void> {
    for (const id of MEMBERS) this.launch(id);
    this.watchExemplars();
    const { term } = await this.cluster.leader(60_000);
    await Promise.all(MEMBERS.map((id) => this.follows(id, term, 60_000)));
  }

  launch(id: string): void {
    const { running } = this.cluster.launch(id);
    if (running === null) throw new Error(`${id} was not started`);
    this.lives.push({ memberId: id, running, followedAtMs: null, endedAtMs: null });
  }

  /** Waits until the member knows a leader, of this term or a later one. */
  async follows(id: string, term: number, withinMs: number): Promise<void> {
    const life = this.life(id);
    await pollUntil(`${id} follows`, withinMs, async () => {
      if (life.running.child.exitCode !== null) {
        throw new Error(`${id} ended:\n${life.running.output().slice(-4_000)}`);
      }
      const seen = await this.view(id);
      return seen?.leaderId !== null && (seen?.term ?? 0) >= term;
    });
    life.followedAtMs ??= Date.now();
  }

  life(id: string): MemberLife {
    const life = this.lives.findLast(({ memberId }) => memberId === id);
    if (life === undefined) throw new Error(`${id} was never started`);
    return life;
  }

  /** What a member knows of its group; null when it does not answer. */
  async view(id: string): Promise<MemberView | null> {
    return get<MemberView>(`${this.cluster.member(id).url}/v1/members?consistency=stale`).catch(
      () => null,
    );
  }

  kill(id: string, signal: NodeJS.Signals = 'SIGKILL'): void {
    this.life(id).endedAtMs = Date.now();
    this.cluster.kill(id, signal);
  }

  /** Resolves at that moment of the leader's work; at once when it does not come. */
  async reach(point: KillPoint): Promise<void> {
    if (point.kind === 'asked') await this.#load.asked(4_000);
    else {
      const before = await sizeOf(this.journal);
      const deadline = performance.now() + 6_000;
      while (performance.now() < deadline && (await sizeOf(this.journal)) === before)
        await sleep(2);
    }
    await sleep(point.delayMs);
  }

  /** Reads the exemplars again and again, before later elections take their places. */
  watchExemplars(): void {
    this.#watching ??= (async () => {
      while (!this.#ending) {
        await this.readExemplars();
        await sleep(EXEMPLARS_EVERY_MS);
      }
    })();
  }

  /** Reads the exemplars of every member that answers. */
  async readExemplars(): Promise<void> {
    await Promise.all(
      MEMBERS.map(async (id) => {
        if (this.lives.findLast(({ memberId }) => memberId === id)?.endedAtMs !== null) return;
        const text = await openMetrics(this.cluster.member(id).url).catch(() => '');
        for (const line of text.split('\n')) {
          if (!line.startsWith('omnimind_raft_election_duration_seconds_bucket{')) continue;
          const traceId = /# \{.*trace_id="([0-9a-f]{32})"/.exec(line)?.[1];
          if (traceId !== undefined) this.exemplars.add(traceId);
        }
      }),
    );
  }

  /** The load stands still, so that the plane comes to rest. */
  freeze(): void {
    this.#load.frozen = true;
  }

  /** Asks the leader, whoever it is. */
  async ask<T>(path: string): Promise<T> {
    return pollUntil(path, 20_000, async () => {
      for (const id of MEMBERS) {
        if (this.life(id).endedAtMs !== null) continue;
        const answer = await get<T>(`${this.cluster.member(id).url}${path}`).catch(() => null);
        if (answer !== null) return answer;
      }
      return null;
    });
  }

  /** Waits until what every member has recorded so far is in the database. */
  async recorded(): Promise<void> {
    for (const id of MEMBERS) {
      await pollUntil(`${id} has recorded its decisions`, 60_000, async () => {
        const text = await openMetrics(this.cluster.member(id).url).catch(() => '');
        return /^omnimind_decision_store_buffered 0$/m.test(text);
      });
    }
  }

  /** By id; a decision has one record. */
  async decisions(): Promise<ReadonlyMap<string, readonly DecisionRecord[]>> {
    const found = new Map<string, DecisionRecord[]>();
    for (let cursor: string | null = ''; cursor !== null;) {
      const after: string = cursor === '' ? '' : `&cursor=${encodeURIComponent(cursor)}`;
      const page: Page<DecisionRecord> = await this.ask(`/v1/decisions?limit=500${after}`);
      for (const record of page.items) {
        found.set(record.decisionId, [...(found.get(record.decisionId) ?? []), record]);
      }
      cursor = page.nextCursor;
    }
    return found;
  }

  /** Newest first. */
  async elections(): Promise<readonly Election[]> {
    const found: Election[] = [];
    for (let cursor: string | null = ''; cursor !== null;) {
      const after: string = cursor === '' ? '' : `&cursor=${encodeURIComponent(cursor)}`;
      const page: Page<Election> = await this.ask(`/v1/elections?limit=100${after}`);
      found.push(...page.items);
      cursor = page.nextCursor;
    }
    return found;
  }

  workload(): Promise<{ desired: number; inFlight: object | null }> {
    return this.ask(`/v1/workloads/${WORKLOAD_ID}`);
  }

  replicas() {
    return markedProcesses(this.home);
  }

  leader(): Promise<LeaderSeen> {
    return this.cluster.leader(20_000);
  }

  /** Stops all members in order, so that their logs are whole and their traces are sent. */
  async stopMembers(): Promise<void> {
    const living = this.lives.filter(({ endedAtMs }) => endedAtMs === null);
    for (const { memberId } of living) this.kill(memberId, 'SIGTERM');
    await Promise.all(living.map(({ running }) => running.exit(20_000)));
  }

  async end(): Promise<void> {
    this.#ending = true;
    await this.#watching;
    await this.cluster.stop();
    this.#database.child.kill('SIGTERM');
    await this.#database.exit(10_000).catch(() => this.#database.kill());
    for (const { pid } of await this.replicas()) process.kill(pid, 'SIGKILL');
    await Promise.all([this.#prometheus.stop(), this.receiver.stop()]);
    await Promise.all([this.home, this.cluster.home].map((path) => rm(path, RECURSIVELY)));
  }
}

const RECURSIVELY = { recursive: true, force: true, maxRetries: 5 } as const;

interface Page<T> {
  readonly items: readonly T[];
  readonly nextCursor: string | null;
}

interface RigParts {
  readonly cluster: Cluster;
  readonly receiver: OtlpReceiver;
  readonly prometheus: PrometheusFake;
  readonly database: RunningProcess;
  readonly load: Load;
  readonly home: string;
}

/** Starts everything but the members; `more` is for them. */
export async function prepareRig(
  more: Pick<ClusterOptions, 'rootOf' | 'settingsOf' | 'direct'> = {},
): Promise<DecisionsRig> {
  const load = new Load();
  const prometheus = await startPrometheusFake({ samples: (query) => load.answer(query) });
  const receiver = await startOtlpReceiver();
  const place = await swingingPlanePlace({
    prometheusUrl: prometheus.url,
    brakes: {
      stabilization: { up: '0s', down: '3s' },
      cooldown: { up: '2s', down: '3s' },
    },
  });
  const home = dirname(place.data);
  const sockets = join(home, 'sockets');
  await mkdir(sockets);
  // Each member has its own of these two.
  const own = ['OMNIMIND_DATA_DIR', 'OMNIMIND_LISTEN'];
  const shared = Object.entries(place.environment).filter(([name]) => !own.includes(name));
  const cluster = await prepareCluster({
    ...more,
    members: MEMBERS,
    settings: {
      ...Object.fromEntries(shared),
      OMNIMIND_LOCAL_PROCESS_DIR: join(home, 'replicas'),
      OMNIMIND_DATABASE_URL: `postgres://postgres@localhost/postgres?host=${encodeURIComponent(sockets)}`,
      // No snapshot: the whole log is the evidence.
      OMNIMIND_SNAPSHOT_ENTRIES: '10000000',
      OTEL_EXPORTER_OTLP_ENDPOINT: receiver.endpoint,
    },
  });
  const server = join(ROOT, 'control-plane', 'adapters', 'postgres', 'pglite-server.ts');
  const arguments_ = [server, join(home, 'database'), sockets, 'on-signal'];
  const database = startProcess(process.execPath, arguments_, { cwd: ROOT });
  return new DecisionsRig({ cluster, receiver, prometheus, database, load, home });
}

/** The swinging load, until it is to stand still. */
class Load {
  frozen = false;
  readonly answered = new Set<number>();
  readonly #startMs = Date.now();
  readonly #waiting = new Set<() => void>();

  answer(query: string) {
    for (const tell of this.#waiting) tell();
    this.#waiting.clear();
    const load = this.frozen ? REST_REPLICAS * REPLICA_LOAD : swingingLoad(this.#startMs);
    this.answered.add(load);
    return loadSamples(query, load);
  }

  /** Resolves when the leader next asks. */
  async asked(withinMs: number): Promise<void> {
    const next = new Promise((resolve) => this.#waiting.add(() => resolve(null)));
    await Promise.race([next, sleep(withinMs, undefined, { ref: false })]);
  }
}

async function get<T>(url: string): Promise<T> {
  const answer = await fetch(url, { signal: AbortSignal.timeout(3_000) });
  if (!answer.ok) throw new Error(`${url}: ${answer.status} ${await answer.text()}`);
  return (await answer.json()) as T;
}

async function openMetrics(url: string): Promise<string> {
  const headers = { accept: 'application/openmetrics-text; version=1.0.0' };
  const answer = await fetch(`${url}/metrics`, { headers, signal: AbortSignal.timeout(1_000) });
  return answer.text();
}

async function sizeOf(path: string): Promise<number> {
  return stat(path).then(
    ({ size }) => size,
    () => 0,
  );
}
