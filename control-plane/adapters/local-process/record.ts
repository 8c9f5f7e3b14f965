/**
 * What the target remembers of one workload: what it was told, by which token, and its slots. A
 * slot is a place for one replica; the replica in it is numbered anew with each start. Pure: the
 * changes are functions from record to record, and disk is another file's business.
 */

import type { FencingToken } from '../../model/decision.ts';
import type { LocalProcessTarget, WorkloadOn } from '../../model/workload.ts';
import type { ProcessIdentity } from './processes.ts';

export type LocalWorkload = WorkloadOn<LocalProcessTarget>;

export interface Slot {
  /** Counts up within the workload and is never used again. */
  readonly slotId: number;
  /** The token of the command that added the slot. */
  readonly token: FencingToken;
  /** Starts so far, the one under way included; 0 before the first. */
  readonly starts: number;
  /** Port of the replica that was started last. */
  readonly port: number | null;
  readonly startedAtMs: number | null;
  /** Null until the start is recorded, and after the process has ended. */
  readonly process: ProcessIdentity | null;
  /** Starts in a row that ended before the replica had been ready for long; drives the back-off. */
  readonly failures: number;
  /** True once the slot shall be empty; it never comes back from that. */
  readonly stopping: boolean;
  /** Why the process is null after a start: the plane ended it on purpose, so it has not failed. */
  readonly paused: boolean;
}

export interface WorkloadRecord {
  readonly formatVersion: 1;
  readonly workload: LocalWorkload;
  readonly replicas: number;
  readonly token: FencingToken;
  /** A removed workload stays until its slots are empty, and then as the memory of its token. */
  readonly removed: boolean;
  readonly nextSlotId: number;
  /** Oldest first. */
  readonly slots: readonly Slot[];
}

export function emptyRecord(workload: LocalWorkload, token: FencingToken): WorkloadRecord {
  const none = { replicas: 0, removed: false, nextSlotId: 1, slots: [] };
  return { formatVersion: 1, workload, token, ...none };
}

/**
 * The record that wants this many replicas: new slots join at the end, and the newest of those
 * that shall run are the ones to stop. Each slot is added once, by the token that asked for it.
 */
export function withReplicas(
  record: WorkloadRecord,
  workload: LocalWorkload,
  replicas: number,
  token: FencingToken,
): WorkloadRecord {
  const running = record.slots.filter((slot) => !slot.stopping);
  const keep = new Set(running.slice(0, replicas).map((slot) => slot.slotId));
  const slots = record.slots.map((slot) =>
    slot.stopping || keep.has(slot.slotId) ? slot : { ...slot, stopping: true },
  );
  const added = Math.max(0, replicas - running.length);
  for (let nth = 0; nth < added; nth += 1) slots.push(newSlot(record.nextSlotId + nth, token));
  const nextSlotId = record.nextSlotId + added;
  return { ...record, workload, replicas, token, removed: false, nextSlotId, slots };
}

/** The record of a workload that shall be gone. */
export function withRemoval(record: WorkloadRecord, token: FencingToken): WorkloadRecord {
  return { ...withReplicas(record, record.workload, 0, token), removed: true };
}

export function withSlot(record: WorkloadRecord, slot: Slot): WorkloadRecord {
  const slots = record.slots.map((each) => (each.slotId === slot.slotId ? slot : each));
  return { ...record, slots };
}

export function withoutSlot(record: WorkloadRecord, slotId: number): WorkloadRecord {
  return { ...record, slots: record.slots.filter((slot) => slot.slotId !== slotId) };
}

/** Id of the replica in a slot: unique over all starts. Null before the first start. */
export function replicaIdOf(workloadId: string, slot: Slot): string | null {
  return slot.starts === 0 ? null : `${workloadId}-${slot.slotId}-${slot.starts}`;
}

function newSlot(slotId: number, token: FencingToken): Slot {
  return {
    ...{ slotId, token, starts: 0, port: null, startedAtMs: null, process: null },
    ...{ failures: 0, stopping: false, paused: false },
  };
}
