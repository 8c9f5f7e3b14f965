/**
 * What the HTTP edge needs from the inside beside the ports: live views that no log holds. The
 * edge parses, calls and renders; every rule about nodes and workloads lives behind this.
 */

import type { ScaleInput, ScaleOutcome, Verdict } from '../model/decision.ts';
import type { Heartbeat, NodeHealth } from '../model/node.ts';
import type { ScalePolicy } from '../model/policy.ts';
import type { SignalReason } from '../model/reasons.ts';
import type { Replica } from '../model/workload.ts';
import type { TargetGroup } from '../ports/target-publisher.ts';

export interface LastEvaluation {
  readonly atMs: number;
  readonly decisionId: string;
  readonly verdict: Verdict;
}

export interface ReadinessCheck {
  /** Slug of the dependency: log, prometheus, decision_store, scale_loop. */
  readonly name: string;
  /** `degraded` leaves the member ready; `failed` does not. */
  readonly status: 'ok' | 'degraded' | 'failed';
  readonly detail: string;
}

/** What a policy that is not saved yet would decide now. */
export interface PolicyPreview {
  readonly input: ScaleInput;
  readonly outcome: ScaleOutcome;
  readonly counterfactuals: readonly Counterfactual[];
  /** Signals that could not be read, and why. */
  readonly signalFaults: readonly {
    readonly signal: string;
    readonly reason: SignalReason;
    readonly detail: string;
  }[];
}

/** What the number would have been without one thing. */
export interface Counterfactual {
  readonly without: string;
  readonly replicas: number;
}

export interface PlaneViews {
  /** Null for a node that is not registered. */
  nodeHealth(nodeId: string): NodeHealth | null;
  /** False when the node is not registered: it has to register again. */
  acceptHeartbeat(heartbeat: Heartbeat): boolean;
  /** How often an agent shall send heartbeats, in ms. */
  readonly heartbeatIntervalMs: number;
  /** As last observed; empty before the first observation. */
  replicas(workloadId: string): readonly Replica[];
  lastEvaluation(workloadId: string): LastEvaluation | null;
  /** The decision on given numbers: the code path that runs live; nothing is acted on or stored. */
  evaluate(input: ScaleInput): ScaleOutcome;
  counterfactuals(input: ScaleInput): readonly Counterfactual[];
  /**
   * Reads what the policy asks for and decides on it; nothing is acted on or stored. Null when there is
   * no such workload. Rejects when the signal aborts.
   */
  preview(policy: ScalePolicy, signal: AbortSignal): Promise<PolicyPreview | null>;
  /** Null while this member does not know all of them yet. */
  targetGroups(kind: 'agents' | 'replicas'): readonly TargetGroup[] | null;
  readiness(): readonly ReadinessCheck[];
}
