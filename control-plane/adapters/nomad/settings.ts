/** How the target reaches Nomad, where it keeps what it was told, what bounds it, and what it tells. */

export interface NomadSettings {
  /** http or https, without a path, e.g. https://nomad.example:4646. */
  readonly address: string;
  /** File of the ACL token, read for each call; null: none is sent. */
  readonly tokenFile: string | null;
  readonly tls: NomadTls | null;
  /**
   * Whose workloads these are: the cluster's name. Two clusters of members on one Nomad need two
   * names.
   */
  readonly owner: string;
  /** The only namespaces in which anything is scaled; at least one. */
  readonly namespaces: readonly string[];
  /** Namespace of the variables that remember what was told, under omnimind/groups/; `default` when absent. */
  readonly variablesNamespace?: string;
  readonly onEvent?: (event: NomadEvent) => void;
  /** As of KubernetesSettings: asked just before each call that changes anything. */
  readonly mayAct?: () => boolean;
  readonly limits?: Partial<NomadLimits>;
}

export interface NomadTls {
  /** PEM; null: the system's authorities. */
  readonly caFile: string | null;
  /** PEM, both or none: where the agents verify their clients. */
  readonly certificateFile: string | null;
  readonly keyFile: string | null;
}

export interface NomadLimits {
  /** Deadline of one call, in ms. */
  readonly callTimeoutMs: number;
  /** Calls at once, blocking queries not counted. */
  readonly callsMax: number;
  /** For that long an agent may hold a blocking query, in ms; it adds up to a sixteenth of its own. */
  readonly waitMs: number;
  /** Least time between two blocking queries of one thing, in ms: it may change all the time. */
  readonly pauseMs: number;
  /** An answer that was not confirmed for longer is not believed, in ms: it is asked for instead. */
  readonly trustMs: number;
  /** First and longest wait before a blocking query that failed is asked again, in ms; it doubles. */
  readonly backoffMinMs: number;
  readonly backoffMaxMs: number;
  /** Blocking queries of allocations at once, one per workload; those of further ones are asked per look. */
  readonly watchesMax: number;
  /** A blocking query whose answer nobody wanted for that long is ended, in ms. */
  readonly idleMs: number;
  /** Times that a write which met another's is judged anew before it is given up. */
  readonly attemptsMax: number;
  /** Items of a whole list. */
  readonly itemsMax: number;
  readonly answerBytesMax: number;
  /** Most replicas that a workload may be told. */
  readonly replicasMax: number;
  /** Commands of one workload that wait for their turn. */
  readonly waitingMax: number;
}

export const NOMAD_LIMITS: NomadLimits = {
  callTimeoutMs: 10_000,
  callsMax: 16,
  waitMs: 20_000,
  pauseMs: 100,
  trustMs: 30_000,
  backoffMinMs: 500,
  backoffMaxMs: 30_000,
  watchesMax: 512,
  idleMs: 300_000,
  attemptsMax: 10,
  itemsMax: 20_000,
  answerBytesMax: 32 * 1_048_576,
  replicasMax: 10_000,
  waitingMax: 64,
};

interface GroupEvent {
  readonly workloadId: string;
  /** e.g. `group web of job serving/llama`. */
  readonly object: string;
}

export type NomadEvent =
  /** The group has been told the number; `found` is what it had. */
  | (GroupEvent & { readonly kind: 'scaled'; readonly found: number; readonly replicas: number })
  /** Somebody else changed the count; what the state wants is written again. */
  | (GroupEvent & {
      readonly kind: 'overwritten';
      readonly found: number;
      readonly replicas: number;
    })
  /** The workload is no longer this plane's; its allocations run on as they are. */
  | (GroupEvent & { readonly kind: 'released' })
  /** The agent's version is not to be read, and only 1.8.2 and later keep a late write out. */
  | { readonly kind: 'version_unknown'; readonly detail: string }
  /** A blocking query failed; it is asked again after `retryInMs`. */
  | {
      readonly kind: 'trouble';
      readonly workloadId: string | null;
      readonly error: unknown;
      readonly retryInMs: number;
    };
