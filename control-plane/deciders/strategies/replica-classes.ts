/**
 * Which replicas a per-replica metric may listen to: the classes of autoscaling/v2. Being deleted
 * or failed: ignored. Pending: unready. Without a usable sample: missing. And, for a metric that a
 * starting process distorts (CPU), unready by start time, last change of readiness and the sample's
 * window. Says nothing of how many replicas there should be.
 */

import type { HpaCompatibility } from './compatibility.ts';
import { judgeReading } from './strategy-proposal.ts';
import type { NoProposal } from './strategy-proposal.ts';

export interface ReplicaSample {
  readonly value: number;
  readonly sampledAtMs: number | null;
  /** The span of time that the value sums up, in ms, ending at `sampledAtMs`. */
  readonly windowMs: number;
}

export interface ReplicaReadiness {
  readonly status: 'true' | 'false' | 'unknown';
  /** When the status last changed. */
  readonly changedAtMs: number;
}

export interface ReplicaView {
  /** Unique. */
  readonly id: string;
  readonly phase: 'pending' | 'running' | 'succeeded' | 'failed' | 'unknown';
  readonly deleting: boolean;
  readonly startedAtMs: number | null;
  /** Null when the replica has never said whether it is ready. */
  readonly readiness: ReplicaReadiness | null;
  /** What it asks of the resource, in the sample's unit; null when unknown. */
  readonly request: number | null;
  readonly sample: ReplicaSample | null;
}

export interface ClassRules {
  readonly compatibility: HpaCompatibility;
  /** `judged` for CPU, whose start-up peak is not load; any other metric ignores readiness. */
  readonly readiness: 'judged' | 'ignored';
  /** From the start, in ms, the span in which an unready replica may still be initializing. */
  readonly initializationMs: number;
  /** From the start, in ms, in which a change to unready means that it never was ready. */
  readonly initialReadinessDelayMs: number;
  /** See row P of the table in compatibility.ts. */
  readonly sampleAgeMaxMs: number | null;
}

export interface CountedReplica {
  readonly replica: ReplicaView;
  readonly value: number;
}

export interface ReplicaClasses {
  readonly reporting: readonly CountedReplica[];
  readonly unready: readonly ReplicaView[];
  readonly missing: readonly ReplicaView[];
  /** The first sample that was there and could not be used; its replica is among the missing. */
  readonly unusable: NoProposal | null;
}

/** Sorts the replicas into their classes; those that are ignored are in none. */
export function classifyReplicas(
  replicas: readonly ReplicaView[],
  rules: ClassRules,
  nowMs: number,
): ReplicaClasses {
  const reporting: CountedReplica[] = [];
  const unready: ReplicaView[] = [];
  const missing: ReplicaView[] = [];
  let unusable: ReplicaClasses['unusable'] = null;
  for (const replica of inOrder(replicas)) {
    if (isIgnored(replica, rules)) continue;
    const { sample } = replica;
    if (replica.phase === 'pending') {
      unready.push(replica);
    } else if (sample === null) {
      missing.push(replica);
    } else {
      const fault = judgeReading(sample, nowMs, rules.sampleAgeMaxMs);
      const isJudged = rules.readiness === 'judged';
      if (isJudged && isInitializing(replica, sample, rules, nowMs)) {
        unready.push(replica);
        // Not listened to, so it may be old; but a broken value breaks trust in the whole metric.
        if (fault?.reason !== 'signal_stale') unusable ??= faultOf(replica, fault);
      } else {
        if (fault === null) reporting.push({ replica, value: sample.value });
        else missing.push(replica);
        unusable ??= faultOf(replica, fault);
      }
    }
  }
  return { reporting, unready, missing, unusable };
}

/** By id: a sum of fractions depends on their order, and the order of a list is nobody's promise. */
function inOrder(replicas: readonly ReplicaView[]): readonly ReplicaView[] {
  return replicas.toSorted((a, b) => (a.id < b.id ? -1 : Number(a.id > b.id)));
}

function faultOf(replica: ReplicaView, fault: NoProposal | null): ReplicaClasses['unusable'] {
  return fault === null ? null : { ...fault, detail: `${replica.id}: ${fault.detail}` };
}

function isIgnored(replica: ReplicaView, rules: ClassRules): boolean {
  if (replica.deleting || replica.phase === 'failed') return true;
  return replica.phase === 'succeeded' && rules.compatibility === 'default'; // row E
}

/**
 * While it may still be initializing: unready, or its sample reaches back before the last change of
 * readiness. After that: unready and never ready before.
 */
function isInitializing(
  replica: ReplicaView,
  sample: ReplicaSample,
  rules: ClassRules,
  nowMs: number,
): boolean {
  const { readiness, startedAtMs } = replica;
  if (readiness === null || startedAtMs === null) return true;
  const isUnready = readiness.status === 'false';
  if (startedAtMs + rules.initializationMs > nowMs) {
    const sampledAtMs = sample.sampledAtMs ?? Number.NEGATIVE_INFINITY;
    return isUnready || sampledAtMs < readiness.changedAtMs + sample.windowMs;
  }
  return isUnready && startedAtMs + rules.initialReadinessDelayMs > readiness.changedAtMs;
}
