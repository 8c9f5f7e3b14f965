/**
 * What the GPU collector's tests share: the stand-in library built once with the C compiler, a
 * folder per test in which library and fake tool find their control files, and a scrape that
 * collects into a map.
 */

import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Collector, Family } from '../../../agents/collector.ts';
import type { GpuCollectorOptions } from '../../../agents/collectors/gpu.ts';

const here = fileURLToPath(new URL('.', import.meta.url));

/** Null when there is a C compiler, else why the tests that need it are skipped. */
export function noCompiler(): string | null {
  const found = spawnSync('cc', ['--version'], { stdio: 'ignore' });
  return found.status === 0 ? null : 'no C compiler (cc) on this machine';
}

export interface Bench {
  readonly folder: string;
  readonly libraryPath: string;
  readonly smiPath: string;
  /** Replaces the stand-in library's control file. */
  control(lines: Readonly<Record<string, string | number>>): void;
  mode(word: string): void;
  /** Process ids of every start of the fake tool. */
  smiStarts(): readonly number[];
  smiOverlaps(): string;
  dispose(): void;
}

export function createBench(flags: readonly string[] = []): Bench {
  const folder = mkdtempSync(join(tmpdir(), 'gpu-'));
  const libraryPath = join(folder, 'libnvidia-ml.so.1');
  const smiPath = join(folder, 'nvidia-smi');
  if (noCompiler() === null) {
    const source = join(here, 'nvml.c');
    execFileSync('cc', ['-shared', '-fPIC', '-O1', ...flags, '-o', libraryPath, source]);
  }
  copyFileSync(join(here, '../fake-nvidia-smi.sh'), smiPath);
  chmodSync(smiPath, 0o755);
  return {
    folder,
    libraryPath,
    smiPath,
    control(lines) {
      const text = Object.entries(lines).map(([key, value]) => `${key}=${value}\n`);
      writeFileSync(join(folder, 'control'), text.join(''));
    },
    mode: (word) => writeFileSync(join(folder, 'mode'), word),
    smiStarts: () => read(join(folder, 'starts')).split('\n').filter(Boolean).map(Number),
    smiOverlaps: () => read(join(folder, 'overlaps')),
    dispose: () => rmSync(folder, { recursive: true, force: true }),
  };
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

/**
 * Options with short times, but patient with a busy machine; nothing of its own GPUs is reachable
 * through them.
 */
export function fastOptions(bench: Bench): GpuCollectorOptions {
  return {
    backend: 'nvml',
    pollIntervalMs: 50,
    stalenessMs: 600,
    nvidiaSmiPath: bench.smiPath,
    nvidiaSmiTimeoutMs: 8000,
    nvmlLibraryPath: bench.libraryPath,
    sysRoot: join(bench.folder, 'sys'),
    processesMax: 0,
    timing: FAST,
  };
}

const FAST = {
  watchdogMs: 8000,
  startupMs: 8000,
  termGraceMs: 200,
  respawnMinMs: 50,
  respawnMaxMs: 200,
  slowIntervalMs: 100,
} as const;

/** Changes for tests in which something hangs: half a second of silence is enough. */
export const IMPATIENT = { nvidiaSmiTimeoutMs: 500, timing: { ...FAST, watchdogMs: 500 } } as const;

export interface Scrape {
  /** By `name{label="value",…}`, without the `omnimind_gpu_` before the name. */
  readonly samples: ReadonlyMap<string, number>;
  readonly tookMs: number;
  readonly text: string;
}

export async function scrape(collector: Collector): Promise<Scrape> {
  const samples = new Map<string, number>();
  const families = new Map<Family, string[]>();
  const startedMs = performance.now();
  await collector.collect((family, value, ...labelValues) => {
    const labels = family.labels.map((name, at) => `${name}="${labelValues[at] ?? ''}"`);
    const series = labels.length === 0 ? family.name : `${family.name}{${labels.join(',')}}`;
    samples.set(series.replace('omnimind_gpu_', ''), value);
    families.set(family, [...(families.get(family) ?? []), `${series} ${value}`]);
  }, new AbortController().signal);
  const tookMs = performance.now() - startedMs;
  const blocks = [...families].map(
    ([{ name, help, type }, lines]) =>
      `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${lines.join('\n')}\n`,
  );
  return { samples, tookMs, text: blocks.join('') };
}

/** Scrapes until `holds`, at most `limitMs`; then fails with the last scrape. */
export async function scrapeUntil(
  collector: Collector,
  holds: (samples: ReadonlyMap<string, number>) => boolean,
  limitMs = 10_000,
): Promise<Scrape> {
  const deadlineMs = performance.now() + limitMs;
  for (;;) {
    const current = await scrape(collector);
    if (holds(current.samples)) return current;
    if (performance.now() > deadlineMs) {
      throw new Error(`not within ${limitMs} ms; last scrape:\n${current.text}`);
    }
    await turn();
  }
}

function turn(): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, 10);
  });
}

/** Processes whose command line names this folder: children and tools of one test. */
export function processesOf(bench: Bench): readonly string[] {
  const { stdout } = spawnSync('ps', ['-eo', 'pid=,stat=,args='], { encoding: 'utf8' });
  return stdout
    .split('\n')
    .filter((line) => line.includes(bench.folder) && !/^\s*\d+\s+Z/.test(line));
}
