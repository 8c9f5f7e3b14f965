/**
 * The agent beside node_exporter and redis_exporter on one host in one run: two scrapes a second of
 * each in turn, with keep-alive and gzip as Prometheus scrapes. Then the agent once more with a GPU,
 * where the stand-in library for NVML can be built. Options: --seconds N (60), --no-gpu.
 *
 * Shared machines make absolute numbers noisy; the ratios are from the same minute.
 */

import { writeFileSync } from 'node:fs';
import { Agent, get } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { gunzipSync } from 'node:zlib';
import { bundledAgentCommand } from '../../agents/bundle.ts';
import { createBench, noCompiler } from '../support/nvml-stand-in/harness.ts';
import { freePort, isInstalled, pollUntil, startProcess } from '../support/process.ts';
import type { RunningProcess } from '../support/process.ts';
import { cpuMs, descendants, memoryUse, percentile, threadCount } from './process-cost.part.ts';

const NEEDED = ['prometheus-node-exporter', 'prometheus-redis-exporter', 'redis-server'];
const INTERVAL_MS = 500;
const WARM_UP_SCRAPES = 24;
const MEMORY_SAMPLE_EVERY = 10;
const STARTS = 5;

export async function run(args: readonly string[]): Promise<boolean> {
  const missing = NEEDED.filter((program) => !isInstalled(program));
  if (missing.length > 0) throw new Error(`not installed: ${missing.join(', ')}`);
  const seconds = Number(args[args.indexOf('--seconds') + 1]);
  const scrapes = Math.round(((args.includes('--seconds') ? seconds : 60) * 1000) / INTERVAL_MS);
  const running: RunningProcess[] = [];
  const start: Start = (command, commandArgs, environment = {}) => {
    const child = startProcess(command, commandArgs, { env: { ...process.env, ...environment } });
    running.push(child);
    return child;
  };
  try {
    const redisPort = await freePort();
    start('redis-server', ['--port', `${redisPort}`, '--save', '', '--bind', '127.0.0.1']);
    const targets = join(tmpdir(), `agent-bench-targets-${process.pid}.yaml`);
    writeFileSync(
      targets,
      `targets:\n  - name: bench\n    kind: standalone\n    address: 127.0.0.1:${redisPort}\n`,
    );
    const startMs = await startTimes(targets);
    const theirs = await startExporters(start, redisPort);
    const ours = await startAgent(start, targets, {});
    const plain = await measure([ours], theirs, scrapes);
    let met = report('', plain.ours, plain.theirs, startMs);
    if (!args.includes('--no-gpu')) met = (await withGpu(start, targets, theirs, scrapes)) && met;
    return met;
  } finally {
    for (const child of running.reverse()) child.kill();
  }
}

type Start = (
  command: string,
  args: readonly string[],
  environment?: Readonly<Record<string, string>>,
) => RunningProcess;

interface Target {
  readonly pid: number;
  readonly port: number;
}

interface Cost {
  /** Of each scrape, in ms; of several processes the slowest one's. */
  readonly latenciesMs: readonly number[];
  readonly cpuMsPerScrape: number;
  readonly series: number;
  readonly rssBytes: number;
  readonly privateBytes: number;
  readonly pssBytes: number;
  readonly threads: number;
  /** Processes that appeared while scrapes went on, and CPU of children that ended meanwhile. */
  readonly spawned: number;
}

async function startExporters(start: Start, redisPort: number): Promise<readonly Target[]> {
  const nodePort = await freePort();
  const node = start('prometheus-node-exporter', [`--web.listen-address=127.0.0.1:${nodePort}`]);
  const redisExporterPort = await freePort();
  const redis = start('prometheus-redis-exporter', [
    `--web.listen-address=127.0.0.1:${redisExporterPort}`,
    `--redis.addr=redis://127.0.0.1:${redisPort}`,
  ]);
  return [
    { pid: node.pid, port: nodePort },
    { pid: redis.pid, port: redisExporterPort },
  ];
}

async function startAgent(
  start: Start,
  targets: string,
  environment: Readonly<Record<string, string>>,
): Promise<Target> {
  const port = await freePort();
  const bundled = await bundledAgentCommand();
  const agent = start(bundled.command, bundled.args, {
    ...bundled.environment,
    OMNIMIND_AGENT_PORT: `${port}`,
    OMNIMIND_AGENT_CACHE_TARGETS_FILE: targets,
    ...environment,
  });
  return { pid: agent.pid, port };
}

/** From spawn to the first answer of /livez, in ms. */
async function startTimes(targets: string): Promise<readonly number[]> {
  const times: number[] = [];
  await bundledAgentCommand();
  for (let index = 0; index < STARTS; index++) {
    const running: RunningProcess[] = [];
    const began = performance.now();
    const agent = await startAgent(
      (command, args, environment = {}) => {
        const child = startProcess(command, args, { env: { ...process.env, ...environment } });
        running.push(child);
        return child;
      },
      targets,
      {},
    );
    while (!(await isAlive(agent.port))) await delay(2);
    times.push(performance.now() - began);
    for (const child of running) {
      child.child.kill('SIGTERM');
      await child.exit(3000);
    }
  }
  return times;
}

function isAlive(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    get({ host: '127.0.0.1', port, path: '/livez' }, (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    }).once('error', () => resolve(false));
  });
}

const keepAlive = new Agent({ keepAlive: true });

function scrape(port: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const headers = {
      Accept: 'application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3',
      'Accept-Encoding': 'gzip',
      'X-Prometheus-Scrape-Timeout-Seconds': '5',
    };
    get({ host: '127.0.0.1', port, path: '/metrics', headers, agent: keepAlive }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.once('end', () => {
        if (response.statusCode === 200) resolve(Buffer.concat(chunks));
        else reject(new Error(`${port} answered ${response.statusCode ?? 0}`));
      });
    }).once('error', reject);
  });
}

async function timed(targets: readonly Target[]): Promise<number> {
  let slowest = 0;
  for (const { port } of targets) {
    const began = performance.now();
    await scrape(port);
    slowest = Math.max(slowest, performance.now() - began);
  }
  return slowest;
}

async function seriesOf(targets: readonly Target[]): Promise<number> {
  let count = 0;
  for (const { port } of targets) {
    const text = gunzipSync(await scrape(port)).toString();
    count += text.split('\n').filter((line) => line !== '' && !line.startsWith('#')).length;
  }
  return count;
}

async function measure(
  ours: readonly Target[],
  theirs: readonly Target[],
  scrapes: number,
): Promise<{ readonly ours: Cost; readonly theirs: Cost }> {
  for (const { port } of [...ours, ...theirs]) {
    await pollUntil(`an answer on port ${port}`, 10_000, () =>
      scrape(port).then(
        () => true,
        () => false,
      ),
    );
  }
  for (let index = 0; index < WARM_UP_SCRAPES; index++) {
    for (const side of [ours, theirs]) {
      await timed(side);
      await delay(INTERVAL_MS / 2);
    }
  }
  const observers = [observe(ours), observe(theirs)];
  const began = performance.now();
  for (let index = 0; index < scrapes; index++) {
    for (const [place, observer] of observers.entries()) {
      const due = began + (index + place / 2) * INTERVAL_MS;
      await delay(Math.max(0, due - performance.now()));
      await observer.scrape(index);
    }
  }
  const [first, second] = await Promise.all(observers.map((observer) => observer.finish(scrapes)));
  if (first === undefined || second === undefined) throw new Error('nothing was measured');
  return { ours: first, theirs: second };
}

function observe(targets: readonly Target[]) {
  const family = (): number[] => targets.flatMap(({ pid }) => [pid, ...descendants(pid)]);
  const members = family();
  const known = new Set(members);
  const before = cpuMs(members);
  const appeared = new Set<number>();
  const latenciesMs: number[] = [];
  const memory: ReturnType<typeof memoryUse>[] = [];
  return {
    async scrape(index: number): Promise<void> {
      latenciesMs.push(await timed(targets));
      for (const pid of family()) if (!known.has(pid)) appeared.add(pid);
      if (index % MEMORY_SAMPLE_EVERY === 0) memory.push(memoryUse(members));
    },
    async finish(scrapes: number): Promise<Cost> {
      const after = cpuMs(members);
      const typical = (pick: (use: ReturnType<typeof memoryUse>) => number): number =>
        percentile(memory.map(pick), 0.5);
      return {
        latenciesMs,
        cpuMsPerScrape: (after - before) / scrapes,
        series: await seriesOf(targets),
        rssBytes: typical((use) => use.rssBytes),
        privateBytes: typical((use) => use.privateBytes),
        pssBytes: typical((use) => use.pssBytes),
        threads: threadCount(members),
        spawned: appeared.size,
      };
    },
  };
}

/** The agent with two GPUs of the stand-in library, whose child is counted with it. */
async function withGpu(
  start: Start,
  targets: string,
  theirs: readonly Target[],
  scrapes: number,
): Promise<boolean> {
  const reason = noCompiler();
  if (reason !== null) {
    console.log(JSON.stringify({ figure: 'gpu', skipped: reason }));
    return true;
  }
  const bench = createBench();
  try {
    bench.control({ gpus: 2 });
    const agent = await startAgent(start, targets, {
      OMNIMIND_AGENT_GPU_BACKEND: 'nvml',
      OMNIMIND_AGENT_GPU_NVML_LIBRARY: bench.libraryPath,
      OMNIMIND_AGENT_GPU_POLL_INTERVAL: '1s',
    });
    await pollUntil('values of a GPU', 15_000, async () => {
      const body = await scrape(agent.port).catch(() => null);
      return body !== null && gunzipSync(body).toString().includes('omnimind_gpu_available 1');
    });
    const cost = await measure([agent], theirs, scrapes);
    return report('gpu_', cost.ours, cost.theirs, null);
  } finally {
    bench.dispose();
  }
}

interface Figure {
  readonly figure: string;
  readonly unit: string;
  readonly ours: number;
  readonly theirs: number | null;
  /** Upper bound for ours, in the unit; null for what is only shown. */
  readonly goal: number | null;
}

/** With a GPU the memory of the child that reads it is in the sums, and its goals are for the plain agent. */
function report(
  prefix: string,
  ours: Cost,
  theirs: Cost,
  startMs: readonly number[] | null,
): boolean {
  const isPlain = prefix === '';
  const mb = (bytes: number): number => bytes / 1e6;
  const perSeries = (cost: Cost): number => (cost.cpuMsPerScrape * 1000) / cost.series;
  const shown = (figure: string, unit: string, pick: (cost: Cost) => number): Figure => ({
    figure,
    unit,
    ours: pick(ours),
    theirs: pick(theirs),
    goal: null,
  });
  const bounded = (figure: Figure, goal: number): Figure => ({ ...figure, goal });
  const figures: Figure[] = [
    shown('scrape_p50', 'ms', (cost) => percentile(cost.latenciesMs, 0.5)),
    bounded(
      shown('scrape_p99', 'ms', (cost) => percentile(cost.latenciesMs, 0.99)),
      25,
    ),
    shown('series', '1', (cost) => cost.series),
    shown('cpu_per_scrape', 'ms', (cost) => cost.cpuMsPerScrape),
    bounded(shown('cpu_per_series', 'us', perSeries), perSeries(theirs)),
    memoryFigure('private_memory', (cost) => mb(cost.privateBytes), 1.2),
    memoryFigure('rss', (cost) => mb(cost.rssBytes), 1.6),
    shown('pss', 'MB', (cost) => mb(cost.pssBytes)),
    shown('threads', '1', (cost) => cost.threads),
    bounded(
      shown('spawned_during_scrapes', '1', (cost) => cost.spawned),
      0,
    ),
  ];
  function memoryFigure(figure: string, pick: (cost: Cost) => number, factor: number): Figure {
    const plain = shown(figure, 'MB', pick);
    return isPlain ? bounded(plain, factor * pick(theirs)) : plain;
  }
  if (startMs !== null) {
    figures.push({
      figure: 'start_to_livez',
      unit: 'ms',
      ours: percentile(startMs, 0.5),
      theirs: null,
      goal: 300,
    });
  }
  let allMet = true;
  for (const { figure, unit, ours: own, theirs: other, goal } of figures) {
    const met = goal === null ? null : own <= goal;
    if (met === false) allMet = false;
    console.log(
      JSON.stringify({
        figure: `${prefix}${figure}`,
        unit,
        ours: rounded(own),
        theirs: other === null ? null : rounded(other),
        ratio: other === null ? null : rounded(own / other),
        goal: goal === null ? null : rounded(goal),
        met,
      }),
    );
  }
  return allMet;
}

function rounded(value: number): number {
  return Number(value.toPrecision(4));
}
