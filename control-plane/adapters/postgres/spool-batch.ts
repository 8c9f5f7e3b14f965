/**
 * How what waits in a spool comes to the database: a batch at a time, in order, and past what the
 * database refuses for what it holds, which is given up alone. It knows no table; any other failure
 * leaves the batch where it is, to come again.
 */

import { messageOf } from './database-writer.ts';
import type { Spool } from './spool.ts';

export interface BatchOptions {
  /**
   * Rows per write; 500. A write costs one wait for the database's disk however many rows it has, and
   * some 20 µs of this process for each.
   */
  readonly batchMax?: number;
  /** Bytes per write, about; 2 MiB. */
  readonly batchBytesMax?: number;
}

/** What was given up and went wrong last; shared with the spool, which has losses of its own to report. */
export interface Losses {
  dropped: number;
  lastError: string | null;
}

/** Hands the next batch to `write`, and forgets it once that resolves. */
export async function handOn(
  spool: Spool,
  { batchMax = 500, batchBytesMax = 2 * 1024 * 1024 }: BatchOptions,
  write: (lines: readonly string[]) => Promise<void>,
): Promise<void> {
  const { records, mark } = await spool.read(batchMax, batchBytesMax);
  if (records.length > 0) await write(records.map(({ json }) => json));
  await spool.advance(mark);
}

/**
 * Writes all rows; one that the database refuses must not hold up the others: it alone is given up.
 * @param nameOf how the loss is told of
 * @throws the cause when it is no refusal of what a row holds
 */
export async function writeRows<T>(
  rows: readonly T[],
  write: (rows: readonly T[]) => Promise<void>,
  losses: Losses,
  nameOf: (row: T) => string,
): Promise<void> {
  try {
    await write(rows);
  } catch (cause) {
    const [row] = rows;
    if (row === undefined || !isRefusedData(cause)) throw cause;
    if (rows.length === 1) {
      losses.dropped += 1;
      losses.lastError = `the database refused ${nameOf(row)}: ${messageOf(cause)}`;
      return;
    }
    const half = Math.ceil(rows.length / 2);
    await writeRows(rows.slice(0, half), write, losses, nameOf);
    await writeRows(rows.slice(half), write, losses, nameOf);
  }
}

/** SQLSTATE classes 22 (data exception) and 23 (integrity constraint): no retry will help. */
function isRefusedData(cause: unknown): boolean {
  if (!(cause instanceof Error) || !('code' in cause)) return cause instanceof SyntaxError;
  return typeof cause.code === 'string' && /^2[23]/.test(cause.code);
}
