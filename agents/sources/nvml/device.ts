/**
 * Reads one GPU through NVML: what it is, what changes by the second, and what changes rarely or
 * costs the driver more to read. A value that the GPU, the driver or the mode does not have is
 * left out. It keeps nothing and judges no number; a GPU that fell off the bus throws DeviceLost.
 */

import {
  inBaseUnits,
  type GpuField,
  type GpuIdentity,
  type GpuProcess,
  type GpuValues,
} from '../gpu/snapshot.ts';
import {
  CLOCK_TYPES,
  ECC_AGGREGATE,
  ECC_CORRECTED,
  ECC_UNCORRECTED,
  ECC_VOLATILE,
  FIELD,
  MEMORY_V1_BYTES,
  NVML_INSUFFICIENT_SIZE,
  NVML_SUCCESS,
  PCI_INFO_BYTES,
  PROCESS_INFO_BYTES,
  PSTATE_UNKNOWN,
  SCOPE_ALL_LINKS,
  TEMPERATURE_GPU,
  TEMPERATURE_THRESHOLDS,
  TEXT_BYTES,
  isAbsent,
  isLost,
  newFieldValues,
  newMemoryV2,
  newTemperatureV1,
  readFieldValue,
  readMemoryV1,
  readMemoryV2,
  readPciBusId,
  readProcessInfo,
  readText,
  readUint64,
  type MemoryInfo,
} from './layout.ts';
import type { NvmlArgument, NvmlFunctionName, NvmlLibrary } from './library.ts';

/** The driver says that this GPU is gone or must be reset: nothing else about it can be read. */
export class DeviceLost extends Error {
  constructor() {
    super('the GPU is lost or needs a reset');
    this.name = 'DeviceLost';
  }
}

/** One GPU's calls: results in, absent as null, unexpected codes counted. */
export interface DeviceCalls {
  readonly handle: bigint;
  /** Calls that failed for another reason than "not there". */
  errors(): number;
  /** True when the call filled its buffers. Throws DeviceLost. */
  fill(name: NvmlFunctionName, ...parameters: readonly NvmlArgument[]): boolean;
  uint32(name: NvmlFunctionName, ...before: readonly NvmlArgument[]): number | null;
  uint64(name: NvmlFunctionName, ...before: readonly NvmlArgument[]): number | null;
  text(name: NvmlFunctionName): string;
}

export function createDeviceCalls(library: NvmlLibrary, handle: bigint): DeviceCalls {
  let errors = 0;

  function fill(name: NvmlFunctionName, ...parameters: readonly NvmlArgument[]): boolean {
    const code = library.call(name, handle, ...parameters);
    if (code === NVML_SUCCESS) return true;
    if (isLost(code)) throw new DeviceLost();
    if (!isAbsent(code)) errors += 1;
    return false;
  }

  return {
    handle,
    errors: () => errors,
    fill,
    uint32(name, ...before) {
      const out = Buffer.alloc(4);
      return fill(name, ...before, out) ? out.readUInt32LE() : null;
    },
    uint64(name, ...before) {
      const out = Buffer.alloc(8);
      return fill(name, ...before, out) ? readUint64(out, 0) : null;
    },
    text(name) {
      const out = Buffer.alloc(TEXT_BYTES);
      return fill(name, out, TEXT_BYTES) ? readText(out) : '';
    },
  };
}

/** Null when the GPU has no uuid to label its series with. */
export function readIdentity(calls: DeviceCalls, index: number): GpuIdentity | null {
  const uuid = calls.text('nvmlDeviceGetUUID');
  if (uuid === '') return null;
  const pci = Buffer.alloc(PCI_INFO_BYTES);
  const minor = calls.uint32('nvmlDeviceGetMinorNumber');
  return {
    uuid,
    index,
    name: calls.text('nvmlDeviceGetName'),
    serial: calls.text('nvmlDeviceGetSerial'),
    vbiosVersion: calls.text('nvmlDeviceGetVbiosVersion'),
    minorNumber: minor === null ? '' : String(minor),
    pciBusId: calls.fill('nvmlDeviceGetPciInfo_v3', pci) ? readPciBusId(pci) : '',
  };
}

/** What a decider may look at: read at every poll. */
export function readFastValues(calls: DeviceCalls): GpuValues {
  const values: GpuValues = {};
  readUtilization(calls, values);
  const memory = readMemory(calls);
  if (memory !== null) {
    put(values, 'memory_total_bytes', memory.total);
    put(values, 'memory_used_bytes', memory.used);
    put(values, 'memory_free_bytes', memory.free);
    put(values, 'memory_reserved_bytes', memory.reserved);
  }
  put(values, 'temperature_celsius', readTemperature(calls));
  put(values, 'fan_speed_ratio', calls.uint32('nvmlDeviceGetFanSpeed'), 1 / 100);
  put(values, 'power_watts', calls.uint32('nvmlDeviceGetPowerUsage'), 1e-3);
  put(values, 'power_limit_watts', calls.uint32('nvmlDeviceGetEnforcedPowerLimit'), 1e-3);
  put(values, 'energy_joules_total', calls.uint64('nvmlDeviceGetTotalEnergyConsumption'), 1e-3);
  for (const [name, type] of clockEntries) {
    put(values, `clock_${name}_hertz`, calls.uint32('nvmlDeviceGetClockInfo', type), 1e6);
  }
  const state = calls.uint32('nvmlDeviceGetPerformanceState');
  put(values, 'performance_state', state === PSTATE_UNKNOWN ? null : state);
  readFields(calls, values, FAST_FIELDS);
  return values;
}

/** Limits, health counters and links: rarely change, and some cost the driver milliseconds. */
export function readSlowValues(calls: DeviceCalls): GpuValues {
  const values: GpuValues = {};
  for (const [name, type] of clockEntries) {
    put(values, `clock_${name}_max_hertz`, calls.uint32('nvmlDeviceGetMaxClockInfo', type), 1e6);
  }
  for (const [field, threshold] of thresholdEntries) {
    put(values, field, calls.uint32('nvmlDeviceGetTemperatureThreshold', threshold));
  }
  readEcc(calls, values);
  readRemappedRows(calls, values);
  put(values, 'pcie_link_generation', calls.uint32('nvmlDeviceGetCurrPcieLinkGeneration'));
  put(values, 'pcie_link_width', calls.uint32('nvmlDeviceGetCurrPcieLinkWidth'));
  put(values, 'pcie_link_generation_max', calls.uint32('nvmlDeviceGetMaxPcieLinkGeneration'));
  put(values, 'pcie_link_width_max', calls.uint32('nvmlDeviceGetMaxPcieLinkWidth'));
  put(values, 'pcie_replays_total', calls.uint32('nvmlDeviceGetPcieReplayCounter'));
  readFields(calls, values, SLOW_FIELDS);
  return values;
}

/** NVML's bit mask; the call was renamed from throttle to event reasons in driver 535. */
export function readClockEventReasons(calls: DeviceCalls): number | null {
  return (
    calls.uint64('nvmlDeviceGetCurrentClocksEventReasons') ??
    calls.uint64('nvmlDeviceGetCurrentClocksThrottleReasons')
  );
}

/** The `max` largest by memory, and how many there are. Null when the driver does not say. */
export function readProcesses(
  library: NvmlLibrary,
  calls: DeviceCalls,
  max: number,
): { readonly total: number; readonly largest: readonly GpuProcess[] } | null {
  const count = Buffer.alloc(4);
  count.writeUInt32LE(PROCESS_SLOTS);
  const infos = Buffer.alloc(PROCESS_INFO_BYTES * PROCESS_SLOTS);
  const name = 'nvmlDeviceGetComputeRunningProcesses_v2';
  const code = library.call(name, calls.handle, count, infos);
  if (isLost(code)) throw new DeviceLost();
  const total = count.readUInt32LE();
  if (code === NVML_INSUFFICIENT_SIZE) return { total, largest: [] };
  if (code !== NVML_SUCCESS) return null;
  const found = Array.from({ length: Math.min(total, PROCESS_SLOTS) }, (_, at) =>
    readProcessInfo(infos, at),
  )
    // 2^64 - 1 is NVML_VALUE_NOT_AVAILABLE: the process is there, its memory is not known.
    .filter((info) => info.memoryBytes <= Number.MAX_SAFE_INTEGER)
    .sort((a, b) => b.memoryBytes - a.memoryBytes)
    .slice(0, max);
  return {
    total,
    largest: found.map((info) => ({ ...info, name: processName(library, info.pid) })),
  };
}

export function readMemory(calls: DeviceCalls): MemoryInfo | null {
  const second = newMemoryV2();
  if (calls.fill('nvmlDeviceGetMemoryInfo_v2', second)) return readMemoryV2(second);
  const first = Buffer.alloc(MEMORY_V1_BYTES);
  return calls.fill('nvmlDeviceGetMemoryInfo', first) ? readMemoryV1(first) : null;
}

/** Room for one answer; a GPU with more compute processes reports their number only. */
const PROCESS_SLOTS = 512;

const clockEntries = [
  ['graphics', CLOCK_TYPES.graphics],
  ['sm', CLOCK_TYPES.sm],
  ['memory', CLOCK_TYPES.memory],
  ['video', CLOCK_TYPES.video],
] as const;

const thresholdEntries = [
  ['temperature_shutdown_celsius', TEMPERATURE_THRESHOLDS.shutdown],
  ['temperature_slowdown_celsius', TEMPERATURE_THRESHOLDS.slowdown],
  ['temperature_max_operating_celsius', TEMPERATURE_THRESHOLDS.gpuMax],
] as const;

type FieldEntry = readonly [field: GpuField, id: number, scope: number, scale: number];
const FAST_FIELDS: readonly FieldEntry[] = [
  ['memory_temperature_celsius', FIELD.memoryTemperature, 0, 1],
  ['pcie_transmit_bytes_total', FIELD.pcieTransmitBytes, 0, 1],
  ['pcie_receive_bytes_total', FIELD.pcieReceiveBytes, 0, 1],
  ['nvlink_transmit_bytes_total', FIELD.nvlinkTransmitKib, SCOPE_ALL_LINKS, 1024],
  ['nvlink_receive_bytes_total', FIELD.nvlinkReceiveKib, SCOPE_ALL_LINKS, 1024],
];
const SLOW_FIELDS: readonly FieldEntry[] = [
  ['retired_pages_single_bit', FIELD.retiredSingleBit, 0, 1],
  ['retired_pages_double_bit', FIELD.retiredDoubleBit, 0, 1],
  ['retired_pages_pending', FIELD.retiredPending, 0, 1],
  ['recovery_action', FIELD.recoveryAction, 0, 1],
];

function put(values: GpuValues, field: GpuField, value: number | null, scale = 1): void {
  // JSON has no NaN: it would spoil the whole line.
  if (value !== null && Number.isFinite(value)) values[field] = inBaseUnits(value, scale);
}

function readUtilization(calls: DeviceCalls, values: GpuValues): void {
  const rates = Buffer.alloc(8);
  if (calls.fill('nvmlDeviceGetUtilizationRates', rates)) {
    put(values, 'utilization_ratio', rates.readUInt32LE(0), 1 / 100);
    put(values, 'memory_utilization_ratio', rates.readUInt32LE(4), 1 / 100);
  }
  const codecs = [
    ['encoder_utilization_ratio', 'nvmlDeviceGetEncoderUtilization'],
    ['decoder_utilization_ratio', 'nvmlDeviceGetDecoderUtilization'],
  ] as const;
  for (const [field, name] of codecs) {
    const utilization = Buffer.alloc(4);
    if (calls.fill(name, utilization, Buffer.alloc(4))) {
      put(values, field, utilization.readUInt32LE(), 1 / 100);
    }
  }
}

function readTemperature(calls: DeviceCalls): number | null {
  const plain = Buffer.alloc(4);
  // Declared unsigned; read signed, so that a negative reading is rejected as such and not as 4e9.
  if (calls.fill('nvmlDeviceGetTemperature', TEMPERATURE_GPU, plain)) return plain.readInt32LE();
  const versioned = newTemperatureV1();
  return calls.fill('nvmlDeviceGetTemperatureV', versioned) ? versioned.readInt32LE(8) : null;
}

function readEcc(calls: DeviceCalls, values: GpuValues): void {
  const mode = Buffer.alloc(4);
  if (!calls.fill('nvmlDeviceGetEccMode', mode, Buffer.alloc(4))) return;
  put(values, 'ecc_enabled', mode.readUInt32LE());
  const kinds = [
    ['ecc_corrected_volatile_errors_total', ECC_CORRECTED, ECC_VOLATILE],
    ['ecc_uncorrected_volatile_errors_total', ECC_UNCORRECTED, ECC_VOLATILE],
    ['ecc_corrected_aggregate_errors_total', ECC_CORRECTED, ECC_AGGREGATE],
    ['ecc_uncorrected_aggregate_errors_total', ECC_UNCORRECTED, ECC_AGGREGATE],
  ] as const;
  for (const [field, type, counter] of kinds) {
    put(values, field, calls.uint64('nvmlDeviceGetTotalEccErrors', type, counter));
  }
}

function readRemappedRows(calls: DeviceCalls, values: GpuValues): void {
  const outs = [Buffer.alloc(4), Buffer.alloc(4), Buffer.alloc(4), Buffer.alloc(4)];
  if (!calls.fill('nvmlDeviceGetRemappedRows', ...outs)) return;
  const fields = [
    'remapped_rows_corrected',
    'remapped_rows_uncorrected',
    'remapped_rows_pending',
    'remapped_rows_failed',
  ] as const;
  fields.forEach((field, at) => put(values, field, outs[at]?.readUInt32LE() ?? null));
}

function readFields(calls: DeviceCalls, values: GpuValues, entries: readonly FieldEntry[]): void {
  const buffer = newFieldValues(entries.map(([, field, scope]) => ({ field, scope })));
  if (!calls.fill('nvmlDeviceGetFieldValues', entries.length, buffer)) return;
  entries.forEach(([field, , , scale], at) =>
    put(values, field, readFieldValue(buffer, at), scale),
  );
}

function processName(library: NvmlLibrary, pid: number): string {
  const out = Buffer.alloc(1024);
  const code = library.call('nvmlSystemGetProcessName', pid, out, out.length);
  if (code !== NVML_SUCCESS) return '';
  // The command line may hold secrets after the first blank, and a path tells more than is needed.
  const path = readText(out).split(' ')[0] ?? '';
  return path.slice(path.lastIndexOf('/') + 1).slice(0, 64);
}
