/**
 * The control plane of benchmarks (test/support/bench-plane.ts), started and asked: its API, what it
 * exports, how its event loop runs.
 */

import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { MEMBER_NODE_ARGUMENTS } from '../../control-plane/node-arguments.ts';
import type { EventLoopDelay } from '../support/bench-plane.ts';
import { pollUntil, startProcess } from '../support/process.ts';
import type { RunningProcess } from '../support/process.ts';
import { MetricsPage } from './metrics-page.part.ts';

const START_MS = 180_000;

export interface BenchPlaneOptions {
  readonly dataDirectory: string;
  readonly prometheusUrl: string;
  /** Null: a PGlite process of its own. */
  readonly databaseUrl: string | null;
  readonly tickMs: number;
  /** Where a CPU profile is written, from the first question for the event loop on; null for none. */
  readonly profile: string | null;
  /** Of a member of a cluster: what else it is told. */
  readonly settings?: Readonly<Record<string, string>>;
}

export interface BenchPlane {
  readonly url: string;
  readonly pid: number;
  metrics(): Promise<MetricsPage>;
  /** Since it was asked last. */
  eventLoop(): Promise<EventLoopDelay>;
  output(): string;
  stop(): Promise<void>;
}

export async function startBenchPlane(options: BenchPlaneOptions): Promise<BenchPlane> {
  const entry = fileURLToPath(new URL('../support/bench-plane.ts', import.meta.url));
  const running = startProcess(process.execPath, [...MEMBER_NODE_ARGUMENTS, entry], {
    env: {
      PATH: process.env['PATH'],
      OMNIMIND_DATA_DIR: options.dataDirectory,
      OMNIMIND_LISTEN: '127.0.0.1:0',
      OMNIMIND_PROMETHEUS_URL: options.prometheusUrl,
      OMNIMIND_TICK_INTERVAL: `${options.tickMs}ms`,
      ...(options.databaseUrl !== null && { OMNIMIND_DATABASE_URL: options.databaseUrl }),
      OMNIMIND_LOG_LEVEL: 'info',
      ...(options.profile !== null && { BENCH_PROFILE: options.profile }),
      ...options.settings,
    },
  });
  const port = await portOf(running).catch(async (error: unknown) => {
    await stopped(running);
    throw new Error(`the plane wrote:\n${running.output().slice(-4_000)}`, { cause: error });
  });
  const url = `http://127.0.0.1:${port}`;
  return {
    url,
    pid: running.pid,
    metrics: async () => {
      // The server ends idle connections, perhaps just as one is used again.
      const answer = await fetch(`${url}/metrics`, { headers: { connection: 'close' } });
      return MetricsPage.parse(await answer.text());
    },
    eventLoop: () => eventLoopOf(running),
    output: () => running.output(),
    stop: () => stopped(running),
  };
}

function portOf(running: RunningProcess): Promise<string> {
  return pollUntil('the plane listens', START_MS, () => {
    if (running.child.exitCode !== null) throw new Error('the plane ended');
    return /"port":(\d+).*"msg":"listening"/.exec(running.output())?.[1];
  });
}

async function eventLoopOf(running: RunningProcess): Promise<EventLoopDelay> {
  const before = running.output().length;
  process.kill(running.pid, 'SIGUSR2');
  const text = await pollUntil('the plane tells of its event loop', 10_000, () => {
    return /^bench (\{.*\})$/m.exec(running.output().slice(before))?.[1];
  });
  return JSON.parse(text) as EventLoopDelay;
}

/** SIGTERM, so that a profiler writes down what it saw; SIGKILL when that takes long. */
export async function stopped(running: RunningProcess): Promise<void> {
  running.child.kill('SIGTERM');
  await running.exit(15_000).catch(() => running.kill());
}
