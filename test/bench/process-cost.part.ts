/**
 * What a process costs, from /proc: CPU, memory, threads, children. For benchmarks on Linux; it
 * judges nothing.
 */

import { readdirSync, readFileSync } from 'node:fs';

export interface MemoryUse {
  readonly rssBytes: number;
  /** Memory that would be free if the process ended, shared text apart: its anonymous memory. */
  readonly privateBytes: number;
  readonly pssBytes: number;
}

const TICK_MS = 10;

/** CPU time of the processes and of their children that have ended, in ms. */
export function cpuMs(pids: readonly number[]): number {
  let ticks = 0;
  for (const pid of pids) {
    const fields = statFields(pid);
    for (const index of [11, 12, 13, 14]) ticks += Number(fields[index]);
  }
  return ticks * TICK_MS;
}

/**
 * For how long the main threads were ready to run and had no CPU, in ms: what other work on the
 * machine adds to their latencies. NaN where the kernel does not count it.
 */
export function cpuWaitMs(pids: readonly number[]): number {
  const waitedNs = (pid: number): number => {
    try {
      return Number(readFileSync(`/proc/${pid}/schedstat`, 'utf8').split(' ')[1]);
    } catch {
      return NaN;
    }
  };
  return pids.reduce((sum, pid) => sum + waitedNs(pid), 0) / 1e6;
}

export function memoryUse(pids: readonly number[]): MemoryUse {
  const sum = { rssBytes: 0, privateBytes: 0, pssBytes: 0 };
  for (const pid of pids) {
    const text = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
    const bytes = (field: string): number =>
      Number(new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(text)?.[1] ?? NaN) * 1024;
    sum.rssBytes += bytes('Rss');
    sum.privateBytes += bytes('Anonymous');
    sum.pssBytes += bytes('Pss');
  }
  return sum;
}

export function threadCount(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => sum + readdirSync(`/proc/${pid}/task`).length, 0);
}

/** Children that live now, theirs included. */
export function descendants(pid: number): readonly number[] {
  const children = readdirSync(`/proc/${pid}/task`).flatMap((task) => {
    try {
      const text = readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8');
      return text
        .split(' ')
        .filter((part) => part !== '')
        .map(Number);
    } catch {
      return [];
    }
  });
  return children.flatMap((child) => [child, ...descendants(child)]);
}

function statFields(pid: number): string[] {
  const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
  return text.slice(text.lastIndexOf(')') + 2).split(' ');
}

/** The value below which the given part of the values lies (nearest rank). */
export function percentile(values: readonly number[], part: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(part * sorted.length) - 1)] ?? NaN;
}
