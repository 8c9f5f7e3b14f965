/**
 * The changes that the target makes on the engine, as whole acts: a replica's container made, started,
 * stopped, removed; a record written. Each asks for the lease with nothing between that and the call,
 * and takes what is done already for done. When which of them is due is decided elsewhere.
 */

import type { WorkloadOn, DockerTarget } from '../../model/workload.ts';
import { ScaleTargetError } from '../../ports/scale-target.ts';
import { EngineError } from './engine.ts';
import type { ContainerSpec, Engine } from './engine.ts';
import { recordLabels, recordName, replicaIdOf, replicaLabels, replicaName } from './labels.ts';
import type { ReplicaLabels, ToldRecord } from './labels.ts';

export interface ContainersOptions {
  readonly owner: string;
  readonly engine: Engine;
  readonly mayAct: () => boolean;
  /** Ends every call when the target stops. */
  readonly signal: AbortSignal;
}

export type ReplicaPlace = Pick<ReplicaLabels, 'number' | 'replaces' | 'failures'>;

export class Containers {
  readonly #options: ContainersOptions;

  constructor(options: ContainersOptions) {
    this.#options = options;
  }

  createReplica({ workload, token }: ToldRecord, place: ReplicaPlace): Promise<void> {
    const { owner } = this.#options;
    const { image, command, network, port, memoryBytes, cpus, ...target } = workload.target;
    const { environment, readinessPath, metricsPath } = target;
    const replicaId = replicaIdOf(workload.id, place.number);
    const endpoint = { network, port, readinessPath, metricsPath };
    return this.#create({
      name: replicaName(owner, workload.id, place.number),
      ...{ image, command, network, memoryBytes, cpus },
      environment: { ...environment, PORT: String(port), [REPLICA_VARIABLE]: replicaId },
      labels: replicaLabels(owner, { workloadId: workload.id, token, ...place, ...endpoint }),
    });
  }

  async start(id: string): Promise<void> {
    this.#requireLease();
    await this.#options.engine.start(id, this.#options.signal);
  }

  async stop(id: string, graceMs: number): Promise<void> {
    this.#requireLease();
    await unless(['missing'], this.#options.engine.stop(id, graceMs, this.#options.signal));
  }

  /** `conflict`: somebody else is about to, or it runs; the next list shows it. */
  async remove(id: string): Promise<void> {
    this.#requireLease();
    const removing = this.#options.engine.remove(id, this.#options.signal);
    await unless(['missing', 'conflict'], removing);
  }

  /** With another image where its own is gone by now, if one is given. */
  async writeRecord(record: ToldRecord, heldImage: string | null): Promise<void> {
    const { owner } = this.#options;
    const { id, target } = record.workload;
    const spec = {
      name: recordName(owner, id, record.token),
      // Never started: only an image without a command needs one to be made at all.
      ...{ image: target.image, command: target.command, environment: {}, network: 'none' },
      ...{ labels: recordLabels(owner, record), memoryBytes: null, cpus: null },
    };
    try {
      await this.#create(spec);
    } catch (error) {
      if (!isMissing(error) || heldImage === null) throw error;
      await this.#create({ ...spec, image: heldImage });
    }
  }

  /** A name that is taken is that of an earlier try, which arrived although its answer did not. */
  async #create(spec: ContainerSpec): Promise<void> {
    this.#requireLease();
    await unless(['conflict'], this.#options.engine.create(spec, this.#options.signal));
  }

  #requireLease(): void {
    if (this.#options.mayAct()) return;
    throw new EngineError('unavailable', 'another may have become the one to act');
  }
}

/** Tells a replica its id, as replicas of the target local_process are told. */
const REPLICA_VARIABLE = 'OMNIMIND_REPLICA_ID';

/** What a command's failure is to the one who gave it. */
export function refusalOf(
  cause: unknown,
  { id, target }: WorkloadOn<DockerTarget>,
): ScaleTargetError {
  if (isMissing(cause)) {
    const detail = `${id}: the engine has no image ${target.image}; pull or build it there first`;
    return new ScaleTargetError('rejected', detail, { cause });
  }
  const message = cause instanceof Error ? cause.message : String(cause);
  const isRefused = cause instanceof EngineError && cause.failure === 'refused';
  return new ScaleTargetError(isRefused ? 'rejected' : 'unavailable', message, { cause });
}

function isMissing(error: unknown): boolean {
  return error instanceof EngineError && error.failure === 'missing';
}

async function unless(failures: readonly string[], work: Promise<void>): Promise<void> {
  try {
    await work;
  } catch (error) {
    if (!(error instanceof EngineError) || !failures.includes(error.failure)) throw error;
  }
}
