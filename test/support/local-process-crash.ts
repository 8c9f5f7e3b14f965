/** What the crash test and the process that it kills must agree on. */

import { join } from 'node:path';

import type { Workload } from '../../control-plane/model/workload.ts';
import { localWorkload } from './local-workload.ts';

export const CRASH_LIMITS = {
  ...{ tickMs: 20, sweepIntervalMs: 100, settleMs: 50, probeTimeoutMs: 200 },
  ...{ backoffMinMs: 10, backoffMaxMs: 20 },
};

/** Each start of a replica writes its id to a file of its own accord: the truth about starts. */
export function startsFile(directory: string): string {
  return join(directory, 'starts.txt');
}

/** Where the target keeps what it was told of the workload. */
export function recordFile(directory: string): string {
  return join(directory, 'workloads', 'crash.json');
}

export function crashWorkload(directory: string): Workload {
  const program = `echo "$OMNIMIND_REPLICA_ID" >> '${startsFile(directory)}'; exec sleep 300`;
  return localWorkload('crash', {
    command: ['/bin/sh', '-c', program],
    startTimeoutMs: 300_000,
    stopGraceMs: 300,
  });
}
