/**
 * The words between the agent and its GPU child: one JSON object per line, child to parent only
 * (the parent speaks through argv, signals and closing the child's stdin). The parent trusts
 * nothing in a line: a shape, type or size that is not expected makes the whole line garbage, which
 * the caller counts. Plausibility of numbers is not judged here.
 */

import {
  GPU_BACKENDS,
  isGpuField,
  type GpuBackendName,
  type GpuField,
  type GpuIdentity,
  type GpuProcess,
  type GpuReading,
  type GpuSnapshot,
  type GpuValues,
  type MigInstance,
  type NvLinkState,
} from './snapshot.ts';

/** Why a back-end gives no values. The same word is the metric label and the log field. */
export const GPU_FAILURES = [
  /** No library, no tool or no device of that vendor: the host has no such GPU. */
  'not_installed',
  /** Library or tool is there, but no driver is loaded, or it sees no device. */
  'no_device',
  /** Kernel module and user library are of different versions (after an upgrade). */
  'driver_mismatch',
  /** The driver refused for lack of rights. */
  'no_permission',
  /** A call or the tool did not come back in time. */
  'driver_hung',
  /** The tool or the library answered with something that is not an answer. */
  'malformed',
  /** The child died. */
  'crashed',
  /** Any other error code of the driver. */
  'driver_error',
] as const;
export type GpuFailure = (typeof GPU_FAILURES)[number];

export type ChildMessage =
  | { readonly kind: 'snapshot'; readonly snapshot: GpuSnapshot }
  | { readonly kind: 'xid'; readonly uuid: string; readonly xid: number; readonly atMs: number }
  /** XID errors of these GPUs will be reported: none means none, and not that nobody looks. */
  | { readonly kind: 'watching'; readonly uuids: readonly string[] }
  | {
      readonly kind: 'failure';
      readonly backend: GpuBackendName;
      readonly failure: GpuFailure;
      readonly detail: string;
    }
  /** No back-end found a GPU; the child ends after it. */
  | { readonly kind: 'absent' }
  /** The process group of a tool that the child runs (null when it ended): the parent's to kill when the child cannot. */
  | { readonly kind: 'tool'; readonly groupId: number | null }
  /** Nothing new, but the child's loop turns. */
  | { readonly kind: 'alive' };

/** GPUs in one snapshot; the largest hosts hold 16. */
export const GPUS_MAX = 64;
const LINKS_MAX = 36;
const MIG_INSTANCES_MAX = 16;
const PROCESSES_MAX = 256;
const TEXT_MAX = 200;
/** One line. 64 GPUs with every list full stay below. */
export const LINE_BYTES_MAX = 1024 * 1024;

export function formatMessage(message: ChildMessage): string {
  return `${JSON.stringify(message)}\n`;
}

/** Null when the line is not a message. */
export function parseMessage(line: string): ChildMessage | null {
  try {
    const value: unknown = JSON.parse(line);
    return isRecord(value) ? messageOf(value) : null;
  } catch {
    // JSON.parse and every expectation below throw; to the caller both are garbage.
    return null;
  }
}

function messageOf(value: Fields): ChildMessage | null {
  switch (value['kind']) {
    case 'snapshot':
      return { kind: 'snapshot', snapshot: snapshotOf(record(value['snapshot'])) };
    case 'xid':
      return {
        kind: 'xid',
        uuid: text(value['uuid']),
        xid: count(value['xid']),
        atMs: finite(value['atMs']),
      };
    case 'watching':
      return { kind: 'watching', uuids: list(value['uuids'], GPUS_MAX).map(text) };
    case 'failure':
      return {
        kind: 'failure',
        backend: oneOf(GPU_BACKENDS, value['backend']),
        failure: oneOf(GPU_FAILURES, value['failure']),
        detail: text(value['detail']),
      };
    case 'absent':
      return { kind: 'absent' };
    case 'tool':
      return {
        kind: 'tool',
        groupId: value['groupId'] === null ? null : groupIdOf(value['groupId']),
      };
    case 'alive':
      return { kind: 'alive' };
    default:
      return null;
  }
}

function snapshotOf(value: Fields): GpuSnapshot {
  return {
    backend: oneOf(GPU_BACKENDS, value['backend']),
    driverVersion: text(value['driverVersion']),
    cudaVersion: text(value['cudaVersion']),
    gpus: list(value['gpus'], GPUS_MAX).map((gpu) => readingOf(record(gpu))),
  };
}

function readingOf(value: Fields): GpuReading {
  return {
    identity: identityOf(record(value['identity'])),
    values: valuesOf(record(value['values'])),
    clockEventReasons: nullable(value['clockEventReasons']),
    nvLinks: list(value['nvLinks'], LINKS_MAX).map((link) => linkOf(record(link))),
    migInstances: list(value['migInstances'], MIG_INSTANCES_MAX).map((mig) => migOf(record(mig))),
    processes: list(value['processes'], PROCESSES_MAX).map((entry) => processOf(record(entry))),
    unreadable: list(value['unreadable'], 1000).map(fieldOf),
    readErrors: count(value['readErrors']),
    isLost: flag(value['isLost']),
  };
}

function identityOf(value: Fields): GpuIdentity {
  const uuid = text(value['uuid']);
  if (uuid === '') throw new TypeError('a GPU without a uuid');
  return {
    uuid,
    name: text(value['name']),
    index: count(value['index']),
    pciBusId: text(value['pciBusId']),
    serial: text(value['serial']),
    vbiosVersion: text(value['vbiosVersion']),
    minorNumber: text(value['minorNumber']),
  };
}

function valuesOf(value: Fields): GpuValues {
  const values: GpuValues = {};
  for (const [name, entry] of Object.entries(value)) values[fieldOf(name)] = finite(entry);
  return values;
}

function linkOf(value: Fields): NvLinkState {
  return { link: count(value['link']), isUp: flag(value['isUp']) };
}

function migOf(value: Fields): MigInstance {
  return {
    uuid: text(value['uuid']),
    name: text(value['name']),
    gpuInstance: count(value['gpuInstance']),
    computeInstance: count(value['computeInstance']),
    memoryTotalBytes: nullable(value['memoryTotalBytes']),
    memoryUsedBytes: nullable(value['memoryUsedBytes']),
  };
}

function processOf(value: Fields): GpuProcess {
  return {
    pid: count(value['pid']),
    name: text(value['name']),
    memoryBytes: finite(value['memoryBytes']),
  };
}

/** Text of a driver, fit for a label: control characters out, at most 100 characters. */
export function labelText(raw: string): string {
  return raw
    .replace(/\p{Cc}/gu, '')
    .trim()
    .slice(0, 100);
}

type Fields = Readonly<Record<string, unknown>>;

function isRecord(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function record(value: unknown): Fields {
  if (!isRecord(value)) throw new TypeError('not an object');
  return value;
}

function text(value: unknown): string {
  if (typeof value !== 'string' || value.length > TEXT_MAX) throw new TypeError('not a short text');
  return value;
}

function finite(value: unknown): number {
  if (typeof value !== 'number' || !Number.isFinite(value)) throw new TypeError('not a number');
  return value;
}

function nullable(value: unknown): number | null {
  return value === null ? null : finite(value);
}

function count(value: unknown): number {
  const number = finite(value);
  if (!Number.isSafeInteger(number) || number < 0) throw new TypeError('not a count');
  return number;
}

/** 0 and 1 would address the caller's own group, or every process there is. */
function groupIdOf(value: unknown): number {
  const groupId = count(value);
  if (groupId < 2) throw new TypeError('not a process group');
  return groupId;
}

function flag(value: unknown): boolean {
  if (typeof value !== 'boolean') throw new TypeError('not a flag');
  return value;
}

function list(value: unknown, max: number): readonly unknown[] {
  if (!Array.isArray(value) || value.length > max) throw new TypeError('not a short list');
  return value;
}

function fieldOf(value: unknown): GpuField {
  if (typeof value !== 'string' || !isGpuField(value)) throw new TypeError('not a field');
  return value;
}

function oneOf<T extends string>(names: readonly T[], value: unknown): T {
  const found = names.find((name) => name === value);
  if (found === undefined) throw new TypeError('not one of the known names');
  return found;
}
