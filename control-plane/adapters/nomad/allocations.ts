/**
 * What an allocation is to the plane: a replica that starts, serves or stops, or none at all any more.
 * Being ready is what Nomad's deployment says of it; the plane probes no allocation.
 */

import type { NomadTarget, Replica, WorkloadOn } from '../../model/workload.ts';
import { NomadError } from './api.ts';
import type { AllocationDetail, AllocationStub } from './groups.ts';

export type NomadWorkload = WorkloadOn<NomadTarget>;

/** An allocation as far as it is known. */
export interface SeenAllocation {
  readonly stub: AllocationStub;
  readonly detail: AllocationDetail;
  /** It was found healthy before. */
  readonly wasHealthy: boolean;
}

/** Whether it is a replica: one that has ended or is lost is none. */
export function isAlive({ desiredStatus, clientStatus }: AllocationStub): boolean {
  const isOver = !['pending', 'running', 'unknown'].includes(clientStatus);
  // Told to stop before it ever ran.
  return !isOver && !(desiredStatus !== 'run' && clientStatus === 'pending');
}

/** Oldest first. Throws NomadError `refused` where one has no port of the label. */
export function replicasOf(
  workload: NomadWorkload,
  allocations: readonly SeenAllocation[],
): readonly Replica[] {
  const { portLabel, metricsPath } = workload.target;
  return allocations
    .filter(({ stub }) => isAlive(stub))
    .toSorted((a, b) => {
      return a.stub.createdAtMs - b.stub.createdAtMs || (a.stub.id < b.stub.id ? -1 : 1);
    })
    .map((seen) => ({
      replicaId: seen.stub.id,
      workloadId: workload.id,
      address: addressOf(seen, portLabel),
      metricsPath,
      phase: phaseOf(seen),
      startedAtMs: seen.stub.createdAtMs,
    }));
}

function phaseOf({ stub, detail, wasHealthy }: SeenAllocation): Replica['phase'] {
  if (stub.desiredStatus !== 'run') return 'stopping';
  if (stub.clientStatus !== 'running' || stub.healthy === false) return 'starting';
  // A registration that leaves it as it is takes its health away until that is found anew; and outside
  // of a deployment nobody ever says.
  const isSound = stub.healthy ?? (wasHealthy || detail.isUpdatedInPlace || !detail.isDeployed);
  return isSound && areUp(stub, detail) ? 'ready' : 'starting';
}

function areUp({ tasks }: AllocationStub, { mainTasks }: AllocationDetail): boolean {
  const names = mainTasks.length === 0 ? Object.keys(tasks) : mainTasks;
  return names.length > 0 && names.every((name) => tasks[name] === 'running');
}

function addressOf({ stub, detail }: SeenAllocation, label: string): string {
  const address = detail.addresses[label];
  if (address !== undefined) return address;
  const known = Object.keys(detail.addresses).join(', ') || 'none';
  throw new NomadError(
    'refused',
    `the allocation ${stub.id} has no port "${label}", only ${known}; name one of the group's in the workload`,
  );
}
