/**
 * The scale decision: how many replicas a workload shall have, or why the number stands. Pure:
 * everything it reads is in its input, everything it concludes is in its outcome, and the same
 * input gives the same outcome bit for bit. The live loop, evaluate, backtest, shadow and replay all
 * call this.
 *
 * Two rules stand above the arithmetic. A signal that is absent, stale, not a number, ambiguous or
 * partial never lowers the number, unless the policy itself says what a lost one counts as. And
 * nothing lowers it at once after a gap in its own memory.
 */

import type {
  Proposal,
  ScaleInput,
  ScaleOutcome,
  StageRecord,
  StrategyMemory,
  Verdict,
} from '../model/decision.ts';
import { isHoldReason } from '../model/reasons.ts';
import type { ActReason, HoldReason, SignalReason } from '../model/reasons.ts';
import { limitRate } from './behavior.ts';
import { combineStage } from './combine.ts';
import { forecastStage } from './forecast-stage.ts';
import {
  boundsStage,
  budgetStage,
  mayPassInFlight,
  modeStage,
  overrideStage,
  pauseStage,
  scheduleStage,
} from './hand-stages.ts';
import { lostSince, lostStage } from './lost-stage.ts';
import { nextMemory } from './memory.ts';
import { proposeReplicas } from './proposal.ts';
import { isFresh, stabilize } from './stabilization.ts';
import { proposeFromStrategy } from './strategy.ts';
import type { Surroundings } from './surroundings.ts';
import { windowsOf } from './windows.ts';

/** Decides for one policy; SCALE_STAGES has the order of the stages. */
export function decideScale(input: ScaleInput): ScaleOutcome {
  if (input.actual.kind === 'unknown') return holdWithoutActual(input, input.actual.detail);
  const { ready, starting } = input.actual;
  const { proposals, strategies } = proposeAll({ input, ready, starting });
  const since = lostSince(input, proposals);
  const stages: StageRecord[] = [combineStage(input, proposals)];
  const reached = (): number => stages.at(-1)?.after ?? input.desired;
  const pass = (stage: StageRecord | null): void => {
    if (stage !== null) stages.push(stage);
  };
  pass(lostStage(input, proposals, since, reached()));
  pass(forecastStage(input, reached()));
  const wished = reached();
  pass(stabilizationStage(input, reached()));
  pass(cooldownStage(input, reached()));
  pass(ratesStage(input, reached()));
  pass(pendingActionStage(input, reached()));
  pass(scheduleStage(input, reached()));
  pass(boundsStage(input, reached(), wished));
  pass(budgetStage(input, reached()));
  pass(pauseStage(input, reached()));
  pass(overrideStage(input, reached()));
  pass(modeStage(input, reached()));
  const verdict = verdictOf(input, stages);
  const memory = nextMemory(input, { verdict, lostSinceMs: since, strategies });
  return {
    verdict,
    proposals,
    stages,
    recommendation: isFresh(input) ? input.desired : wished,
    ...(memory !== null && { memory }),
  };
}

interface Asked {
  readonly proposals: readonly Proposal[];
  readonly strategies: Readonly<Record<string, StrategyMemory>>;
}

function proposeAll(around: Surroundings): Asked {
  const { input, ready } = around;
  const { metrics, strategies = [] } = input.policy;
  const proposals = metrics.map((metric, index) => {
    const observation = input.observations[index] ?? missingObservation(metric.name);
    const proposal = proposeReplicas(metric, observation, input, ready);
    return metric.fromReplicas === true ? unlessExpected(proposal, around) : proposal;
  });
  const memories: [string, StrategyMemory][] = [];
  for (const [index, spec] of strategies.entries()) {
    const { proposal, memory } = proposeFromStrategy(spec, input.readings?.[index], around);
    proposals.push(spec.fromReplicas ? unlessExpected(proposal, around) : proposal);
    if (memory !== null) memories.push([spec.name, memory]);
  }
  return { proposals, strategies: Object.fromEntries(memories) };
}

/** What is seen of replicas that are gone: nothing, too little, or what they said last. */
const EXPECTED_OF_NONE: readonly SignalReason[] = [
  'signal_absent',
  'signal_partial',
  'signal_stale',
  'no_replica_ready',
];

/** Nothing reports where nothing shall run: that is no loss, and asks for nothing. */
function unlessExpected(proposal: Proposal, { input, ready, starting }: Surroundings): Proposal {
  if (input.desired > 0 || ready > 0 || starting > 0 || proposal.kind === 'replicas') {
    return proposal;
  }
  if (!EXPECTED_OF_NONE.includes(proposal.reason)) return proposal;
  return {
    kind: 'replicas',
    metric: proposal.metric,
    replicas: 0,
    ratio: null,
    ageMs: proposal.ageMs,
    withinTolerance: false,
    limited: null,
    detail: 'no replica is wanted, so none reports',
  };
}

function missingObservation(metric: string) {
  const detail = 'no observation was given for this metric';
  return { kind: 'failed', metric, reason: 'signal_absent', detail } as const;
}

function holdWithoutActual(input: ScaleInput, detail: string): ScaleOutcome {
  const { desired } = input;
  return {
    verdict: { kind: 'hold', replicas: desired, reason: 'actual_unknown' },
    proposals: [],
    stages: [
      { stage: 'combine', before: desired, after: desired, reason: 'actual_unknown', detail },
    ],
    recommendation: null,
  };
}

function stabilizationStage(input: ScaleInput, before: number): StageRecord {
  const { after, reason, detail } = stabilize(input, before, windowsOf(input));
  return { stage: 'stabilization', before, after, reason, detail };
}

function cooldownStage(input: ScaleInput, before: number): StageRecord {
  const { policy, desired, nowMs, brakes } = input;
  const stays = (after: number, reason: HoldReason | null, detail: string): StageRecord => ({
    stage: 'cooldown',
    before,
    after,
    reason,
    detail,
  });
  if (before > desired) {
    const leftMs = remaining(brakes.lastOutAtMs, policy.cooldownUpMs, nowMs);
    if (leftMs > 0) return stays(desired, 'cooldown_up', `${leftMs} ms of the cooldown are left`);
  }
  if (before < desired) {
    const leftMs = remaining(brakes.lastInAtMs, policy.cooldownDownMs, nowMs);
    if (leftMs > 0) return stays(desired, 'cooldown_down', `${leftMs} ms of the cooldown are left`);
  }
  return stays(before, null, '');
}

function remaining(lastAtMs: number | null, cooldownMs: number, nowMs: number): number {
  return lastAtMs === null ? 0 : lastAtMs + cooldownMs - nowMs;
}

/** A tick may come so much early, as a share of the shortest period, without losing its turn. */
const JITTER_RATIO = 0.1;
const JITTER_MAX_MS = 1_000;

/** Null when the policy limits no rate. */
function ratesStage(input: ScaleInput, before: number): StageRecord | null {
  const { policy, desired, nowMs, brakes } = input;
  const { rates, compatibility } = policy;
  if (rates === undefined) return null;
  const periods = [...rates.out.policies, ...rates.in.policies].map(({ periodMs }) => periodMs);
  const { after, reason, detail } = limitRate({
    nowMs,
    current: desired,
    proposed: before,
    events: brakes.memory?.events ?? [],
    out: rates.out,
    in: rates.in,
    compatibility: compatibility === 'hpa-v2' ? 'hpa-v2' : 'default',
    jitterMs: Math.min(JITTER_MAX_MS, ...periods.map((periodMs) => periodMs * JITTER_RATIO)),
  });
  return { stage: 'rates', before, after, reason, detail };
}

function pendingActionStage(input: ScaleInput, before: number): StageRecord {
  const { inFlight, desired, policy } = input;
  const passes = policy.whileBooting === 'raise' && mayPassInFlight(input, before);
  if (inFlight === null || before === desired || passes) {
    return { stage: 'pending_action', before, after: before, reason: null, detail: '' };
  }
  const detail = `${inFlight.decisionId} (${inFlight.fromReplicas} → ${inFlight.toReplicas}) is not verified`;
  return { stage: 'pending_action', before, after: desired, reason: 'action_in_flight', detail };
}

function verdictOf(input: ScaleInput, stages: readonly StageRecord[]): Verdict {
  const { desired } = input;
  const replicas = stages.at(-1)?.after ?? desired;
  if (replicas === desired) return { kind: 'hold', replicas, reason: holdReason(stages) };
  const direction = replicas > desired ? 'out' : 'in';
  return { kind: 'act', direction, replicas, reason: actReason(input, stages, direction) };
}

/**
 * Of the stages that can ask for a number by themselves the last one without which it would not have
 * come to the number that was decided names the reason.
 */
function actReason(
  { policy, desired }: ScaleInput,
  stages: readonly StageRecord[],
  direction: 'out' | 'in',
): ActReason {
  const decided = stages.at(-1)?.after ?? desired;
  const asked = ({ before, after }: StageRecord): boolean =>
    direction === 'out'
      ? after > before && decided > before && after > desired
      : after < before && decided < before && after < desired;
  const override = stages.find(({ stage }) => stage === 'override');
  if (override?.reason === 'override_set' && decided === override.after) return 'override_set';
  if (desired < policy.replicasMin) return 'below_minimum';
  if (desired > policy.replicasMax) return 'above_maximum';
  for (const stage of stages.toReversed()) {
    if (!asked(stage)) continue;
    const { reason } = stage;
    if (reason === 'schedule_floor' || reason === 'schedule_cap') return reason;
    if (reason === 'forecast_floor' || reason === 'signals_lost') return reason;
  }
  return direction === 'out' ? 'above_target' : 'below_target';
}

/** The last stage that had something to say against moving names the reason. */
function holdReason(stages: readonly StageRecord[]): HoldReason {
  for (const { reason } of stages.toReversed()) {
    if (reason !== null && isHoldReason(reason)) return reason;
  }
  return 'at_desired';
}
