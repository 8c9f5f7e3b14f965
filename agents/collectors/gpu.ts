/**
 * The GPU collector: a child process reads the GPUs in the background, a scrape serves its last
 * reading from memory. Calls into a GPU driver can hang for ever or kill their process, so this
 * process makes none: it loads no native library, spawns nothing on a scrape and waits for nothing.
 * A host without a GPU is `omnimind_gpu_available 0`, not an error.
 */

import { fileURLToPath } from 'node:url';
import type { Collector } from '../collector.ts';
import { launchGpuChild } from '../sources/gpu/launch.ts';
import { GPU_BACKENDS, type GpuBackendName } from '../sources/gpu/snapshot.ts';
import {
  createGpuSupervisor,
  type LaunchedChild,
  type SupervisorTiming,
} from '../sources/gpu/supervisor.ts';
import type { ChildSettings } from '../sources/gpu/settings.ts';
import { GPU_FAMILIES } from './gpu-families.ts';
import type { GpuInventoryEntry } from './gpu-known.ts';
import { createGpuRecord } from './gpu-record.ts';

export interface GpuCollectorOptions {
  /** `auto` tries NVML, then nvidia-smi, then AMD's sysfs. */
  readonly backend: 'auto' | GpuBackendName;
  readonly pollIntervalMs: number;
  /** Values older than this are not exported. At least three poll intervals are sensible. */
  readonly stalenessMs: number;
  /** A path, or a name to look up in PATH. */
  readonly nvidiaSmiPath: string;
  /** The longest wait for nvidia-smi's next row beyond the interval. */
  readonly nvidiaSmiTimeoutMs: number;
  /** Null: libnvidia-ml.so.1 as the dynamic loader finds it, then where containers mount it. */
  readonly nvmlLibraryPath: string | null;
  /** Where sysfs is mounted, `/sys`. */
  readonly sysRoot: string;
  /** Compute processes exported per GPU, the largest by memory; 0 exports none. */
  readonly processesMax: number;
  /** File of the child's entry; default: its source beside this one. */
  readonly childEntry?: string;
  /** Defaults below; every one in ms. */
  readonly timing?: Partial<GpuTiming>;
  readonly clock?: GpuClock;
  /** How the child is started; the default spawns `childEntry`. */
  readonly launch?: (settings: ChildSettings) => LaunchedChild;
}

export interface GpuTiming extends SupervisorTiming {
  /** How often limits, health counters and links are read. */
  readonly slowIntervalMs: number;
  /** A lost GPU is looked for again by a fresh child after this long. */
  readonly reopenMs: number;
}

export interface GpuClock {
  wallMs(): number;
  monotonicMs(): number;
}

export interface GpuCollector extends Collector {
  /** The GPUs of the last reading; empty before the first and without a GPU. */
  inventory(): readonly GpuInventoryEntry[];
  /**
   * Why no values are read now; null when they are, or when the host has no GPU. collect() does not
   * reject for it, since that would discard `omnimind_gpu_driver_hung`.
   */
  lastError(): string | null;
}

/** Crashes in NVML after which `auto` leaves it out and asks nvidia-smi. */
const NVML_CRASHES_MAX = 3;

export function createGpuCollector(options: GpuCollectorOptions): GpuCollector {
  const timing = timingOf(options);
  const clock = options.clock ?? systemClock;
  const record = createGpuRecord({
    stalenessMs: options.stalenessMs,
    nowMs: () => clock.monotonicMs(),
    wallMs: () => clock.wallMs(),
  });
  const entry = options.childEntry ?? defaultEntry();
  const launch = options.launch ?? ((settings) => launchGpuChild(entry, settings));
  let nvmlCrashes = 0;

  function backends(): readonly GpuBackendName[] {
    if (options.backend !== 'auto') return [options.backend];
    return GPU_BACKENDS.filter((name) => name !== 'nvml' || nvmlCrashes < NVML_CRASHES_MAX);
  }

  const supervisor = createGpuSupervisor({
    launch: () => launch(settingsOf(options, timing, backends())),
    timing,
    nowMs: () => clock.monotonicMs(),
    events: {
      onMessage: (message) => record.take(message),
      onGarbage: () => record.takeGarbage(),
      onHung: () => record.takeHung(),
      onCrash(signal) {
        if (backends().includes('nvml')) nvmlCrashes += 1;
        record.takeCrash(signal);
      },
    },
  });

  return {
    name: 'gpu',
    families: GPU_FAMILIES,
    start() {
      supervisor.start();
      return Promise.resolve();
    },
    collect(emit, signal) {
      if (signal.aborted) return Promise.reject(abortReason(signal));
      record.emit(emit, supervisor.restarts());
      return Promise.resolve();
    },
    stop: () => supervisor.stop(),
    inventory: () => record.inventory(),
    lastError: () => record.lastError(),
  };
}

const systemClock: GpuClock = {
  wallMs: () => Date.now(),
  monotonicMs: () => performance.now(),
};

function timingOf({ pollIntervalMs, timing }: GpuCollectorOptions): GpuTiming {
  return {
    watchdogMs: Math.max(10_000, 3 * pollIntervalMs),
    startupMs: 60_000,
    termGraceMs: 1000,
    respawnMinMs: 1000,
    respawnMaxMs: 60_000,
    stableMs: 60_000,
    absentRetryMs: 300_000,
    slowIntervalMs: 30_000,
    reopenMs: 300_000,
    ...timing,
  };
}

function settingsOf(
  options: GpuCollectorOptions,
  timing: GpuTiming,
  backends: readonly GpuBackendName[],
): ChildSettings {
  return {
    backends,
    pollIntervalMs: options.pollIntervalMs,
    slowIntervalMs: timing.slowIntervalMs,
    aliveIntervalMs: Math.min(1000, timing.watchdogMs / 4),
    nvidiaSmiPath: options.nvidiaSmiPath,
    nvidiaSmiTimeoutMs: options.nvidiaSmiTimeoutMs,
    nvmlLibraryPath: options.nvmlLibraryPath,
    sysRoot: options.sysRoot,
    processesMax: options.processesMax,
    reopenMs: timing.reopenMs,
  };
}

function defaultEntry(): string {
  return fileURLToPath(new URL('../sources/gpu/child.ts', import.meta.url));
}

function abortReason(signal: AbortSignal): Error {
  return signal.reason instanceof Error
    ? signal.reason
    : new Error('aborted', { cause: signal.reason });
}
