/**
 * Shows how much room the file system of the data directory has: log, snapshots and spool end when it
 * is full. A reading that fails or hangs shows no number, never an old one, and none is begun while
 * one hangs.
 */

import type { DiskSpace } from '../adapters/disk/space.ts';
import { within } from '../loops/deadline.ts';
import { reportedRun } from '../loops/reported-run.ts';
import type { RunReport } from '../loops/reported-run.ts';

export interface DiskWatchOptions extends Omit<RunReport, 'loop'> {
  readonly readSpace: () => Promise<DiskSpace>;
  /** Of one reading, in ms. */
  readonly timeoutMs: number;
}

/** One look per call; rejects when there was no answer in time. */
export function createDiskWatch(options: DiskWatchOptions): (signal: AbortSignal) => Promise<void> {
  const { series, timeoutMs } = options;
  const show = ({ availableBytes, sizeBytes }: DiskSpace): void => {
    series.dataDiskAvailable.set({}, availableBytes);
    series.dataDiskSize.set({}, sizeBytes);
  };
  const showNothing = (): void => show({ availableBytes: NaN, sizeBytes: NaN });
  showNothing();
  let reading: Promise<DiskSpace> | null = null;
  const read = (): Promise<DiskSpace> => {
    if (reading !== null) return reading;
    const begun = options.readSpace().finally(() => {
      reading = null;
    });
    // Nobody may be waiting for it any more when it fails.
    begun.catch(() => undefined);
    reading = begun;
    return begun;
  };
  return (signal) =>
    reportedRun({ ...options, loop: 'disk' }, signal, async () => {
      try {
        show(await within(timeoutMs, signal, read));
      } catch (error) {
        showNothing();
        throw error;
      }
    });
}
