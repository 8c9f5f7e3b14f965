/**
 * Memory of the members, and what their data takes on disk, sampled every second while a given number
 * of commands goes through with compaction on. Bounded means: the largest of the last half is above the
 * largest of the second quarter by no more than the noise of a collected heap. On Linux alone.
 */

import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { BenchCluster } from './raft-clusters.part.ts';
import type { LoadResult } from './raft-load.part.ts';

const SAMPLE_MS = 1_000;
const BOUND = 1.2;
/** Samples of the printed series. */
const SHOWN = 20;
const PAGE_BYTES = 4_096;
const BLOCK_BYTES = 512;
const MIB = 1024 * 1024;

interface Sample {
  /** Of the largest member. */
  readonly rssBytes: number;
  readonly diskBytes: number;
}

/** Whether both were bounded. */
export async function measureMemory(
  cluster: BenchCluster,
  load: (name: string) => Promise<LoadResult>,
  commands: number,
  report: (figure: string, values: Readonly<Record<string, unknown>>) => void,
): Promise<boolean> {
  await cluster.start();
  const samples: Sample[] = [];
  const timer = setInterval(() => samples.push(sampleOf(cluster)), SAMPLE_MS);
  let result: LoadResult;
  try {
    result = await load('memory');
    samples.push(sampleOf(cluster));
  } finally {
    clearInterval(timer);
    await cluster.stop();
  }
  const rss = growth(samples.map(({ rssBytes }) => rssBytes));
  const disk = growth(samples.map(({ diskBytes }) => diskBytes));
  const met = rss.ratio <= BOUND && disk.ratio <= BOUND;
  report('raft_memory', {
    commands,
    commits: result.commits,
    retries: result.retries,
    seconds: result.seconds,
    rss_mib: rss.series,
    rss_last_half_to_second_quarter: rss.ratio,
    disk_mib: disk.series,
    disk_last_half_to_second_quarter: disk.ratio,
    bound: BOUND,
    met,
  });
  return met;
}

function growth(values: readonly number[]): {
  readonly ratio: number;
  readonly series: readonly number[];
} {
  const part = (from: number, to: number): number =>
    Math.max(...values.slice(Math.floor(values.length * from), Math.ceil(values.length * to)));
  const series = Array.from({ length: SHOWN }, (_, at) =>
    Math.round(part(at / SHOWN, (at + 1) / SHOWN) / MIB),
  );
  return { ratio: part(0.5, 1) / part(0.25, 0.5), series };
}

function sampleOf(cluster: BenchCluster): Sample {
  return {
    rssBytes: Math.max(...cluster.pids().map(rssBytes)),
    diskBytes: Math.max(...cluster.directories.map(diskBytes)),
  };
}

function rssBytes(pid: number): number {
  return Number(readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1]) * PAGE_BYTES;
}

/** Files come and go meanwhile. */
function diskBytes(directory: string): number {
  let bytes = 0;
  for (const { name, parentPath } of readdirSync(directory, {
    recursive: true,
    withFileTypes: true,
  })) {
    const found = statSync(join(parentPath, name), { throwIfNoEntry: false });
    bytes += (found?.blocks ?? 0) * BLOCK_BYTES;
  }
  return bytes;
}
