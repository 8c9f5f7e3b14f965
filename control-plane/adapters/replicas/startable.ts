/**
 * The port of a scale target over one that is there between a start and a stop only: before and after
 * it is `unavailable`, and nobody waits for it longer than they meant to.
 */

import type { FencingToken } from '../../model/decision.ts';
import type { Replica, Workload } from '../../model/workload.ts';
import { ScaleTargetError } from '../../ports/scale-target.ts';
import type { ScaleTarget } from '../../ports/scale-target.ts';
import { unlessAborted } from './aborted.ts';

/** The target between its start and its stop; each may throw ScaleTargetError. */
export interface RunningTarget<Mode extends readonly unknown[]> {
  setReplicas(
    workload: Workload,
    replicas: number,
    token: FencingToken,
    signal: AbortSignal,
  ): Promise<void>;
  removeWorkload(workloadId: string, token: FencingToken, signal: AbortSignal): Promise<void>;
  replicasOf(workload: Workload): readonly Replica[] | Promise<readonly Replica[]>;
  workloadIds(): readonly string[] | Promise<readonly string[]>;
  stop(...mode: Mode): Promise<void>;
}

export interface StartableTarget<Mode extends readonly unknown[]> extends ScaleTarget {
  start(): Promise<void>;
  stop(...mode: Mode): Promise<void>;
}

/** @param start makes the target, all of it or, when it rejects, nothing */
export function startableTarget<Mode extends readonly unknown[]>(
  start: () => Promise<RunningTarget<Mode>>,
): StartableTarget<Mode> {
  let running: RunningTarget<Mode> | null = null;
  const active = (): RunningTarget<Mode> => {
    if (running === null) throw new ScaleTargetError('unavailable', 'the target is not started');
    return running;
  };
  return {
    async start() {
      if (running !== null) throw new ScaleTargetError('unavailable', 'already started');
      running = await start();
    },
    async stop(...mode) {
      const ending = running;
      running = null;
      await ending?.stop(...mode);
    },
    setReplicas: (workload, replicas, token, signal) =>
      unlessAborted(signal, () => active().setReplicas(workload, replicas, token, signal)),
    readReplicas: (workload, signal) =>
      unlessAborted(signal, async () => active().replicasOf(workload)),
    listWorkloads: async () => active().workloadIds(),
    removeWorkload: (workloadId, token, signal) =>
      unlessAborted(signal, () => active().removeWorkload(workloadId, token, signal)),
  };
}
