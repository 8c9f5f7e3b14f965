/** What a target owes a caller who may give up: an end of the waiting, whatever the work does. */

import { ScaleTargetError } from '../../ports/scale-target.ts';

/**
 * Rejects with ScaleTargetError `unavailable` when the signal aborts. The work may still take effect:
 * the same token again is safe. Of an aborted caller it is not begun.
 */
export async function unlessAborted<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  const aborted = Promise.withResolvers<never>();
  const onAbort = (): void => {
    const cause: unknown = signal.reason;
    aborted.reject(new ScaleTargetError('unavailable', 'aborted by the caller', { cause }));
  };
  if (signal.aborted) onAbort();
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await (signal.aborted ? aborted.promise : Promise.race([work(), aborted.promise]));
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
