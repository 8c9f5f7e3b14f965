/**
 * Everything that outlives one reading: which GPUs were ever seen, their counters of failed reads,
 * and how many values of which field were rejected. Emits identities and those counters; the
 * values of the moment are gpu-record.ts's. Pure but for its own memory, which is bounded.
 */

import type { Emit } from '../collector.ts';
import type { GpuReading, GpuSnapshot } from '../sources/gpu/snapshot.ts';
import { INFO, INVALID_SAMPLES, LOST, READ_ERRORS } from './gpu-families.ts';
import { rejectImpossible } from './gpu-sanity.ts';

export interface GpuInventoryEntry {
  readonly uuid: string;
  readonly name: string;
  /** 0 when the driver does not say. */
  readonly memoryBytes: number;
}

export interface KnownGpus {
  /** Returns the readings without their impossible values. */
  take(snapshot: GpuSnapshot): readonly GpuReading[];
  /** `last` are the readings of the last snapshot, however old; null before the first. */
  emit(emit: Emit, last: readonly GpuReading[] | null): void;
  inventory(last: readonly GpuReading[]): readonly GpuInventoryEntry[];
}

interface KnownGpu {
  identity: GpuReading['identity'];
  driverVersion: string;
  cudaVersion: string;
  memoryBytes: number;
  readErrors: number;
}

/** GPUs ever seen; beyond it a new one is still read but not remembered as lost. */
const KNOWN_MAX = 128;

export function createKnownGpus(): KnownGpus {
  const known = new Map<string, KnownGpu>();
  /** By a closed set of field names, so bounded. */
  const invalid = new Map<string, number>();

  function count(field: string, by: number): void {
    invalid.set(field, (invalid.get(field) ?? 0) + by);
  }

  function remember(reading: GpuReading, snapshot: GpuSnapshot): void {
    const { identity, values, readErrors } = reading;
    const before = known.get(identity.uuid);
    if (before === undefined && known.size >= KNOWN_MAX) return;
    known.set(identity.uuid, {
      identity,
      driverVersion: snapshot.driverVersion,
      cudaVersion: snapshot.cudaVersion,
      memoryBytes: values.memory_total_bytes ?? before?.memoryBytes ?? 0,
      readErrors: (before?.readErrors ?? 0) + readErrors,
    });
  }

  return {
    take(snapshot) {
      return snapshot.gpus.map((gpu) => {
        const { reading, rejected } = rejectImpossible(gpu);
        // Seen once is exported at 0, so that the first rejection is an increase.
        for (const field of Object.keys(gpu.values)) count(field, 0);
        for (const field of rejected) count(field, 1);
        remember(reading, snapshot);
        return reading;
      });
    },
    emit(emit, last) {
      for (const [field, total] of invalid) emit(INVALID_SAMPLES, total, field);
      for (const gpu of known.values()) {
        emitIdentity(emit, gpu);
        emit(LOST, isLost(gpu.identity.uuid, last) ? 1 : 0, gpu.identity.uuid);
        emit(READ_ERRORS, gpu.readErrors, gpu.identity.uuid);
      }
    },
    inventory: (last) =>
      last.map(({ identity: { uuid, name } }) => {
        return { uuid, name, memoryBytes: known.get(uuid)?.memoryBytes ?? 0 };
      }),
  };
}

/** Values that are only stale say nothing of whether the GPU is still there. */
function isLost(uuid: string, last: readonly GpuReading[] | null): boolean {
  if (last === null) return false;
  const reading = last.find((entry) => entry.identity.uuid === uuid);
  return reading === undefined || reading.isLost;
}

function emitIdentity(emit: Emit, gpu: KnownGpu): void {
  const { uuid, name, index, pciBusId, serial, vbiosVersion, minorNumber } = gpu.identity;
  emit(
    INFO,
    1,
    ...[uuid, name, String(index), gpu.driverVersion, gpu.cudaVersion],
    ...[pciBusId, serial, vbiosVersion, minorNumber],
  );
}
