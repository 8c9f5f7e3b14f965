/**
 * The contract of a back-end inside the GPU child: it runs until it can read no more (or the
 * signal aborts) and says why. It reports through messages and never writes to stdout itself.
 */

import type { ChildMessage, GpuFailure } from './protocol.ts';

export type Report = (message: ChildMessage) => void;

export interface BackendEnd {
  readonly failure: GpuFailure;
  readonly detail: string;
}

/** Resolves with why it ended; an abort ends it too. Rejects on a bug alone. */
export type RunBackend = (report: Report, signal: AbortSignal) => Promise<BackendEnd>;

/** Resolves after `ms`, or at once when the signal aborts. Never rejects. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) {
      resolve();
      return;
    }
    const timer = setTimeout(done, ms);
    signal.addEventListener('abort', done, { once: true });
    function done(): void {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    }
  });
}
