/** How the target reaches the cluster, what it may scale there, what bounds it, and what it tells. */

import { ORCHESTRATOR_LIMITS } from '../replicas/orchestrator-settings.ts';
import type {
  OrchestratorLimits,
  Overwritten,
  Released,
  Scaled,
  WatchTrouble,
} from '../replicas/orchestrator-settings.ts';

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

export interface KubernetesLimits extends OrchestratorLimits {
  /** For that long the server keeps one watch open, in ms; whole seconds. */
  readonly watchMs: number;
  /** Items of one page of a list. */
  readonly pageItems: number;
}

export const KUBERNETES_LIMITS: KubernetesLimits = {
  ...ORCHESTRATOR_LIMITS,
  watchMs: 20_000,
  pageItems: 500,
};

export type KubernetesEvent =
  | Scaled
  /** `by`: the field manager that wrote what was found; null when the object does not say. */
  | (Overwritten & { readonly by: string | null })
  | (Released & { readonly replicas: number | null })
  | WatchTrouble;
