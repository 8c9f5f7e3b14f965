/**
 * A scale target in memory: replicas are objects that are ready as soon as they are told. What it
 * keeps in `world` survives it, as processes and disk survive the real ones.
 */

import type { FencingToken } from '../../control-plane/model/decision.ts';
import type { Replica, Workload } from '../../control-plane/model/workload.ts';
import { ScaleTargetError } from '../../control-plane/ports/scale-target.ts';
import type { ScaleTarget } from '../../control-plane/ports/scale-target.ts';

interface MemoryWorkload {
  token: FencingToken;
  removed: boolean;
  workload: Workload | null;
  wanted: number;
  replicas: Replica[];
}

/** What outlives one target object. */
export interface MemoryWorld {
  readonly workloads: Map<string, MemoryWorkload>;
  started: number;
}

export interface MemoryScaleTarget extends ScaleTarget {
  /** Ends a replica as a crash would: another one takes its place. */
  endReplica(replicaId: string): void;
  /** While set, every call fails with `unavailable`. */
  unavailable: boolean;
}

export function createMemoryWorld(): MemoryWorld {
  return { workloads: new Map(), started: 0 };
}

export function createMemoryScaleTarget(
  world: MemoryWorld = createMemoryWorld(),
  nowMs: () => number = () => 0,
): MemoryScaleTarget {
  const converge = (id: string, entry: MemoryWorkload): void => {
    entry.replicas.length = Math.min(entry.replicas.length, entry.wanted);
    while (entry.replicas.length < entry.wanted) {
      world.started += 1;
      entry.replicas.push({
        replicaId: `${id}-${world.started}`,
        workloadId: id,
        address: `127.0.0.1:${30_000 + world.started}`,
        metricsPath: entry.workload?.target.metricsPath ?? '/metrics',
        phase: 'ready',
        startedAtMs: nowMs(),
      });
    }
  };
  const refuse = (signal: AbortSignal): void => {
    if (target.unavailable) throw new ScaleTargetError('unavailable', 'made unavailable');
    if (signal.aborted) throw new ScaleTargetError('unavailable', 'aborted by the caller');
  };
  /** True when the token is newer than the entry's. */
  const fence = (entry: MemoryWorkload, token: FencingToken): boolean => {
    const order = entry.token.term - token.term || entry.token.index - token.index;
    if (order > 0) throw new ScaleTargetError('stale_token', 'older than the newest seen');
    return order < 0;
  };
  const apply = (id: string, token: FencingToken, change: Partial<MemoryWorkload>): void => {
    const entry = world.workloads.get(id) ?? {
      token: { term: -1, index: -1 },
      ...{ removed: true, workload: null, wanted: 0, replicas: [] },
    };
    if (!fence(entry, token)) return;
    Object.assign(entry, change, { token });
    world.workloads.set(id, entry);
    converge(id, entry);
  };

  const target: MemoryScaleTarget = {
    unavailable: false,
    setReplicas: async (workload, replicas, token, signal) => {
      await Promise.resolve();
      refuse(signal);
      if (!Number.isSafeInteger(replicas) || replicas < 0) {
        throw new ScaleTargetError('rejected', `${replicas} is not a number of replicas`);
      }
      apply(workload.id, token, { workload, wanted: replicas, removed: false });
    },
    readReplicas: async (workload, signal) => {
      await Promise.resolve();
      refuse(signal);
      return [...(world.workloads.get(workload.id)?.replicas ?? [])];
    },
    listWorkloads: () =>
      Promise.resolve([...world.workloads].filter(([, entry]) => !entry.removed).map(([id]) => id)),
    removeWorkload: async (workloadId, token, signal) => {
      await Promise.resolve();
      refuse(signal);
      if (world.workloads.has(workloadId)) apply(workloadId, token, { wanted: 0, removed: true });
    },
    endReplica(replicaId) {
      for (const [id, entry] of world.workloads) {
        const left = entry.replicas.filter((replica) => replica.replicaId !== replicaId);
        entry.replicas.splice(0, entry.replicas.length, ...left);
        converge(id, entry);
      }
    },
  };
  return target;
}
