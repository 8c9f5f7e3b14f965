/**
 * What is inside or between GPUs: NVLink states and error counters, MIG mode and instances. MIG
 * instances have memory but no utilization of their own in NVML (that needs profiling counters),
 * so none is made up from the parent's.
 */

import type { GpuValues, MigInstance, NvLinkState } from '../gpu/snapshot.ts';
import { createDeviceCalls, readMemory, type DeviceCalls } from './device.ts';
import { NVLINKS_MAX, NVLINK_ERRORS } from './layout.ts';
import type { NvmlLibrary } from './library.ts';

export interface NvLinks {
  readonly links: readonly NvLinkState[];
  /** Error counters summed over the links that have them. */
  readonly values: GpuValues;
}

export function readNvLinks(calls: DeviceCalls): NvLinks {
  const links: NvLinkState[] = [];
  const sums = new Map<string, number>();
  for (let link = 0; link < NVLINKS_MAX; link += 1) {
    const state = calls.uint32('nvmlDeviceGetNvLinkState', link);
    // Links are numbered without gaps: the first that the GPU does not have ends the list.
    if (state === null) break;
    links.push({ link, isUp: state === 1 });
    if (state !== 1) continue;
    for (const [name, counter] of errorEntries) {
      const errors = calls.uint64('nvmlDeviceGetNvLinkErrorCounter', link, counter);
      if (errors !== null) sums.set(name, (sums.get(name) ?? 0) + errors);
    }
  }
  const values: GpuValues = {};
  for (const [name] of errorEntries) {
    const sum = sums.get(name);
    if (sum !== undefined) values[name] = sum;
  }
  return { links, values };
}

export interface Mig {
  /** Null when the GPU has no MIG. */
  readonly isEnabled: boolean | null;
  readonly instances: readonly MigInstance[];
}

export function readMig(library: NvmlLibrary, calls: DeviceCalls): Mig {
  const mode = Buffer.alloc(4);
  if (!calls.fill('nvmlDeviceGetMigMode', mode, Buffer.alloc(4))) {
    return { isEnabled: null, instances: [] };
  }
  if (mode.readUInt32LE() !== 1) return { isEnabled: false, instances: [] };
  const slots = Math.min(calls.uint32('nvmlDeviceGetMaxMigDeviceCount') ?? 0, SLOTS_MAX);
  const instances: MigInstance[] = [];
  for (let slot = 0; slot < slots; slot += 1) {
    const instance = readInstance(library, calls, slot);
    if (instance !== null) instances.push(instance);
  }
  return { isEnabled: true, instances };
}

/** Seven on every GPU so far. */
const SLOTS_MAX = 16;

const errorEntries = [
  ['nvlink_replay_errors_total', NVLINK_ERRORS.replay],
  ['nvlink_recovery_errors_total', NVLINK_ERRORS.recovery],
  ['nvlink_crc_errors_total', NVLINK_ERRORS.crcFlit],
] as const;

function readInstance(library: NvmlLibrary, parent: DeviceCalls, slot: number): MigInstance | null {
  const out = Buffer.alloc(8);
  // An empty slot answers "not found".
  if (!parent.fill('nvmlDeviceGetMigDeviceHandleByIndex', slot, out)) return null;
  const calls = createDeviceCalls(library, out.readBigUInt64LE());
  const uuid = calls.text('nvmlDeviceGetUUID');
  const gpuInstance = calls.uint32('nvmlDeviceGetGpuInstanceId');
  const computeInstance = calls.uint32('nvmlDeviceGetComputeInstanceId');
  if (uuid === '' || gpuInstance === null || computeInstance === null) return null;
  const memory = readMemory(calls);
  return {
    uuid,
    name: calls.text('nvmlDeviceGetName'),
    gpuInstance,
    computeInstance,
    memoryTotalBytes: memory?.total ?? null,
    memoryUsedBytes: memory?.used ?? null,
  };
}
