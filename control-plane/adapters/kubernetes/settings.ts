/** How the target reaches the cluster, what it may scale there, what bounds it, and what it tells. */

export type KubernetesAccess =
  /** The service account that the member's own pod has. */
  | { readonly kind: 'in_cluster' }
  /** A kubeconfig file: authorities, client certificates, tokens and exec plugins as it says. */
  | {
      readonly kind: 'kubeconfig';
      readonly path: string;
      /** Null: the file's current context. */
      readonly context: string | null;
    };

export interface ScalableKind {
  /** e.g. apps/v1. */
  readonly apiVersion: string;
  /** e.g. Deployment. */
  readonly resource: string;
}

export interface KubernetesSettings {
  readonly access: KubernetesAccess;
  /**
   * Whose objects these are: the cluster's name, a label's value (63 characters at most of letters,
   * digits, ., _ and -). Two clusters of members on one Kubernetes need two names.
   */
  readonly owner: string;
  /** The only namespaces in which anything is scaled or looked for; at least one. */
  readonly namespaces: readonly string[];
  /** The only kinds; Deployments and StatefulSets of apps/v1 when absent. */
  readonly kinds?: readonly ScalableKind[];
  readonly onEvent?: (event: KubernetesEvent) => void;
  /**
   * Asked just before each call that changes anything: false where another may have become the one
   * to act, whatever this process believed a moment ago. Always true when absent.
   */
  readonly mayAct?: () => boolean;
  readonly limits?: Partial<KubernetesLimits>;
}

export const SCALABLE_KINDS: readonly ScalableKind[] = [
  { apiVersion: 'apps/v1', resource: 'Deployment' },
  { apiVersion: 'apps/v1', resource: 'StatefulSet' },
];

export interface KubernetesLimits {
  /** Deadline of one call, in ms. */
  readonly callTimeoutMs: number;
  /** Calls at once, watches not counted. */
  readonly callsMax: number;
  /** For that long the server keeps one watch open, in ms; whole seconds. */
  readonly watchMs: number;
  /** A watch that was silent for longer is not believed, in ms: what it would say is listed instead. */
  readonly trustMs: number;
  /** First and longest wait before a watch that failed is opened again, in ms; it doubles. */
  readonly backoffMinMs: number;
  readonly backoffMaxMs: number;
  /** Watches of pods at once, one per workload; the pods of further workloads are listed per look. */
  readonly watchesMax: number;
  /** A watch of pods that nobody asked for that long is closed, in ms. */
  readonly idleMs: number;
  /** Times that a write which met another's is judged anew before it is given up. */
  readonly attemptsMax: number;
  /** Items of one page of a list, and of a whole list. */
  readonly pageItems: number;
  readonly itemsMax: number;
  /** Of one answer, and of one event of a watch. */
  readonly answerBytesMax: number;
  /** Most replicas that a workload may be told. */
  readonly replicasMax: number;
  /** Commands of one workload that wait for their turn. */
  readonly waitingMax: number;
}

export const KUBERNETES_LIMITS: KubernetesLimits = {
  callTimeoutMs: 10_000,
  callsMax: 16,
  watchMs: 20_000,
  trustMs: 30_000,
  backoffMinMs: 500,
  backoffMaxMs: 30_000,
  watchesMax: 512,
  idleMs: 300_000,
  attemptsMax: 10,
  pageItems: 500,
  itemsMax: 20_000,
  answerBytesMax: 32 * 1_048_576,
  replicasMax: 10_000,
  waitingMax: 64,
};

interface ObjectEvent {
  readonly workloadId: string;
  /** e.g. `Deployment serving/llama`. */
  readonly object: string;
}

export type KubernetesEvent =
  /** The object has been told the number; `found` is what it had. */
  | (ObjectEvent & { readonly kind: 'scaled'; readonly found: number; readonly replicas: number })
  /** Somebody else changed the number; what the state wants is written again. */
  | (ObjectEvent & {
      readonly kind: 'overwritten';
      readonly found: number;
      readonly replicas: number;
      /** Field manager that wrote the number that was found; null when the object does not say. */
      readonly by: string | null;
    })
  /** The workload is no longer this plane's; its replicas run on as they are. */
  | (ObjectEvent & { readonly kind: 'released'; readonly replicas: number | null })
  /** A watch failed or fell silent; it is opened again after `retryInMs`. */
  | {
      readonly kind: 'trouble';
      readonly workloadId: string | null;
      readonly error: unknown;
      readonly retryInMs: number;
    };
