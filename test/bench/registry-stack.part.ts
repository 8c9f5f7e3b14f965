/**
 * A control plane and a Prometheus for the benchmark of the registry: both real, in a directory of
 * their own, with the checked-in scrape configuration and rules, and with a workload and its policy
 * for every ten agents. Reads their figures; starts no agent and judges nothing.
 */

import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isMap, isSeq, parseDocument, stringify } from 'yaml';
import { fitPrometheusConfig } from '../../demo/launcher/prometheus-config.ts';
import type { DecisionRecord } from '../../control-plane/model/decision.ts';
import { startPlane } from '../support/plane-process.ts';
import type { PlaneProcess } from '../support/plane-process.ts';
import { freePort, pollUntil } from '../support/process.ts';
import { startPrometheus } from '../support/prometheus-process.ts';
import type { PrometheusProcess } from '../support/prometheus-process.ts';

export const AGENTS_PER_POLICY = 10;
export const TICK_MS = 5_000;
/** Of agents and of rules; the plane itself is scraped more often than it ticks. */
const INTERVAL = '5s';

export interface RegistryStack {
  readonly plane: PlaneProcess;
  readonly prometheus: PrometheusProcess;
  /** Decisions since the time (UNIX ms), at most the newest 500. */
  decisionsSince(atMs: number): Promise<readonly DecisionRecord[]>;
  stop(): Promise<void>;
}

/** The group of an agent: those of one group are read by one policy. */
export function groupOf(place: number): string {
  return `g${Math.floor(place / AGENTS_PER_POLICY)}`;
}

export function policiesFor(agents: number): number {
  return Math.ceil(agents / AGENTS_PER_POLICY);
}

/** Resolves once both answer and the database of the decision record is connected. */
export async function startRegistryStack(under: string, agents: number): Promise<RegistryStack> {
  const home = await mkdtemp(join(under, 'registry-bench-'));
  const stops: (() => Promise<void>)[] = [];
  const stop = async (): Promise<void> => {
    for (const undo of stops.splice(0).reverse()) await undo();
  };
  stops.push(() => rm(home, { recursive: true, force: true }));
  try {
    const port = await freePort();
    const plane = await startPlane(await placeOf(home, agents, `http://127.0.0.1:${port}`));
    stops.push(() => ended(plane.running, 'SIGTERM'));
    await writePrometheus(home, new URL(plane.url).host, port);
    const prometheus = await startPrometheus({ directory: home, port });
    stops.push(() => ended(prometheus.running, 'SIGTERM'));
    await pollUntil('the database is there', 60_000, async () => {
      const ready = await plane.get<{ checks: readonly { name: string; status: string }[] }>(
        '/readyz',
      );
      return ready.checks.some(({ name, status }) => name === 'decision_store' && status === 'ok');
    });
    const decisionsSince = async (atMs: number) =>
      (await plane.decisions(500)).filter((record) => record.atMs >= atMs);
    return { plane, prometheus, decisionsSince, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Of each name, the sum of a server's own samples whose labels hold every fragment. */
export async function readSums(
  url: string,
  samples: readonly (readonly [name: string, ...fragments: readonly string[]])[],
): Promise<readonly number[]> {
  const answer = await fetch(`${url}/metrics`);
  const lines = (await answer.text()).split('\n').filter((line) => !line.startsWith('#'));
  return samples.map(([name, ...fragments]) =>
    lines
      .filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `))
      .filter((line) => fragments.every((fragment) => line.includes(fragment)))
      .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0),
  );
}

/**
 * Duration of each tick of the last `seconds`, in ms, exact: the plane is scraped more often than it
 * ticks, so what its histogram's sum grew by between two scrapes is one tick.
 */
export async function tickDurationsMs(
  prometheus: PrometheusProcess,
  seconds: number,
): Promise<readonly number[]> {
  const name = 'omnimind_loop_duration_seconds';
  const read = async (suffix: string) =>
    rawValues(prometheus, `${name}_${suffix}{loop="scale"}[${Math.ceil(seconds)}s]`);
  const [sums, counts] = await Promise.all([read('sum'), read('count')]);
  const durations: number[] = [];
  for (let at = 1; at < counts.length; at += 1) {
    const ticks = (counts[at] ?? NaN) - (counts[at - 1] ?? NaN);
    if (ticks > 0) durations.push((((sums[at] ?? NaN) - (sums[at - 1] ?? NaN)) * 1_000) / ticks);
  }
  return durations;
}

async function rawValues(prometheus: PrometheusProcess, query: string): Promise<number[]> {
  const url = `${prometheus.url}/api/v1/query?query=${encodeURIComponent(query)}`;
  const answer = (await (await fetch(url)).json()) as {
    readonly data: {
      readonly result: readonly { readonly values: readonly (readonly [number, string])[] }[];
    };
  };
  return (answer.data.result[0]?.values ?? []).map(([, value]) => Number(value));
}

async function placeOf(home: string, agents: number, prometheusUrl: string) {
  const documents = join(home, 'documents');
  await mkdir(documents);
  const groups = Array.from({ length: policiesFor(agents) }, (_, at) => `g${at}`);
  await writeFile(join(documents, 'groups.yaml'), groups.flatMap(documentsOf).join('---\n'));
  const data = join(home, 'data');
  return {
    data,
    environment: {
      PATH: process.env['PATH'],
      OMNIMIND_DATA_DIR: data,
      OMNIMIND_LISTEN: '127.0.0.1:0',
      OMNIMIND_PROMETHEUS_URL: prometheusUrl,
      OMNIMIND_TICK_INTERVAL: `${TICK_MS}ms`,
      OMNIMIND_DOCUMENTS_DIR: documents,
      OMNIMIND_DISCOVERY_DIR: join(home, 'discovery'),
      // Reads its replicas at each tick; in mode observe nothing is started.
      OMNIMIND_LOCAL_PROCESS: 'on',
    },
  };
}

function documentsOf(group: string): readonly string[] {
  const target = { kind: 'local_process', command: ['node', '--version'] };
  const workload = {
    kind: 'Workload',
    id: group,
    capability: 'inference',
    mode: 'observe',
    target,
  };
  const metric = (name: string, series: string, averageValue: number) => ({
    name,
    query: `${series}:sum{omnimind_label_group="${group}"}`,
    timestampQuery: `${series}:oldest_timestamp_seconds{omnimind_label_group="${group}"}`,
    coverage: { query: `${series}:count{omnimind_label_group="${group}"}`, min: 0.5 },
    target: { averageValue },
  });
  const policy = {
    kind: 'ScalePolicy',
    id: `${group}-load`,
    workload: group,
    replicas: { min: 1, max: 64 },
    metrics: [
      metric('load', 'group:node_load1', 4),
      metric('memory', 'group:node_memory_available_bytes', 2 ** 36),
    ],
  };
  return [stringify(workload), stringify(policy)];
}

/** Signals of each group, beside the checked-in rules. */
function groupRules(): string {
  const rules = ['omnimind_node_load1', 'omnimind_node_memory_available_bytes'].flatMap(
    (series) => {
      const name = series.replace('omnimind_', 'group:');
      const by = 'by (omnimind_label_group)';
      return [
        { record: `${name}:sum`, expr: `sum ${by} (${series})` },
        { record: `${name}:count`, expr: `count ${by} (${series})` },
        { record: `${name}:oldest_timestamp_seconds`, expr: `min ${by} (timestamp(${series}))` },
      ];
    },
  );
  return stringify({ groups: [{ name: 'bench', rules }] });
}

/** The checked-in configuration with its agents, rules and lists at a fleet's pace. */
async function writePrometheus(home: string, planeAddress: string, port: number): Promise<void> {
  const configDirectory = join(import.meta.dirname, '..', '..', 'prometheus');
  const fitted = fitPrometheusConfig(
    await readFile(join(configDirectory, 'prometheus.yml'), 'utf8'),
    {
      planeAddresses: [planeAddress],
      prometheusAddress: `127.0.0.1:${port}`,
      configDirectory,
      discoveryDirectory: join(home, 'discovery'),
      demoTargets: {},
    },
  );
  const config = parseDocument(fitted);
  config.setIn(['global', 'evaluation_interval'], INTERVAL);
  config.addIn(['rule_files'], 'bench.rules.yml');
  const jobs = config.get('scrape_configs');
  for (const job of isSeq(jobs) ? jobs.items : []) {
    if (!isMap(job) || job.get('job_name') !== 'omnimind-agents') continue;
    job.set('scrape_interval', INTERVAL);
    job.setIn(['http_sd_configs', 0, 'refresh_interval'], INTERVAL);
  }
  await writeFile(join(home, 'prometheus.yml'), config.toString());
  await writeFile(join(home, 'bench.rules.yml'), groupRules());
}

async function ended(running: PlaneProcess['running'], signal: NodeJS.Signals): Promise<void> {
  running.child.kill(signal);
  await running.exit(15_000).catch(() => running.kill());
}
