/** What bounds the target, and what it tells of its doings. */

import { REPLICA_LIMITS } from '../replicas/limits.ts';
import type { ReplicaLimits } from '../replicas/limits.ts';
import type { StartCause } from './journal.ts';

export interface LocalProcessSettings {
  /** Where records, journal, logs and the lock live; made when absent. Not shared between hosts. */
  readonly directory: string;
  /** Range of the replicas' ports, both ends included, all on 127.0.0.1. */
  readonly portsFrom: number;
  readonly portsTo: number;
  /** Wall clock, for records alone; every deadline runs on the monotonic clock. */
  readonly nowMs: () => number;
  readonly onEvent?: (event: LocalProcessEvent) => void;
  /**
   * Asked just before each start, signal and command: false where another may have become the one
   * to act, whatever this process believed a moment ago. Always true when absent.
   */
  readonly mayAct?: () => boolean;
  /** Working directory of the replicas; the plane's own when absent. */
  readonly workingDirectory?: string;
  readonly limits?: Partial<LocalProcessLimits>;
}

export interface LocalProcessLimits extends ReplicaLimits {
  /** Between two looks at each workload, in ms; ends and changes are acted on at once. */
  readonly tickMs: number;
  /** Between two searches for marked processes that no record knows, in ms. */
  readonly sweepIntervalMs: number;
  /** After a crash between a start and its record: time given to that start to show itself, in ms. */
  readonly settleMs: number;
  /** From SIGKILL until its process is given up, in ms. */
  readonly killWaitMs: number;
  /** Memories of removed workloads' tokens. */
  readonly removedMax: number;
  readonly logBytesMax: number;
  readonly logsGoneMax: number;
  readonly journalBytesMax: number;
}

export const LOCAL_PROCESS_LIMITS: LocalProcessLimits = {
  ...REPLICA_LIMITS,
  tickMs: 250,
  sweepIntervalMs: 5_000,
  settleMs: 100,
  killWaitMs: 2_000,
  removedMax: 256,
  logBytesMax: 8 * 1024 * 1024,
  logsGoneMax: 32,
  journalBytesMax: 16 * 1024 * 1024,
};

/** Variables that a replica inherits from the plane; everything else, secrets above all, stays. */
export const INHERITED_VARIABLES = [
  ...['PATH', 'HOME', 'USER', 'LOGNAME', 'SHELL'],
  ...['LANG', 'LC_ALL', 'TZ', 'TMPDIR'],
] as const;

interface ReplicaEvent {
  readonly workloadId: string;
  readonly replicaId: string;
}

export type LocalProcessEvent =
  | (ReplicaEvent & {
      readonly kind: 'started';
      readonly pid: number;
      readonly port: number;
      readonly cause: StartCause;
    })
  /** Found running by a plane that did not start it. */
  | (ReplicaEvent & { readonly kind: 'adopted'; readonly pid: number })
  | (ReplicaEvent & { readonly kind: 'ready' | 'unready' })
  /** Not ready within startTimeoutMs: it is stopped and started anew. */
  | (ReplicaEvent & { readonly kind: 'overdue' })
  /** The grace after SIGTERM is over. */
  | (ReplicaEvent & { readonly kind: 'killed' })
  /** Ended as told. */
  | (ReplicaEvent & { readonly kind: 'stopped' })
  /** Ended by itself or could not be started; the next start comes after `retryInMs`. */
  | (ReplicaEvent & {
      readonly kind: 'failed';
      readonly detail: string;
      /** In a row. */
      readonly failures: number;
      readonly retryInMs: number;
    })
  /** A marked process that belongs to no replica. */
  | (ReplicaEvent & { readonly kind: 'orphan_killed'; readonly pid: number })
  | { readonly kind: 'ports_exhausted'; readonly workloadId: string }
  /** Disk or system trouble; tried again with the next look. */
  | { readonly kind: 'trouble'; readonly workloadId: string | null; readonly error: unknown };
