/**
 * What the agent remembers of its GPUs between scrapes: the last reading, who was ever seen, what
 * was counted. It takes the child's messages and emits series, from memory and in one go; values
 * older than the staleness limit are left out, counters and identities stay. No I/O, no timers.
 */

import type { Emit } from '../collector.ts';
import { GPU_FAILURES, type ChildMessage, type GpuFailure } from '../sources/gpu/protocol.ts';
import {
  CLOCK_EVENT_REASONS,
  type GpuBackendName,
  type GpuReading,
  type GpuSnapshot,
} from '../sources/gpu/snapshot.ts';
import * as families from './gpu-families.ts';
import { createKnownGpus, type GpuInventoryEntry } from './gpu-known.ts';
import { createXidCounters } from './gpu-xid.ts';

export interface GpuRecord {
  take(message: ChildMessage): void;
  takeGarbage(): void;
  takeHung(): void;
  takeCrash(signal: string): void;
  emit(emit: Emit, restarts: number): void;
  /** The GPUs of the last reading, in the driver's order; empty before the first. */
  inventory(): readonly GpuInventoryEntry[];
  /** Why no values are read now, in words; null when they are, or when there is no GPU. */
  lastError(): string | null;
}

export interface RecordOptions {
  readonly stalenessMs: number;
  /** Monotonic, in ms. */
  readonly nowMs: () => number;
  /** Since the epoch, in ms. */
  readonly wallMs: () => number;
}

interface Latest {
  readonly backend: GpuBackendName;
  readonly readings: readonly GpuReading[];
  readonly atMs: number;
  readonly wallMs: number;
}

export function createGpuRecord(options: RecordOptions): GpuRecord {
  const known = createKnownGpus();
  const xids = createXidCounters();
  let latest: Latest | null = null;
  let failure: { readonly reason: GpuFailure; readonly detail: string } | null = null;
  let isHung = false;
  let garbage = 0;

  function takeSnapshot(snapshot: GpuSnapshot): void {
    const readings = known.take(snapshot);
    const { backend } = snapshot;
    latest = { backend, readings, atMs: options.nowMs(), wallMs: options.wallMs() };
    failure = null;
    isHung = false;
  }

  function takeFailure(reason: GpuFailure, detail: string): void {
    if (reason === 'driver_hung') isHung = true;
    // That a host has no AMD GPU either must not hide why its NVIDIA GPU cannot be read.
    if (isAbsence(reason) && failure !== null && !isAbsence(failure.reason)) return;
    failure = { reason, detail };
  }

  /** Null when there is none, or it is too old. */
  function fresh(): Latest | null {
    return latest !== null && options.nowMs() - latest.atMs <= options.stalenessMs ? latest : null;
  }

  return {
    take(message) {
      switch (message.kind) {
        case 'snapshot':
          takeSnapshot(message.snapshot);
          return;
        case 'xid':
          xids.add(message.uuid, message.xid, message.atMs);
          return;
        case 'watching':
          for (const uuid of message.uuids) xids.open(uuid);
          return;
        case 'failure':
          takeFailure(message.failure, `${message.backend}: ${message.detail}`);
          return;
        case 'absent':
          failure = null;
          isHung = false;
          return;
        case 'tool':
        case 'alive':
          return;
      }
    },
    takeGarbage: () => void (garbage += 1),
    takeHung: () => takeFailure('driver_hung', 'the collecting process fell silent'),
    takeCrash: (signal) => takeFailure('crashed', `the collecting process died of ${signal}`),
    emit(emit, restarts) {
      const current = fresh();
      const readable = current?.readings.filter((reading) => !reading.isLost) ?? [];
      emit(families.CHILD_RESTARTS, restarts);
      emit(families.CHILD_GARBAGE, garbage);
      emitStatus(emit, readable.length, isHung, failure?.reason ?? null);
      if (latest !== null) emit(families.LAST_SUCCESS, latest.wallMs / 1000);
      if (current !== null) emit(families.BACKEND_INFO, 1, current.backend);
      known.emit(emit, latest?.readings ?? null);
      xids.emit(emit);
      for (const reading of readable) emitReading(emit, reading);
    },
    inventory: () => known.inventory(latest?.readings ?? []),
    lastError: () => (failure === null ? null : `${failure.reason}: ${failure.detail}`),
  };
}

function isAbsence(reason: GpuFailure): boolean {
  return reason === 'not_installed' || reason === 'no_device';
}

function emitStatus(
  emit: Emit,
  devices: number,
  isHung: boolean,
  failure: GpuFailure | null,
): void {
  emit(families.AVAILABLE, devices > 0 ? 1 : 0);
  emit(families.DEVICES, devices);
  emit(families.DRIVER_HUNG, isHung ? 1 : 0);
  for (const reason of GPU_FAILURES) {
    emit(families.SOURCE_FAILED, failure === reason ? 1 : 0, reason);
  }
}

function emitReading(emit: Emit, reading: GpuReading): void {
  const { uuid } = reading.identity;
  for (const [field, { family }] of families.FIELDS) {
    const value = reading.values[field];
    if (value !== undefined) emit(family, value, uuid);
  }
  const mask = reading.clockEventReasons;
  if (mask !== null) {
    CLOCK_EVENT_REASONS.forEach((reason, bit) =>
      emit(families.CLOCK_EVENT_REASON, Math.floor(mask / 2 ** bit) % 2, uuid, reason),
    );
  }
  for (const { link, isUp } of reading.nvLinks) {
    emit(families.NVLINK_UP, isUp ? 1 : 0, uuid, String(link));
  }
  for (const mig of reading.migInstances) {
    const instances = [String(mig.gpuInstance), String(mig.computeInstance)];
    emit(families.MIG_INFO, 1, uuid, mig.uuid, mig.name, ...instances);
    if (mig.memoryTotalBytes !== null) {
      emit(families.MIG_MEMORY_TOTAL, mig.memoryTotalBytes, uuid, mig.uuid);
    }
    if (mig.memoryUsedBytes !== null) {
      emit(families.MIG_MEMORY_USED, mig.memoryUsedBytes, uuid, mig.uuid);
    }
  }
  for (const { pid, name, memoryBytes } of reading.processes) {
    emit(families.PROCESS_MEMORY, memoryBytes, uuid, String(pid), name);
  }
}
