/** Workloads for tests of scale targets. */

import { fileURLToPath } from 'node:url';

import type { LocalProcessTarget, WorkloadOn } from '../../control-plane/model/workload.ts';
import { workload } from './log-commands.ts';

const SERVER = fileURLToPath(new URL('./replica-server.ts', import.meta.url));

export function localWorkload(
  id: string,
  target: Partial<LocalProcessTarget> = {},
): WorkloadOn<LocalProcessTarget> {
  const some = workload(id, { replicasInitial: 1 });
  const own = { command: [process.execPath, SERVER], startTimeoutMs: 20_000, stopGraceMs: 3_000 };
  return { ...some, target: { ...some.target, ...own, ...target } };
}
