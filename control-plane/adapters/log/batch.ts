/**
 * Entries as the bytes of one write: their records, and padding up to a sector boundary. Large ones
 * are made in turns of the event loop. What a payload holds while this runs is what gets written.
 */

import { setImmediate as nextTurn } from 'node:timers/promises';
import type { LogEntry } from '../../model/log-entry.ts';
import { planRecord, writeRecord, writeRecordInTurns } from './record.ts';
import { PADDING, sectorEnd } from './sectors.ts';

/** What is made between two turns of the event loop: about a millisecond's work. */
const TURN_BYTES = 1024 * 1024;

export interface Batch {
  readonly bytes: Buffer;
  /** Of each record, from the beginning of the bytes. */
  readonly offsets: readonly number[];
}

export async function encodeBatch(
  entries: readonly LogEntry[],
  batchFirstIndex: number,
): Promise<Batch> {
  const plans = entries.map(planRecord);
  const size = plans.reduce((sum, plan) => sum + plan.bytes, 0);
  const bytes = Buffer.allocUnsafe(sectorEnd(size));
  bytes.fill(PADDING, size);
  const offsets: number[] = [];
  let end = 0;
  let turnEnd = TURN_BYTES;
  for (const plan of plans) {
    offsets.push(end);
    if (end + plan.bytes > turnEnd) {
      await nextTurn();
      turnEnd = end + TURN_BYTES;
    }
    if (plan.bytes > TURN_BYTES) await writeRecordInTurns(bytes, end, plan, batchFirstIndex);
    else writeRecord(bytes, end, plan, batchFirstIndex);
    end += plan.bytes;
  }
  return { bytes, offsets };
}
