/**
 * One replica more or one fewer for GPU inference: queue depth and KV-cache use of each replica, and
 * the time to first token. Out when the spare capacity is thin; in only when the load, simulated on
 * one replica fewer, leaves enough to spare. Source: llm-d's saturation analyzer and the load mode
 * of Dynamo's planner. Deviations: compatibility.ts, rows O and P.
 */

import { judgeReading, limitProposal, none } from './strategy-proposal.ts';
import type {
  NoProposal,
  ReplicasProposal,
  StrategyProposal,
  StrategyReason,
} from './strategy-proposal.ts';

export interface InferenceRules {
  /** A replica is saturated from this share of its KV cache on, 0 to 1. */
  readonly kvCacheSaturationRatio: number;
  /** A replica is saturated from so many waiting requests on. */
  readonly queueSaturation: number;
  /** Mean distance from saturation under which one more is needed. */
  readonly spareKvCacheMinRatio: number;
  readonly spareQueueMin: number;
  /** Null judges no latency. */
  readonly timeToFirstToken: TimeToFirstTokenRules | null;
  readonly sampleAgeMaxMs: number | null;
}

export interface TimeToFirstTokenRules {
  /** One more when every replica is slower than this. */
  readonly targetMs: number;
  /** One fewer only when every replica is faster than this share of it, 0 to 1. */
  readonly scaleInRatio: number;
}

export const INFERENCE_DEFAULTS = {
  kvCacheSaturationRatio: 0.8,
  queueSaturation: 5,
  spareKvCacheMinRatio: 0.1,
  spareQueueMin: 3,
  timeToFirstToken: null,
  sampleAgeMaxMs: 60_000,
} as const;

/** What one serving replica says of itself; a null is a signal that it did not report. */
export interface InferenceReplica {
  /** Unique. */
  readonly id: string;
  readonly sampledAtMs: number | null;
  /** Requests that wait. */
  readonly queueDepth: number | null;
  /** Share of the KV cache in use, 0 to 1. */
  readonly kvCacheRatio: number | null;
  /** Latency of the last interval; null also when nothing was asked of it. */
  readonly timeToFirstTokenMs: number | null;
}

export interface InferenceInput {
  readonly nowMs: number;
  /** Replicas wanted now. */
  readonly current: number;
  /** Replicas that start: capacity to come, so nothing is added or taken meanwhile. */
  readonly starting: number;
  /** Those that serve. Their order does not matter. */
  readonly replicas: readonly InferenceReplica[];
}

interface Load {
  readonly queueDepth: number;
  readonly kvCacheRatio: number;
  readonly timeToFirstTokenMs: number | null;
}

/** Proposes one more, one fewer, or what there is. */
export function proposeForInference(
  rules: InferenceRules,
  input: InferenceInput,
): StrategyProposal {
  const { current, starting } = input;
  const { loads, fault } = readLoads(rules, input);
  if (loads.length === 0) {
    return fault ?? none('no_replica_ready', 'no replica serves');
  }
  const silent = input.replicas.length < current - starting;
  const limited = fault?.reason ?? (silent ? 'signal_partial' : null);
  const need = outOf(rules, loads);
  if (need !== null) {
    if (starting > 0) return stay(input, limited, `${need}; ${starting} start already`);
    return finish(input, current + 1, limited, need);
  }
  const obstacle = starting > 0 ? `${starting} start` : obstacleToFewer(rules, input, loads);
  if (obstacle !== null) return stay(input, limited, obstacle);
  return finish(input, current - 1, limited, `${loads.length - 1} can carry the load`);
}

function readLoads(
  rules: InferenceRules,
  input: InferenceInput,
): { readonly loads: readonly Load[]; readonly fault: NoProposal | null } {
  const loads: Load[] = [];
  let fault: NoProposal | null = null;
  for (const replica of input.replicas.toSorted((a, b) => (a.id < b.id ? -1 : 1))) {
    const problem = judgeReplica(rules, replica, input.nowMs);
    const { queueDepth, kvCacheRatio, timeToFirstTokenMs } = replica;
    if (problem === null && queueDepth !== null && kvCacheRatio !== null) {
      loads.push({ queueDepth, kvCacheRatio, timeToFirstTokenMs });
    }
    fault ??= problem;
  }
  return { loads, fault };
}

function judgeReplica(
  rules: InferenceRules,
  replica: InferenceReplica,
  nowMs: number,
): NoProposal | null {
  const { id, queueDepth, kvCacheRatio, timeToFirstTokenMs, sampledAtMs } = replica;
  if (queueDepth === null || kvCacheRatio === null) {
    return none('signal_partial', `${id} does not report its queue and its cache`);
  }
  const latency = rules.timeToFirstToken === null ? 0 : (timeToFirstTokenMs ?? 0);
  for (const value of [queueDepth, kvCacheRatio, latency]) {
    const fault = judgeReading({ value, sampledAtMs }, nowMs, rules.sampleAgeMaxMs);
    if (fault !== null) return none(fault.reason, `${id}: ${fault.detail}`);
  }
  return null;
}

/** Why one more is needed; null when it is not. */
function outOf(rules: InferenceRules, loads: readonly Load[]): string | null {
  const spareKvCache = mean(loads, (load) =>
    spare(rules.kvCacheSaturationRatio, load.kvCacheRatio),
  );
  if (isBelow(spareKvCache, rules.spareKvCacheMinRatio)) {
    return `${spareKvCache.toPrecision(3)} of the KV cache is spare`;
  }
  const spareQueue = mean(loads, (load) => spare(rules.queueSaturation, load.queueDepth));
  if (isBelow(spareQueue, rules.spareQueueMin)) {
    return `room for ${spareQueue.toPrecision(3)} requests to wait is spare`;
  }
  const latency = rules.timeToFirstToken;
  if (
    latency !== null &&
    loads.every((load) => (load.timeToFirstTokenMs ?? 0) > latency.targetMs)
  ) {
    return `every replica is slower than ${latency.targetMs} ms`;
  }
  return null;
}

/** Why one fewer would not do; null when it would. */
function obstacleToFewer(
  rules: InferenceRules,
  input: InferenceInput,
  loads: readonly Load[],
): string | null {
  const left = loads.length - 1;
  if (left < 1 || input.current < 2) return 'the last replica stays';
  if (loads.some((load) => isSaturated(rules, load))) return 'a replica is saturated';
  const kvCacheRatio = sum(loads, (load) => load.kvCacheRatio) / left;
  if (isBelow(spare(rules.kvCacheSaturationRatio, kvCacheRatio), rules.spareKvCacheMinRatio)) {
    return `${left} would use ${kvCacheRatio.toPrecision(3)} of their KV cache`;
  }
  const queueDepth = sum(loads, (load) => load.queueDepth) / left;
  if (isBelow(spare(rules.queueSaturation, queueDepth), rules.spareQueueMin)) {
    return `${left} would have ${queueDepth.toPrecision(3)} requests waiting each`;
  }
  const latency = rules.timeToFirstToken;
  if (latency === null) return null;
  const fastMs = latency.targetMs * latency.scaleInRatio;
  const isSlow = loads.some((load) => (load.timeToFirstTokenMs ?? 0) >= fastMs);
  return isSlow ? `a replica is not faster than ${fastMs} ms` : null;
}

function isSaturated(rules: InferenceRules, load: Load): boolean {
  return (
    load.kvCacheRatio >= rules.kvCacheSaturationRatio || load.queueDepth >= rules.queueSaturation
  );
}

/** Row O: a saturated replica has nothing to spare, rather than no say. */
function spare(saturation: number, load: number): number {
  return Math.max(0, saturation - load);
}

/** Thousandths of a percent are rounding, not load. */
function isBelow(value: number, bound: number): boolean {
  return value < bound - 1e-9;
}

/** In the order of size, because a sum of fractions depends on it. */
function sum(loads: readonly Load[], of: (load: Load) => number): number {
  return loads
    .map(of)
    .sort((a, b) => a - b)
    .reduce((total, value) => total + value, 0);
}

function mean(loads: readonly Load[], of: (load: Load) => number): number {
  return sum(loads, of) / loads.length;
}

function stay(
  input: InferenceInput,
  limited: StrategyReason | null,
  detail: string,
): ReplicasProposal {
  return finish(input, input.current, limited, detail);
}

function finish(
  input: InferenceInput,
  replicas: number,
  limited: StrategyReason | null,
  detail: string,
): ReplicasProposal {
  const proposal: ReplicasProposal = {
    kind: 'replicas',
    replicas,
    ratio: null,
    withinTolerance: false,
    limited: null,
    detail,
  };
  return limited === null ? proposal : limitProposal(proposal, input.current, limited);
}
