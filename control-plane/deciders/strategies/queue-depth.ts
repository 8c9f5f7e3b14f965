/**
 * Workers on a queue, as KEDA has it: so many waiting items per worker, awake only above an
 * activation threshold, and asleep only after a cooldown without need. When it was last needed is
 * explicit state, so that an outage of the metric never counts as an empty queue.
 */

import { ceilReplicas, isWithinTolerance, judgeReading, none } from './strategy-proposal.ts';
import type { Reading, StrategyProposal } from './strategy-proposal.ts';

export interface QueueRules {
  /** Items per replica, above 0. */
  readonly target: number;
  /** Awake above this many items, not at it; 0 wakes at the first. */
  readonly activation: number;
  /** The last replica stays so long after the queue was last above the activation. */
  readonly cooldownMs: number;
  readonly toleranceUpRatio: number;
  readonly toleranceDownRatio: number;
  readonly sampleAgeMaxMs: number | null;
}

export interface QueueInput {
  readonly nowMs: number;
  /** Replicas wanted now. */
  readonly current: number;
  /** Items that wait; null when the metric gave nothing, which is not the same as 0. */
  readonly depth: Reading | null;
}

export interface QueueState {
  /** When the queue was last above the activation; null when it was not yet seen so. */
  readonly activeAtMs: number | null;
}

export interface QueueAnswer {
  readonly proposal: StrategyProposal;
  readonly state: QueueState;
}

/** Proposes, and says what to remember. Without a usable depth nothing changes. */
export function proposeFromQueue(
  rules: QueueRules,
  input: QueueInput,
  state: QueueState,
): QueueAnswer {
  const { depth, current, nowMs } = input;
  if (depth === null) {
    return { proposal: none('signal_absent', 'there is no depth of the queue'), state };
  }
  const fault = judgeReading(depth, nowMs, rules.sampleAgeMaxMs);
  if (fault !== null) return { proposal: fault, state };
  if (!Number.isFinite(depth.value / rules.target)) {
    return { proposal: none('signal_out_of_range', 'the ratio is not finite'), state };
  }
  if (depth.value > rules.activation) {
    return { proposal: awake(rules, current, depth.value), state: { activeAtMs: nowMs } };
  }
  return asleep(rules, input, state, depth.value);
}

function awake(rules: QueueRules, current: number, depth: number): StrategyProposal {
  const ratio = depth / (rules.target * Math.max(1, current));
  const stays = current > 0 && isWithinTolerance(ratio, rules);
  const replicas = stays ? current : Math.max(1, ceilReplicas(depth / rules.target));
  return propose(replicas, ratio, stays, `${depth} wait, ${rules.target} per replica`);
}

/** A first look at an idle queue starts the cooldown: nobody knows how long it was idle. */
function asleep(
  rules: QueueRules,
  input: QueueInput,
  state: QueueState,
  depth: number,
): QueueAnswer {
  const { current, nowMs } = input;
  const activeAtMs = state.activeAtMs ?? nowMs;
  const ratio = depth / (rules.target * Math.max(1, current));
  const isOver = nowMs - activeAtMs >= rules.cooldownMs;
  const detail = `${depth} wait, not above ${rules.activation}`;
  if (current === 0 || isOver) {
    return { proposal: propose(0, ratio, false, detail), state: { activeAtMs } };
  }
  const needed = Math.max(1, Math.min(current, ceilReplicas(depth / rules.target)));
  const waiting = `${detail}; ${rules.cooldownMs - (nowMs - activeAtMs)} ms of the cooldown are left`;
  return { proposal: propose(needed, ratio, false, waiting), state: { activeAtMs } };
}

function propose(
  replicas: number,
  ratio: number,
  withinTolerance: boolean,
  detail: string,
): StrategyProposal {
  return { kind: 'replicas', replicas, ratio, withinTolerance, limited: null, detail };
}
