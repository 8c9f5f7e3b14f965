/**
 * Members as real processes, a real Prometheus that scrapes them and an exporter whose loads the test
 * sets, replicas that are real processes of the host, and the checked-in rules with shorter windows:
 * everything that stands between a load and what the API, a panel and an alert say of it.
 */

import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { stringify } from 'yaml';
import type { DecisionRecord } from '../../control-plane/model/decision.ts';
import type { Counterfactual } from '../../control-plane/deciders/counterfactual.ts';
import { readJournal } from './cluster-decisions-actions.ts';
import { prepareCluster } from './cluster-process.ts';
import type { Cluster } from './cluster-process.ts';
import { startExporter } from './exporter.ts';
import type { Exporter } from './exporter.ts';
import { REPLICA_LOAD } from './load-policy.ts';
import { instantQuery, panelValues } from './panel-values.ts';
import type { Shown } from './panel-values.ts';
import { freePort, pollUntil, startProcess } from './process.ts';
import type { RunningProcess } from './process.ts';
import { startPrometheusGate } from './prometheus-gate.ts';
import type { PrometheusGate } from './prometheus-gate.ts';
import { preparePrometheus, startPrometheus } from './prometheus-process.ts';
import type { PrometheusProcess } from './prometheus-process.ts';
import { quickenedRules } from './quickened-rules.ts';
import { markedProcesses } from './replica-processes.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const REPLICA = fileURLToPath(new URL('./replica-server.ts', import.meta.url));
/** Of the exporter's series in Prometheus. */
export const LOAD_JOB = 'loads';
export const TICK_MS = 1_000;
/** So many times shorter are the windows of the rules: an hour is two minutes. */
export const QUICKENED = 30;
export const WITHIN_MS = 120_000;

export interface RigOptions {
  readonly members: readonly string[];
  /** Puts what Prometheus shall know from before into its directory. `instance` is the exporter's. */
  readonly history?: (directory: string, instance: string) => void;
}

export interface Answer {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
}

export interface WorkloadSeen {
  readonly desired: number;
  readonly inFlight: object | null;
  readonly pause: { readonly direction: string; readonly untilMs: number | null } | null;
  readonly override: { readonly replicas: number; readonly untilMs: number | null } | null;
}

/** A record as GET /v1/decisions/{id} gives it. */
export type Explained = DecisionRecord & {
  readonly explanation: string;
  readonly counterfactuals: readonly Counterfactual[];
};

interface RigParts {
  readonly home: string;
  readonly cluster: Cluster;
  readonly prometheus: PrometheusProcess;
  readonly gate: PrometheusGate;
  readonly exporter: Exporter;
  readonly database: RunningProcess;
}

export class AutoscalingRig {
  readonly #parts: RigParts;
  readonly #loads = new Map<string, number>();

  constructor(parts: RigParts) {
    this.#parts = parts;
  }

  get cluster(): Cluster {
    return this.#parts.cluster;
  }

  get gate(): PrometheusGate {
    return this.#parts.gate;
  }

  get prometheusUrl(): string {
    return this.#parts.prometheus.url;
  }

  /** The load of that name, in replicas' worth, as of the next scrape. */
  load(name: string, replicas: number): void {
    this.#loads.set(name, replicas * REPLICA_LOAD);
    const lines = [...this.#loads].map(([key, value]) => `test_load{of="${key}"} ${value}\n`);
    this.#parts.exporter.text = lines.join('');
  }

  /** Asks the members, one after another, until one answers. */
  async ask(method: string, path: string, body?: object): Promise<Answer> {
    return pollUntil(`${method} ${path}`, WITHIN_MS, async () => {
      for (const { url, running } of this.cluster.members.values()) {
        if (running === null || running.child.signalCode !== null) continue;
        const answer = await send(method, `${url}${path}`, body);
        if (answer !== null && answer.status < 500) return answer;
      }
      return null;
    });
  }

  /** The same, and what is not a success is a failure of the test. */
  async done<T = Answer['body']>(method: string, path: string, body?: object): Promise<T> {
    const answer = await this.ask(method, path, body);
    assert.ok(answer.status < 300, `${method} ${path}: ${JSON.stringify(answer)}`);
    return answer.body as T;
  }

  /** A workload that begins with one replica and acts; `environment` is its replicas'. */
  async workload(id: string, replicasInitial = 1, environment: object = {}): Promise<void> {
    await this.done('PUT', `/v1/workloads/${id}`, {
      id,
      capability: 'inference',
      mode: 'act',
      replicasInitial,
      target: {
        kind: 'local_process',
        command: [process.execPath, REPLICA],
        environment,
        startTimeout: '60s',
        stopGrace: '2s',
      },
    });
  }

  /** Of the workload with the same id, on its load unless told otherwise. */
  policy(id: string, more: PolicyMore): Promise<Answer['body']> {
    return this.done('PUT', `/v1/policies/${id}`, policyOf(id, more));
  }

  seen(workload: string): Promise<WorkloadSeen> {
    return this.done<WorkloadSeen>('GET', `/v1/workloads/${workload}`);
  }

  /** Waits until so many are wanted and no action is under way. */
  async rests(workload: string, replicas: number): Promise<void> {
    await pollUntil(`${workload} rests at ${replicas}`, WITHIN_MS, async () => {
      const { desired, inFlight } = await this.seen(workload);
      return desired === replicas && inFlight === null;
    });
  }

  /** Oldest first, of one workload. */
  async decisions(workload: string, query = ''): Promise<readonly DecisionRecord[]> {
    const found: DecisionRecord[] = [];
    for (let cursor = ''; ;) {
      const path = `/v1/decisions?workload=${workload}&limit=500${query}${cursor}`;
      const page = await this.done<Page>('GET', path);
      found.push(...page.items);
      if (page.nextCursor === null) return found.reverse();
      cursor = `&cursor=${encodeURIComponent(page.nextCursor)}`;
    }
  }

  /** Waits for a decision with this reason, made at or after that time. */
  async decided(workload: string, reason: string, fromMs = 0): Promise<Explained> {
    const from = `&from=${new Date(fromMs).toISOString()}&reason=${reason}`;
    const id = await pollUntil(`${workload} is decided with ${reason}`, WITHIN_MS, async () => {
      const [first] = await this.decisions(workload, from);
      return first?.decisionId;
    });
    return this.done<Explained>('GET', `/v1/decisions/${id}`);
  }

  query(promql: string) {
    return instantQuery(this.prometheusUrl, promql);
  }

  /** Waits for what an expression gives, which is a truth about its series. */
  async shows(promql: string, isSo: (value: number | null) => boolean): Promise<void> {
    await pollUntil(promql, WITHIN_MS, async () => {
      const [first] = await this.query(promql);
      return isSo(first?.value ?? null);
    });
  }

  /** Waits until a panel of the workloads' dashboard shows such a series. */
  async panel(title: string, workload: string, isSo: (one: Shown) => boolean): Promise<Shown> {
    const place = ['omnimind-workloads', title] as const;
    let last: readonly Shown[] = [];
    try {
      return await pollUntil(title, WITHIN_MS, async () => {
        last = await panelValues(this.prometheusUrl, place, { workload });
        return last.find(isSo);
      });
    } catch {
      assert.fail(`the panel ${title} shows of ${workload}: ${JSON.stringify(last)}`);
    }
  }

  async alert(name: string, workload: string, isFiring: boolean): Promise<void> {
    const selector = `ALERTS{alertname="${name}",alertstate="firing",workload="${workload}"}`;
    await this.shows(selector, (value) => (value === 1) === isFiring);
  }

  journal() {
    return readJournal(join(this.#parts.home, 'replicas', 'journal.jsonl'));
  }

  async end(): Promise<void> {
    const { cluster, database, home, prometheus, gate, exporter } = this.#parts;
    await cluster.stop();
    database.child.kill('SIGTERM');
    await database.exit(10_000).catch(() => database.kill());
    for (const { pid } of await markedProcesses(home)) process.kill(pid, 'SIGKILL');
    await gate.stop();
    await prometheus.kill();
    await exporter.stop();
    await Promise.all([home, cluster.home].map((path) => rm(path, RECURSIVELY)));
  }
}

const RECURSIVELY = { recursive: true, force: true, maxRetries: 5 } as const;

interface Page {
  readonly items: readonly DecisionRecord[];
  readonly nextCursor: string | null;
}

interface PolicyMore {
  /** Name of the load that it follows; its own unless told otherwise. */
  readonly load?: string;
  readonly metrics?: readonly object[];
  readonly replicas?: object;
  readonly [member: string]: unknown;
}

/** A policy of the workload with the same id: on its load, and going in as soon as it falls. */
export function policyOf(id: string, { load = id, ...more }: PolicyMore = {}) {
  const query = `test_load{of="${load}"}`;
  return {
    id,
    workload: id,
    replicas: { min: 1, max: 4 },
    metrics: [{ name: 'load', query, target: { averageValue: REPLICA_LOAD } }],
    stabilization: { up: '0s', down: '0s' },
    actionTimeout: '60s',
    ...more,
  };
}

/** Starts all of it, the members too, and waits until they have a leader. */
export async function startAutoscalingRig(options: RigOptions): Promise<AutoscalingRig> {
  const home = await mkdtemp(join(tmpdir(), 'omnimind-autoscaling-'));
  const sockets = join(home, 'sockets');
  await mkdir(sockets);
  const exporter = await startExporter('');
  const [directory, prometheusPort] = [join(home, 'prometheus'), await freePort()];
  await mkdir(directory);
  options.history?.(directory, exporter.address);
  const gate = await startPrometheusGate(`http://127.0.0.1:${prometheusPort}`);
  const firstPort = 21_000 + ((process.pid * 64) % 10_000);
  const cluster = await prepareCluster({
    members: options.members,
    direct: true,
    settings: {
      OMNIMIND_PROMETHEUS_URL: gate.url,
      OMNIMIND_PROMETHEUS_TIMEOUT: '800ms',
      OMNIMIND_TICK_INTERVAL: `${TICK_MS}ms`,
      OMNIMIND_UPKEEP_INTERVAL: '500ms',
      OMNIMIND_LOCAL_PROCESS: 'on',
      OMNIMIND_LOCAL_PROCESS_DIR: join(home, 'replicas'),
      OMNIMIND_LOCAL_PROCESS_PORTS: `${firstPort}-${firstPort + 127}`,
      OMNIMIND_DATABASE_URL: `postgres://postgres@localhost/postgres?host=${encodeURIComponent(sockets)}`,
    },
  });
  const server = join(ROOT, 'control-plane', 'adapters', 'postgres', 'pglite-server.ts');
  const database = startProcess(
    process.execPath,
    [server, join(home, 'database'), sockets, 'on-signal'],
    { cwd: ROOT },
  );
  const members = [...cluster.members.values()].map(({ url }) => new URL(url).host);
  const config = configOf(exporter.address, members);
  const rules = quickenedRules(QUICKENED, ['workloads', 'control-plane'], ['workloads']);
  await preparePrometheus(directory, config, rules);
  const prometheus = await startPrometheus({ directory, port: prometheusPort });
  const rig = new AutoscalingRig({ home, cluster, prometheus, gate, exporter, database });
  await cluster.startAll().catch(async (error: unknown) => {
    await rig.end();
    throw error;
  });
  return rig;
}

function configOf(exporter: string, members: readonly string[]): string {
  const job = (name: string, targets: readonly string[]) => ({
    job_name: name,
    static_configs: [{ targets }],
  });
  return stringify({
    global: { scrape_interval: '1s', scrape_timeout: '1s', evaluation_interval: '1s' },
    rule_files: ['test.rules.yml'],
    scrape_configs: [job(LOAD_JOB, [exporter]), job('omnimind-control-plane', members)],
  });
}

/** Null when nobody answered. */
async function send(method: string, url: string, body?: object): Promise<Answer | null> {
  try {
    const answer = await fetch(url, {
      method,
      signal: AbortSignal.timeout(10_000),
      ...(body !== undefined && {
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      }),
    });
    const text = await answer.text();
    return { status: answer.status, body: text === '' ? {} : (JSON.parse(text) as Answer['body']) };
  } catch {
    return null;
  }
}
