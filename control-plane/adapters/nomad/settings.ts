/** How the target reaches Nomad, where it keeps what it was told, what bounds it, and what it tells. */

import { ORCHESTRATOR_LIMITS } from '../replicas/orchestrator-settings.ts';
import type {
  OrchestratorLimits,
  Overwritten,
  Released,
  Scaled,
  WatchTrouble,
} from '../replicas/orchestrator-settings.ts';

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

export interface NomadLimits extends OrchestratorLimits {
  /** For that long an agent may hold a blocking query, in ms; it adds up to a sixteenth of its own. */
  readonly waitMs: number;
  /** Least time between two blocking queries of one thing, in ms: it may change all the time. */
  readonly pauseMs: number;
}

export const NOMAD_LIMITS: NomadLimits = {
  ...ORCHESTRATOR_LIMITS,
  waitMs: 20_000,
  pauseMs: 100,
};

export type NomadEvent =
  | Scaled
  | Overwritten
  | Released
  /** The agent's version is not to be read, and only 1.8.2 and later keep a late write out. */
  | { readonly kind: 'version_unknown'; readonly detail: string }
  | WatchTrouble;
