/**
 * Polls all GPUs through NVML for as long as the library answers. Runs in the GPU child; every call
 * blocks its loop, and that silence is how the parent notices a hung driver. It decides nothing
 * about values.
 */

import type { BackendEnd, Report, RunBackend } from '../gpu/backend.ts';
import { pause } from '../gpu/backend.ts';
import { GPUS_MAX, type GpuFailure } from '../gpu/protocol.ts';
import {
  emptyReading,
  type GpuIdentity,
  type GpuReading,
  type GpuSnapshot,
  type GpuValues,
  type NvLinkState,
} from '../gpu/snapshot.ts';
import {
  DeviceLost,
  createDeviceCalls,
  readClockEventReasons,
  readFastValues,
  readIdentity,
  readProcesses,
  readSlowValues,
  type DeviceCalls,
} from './device.ts';
import { watchXidEvents } from './events.ts';
import {
  NVML_DRIVER_NOT_LOADED,
  NVML_GPU_NOT_FOUND,
  NVML_LIB_RM_VERSION_MISMATCH,
  NVML_NO_PERMISSION,
  NVML_SUCCESS,
  TEXT_BYTES,
  describeCode,
  isLost,
  readText,
} from './layout.ts';
import { NvmlUnavailable, openNvmlLibrary, type NvmlLibrary } from './library.ts';
import { readMig, readNvLinks } from './topology.ts';

export interface NvmlSettings {
  readonly nvmlLibraryPath: string | null;
  readonly pollIntervalMs: number;
  readonly slowIntervalMs: number;
  readonly processesMax: number;
  readonly reopenMs: number;
}

export function createNvmlBackend(settings: NvmlSettings): RunBackend {
  return async (report, signal) => {
    try {
      const library = await openNvmlLibrary(settings.nvmlLibraryPath);
      check(library.call('nvmlInit_v2'), 'nvmlInit_v2');
      return await poll(library, settings, report, signal);
    } catch (error) {
      if (error instanceof NvmlUnavailable) {
        return {
          failure: error.isMissing ? 'not_installed' : 'driver_error',
          detail: messageOf(error),
        };
      }
      if (error instanceof NvmlFailure) return { failure: error.failure, detail: error.message };
      throw error;
    }
  };
}

/** What is kept of one GPU between polls. */
interface Device {
  handle: bigint;
  identity: GpuIdentity;
  slow: {
    readonly atMs: number;
    readonly values: GpuValues;
    readonly links: readonly NvLinkState[];
  } | null;
}

async function poll(
  library: NvmlLibrary,
  settings: NvmlSettings,
  report: Report,
  signal: AbortSignal,
): Promise<BackendEnd> {
  const devices = new Map<number, Device>();
  const versions = readVersions(library);
  let watching = false;
  let lostSinceMs: number | null = null;
  while (!signal.aborted) {
    const gpus = readAll(library, devices, settings);
    if (gpus.length === 0) return { failure: 'no_device', detail: 'NVML sees no GPU' };
    report({ kind: 'snapshot', snapshot: { backend: 'nvml', ...versions, gpus } });
    if (!watching) {
      watching = true;
      const handles = [...devices.values()].map((device) => device.handle);
      watchXidEvents(library, handles, report, signal).catch((error: unknown) => {
        const detail = `XID errors cannot be watched: ${String(error)}`.slice(0, 200);
        report({ kind: 'failure', backend: 'nvml', failure: 'driver_error', detail });
      });
    }
    const nowMs = performance.now();
    lostSinceMs = gpus.some((gpu) => gpu.isLost) ? (lostSinceMs ?? nowMs) : null;
    if (lostSinceMs !== null && nowMs - lostSinceMs >= settings.reopenMs) {
      // A GPU that was reset is only seen again by a process that initialises NVML anew.
      return { failure: 'driver_error', detail: 'a GPU is lost; NVML is opened again' };
    }
    await pause(settings.pollIntervalMs, signal);
  }
  return { failure: 'driver_error', detail: 'stopped' };
}

function readAll(
  library: NvmlLibrary,
  devices: Map<number, Device>,
  settings: NvmlSettings,
): readonly GpuReading[] {
  const out = Buffer.alloc(4);
  check(library.call('nvmlDeviceGetCount_v2', out), 'nvmlDeviceGetCount_v2');
  const count = Math.min(out.readUInt32LE(), GPUS_MAX);
  const gpus: GpuReading[] = [];
  for (let index = 0; index < count; index += 1) {
    const reading = readOne(library, devices, index, settings);
    if (reading !== null) gpus.push(reading);
  }
  return gpus;
}

/** Null for a GPU that this process may not see, or that was lost before it was ever read. */
function readOne(
  library: NvmlLibrary,
  devices: Map<number, Device>,
  index: number,
  settings: NvmlSettings,
): GpuReading | null {
  const out = Buffer.alloc(8);
  const code = library.call('nvmlDeviceGetHandleByIndex_v2', index, out);
  const known = devices.get(index);
  if (code !== NVML_SUCCESS) {
    if (known === undefined || !isLost(code)) return null;
    return { ...emptyReading(known.identity), isLost: true };
  }
  const calls = createDeviceCalls(library, out.readBigUInt64LE());
  try {
    const device = known?.handle === calls.handle ? known : openDevice(calls, index);
    if (device === null) return null;
    devices.set(index, device);
    return readDevice(library, calls, device, settings);
  } catch (error) {
    if (!(error instanceof DeviceLost)) throw error;
    return known === undefined ? null : { ...emptyReading(known.identity), isLost: true };
  }
}

function openDevice(calls: DeviceCalls, index: number): Device | null {
  const identity = readIdentity(calls, index);
  return identity === null ? null : { handle: calls.handle, identity, slow: null };
}

function readDevice(
  library: NvmlLibrary,
  calls: DeviceCalls,
  device: Device,
  settings: NvmlSettings,
): GpuReading {
  const values = readFastValues(calls);
  const nowMs = performance.now();
  if (device.slow === null || nowMs - device.slow.atMs >= settings.slowIntervalMs) {
    const nvLinks = readNvLinks(calls);
    device.slow = {
      atMs: nowMs,
      values: { ...readSlowValues(calls), ...nvLinks.values },
      links: nvLinks.links,
    };
  }
  const mig = readMig(library, calls);
  if (mig.isEnabled !== null) values.mig_enabled = mig.isEnabled ? 1 : 0;
  const processes =
    settings.processesMax > 0 ? readProcesses(library, calls, settings.processesMax) : null;
  if (processes !== null) values.compute_processes = processes.total;
  return {
    ...emptyReading(device.identity),
    values: { ...device.slow.values, ...values },
    clockEventReasons: readClockEventReasons(calls),
    nvLinks: device.slow.links,
    migInstances: mig.instances,
    processes: processes?.largest ?? [],
    readErrors: calls.errors(),
  };
}

function readVersions(library: NvmlLibrary): Pick<GpuSnapshot, 'driverVersion' | 'cudaVersion'> {
  const driver = Buffer.alloc(TEXT_BYTES);
  const hasDriver = library.call('nvmlSystemGetDriverVersion', driver, TEXT_BYTES) === NVML_SUCCESS;
  const cuda = Buffer.alloc(4);
  const hasCuda = library.call('nvmlSystemGetCudaDriverVersion_v2', cuda) === NVML_SUCCESS;
  // 13000 is 13.0: major × 1000 + minor × 10.
  const number = hasCuda ? cuda.readInt32LE() : 0;
  const cudaVersion = `${Math.trunc(number / 1000)}.${Math.trunc((number % 1000) / 10)}`;
  return {
    driverVersion: hasDriver ? readText(driver) : '',
    cudaVersion: hasCuda ? cudaVersion : '',
  };
}

/** The whole library failed, not one GPU. */
class NvmlFailure extends Error {
  readonly failure: GpuFailure;

  constructor(failure: GpuFailure, message: string) {
    super(message);
    this.name = 'NvmlFailure';
    this.failure = failure;
  }
}

function check(code: number, name: string): void {
  if (code === NVML_SUCCESS) return;
  throw new NvmlFailure(failures.get(code) ?? 'driver_error', `${name}: ${describeCode(code)}`);
}

const failures: ReadonlyMap<number, GpuFailure> = new Map([
  [NVML_DRIVER_NOT_LOADED, 'no_device'],
  [NVML_GPU_NOT_FOUND, 'no_device'],
  [NVML_LIB_RM_VERSION_MISMATCH, 'driver_mismatch'],
  [NVML_NO_PERMISSION, 'no_permission'],
]);

function messageOf(error: Error): string {
  const cause = error.cause instanceof Error ? `: ${error.cause.message}` : '';
  return `${error.message}${cause}`.slice(0, 200);
}
