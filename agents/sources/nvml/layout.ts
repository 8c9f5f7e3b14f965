/**
 * NVML's ABI by hand: return codes, constants and the byte layout of the structs that are read
 * (source: the public nvml.h, API versions 11 to 13; LP64, little-endian, which is every Linux that
 * NVIDIA ships a driver for). Structs are decoded from plain buffers, so that no memory of the
 * driver is ever reached through a JavaScript object. Nothing here calls the library.
 */

import { labelText } from '../gpu/protocol.ts';

export const NVML_SUCCESS = 0;
export const NVML_UNINITIALIZED = 1;
export const NVML_INVALID_ARGUMENT = 2;
export const NVML_NOT_SUPPORTED = 3;
export const NVML_NO_PERMISSION = 4;
export const NVML_NOT_FOUND = 6;
export const NVML_INSUFFICIENT_SIZE = 7;
export const NVML_DRIVER_NOT_LOADED = 9;
export const NVML_TIMEOUT = 10;
export const NVML_LIBRARY_NOT_FOUND = 12;
export const NVML_FUNCTION_NOT_FOUND = 13;
export const NVML_GPU_IS_LOST = 15;
export const NVML_RESET_REQUIRED = 16;
export const NVML_LIB_RM_VERSION_MISMATCH = 18;
export const NVML_NO_DATA = 21;
export const NVML_ARGUMENT_VERSION_MISMATCH = 25;
export const NVML_DEPRECATED = 26;
export const NVML_GPU_NOT_FOUND = 28;

/** Codes that mean "this GPU, driver or mode does not have it": the value is absent, no error. */
const absentCodes: ReadonlySet<number> = new Set([
  NVML_INVALID_ARGUMENT,
  NVML_NOT_SUPPORTED,
  NVML_NO_PERMISSION,
  NVML_NOT_FOUND,
  NVML_FUNCTION_NOT_FOUND,
  NVML_NO_DATA,
  NVML_ARGUMENT_VERSION_MISMATCH,
  NVML_DEPRECATED,
]);

export function isAbsent(code: number): boolean {
  return absentCodes.has(code);
}

export function isLost(code: number): boolean {
  return code === NVML_GPU_IS_LOST || code === NVML_RESET_REQUIRED;
}

/** Upper bound of NVML_DEVICE_UUID_V2, NAME_V2, DRIVER_VERSION, VBIOS and SERIAL buffers (96). */
export const TEXT_BYTES = 96;
export const CLOCK_TYPES = { graphics: 0, sm: 1, memory: 2, video: 3 } as const;
export const TEMPERATURE_GPU = 0;
export const TEMPERATURE_THRESHOLDS = { shutdown: 0, slowdown: 1, gpuMax: 3 } as const;
export const ECC_CORRECTED = 0;
export const ECC_UNCORRECTED = 1;
export const ECC_VOLATILE = 0;
export const ECC_AGGREGATE = 1;
export const PSTATE_UNKNOWN = 32;
export const NVLINKS_MAX = 36;
export const NVLINK_ERRORS = { replay: 0, recovery: 1, crcFlit: 2 } as const;
export const EVENT_XID = 8n;
/** All links of a device, in the scope of an NVLink field value. */
export const SCOPE_ALL_LINKS = 0xffffffff;

/** Field ids of nvmlDeviceGetFieldValues. Ids only ever grow; an old driver answers per field that it knows none such. */
export const FIELD = {
  retiredSingleBit: 29,
  retiredDoubleBit: 30,
  retiredPending: 31,
  memoryTemperature: 82,
  nvlinkTransmitKib: 138,
  nvlinkReceiveKib: 139,
  pcieTransmitBytes: 197,
  pcieReceiveBytes: 198,
  recoveryAction: 230,
} as const;

export function readText(buffer: Buffer): string {
  const end = buffer.indexOf(0);
  return labelText(buffer.toString('utf8', 0, end < 0 ? buffer.length : end));
}

/** nvmlMemory_v2_t: version word is size | version << 24; `used` excludes what the driver reserves. */
export const MEMORY_V2_BYTES = 40;
export function newMemoryV2(): Buffer {
  const buffer = Buffer.alloc(MEMORY_V2_BYTES);
  buffer.writeUInt32LE(MEMORY_V2_BYTES | (2 << 24));
  return buffer;
}

export interface MemoryInfo {
  readonly total: number;
  readonly used: number;
  readonly free: number;
  readonly reserved: number | null;
}

export function readMemoryV2(buffer: Buffer): MemoryInfo {
  return {
    total: readUint64(buffer, 8),
    reserved: readUint64(buffer, 16),
    free: readUint64(buffer, 24),
    used: readUint64(buffer, 32),
  };
}

/** nvmlMemory_t: `used` includes what the driver reserves. */
export const MEMORY_V1_BYTES = 24;
export function readMemoryV1(buffer: Buffer): MemoryInfo {
  return {
    total: readUint64(buffer, 0),
    free: readUint64(buffer, 8),
    used: readUint64(buffer, 16),
    reserved: null,
  };
}

/** nvmlTemperature_v1_t, for libraries that dropped the unversioned call. */
export const TEMPERATURE_V1_BYTES = 12;
export function newTemperatureV1(): Buffer {
  const buffer = Buffer.alloc(TEMPERATURE_V1_BYTES);
  buffer.writeUInt32LE(TEMPERATURE_V1_BYTES | (1 << 24));
  buffer.writeUInt32LE(TEMPERATURE_GPU, 4);
  return buffer;
}

/** nvmlPciInfo_t: busIdLegacy[16], five uint32, busId[32]. */
export const PCI_INFO_BYTES = 68;
export function readPciBusId(buffer: Buffer): string {
  return readText(buffer.subarray(36, 68));
}

/** nvmlFieldValue_t: fieldId, scopeId, timestamp, latency, valueType, nvmlReturn, value. */
const FIELD_VALUE_BYTES = 40;
export interface FieldRequest {
  readonly field: number;
  readonly scope: number;
}

export function newFieldValues(requests: readonly FieldRequest[]): Buffer {
  const buffer = Buffer.alloc(FIELD_VALUE_BYTES * requests.length);
  requests.forEach((request, at) => {
    buffer.writeUInt32LE(request.field, at * FIELD_VALUE_BYTES);
    buffer.writeUInt32LE(request.scope, at * FIELD_VALUE_BYTES + 4);
    // An entry that an older library leaves untouched must not read as success.
    buffer.writeUInt32LE(NVML_NOT_SUPPORTED, at * FIELD_VALUE_BYTES + 28);
  });
  return buffer;
}

/** Null when the driver gave no value for that entry. */
export function readFieldValue(buffer: Buffer, at: number): number | null {
  const start = at * FIELD_VALUE_BYTES;
  if (buffer.readUInt32LE(start + 28) !== NVML_SUCCESS) return null;
  const value = start + 32;
  switch (buffer.readUInt32LE(start + 24)) {
    case 0:
      return buffer.readDoubleLE(value);
    case 1:
      return buffer.readUInt32LE(value);
    case 2:
    case 3:
      return readUint64(buffer, value);
    case 4:
      return Number(buffer.readBigInt64LE(value));
    case 5:
      return buffer.readInt32LE(value);
    case 6:
      return buffer.readUInt16LE(value);
    default:
      return null;
  }
}

/**
 * nvmlProcessInfo_v2_t. Asked for through the `_v2` call on purpose: `_v3` was 32 bytes in some
 * drivers of the 525 and 530 series and 24 before and after, `_v2` has always been 24.
 */
export const PROCESS_INFO_BYTES = 24;
export interface ProcessInfo {
  readonly pid: number;
  readonly memoryBytes: number;
}

export function readProcessInfo(buffer: Buffer, at: number): ProcessInfo {
  const start = at * PROCESS_INFO_BYTES;
  return { pid: buffer.readUInt32LE(start), memoryBytes: readUint64(buffer, start + 8) };
}

/** nvmlEventData_t: device, eventType, eventData, gpuInstanceId, computeInstanceId. */
export const EVENT_DATA_BYTES = 32;
export interface EventData {
  readonly device: bigint;
  readonly type: bigint;
  readonly data: number;
}

export function readEventData(buffer: Buffer): EventData {
  return {
    device: buffer.readBigUInt64LE(0),
    type: buffer.readBigUInt64LE(8),
    data: readUint64(buffer, 16),
  };
}

/** Exact up to 2^53; what is larger (energy in mJ after 285 000 years, or a sentinel) rounds and is judged later. */
export function readUint64(buffer: Buffer, at: number): number {
  return Number(buffer.readBigUInt64LE(at));
}

/** What NVML's code means in the words of the log line. */
export function describeCode(code: number): string {
  return descriptions.get(code) ?? `NVML error ${code}`;
}

const descriptions: ReadonlyMap<number, string> = new Map([
  [NVML_UNINITIALIZED, 'NVML is not initialized'],
  [NVML_INVALID_ARGUMENT, 'invalid argument'],
  [NVML_NOT_SUPPORTED, 'not supported'],
  [NVML_NO_PERMISSION, 'no permission'],
  [NVML_DRIVER_NOT_LOADED, 'the NVIDIA driver is not loaded'],
  [NVML_LIBRARY_NOT_FOUND, 'a library that NVML needs was not found'],
  [NVML_FUNCTION_NOT_FOUND, 'the library lacks the function'],
  [NVML_GPU_IS_LOST, 'the GPU is lost'],
  [NVML_RESET_REQUIRED, 'the GPU needs a reset'],
  [NVML_LIB_RM_VERSION_MISMATCH, 'driver and library are of different versions'],
  [NVML_GPU_NOT_FOUND, 'no GPU was found'],
]);
