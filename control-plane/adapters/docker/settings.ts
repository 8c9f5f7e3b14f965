/** How the target reaches the engine, what bounds it, and what it tells of its doings. */

import type { EngineAddress } from '../../schemas/engine-address.ts';
import { REPLICA_LIMITS } from '../replicas/limits.ts';
import type { ReplicaLimits } from '../replicas/limits.ts';

export interface DockerSettings {
  /** With TLS it is checked against the system's authorities. */
  readonly engine: EngineAddress;
  /** Whose containers these are: the cluster's name. Two clusters on one engine need two names. */
  readonly owner: string;
  readonly onEvent?: (event: DockerEvent) => void;
  /**
   * Asked just before each call that changes anything: false where another may have become the one
   * to act, whatever this process believed a moment ago. Always true when absent.
   */
  readonly mayAct?: () => boolean;
  readonly limits?: Partial<DockerLimits>;
}

export interface DockerLimits extends ReplicaLimits {
  /** Between two looks at the engine, in ms; commands and the ends of calls are looked after at once. */
  readonly tickMs: number;
  /** Deadline of one call, in ms; a stop has the workload's grace on top. */
  readonly callTimeoutMs: number;
  /** Calls that change something, at once; and those of them that wait for a container to stop. */
  readonly callsMax: number;
  readonly stopsMax: number;
  /** Containers of this owner on the engine, records included; with more of them nothing is done. */
  readonly containersMax: number;
  /** Records of removed workloads that are kept, the newest ones: the memory of their tokens. */
  readonly removedMax: number;
}

export const DOCKER_LIMITS: DockerLimits = {
  ...REPLICA_LIMITS,
  tickMs: 1_000,
  callTimeoutMs: 10_000,
  callsMax: 4,
  stopsMax: 32,
  containersMax: 4_096,
  removedMax: 32,
};

interface ReplicaEvent {
  readonly workloadId: string;
  readonly replicaId: string;
}

export type DockerEvent =
  | (ReplicaEvent & { readonly kind: 'created' | 'started' | 'ready' | 'unready' })
  /** Found by a plane that did not create it. */
  | (ReplicaEvent & { readonly kind: 'adopted' })
  /** Not ready within startTimeoutMs: it is stopped and replaced. */
  | (ReplicaEvent & { readonly kind: 'overdue' })
  /** Removed, after it ended as told or was replaced. */
  | (ReplicaEvent & { readonly kind: 'removed' })
  /** Ended by itself or could not be started; another takes its place after `retryInMs`. */
  | (ReplicaEvent & {
      readonly kind: 'failed';
      readonly detail: string;
      /** In a row. */
      readonly failures: number;
      readonly retryInMs: number;
    })
  /** The engine failed or answered nonsense; tried again with the next look. */
  | { readonly kind: 'trouble'; readonly workloadId: string | null; readonly error: unknown };
