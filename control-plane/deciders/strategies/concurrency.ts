/**
 * Knative's pod autoscaler: concurrency (or requests per second) averaged over a long, stable window
 * and a short, panic window. A burst in the short one starts panic, in which the number only rises.
 * The state between two calls is an argument and a result. Deviations: compatibility.ts, rows N and
 * P. What the activator does with the burst capacity is not decided here.
 */

import { unusablePoint } from './series.ts';
import type { Point } from './series.ts';
import { boundedReplicas, ceilReplicas, none } from './strategy-proposal.ts';
import type { NoProposal, StrategyProposal } from './strategy-proposal.ts';

export interface ConcurrencyRules {
  /** Load that one replica shall carry, above 0: 70 % of its limit, or 100 (200 for requests/s). */
  readonly target: number;
  /** Load that one replica can carry, above 0; for the burst capacity. */
  readonly capacity: number;
  readonly stableWindowMs: number;
  /** Shorter than the stable one; Knative takes a tenth of it. */
  readonly panicWindowMs: number;
  /** Panic from so many times what is ready; 2 when nothing is said. */
  readonly panicThresholdRatio: number;
  /** At most so many times what is ready, above 1. */
  readonly maxScaleUpRate: number;
  /** At least what is ready ÷ this, above 1. */
  readonly maxScaleDownRate: number;
  /** Without traffic routed to it, nothing limits going in. */
  readonly reachable: boolean;
  /** Going above 0 goes at least to this; at least 1. */
  readonly activationScale: number;
  readonly scaleDownDelayMs: number;
  /** Whether the last replica may go. */
  readonly scaleToZero: boolean;
  /** The last replica stays so long after the first proposal of 0. */
  readonly scaleToZeroGraceMs: number;
  /** Load that shall fit at any time: 0 none, −1 all of it. */
  readonly targetBurstCapacity: number;
}

export const CONCURRENCY_DEFAULTS = {
  stableWindowMs: 60_000,
  panicWindowMs: 6_000,
  panicThresholdRatio: 2,
  maxScaleUpRate: 1_000,
  maxScaleDownRate: 2,
  reachable: true,
  activationScale: 1,
  scaleDownDelayMs: 0,
  scaleToZero: true,
  scaleToZeroGraceMs: 30_000,
  targetBurstCapacity: 200,
} as const;

export interface ConcurrencyInput {
  readonly nowMs: number;
  /** Replicas wanted now. */
  readonly current: number;
  /** Replicas that serve now. */
  readonly ready: number;
  /** Load of the whole workload over time, in any order. */
  readonly points: readonly Point[];
}

export interface ConcurrencyState {
  /** When the panic threshold was last crossed; null when calm. */
  readonly panicAtMs: number | null;
  /** The largest number of this panic; 0 when calm. */
  readonly panicReplicasMax: number;
  /** When 0 was first proposed without a break; null otherwise. */
  readonly idleSinceMs: number | null;
  /** Falling maxima of the delay window, oldest first. */
  readonly delayed: readonly { readonly atMs: number; readonly replicas: number }[];
}

export interface ConcurrencyAnswer {
  readonly proposal: StrategyProposal;
  readonly state: ConcurrencyState;
  /** Load that could come on top at once, whole; negative when it would not fit; null without data. */
  readonly excessBurstCapacity: number | null;
}

/** More maxima than this are folded together, at the later time and with the larger number. */
export const DELAYED_MAX = 1_000;

/** A new memory with more than one replica starts in panic, so that nothing shrinks for a window. */
export function initialConcurrencyState(ready: number, nowMs: number): ConcurrencyState {
  const panics = ready > 1;
  return {
    panicAtMs: panics ? nowMs : null,
    panicReplicasMax: panics ? ready : 0,
    idleSinceMs: null,
    delayed: [],
  };
}

/** Proposes, and says what to remember. Without data nothing is proposed and nothing changes. */
export function proposeFromConcurrency(
  rules: ConcurrencyRules,
  input: ConcurrencyInput,
  state: ConcurrencyState,
): ConcurrencyAnswer {
  const stable = meanWithin(input, rules.stableWindowMs);
  const panic = meanWithin(input, rules.panicWindowMs);
  const fault = faultOf(input, stable, panic);
  if (fault !== null || stable === null || panic === null) {
    const proposal = fault ?? none('signal_stale', 'a window has no points');
    return { proposal, state, excessBurstCapacity: null };
  }
  const calm = limited(rules, input.ready, stable / rules.target);
  const burst = limited(rules, input.ready, panic / rules.target);
  const isOver =
    ceilReplicas(panic / rules.target) / Math.max(1, input.ready) >= rules.panicThresholdRatio;
  const panicked = panicOf(rules, input.nowMs, state, isOver);
  const panicReplicasMax =
    panicked.panicAtMs === null ? 0 : Math.max(panicked.panicReplicasMax, calm, burst);
  const wanted = panicked.panicAtMs === null ? calm : panicReplicasMax;
  const { replicas, delayed } = delay(rules, input.nowMs, state.delayed, wanted);
  const { after, idleSinceMs } = keepLast(rules, input, state, replicas);
  const isPanic = panicked.panicAtMs !== null;
  return {
    proposal: propose(after, stable, panic, rules, isPanic),
    state: { panicAtMs: panicked.panicAtMs, panicReplicasMax, idleSinceMs, delayed },
    excessBurstCapacity: excessBurstCapacity(rules, input.ready, panic),
  };
}

/** How much more load would fit at once: capacity, less what is asked for and what there is. */
export function excessBurstCapacity(
  rules: Pick<ConcurrencyRules, 'targetBurstCapacity' | 'capacity'>,
  ready: number,
  panicValue: number,
): number {
  if (rules.targetBurstCapacity === 0) return 0;
  if (rules.targetBurstCapacity < 0) return -1;
  return Math.floor(ready * rules.capacity - rules.targetBurstCapacity - panicValue);
}

/** The mean of the points younger than the window; null without any. */
function meanWithin(input: ConcurrencyInput, windowMs: number): number | null {
  const values = input.points
    .filter(({ atMs }) => input.nowMs - atMs < windowMs && atMs <= input.nowMs)
    .map(({ value }) => value)
    .sort((a, b) => a - b);
  if (values.length === 0) return null;
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function faultOf(
  input: ConcurrencyInput,
  stable: number | null,
  panic: number | null,
): NoProposal | null {
  const broken = unusablePoint({ ...input, sampleAgeMaxMs: null });
  if (broken !== null) return broken;
  if (input.points.length === 0) return none('signal_absent', 'the series has no points');
  if (stable === null || panic === null) return none('signal_stale', 'a window has no points');
  if (Number.isFinite(stable) && Number.isFinite(panic)) return null;
  return none('signal_out_of_range', 'the values are too large to add up');
}

/** What the load needs, within the rates of change, and no less than the activation scale. */
function limited(rules: ConcurrencyRules, ready: number, quotient: number): number {
  const base = Math.max(1, ready);
  const highest = Math.ceil(base * rules.maxScaleUpRate);
  const lowest = rules.reachable ? Math.floor(base / rules.maxScaleDownRate) : 0;
  const needed = ceilReplicas(quotient);
  const within = Math.min(Math.max(needed, lowest), highest);
  return boundedReplicas(needed > 0 ? Math.max(within, rules.activationScale) : within);
}

function panicOf(
  rules: ConcurrencyRules,
  nowMs: number,
  state: ConcurrencyState,
  isOver: boolean,
): Pick<ConcurrencyState, 'panicAtMs' | 'panicReplicasMax'> {
  if (isOver) return { panicAtMs: nowMs, panicReplicasMax: state.panicReplicasMax };
  const isPast = state.panicAtMs !== null && nowMs - state.panicAtMs > rules.stableWindowMs;
  return isPast ? { panicAtMs: null, panicReplicasMax: 0 } : state;
}

/** The largest number that was wanted within the delay. */
function delay(
  rules: ConcurrencyRules,
  nowMs: number,
  delayed: ConcurrencyState['delayed'],
  wanted: number,
): { readonly replicas: number; readonly delayed: ConcurrencyState['delayed'] } {
  if (rules.scaleDownDelayMs === 0) return { replicas: wanted, delayed: [] };
  const larger = delayed.filter(
    ({ atMs, replicas }) => nowMs - atMs < rules.scaleDownDelayMs && replicas > wanted,
  );
  const maxima = [...larger, { atMs: nowMs, replicas: wanted }];
  while (maxima.length > DELAYED_MAX) {
    const [first, second, ...rest] = maxima;
    if (first === undefined || second === undefined) break;
    maxima.splice(0, maxima.length, { ...first, atMs: second.atMs }, ...rest);
  }
  return { replicas: maxima[0]?.replicas ?? wanted, delayed: maxima };
}

/** A wish for none is granted when it has lasted, and when it may be. */
function keepLast(
  rules: ConcurrencyRules,
  input: ConcurrencyInput,
  state: ConcurrencyState,
  replicas: number,
): { readonly after: number; readonly idleSinceMs: number | null } {
  if (replicas > 0) return { after: replicas, idleSinceMs: null };
  const idleSinceMs = state.idleSinceMs ?? input.nowMs;
  if (!rules.scaleToZero) return { after: 1, idleSinceMs };
  const isOver = input.nowMs - idleSinceMs >= rules.scaleToZeroGraceMs;
  return { after: isOver || input.current === 0 ? 0 : 1, idleSinceMs };
}

function propose(
  replicas: number,
  stable: number,
  panic: number,
  rules: ConcurrencyRules,
  isPanic: boolean,
): StrategyProposal {
  const mode = isPanic ? 'panic' : 'calm';
  return {
    kind: 'replicas',
    replicas,
    ratio: null,
    withinTolerance: false,
    limited: null,
    detail:
      `${mode}: ${stable.toPrecision(4)} in the stable window, ${panic.toPrecision(4)} in the ` +
      `panic window, ${rules.target} per replica`,
  };
}
