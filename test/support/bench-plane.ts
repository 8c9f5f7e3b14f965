/**
 * The control plane of a benchmark as a process of its own: the composition root with the settings of
 * its environment, and in the place of the scaling targets one in memory, whose replicas are ready as
 * soon as they are told; thousands of workloads cost no processes. On SIGUSR2 it writes how its event
 * loop ran since the last time, as one line of JSON behind `bench `; with BENCH_PROFILE set, what the
 * CPU did from the first such signal to the end is written there for the tools that read it.
 */

import { writeFileSync } from 'node:fs';
import { Session } from 'node:inspector/promises';
import {
  constants,
  monitorEventLoopDelay,
  performance,
  PerformanceObserver,
} from 'node:perf_hooks';
import process from 'node:process';
import { createApp } from '../../control-plane/app.ts';
import { parseConfig } from '../../control-plane/config.ts';
import { createMemoryScaleTarget, createMemoryWorld } from './memory-scale-target.ts';

/** What SIGUSR2 tells, in ms. */
export interface EventLoopDelay {
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
  /** The longest stretches in which the event loop did nothing else, longest first. */
  readonly blocks: readonly Block[];
  /** Of collections by their kind: how many, all of them, and the longest. */
  readonly collections: Readonly<Record<string, Collections>>;
  readonly heapMiB: number;
}

export interface Block {
  readonly wallMs: number;
  /** What the main thread worked in it: the rest it waited for a processor. */
  readonly cpuMs: number;
}

interface Collections {
  count: number;
  sumMs: number;
  maxMs: number;
}

const RESOLUTION_MS = 5;
const BLOCKS_SHOWN = 8;

interface GcEntry {
  readonly duration: number;
  readonly detail: { readonly kind: number };
}

const COLLECTION_NAMES = new Map([
  [constants.NODE_PERFORMANCE_GC_MINOR, 'minor'],
  [constants.NODE_PERFORMANCE_GC_MAJOR, 'major'],
  [constants.NODE_PERFORMANCE_GC_INCREMENTAL, 'incremental'],
]);

const clock = { nowMs: () => Date.now(), monotonicMs: () => performance.now() };
const target = createMemoryScaleTarget(createMemoryWorld(), clock.nowMs);
const app = createApp(parseConfig(process.env), {
  version: 'bench',
  environment: process.env,
  clock,
  targets: { local_process: target },
});

const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
delay.enable();
let blocks: Block[] = [];
let turnedMs = performance.now();
let workedMs = threadCpuMs();
setInterval(() => {
  const nowMs = performance.now();
  const nowWorkedMs = threadCpuMs();
  const block = { wallMs: nowMs - turnedMs - RESOLUTION_MS, cpuMs: nowWorkedMs - workedMs };
  turnedMs = nowMs;
  workedMs = nowWorkedMs;
  if (block.wallMs > RESOLUTION_MS) blocks.push(block);
}, RESOLUTION_MS);

function threadCpuMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1_000;
}

let collections: Record<string, Collections> = {};
new PerformanceObserver((list) => {
  for (const { duration, detail } of list.getEntries() as unknown as readonly GcEntry[]) {
    const name = COLLECTION_NAMES.get(detail.kind) ?? 'other';
    const known = (collections[name] ??= { count: 0, sumMs: 0, maxMs: 0 });
    known.count += 1;
    known.sumMs += duration;
    known.maxMs = Math.max(known.maxMs, duration);
  }
}).observe({ entryTypes: ['gc'] });

const { BENCH_PROFILE: profilePath } = process.env;
const profiler = new Session();
let isProfiled = false;

async function startProfile(): Promise<void> {
  if (profilePath === undefined || isProfiled) return;
  isProfiled = true;
  profiler.connect();
  await profiler.post('Profiler.enable');
  await profiler.post('Profiler.setSamplingInterval', { interval: 500 });
  await profiler.post('Profiler.start');
}

async function end(): Promise<void> {
  if (profilePath !== undefined && isProfiled) {
    const { profile } = await profiler.post('Profiler.stop');
    writeFileSync(profilePath, JSON.stringify(profile));
  }
  await app.stop();
}

process.on('SIGUSR2', () => {
  const shown: EventLoopDelay = {
    p50Ms: delay.percentile(50) / 1e6 - RESOLUTION_MS,
    p99Ms: delay.percentile(99) / 1e6 - RESOLUTION_MS,
    maxMs: delay.max / 1e6 - RESOLUTION_MS,
    blocks: blocks.toSorted((a, b) => b.wallMs - a.wallMs).slice(0, BLOCKS_SHOWN),
    collections,
    heapMiB: process.memoryUsage().heapUsed / 2 ** 20,
  };
  writeFileSync(process.stdout.fd, `bench ${JSON.stringify(shown)}\n`);
  // Starting a profile takes seconds, which are not the plane's.
  void startProfile().then(() => {
    delay.reset();
    blocks = [];
    collections = {};
  });
});
process.on('SIGTERM', () => void end().then(() => process.exit(0)));
await app.start();
