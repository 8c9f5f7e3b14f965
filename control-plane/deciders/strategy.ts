/**
 * Hands what was read for one strategy of a policy to the pure function that knows its arithmetic, and
 * takes back its proposal and what it wants remembered. What becomes of proposals is decided
 * elsewhere.
 */

import type { Proposal, StrategyMemory } from '../model/decision.ts';
import type { StrategyReading } from '../model/observation.ts';
import { unreachable } from '../model/reasons.ts';
import type {
  CapacityStrategy,
  ConcurrencyStrategy,
  InferenceStrategy,
  PassThroughStrategy,
  QueueStrategy,
  ReplicaValueStrategy,
  StepStrategy,
  StrategySpec,
  TargetTrackingStrategy,
  TargetValueStrategy,
  ThresholdStrategy,
  UtilizationStrategy,
} from '../model/strategy.ts';
import { proposeFromFormula } from './formula-proposal.ts';
import { PartReader, Unreadable } from './part-reader.ts';
import { NEW_ALARM, observeAlarm } from './strategies/alarm.ts';
import { proposeCapacity } from './strategies/capacity.ts';
import { initialConcurrencyState, proposeFromConcurrency } from './strategies/concurrency.ts';
import { proposeFixedValue } from './strategies/fixed-value.ts';
import { proposeForInference } from './strategies/inference.ts';
import type { InferenceReplica } from './strategies/inference.ts';
import { proposePassThrough } from './strategies/pass-through.ts';
import { proposePerReplica } from './strategies/per-replica.ts';
import { proposeFromQueue } from './strategies/queue-depth.ts';
import type { ReplicaView } from './strategies/replica-classes.ts';
import type { SeriesInput } from './strategies/series.ts';
import { proposeStep } from './strategies/step.ts';
import { judgeReading } from './strategies/strategy-proposal.ts';
import type { StrategyProposal } from './strategies/strategy-proposal.ts';
import { NEW_TRACKING, observeTracking, proposeTracking } from './strategies/target-tracking.ts';
import { proposeTargetValue } from './strategies/target-value.ts';
import { proposeThreshold } from './strategies/threshold.ts';
import type { Surroundings } from './surroundings.ts';

export interface StrategyAnswer {
  readonly proposal: Proposal;
  /** What the strategy remembers from here on; null when it remembers nothing. */
  readonly memory: StrategyMemory | null;
}

interface Answer {
  readonly proposal: StrategyProposal;
  readonly memory?: StrategyMemory;
}

/** What one strategy asks for. `reading` is undefined when nothing was read for it. */
export function proposeFromStrategy(
  spec: StrategySpec,
  reading: StrategyReading | undefined,
  around: Surroundings,
): StrategyAnswer {
  const { nowMs, policy } = around.input;
  const reader = new PartReader(reading, { nowMs, signalAgeMaxMs: policy.signalAgeMaxMs });
  const known = around.input.brakes.memory?.strategies[spec.name];
  const { proposal, memory } = tryAnswer(spec, reader, around, known);
  return { proposal: told(spec, proposal, reader, around), memory: memory ?? known ?? null };
}

function tryAnswer(
  spec: StrategySpec,
  reader: PartReader,
  around: Surroundings,
  known: StrategyMemory | undefined,
): Answer {
  try {
    return answer(spec, reader, around, known);
  } catch (error) {
    if (error instanceof Unreadable) return { proposal: error.proposal };
    throw error;
  }
}

function told(
  { name }: StrategySpec,
  proposal: StrategyProposal,
  { oldestAtMs, limited: thin }: PartReader,
  { input: { nowMs, desired } }: Surroundings,
): Proposal {
  const { detail } = proposal;
  const head = { metric: name, ageMs: oldestAtMs === null ? null : nowMs - oldestAtMs, detail };
  if (proposal.kind === 'none') return { kind: 'none', ...head, reason: proposal.reason };
  const { ratio, withinTolerance } = proposal;
  const limited = proposal.limited ?? thin;
  const replicas = limited === null ? proposal.replicas : Math.max(proposal.replicas, desired);
  return { kind: 'replicas', ...head, replicas, ratio, withinTolerance, limited };
}

function answer(
  spec: StrategySpec,
  reader: PartReader,
  around: Surroundings,
  known: StrategyMemory | undefined,
): Answer {
  switch (spec.kind) {
    case 'utilization':
    case 'replica_value':
      return { proposal: fromEachReplica(spec, reader, around) };
    case 'target_value':
    case 'pass_through':
      return { proposal: fromNewest(spec, reader, around) };
    case 'threshold':
      return { proposal: fromThreshold(spec, reader, around) };
    case 'fixed_value':
      return { proposal: proposeFixedValue(spec.replicas) };
    case 'concurrency':
      return fromConcurrency(spec, reader, around, known);
    case 'target_tracking':
      return fromTracking(spec, reader, around, known);
    case 'step':
      return fromStep(spec, reader, around, known);
    case 'inference':
      return { proposal: fromInference(spec, reader, around) };
    case 'queue':
      return fromQueue(spec, reader, around, known);
    case 'capacity':
      return { proposal: fromCapacity(spec, reader, around) };
    case 'formula':
      return { proposal: proposeFromFormula(spec, reader, around) };
    default:
      return unreachable(spec);
  }
}

function fromEachReplica(
  spec: UtilizationStrategy | ReplicaValueStrategy,
  reader: PartReader,
  { input }: Surroundings,
): StrategyProposal {
  const { policy, nowMs, desired: current } = input;
  const usage = reader.replicas('usage');
  const requests = spec.kind === 'utilization' ? reader.replicas('request') : null;
  const replicas = (input.replicas ?? []).map((fact): ReplicaView => {
    const sample = usage.get(fact.replicaId);
    const request = requests?.get(fact.replicaId)?.value ?? null;
    // One that boots and does not report yet is capacity to come; nothing of it is lost.
    const isComing = fact.phase === 'starting' && sample === undefined;
    return {
      id: fact.replicaId,
      phase: isComing && hpaOf(policy) === 'default' ? 'pending' : 'running',
      deleting: fact.phase === 'stopping',
      startedAtMs: fact.startedAtMs,
      readiness: {
        status: fact.phase === 'ready' ? 'true' : 'false',
        changedAtMs: fact.readyChangedAtMs ?? fact.startedAtMs,
      },
      request: spec.kind === 'utilization' ? request : 1,
      sample:
        sample === undefined
          ? null
          : {
              value: sample.value ?? NaN,
              sampledAtMs: sample.sampledAtMs,
              windowMs: spec.windowMs,
            },
    };
  });
  const rules = {
    ...spec,
    target:
      spec.kind === 'utilization'
        ? ({ kind: 'utilization', percent: spec.percent } as const)
        : ({ kind: 'average_value', value: spec.target } as const),
    ...toleranceOf(policy),
    compatibility: hpaOf(policy),
    sampleAgeMaxMs: policy.signalAgeMaxMs,
  };
  return proposePerReplica(rules, { nowMs, current, replicas });
}

function fromNewest(
  spec: TargetValueStrategy | PassThroughStrategy,
  reader: PartReader,
  { input, ready }: Surroundings,
): StrategyProposal {
  const reading = reader.sample('value', spec.coverage, ready);
  const points = [{ value: reading.value, atMs: reading.sampledAtMs ?? NaN }];
  const series = { ...seriesOf(input), points };
  if (spec.kind === 'target_value') return proposeTargetValue(spec, series);
  return proposePassThrough({ ...spec, compatibility: nomadOf(input.policy) }, series);
}

function fromThreshold(
  spec: ThresholdStrategy,
  reader: PartReader,
  { input }: Surroundings,
): StrategyProposal {
  const points = reader.points('points', spec);
  return proposeThreshold(spec, { ...seriesOf(input), points });
}

function fromConcurrency(
  spec: ConcurrencyStrategy,
  reader: PartReader,
  { input, ready }: Surroundings,
  known: StrategyMemory | undefined,
): Answer {
  const { nowMs, desired: current, policy } = input;
  const points = reader.points('points', { ...spec, windowMs: spec.stableWindowMs });
  const state =
    known?.kind === 'concurrency' ? withoutKind(known) : initialConcurrencyState(ready, nowMs);
  const rules = { ...spec, reachable: true, scaleToZero: policy.replicasMin === 0 };
  const next = proposeFromConcurrency(rules, { nowMs, current, ready, points }, state);
  return { proposal: next.proposal, memory: { kind: 'concurrency', ...next.state } };
}

function fromTracking(
  spec: TargetTrackingStrategy,
  reader: PartReader,
  { input, ready, starting: warming }: Surroundings,
  known: StrategyMemory | undefined,
): Answer {
  const { nowMs, desired: current } = input;
  const { fault, point } = periodOf(spec, reader, input, ready);
  const state = known?.kind === 'target_tracking' ? withoutKind(known) : NEW_TRACKING;
  const next = observeTracking(spec, state, point);
  const proposal = fault ?? proposeTracking(spec, { nowMs, current, warming }, next);
  return {
    proposal: oncePerPeriod(proposal, input, next.high.lastAtMs),
    memory: { kind: 'target_tracking', ...next },
  };
}

function fromStep(
  spec: StepStrategy,
  reader: PartReader,
  { input, ready, starting: warming }: Surroundings,
  known: StrategyMemory | undefined,
): Answer {
  const { nowMs, desired: current } = input;
  const { fault, point } = periodOf(spec, reader, input, ready);
  const { value } = point;
  const state = known?.kind === 'step' ? known.alarm : NEW_ALARM;
  const alarm = observeAlarm(spec, state, point);
  const rules = { ...spec, alarm: spec };
  const proposal = fault ?? proposeStep(rules, { nowMs, current, warming, value }, alarm);
  return {
    proposal: oncePerPeriod(proposal, input, alarm.lastAtMs),
    memory: { kind: 'step', alarm, value },
  };
}

/** What the period that ended last says to an alarm; a value that cannot be used is none. */
function periodOf(
  { coverage, periodMs }: TargetTrackingStrategy | StepStrategy,
  reader: PartReader,
  { nowMs, policy }: Surroundings['input'],
  ready: number,
) {
  const reading = reader.sample('value', coverage, ready);
  const fault = judgeReading(reading, nowMs, policy.signalAgeMaxMs);
  const value = fault === null ? reading.value : null;
  return { fault, point: { atMs: periodEnd(nowMs, periodMs), value } };
}

/** A period speaks of the replicas that there were: once the number changed, the next one decides. */
function oncePerPeriod(
  proposal: StrategyProposal,
  { brakes, desired }: Surroundings['input'],
  periodEndMs: number | null,
): StrategyProposal {
  const changedAtMs = Math.max(brakes.lastOutAtMs ?? -Infinity, brakes.lastInAtMs ?? -Infinity);
  if (proposal.kind === 'none' || periodEndMs === null || changedAtMs < periodEndMs) {
    return proposal;
  }
  const detail = `${proposal.detail}; the number has changed since that period`;
  return { ...proposal, replicas: desired, detail };
}

function fromInference(
  spec: InferenceStrategy,
  reader: PartReader,
  { input, starting }: Surroundings,
): StrategyProposal {
  const { nowMs, desired: current, policy } = input;
  const queue = reader.replicas('queue');
  const kvCache = reader.replicas('kv_cache');
  const latency = spec.timeToFirstToken === null ? null : reader.replicas('time_to_first_token');
  const replicas = (input.replicas ?? [])
    .filter(({ phase }) => phase === 'ready')
    .map(({ replicaId: id }): InferenceReplica => {
      const parts = [queue.get(id), kvCache.get(id)];
      const seconds = latency?.get(id)?.value ?? null;
      return {
        id,
        sampledAtMs: oldest(parts.map((part) => part?.sampledAtMs ?? null)),
        queueDepth: parts[0] === undefined ? null : (parts[0].value ?? NaN),
        kvCacheRatio: parts[1] === undefined ? null : (parts[1].value ?? NaN),
        // A replica that answered nothing in the interval has no latency, which is no fault.
        timeToFirstTokenMs: seconds === null ? null : seconds * 1_000,
      };
    });
  const rules = { ...spec, sampleAgeMaxMs: policy.signalAgeMaxMs };
  return proposeForInference(rules, { nowMs, current, starting, replicas });
}

function fromQueue(
  spec: QueueStrategy,
  reader: PartReader,
  { input, ready }: Surroundings,
  known: StrategyMemory | undefined,
): Answer {
  const { nowMs, desired: current, policy } = input;
  const depth = reader.sample('value', spec.coverage, ready);
  const state = known?.kind === 'queue' ? withoutKind(known) : { activeAtMs: null };
  const rules = { ...spec, ...toleranceOf(policy), sampleAgeMaxMs: policy.signalAgeMaxMs };
  const next = proposeFromQueue(rules, { nowMs, current, depth }, state);
  return { proposal: next.proposal, memory: { kind: 'queue', ...next.state } };
}

function fromCapacity(
  spec: CapacityStrategy,
  reader: PartReader,
  { input, ready }: Surroundings,
): StrategyProposal {
  const { nowMs, policy } = input;
  const rate = reader.sample('rate', null, ready);
  const latency = reader.sample('latency', null, ready);
  const latencyMs = { ...latency, value: latency.value * 1_000 };
  const rules = { ...spec, sampleAgeMaxMs: policy.signalAgeMaxMs };
  return proposeCapacity(rules, { nowMs, rate, latencyMs });
}

type Policy = Surroundings['input']['policy'];

function toleranceOf({ toleranceUpRatio, toleranceDownRatio }: Policy) {
  return { toleranceUpRatio, toleranceDownRatio };
}

function hpaOf({ compatibility }: Policy): 'default' | 'hpa-v2' {
  return compatibility === 'hpa-v2' ? 'hpa-v2' : 'default';
}

function nomadOf({ compatibility }: Policy): 'default' | 'nomad' {
  return compatibility === 'nomad' ? 'nomad' : 'default';
}

function seriesOf({ nowMs, desired, policy }: Surroundings['input']): Omit<SeriesInput, 'points'> {
  return { nowMs, current: desired, sampleAgeMaxMs: policy.signalAgeMaxMs };
}

/** Periods lie on a grid of the UNIX time, so that every leader counts the same ones. */
function periodEnd(nowMs: number, periodMs: number): number {
  return Math.floor(nowMs / periodMs) * periodMs;
}

function oldest(times: readonly (number | null)[]): number | null {
  let found = Infinity;
  for (const time of times) {
    if (time === null) return null;
    found = Math.min(found, time);
  }
  return found;
}

function withoutKind<T extends StrategyMemory>({ kind: _, ...state }: T): Omit<T, 'kind'> {
  return state;
}
