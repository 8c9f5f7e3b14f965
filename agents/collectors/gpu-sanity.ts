/**
 * Throws out readings that cannot be true: utilization above 100 %, the driver's sentinels
 * (4294967295, 9223372036854775794), negative numbers, more memory in use than there is. A rejected
 * value is left out and its field named for the counter; it is never clamped, because a clamped
 * lie would look like a measurement. Pure.
 */

import type { GpuField, GpuReading, GpuValues, MigInstance } from '../sources/gpu/snapshot.ts';
import { isGpuField } from '../sources/gpu/snapshot.ts';
import { FIELDS } from './gpu-families.ts';

/** Used memory may exceed the total by rounding (MiB) and by accounting that lags. */
const MEMORY_TOLERANCE = 1.01;
const CLOCK_REASONS_MASK_MAX = Number.MAX_SAFE_INTEGER;

export interface SaneReading {
  readonly reading: GpuReading;
  /** One entry per rejected value. */
  readonly rejected: readonly RejectedField[];
}

/** A field, or one of the lists that are not fields. */
export type RejectedField =
  GpuField | 'clock_event_reasons' | 'mig_memory_bytes' | 'process_memory_bytes';

export function rejectImpossible(reading: GpuReading): SaneReading {
  const rejected: RejectedField[] = [...reading.unreadable];
  const values = saneValues(reading.values, rejected);
  const reasons = reading.clockEventReasons;
  const hasReasons = reasons === null || reasons <= CLOCK_REASONS_MASK_MAX;
  if (!hasReasons) rejected.push('clock_event_reasons');
  return {
    reading: {
      ...reading,
      values,
      clockEventReasons: hasReasons ? reasons : null,
      migInstances: reading.migInstances.map((mig) => saneMig(mig, rejected)),
      processes: reading.processes.filter((process) => {
        const isPossible = isWithin('memory_used_bytes', process.memoryBytes);
        if (!isPossible) rejected.push('process_memory_bytes');
        return isPossible;
      }),
    },
    rejected,
  };
}

function saneValues(values: GpuValues, rejected: RejectedField[]): GpuValues {
  const kept: GpuValues = {};
  for (const [field, value] of Object.entries(values)) {
    if (!isGpuField(field)) continue;
    if (isWithin(field, value)) kept[field] = value;
    else rejected.push(field);
  }
  const { memory_total_bytes: total, memory_used_bytes: used } = kept;
  if (total !== undefined && used !== undefined && used > total * MEMORY_TOLERANCE) {
    rejected.push('memory_used_bytes');
    delete kept.memory_used_bytes;
  }
  return kept;
}

function saneMig(mig: MigInstance, rejected: RejectedField[]): MigInstance {
  const total = saneMemory('memory_total_bytes', mig.memoryTotalBytes, rejected);
  const used = saneMemory('memory_used_bytes', mig.memoryUsedBytes, rejected);
  if (total !== null && used !== null && used > total * MEMORY_TOLERANCE) {
    rejected.push('mig_memory_bytes');
    return { ...mig, memoryTotalBytes: total, memoryUsedBytes: null };
  }
  return { ...mig, memoryTotalBytes: total, memoryUsedBytes: used };
}

function saneMemory(
  field: GpuField,
  value: number | null,
  rejected: RejectedField[],
): number | null {
  if (value === null || isWithin(field, value)) return value;
  rejected.push('mig_memory_bytes');
  return null;
}

function isWithin(field: GpuField, value: number): boolean {
  const definition = FIELDS.get(field);
  return definition !== undefined && value >= definition.min && value <= definition.max;
}
