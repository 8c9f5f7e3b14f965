/**
 * The log of refused Raft connections. Whoever reaches the port can be refused as often as it likes, so
 * a cause gets one line per interval, with how many it stands for. It counts nothing for series, which
 * have every refusal, and it starts no timer: what comes after a cause's last line is told by the next.
 */

import type { RefusalCause } from '../model/raft-connection.ts';
import type { Clock } from '../ports/clock.ts';
import type { Logger } from '../telemetry/logs.ts';

/** Between two lines of one cause, in ms. */
export const REFUSAL_LINE_EVERY_MS = 10_000;

/** `remote` and `detail` are those of the refusal that is written. */
export type RefusalLog = (cause: RefusalCause, remote: string, detail: string) => void;

interface Line {
  readonly atMs: number;
  /** Refusals of the cause that were not written since. */
  suppressed: number;
}

export function createRefusalLog(
  logger: Pick<Logger, 'info'>,
  clock: Pick<Clock, 'monotonicMs'>,
  everyMs: number = REFUSAL_LINE_EVERY_MS,
): RefusalLog {
  /** As many as there are causes, at most. */
  const last = new Map<RefusalCause, Line>();
  return (cause, remote, detail) => {
    const atMs = clock.monotonicMs();
    const line = last.get(cause);
    if (line !== undefined && atMs - line.atMs < everyMs) {
      line.suppressed += 1;
      return;
    }
    last.set(cause, { atMs, suppressed: 0 });
    const suppressed = line?.suppressed ?? 0;
    logger.info({ cause, remote, detail, suppressed }, 'a Raft connection was refused');
  };
}
