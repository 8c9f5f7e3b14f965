/**
 * Counts XID errors per GPU. The known ones are exported at 0 for each GPU whose events are watched: a
 * counter that is born at 1 has no earlier sample, and the first error, which matters most, would
 * be invisible to increase(). What to do about an XID is for rules and runbook, not decided here.
 */

import type { Emit } from '../collector.ts';
import { XID_ERRORS, XID_LAST } from './gpu-families.ts';

/** By what they ask for (source: NVIDIA's XID catalogue and the rules of public exporters). */
export const XID_CATALOGUE = {
  /** Drain the node, reset the GPU or reboot. */
  critical: [48, 62, 64, 74, 79, 95, 119, 120],
  /** Contained memory error: the job is lost, the GPU goes on. */
  warning: [94],
  /** Faults of the application. */
  application: [13, 31, 43],
  /** Bookkeeping of the driver. */
  informational: [63, 92],
} as const;

const known: readonly number[] = Object.values(XID_CATALOGUE).flat();

/** Other XIDs per GPU; what comes beyond is counted as xid="other". */
const OTHERS_MAX = 32;
/** GPUs with counters; as many as a host can hold, a few times replaced. */
const GPUS_MAX = 128;

export interface XidCounters {
  /** Makes the known XIDs of a GPU appear at 0. */
  open(uuid: string): void;
  add(uuid: string, xid: number, atMs: number): void;
  emit(emit: Emit): void;
}

interface Counter {
  total: number;
  lastMs: number | null;
}

export function createXidCounters(): XidCounters {
  const byGpu = new Map<string, Map<string, Counter>>();

  function open(uuid: string): Map<string, Counter> | null {
    const existing = byGpu.get(uuid);
    if (existing !== undefined) return existing;
    if (byGpu.size >= GPUS_MAX) return null;
    const counters = new Map(
      known.map((xid): [string, Counter] => [String(xid), { total: 0, lastMs: null }]),
    );
    byGpu.set(uuid, counters);
    return counters;
  }

  return {
    open: (uuid) => void open(uuid),
    add(uuid, xid, atMs) {
      const counters = open(uuid);
      if (counters === null) return;
      const name = String(xid);
      const isFull = !counters.has(name) && counters.size >= known.length + OTHERS_MAX;
      const label = isFull ? 'other' : name;
      const counter = counters.get(label) ?? { total: 0, lastMs: null };
      counter.total += 1;
      counter.lastMs = atMs;
      counters.set(label, counter);
    },
    emit(emit) {
      for (const [uuid, counters] of byGpu) {
        for (const [xid, { total, lastMs }] of counters) {
          emit(XID_ERRORS, total, uuid, xid);
          if (lastMs !== null) emit(XID_LAST, lastMs / 1000, uuid, xid);
        }
      }
    },
  };
}
