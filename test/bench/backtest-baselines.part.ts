/**
 * Simplified models of the autoscalers that others run, at their defaults, for comparison in the
 * backtest benchmark. Each is a pure step function on the load and the ready replicas of the plant;
 * the load that is offered counts, not only what is served (a request rate, not a saturated CPU). Where
 * metrics are missing each of them keeps the number. They leave out what the plant does not have: Pods
 * without readiness, alarms' own delays, ticks shorter than a step.
 */

import { stepperOf } from '../../control-plane/backtest/plant.ts';
import type { PlantView, Stepper } from '../../control-plane/backtest/plant.ts';

/** Load per replica that each aims at, and the length of a step. */
export interface BaselineOptions {
  readonly target: number;
  readonly stepMs: number;
}

type Step<Memory> = (
  memory: Memory,
  view: PlantView,
) => { readonly memory: Memory; readonly replicas: number };

const MINUTE_MS = 60_000;
const ROUNDING_SLACK = 1e-9;

/**
 * The Horizontal Pod Autoscaler v2 on an external metric with an average value: tolerance 10 %, down
 * window 300 s, +4 or +100 % per step.
 */
export function createHpa({ target, stepMs }: BaselineOptions): Stepper {
  const kept = Math.round(300_000 / stepMs);
  const step: Step<readonly number[]> = (memory, { load, desired }) => {
    if (load === null) return { memory, replicas: desired };
    const ratio = load / (target * desired);
    const proposal = Math.abs(ratio - 1) <= 0.1 ? desired : ceil(load / target);
    // A controller begins with the size that it finds, so that it does not shrink at once.
    const recent = [...(memory.length === 0 ? [desired] : memory), proposal].slice(-kept);
    const stabilized = Math.min(desired, Math.max(...recent));
    const limited = Math.min(proposal, Math.max(desired + 4, desired * 2));
    return { memory: recent, replicas: proposal > desired ? limited : stabilized };
  };
  return stepperOf([], step);
}

/** Nomad's target-value strategy: the last sample, threshold 1 %, cooldown 300 s both ways. */
export function createNomad({ target }: BaselineOptions): Stepper {
  const step: Step<number> = (lastMs, { nowMs, load, ready, desired }) => {
    if (load === null || nowMs - lastMs < 300_000) return { memory: lastMs, replicas: desired };
    const factor = load / Math.max(1, ready) / target;
    const count = Math.abs(factor - 1) <= 0.01 ? desired : ceil(desired * factor);
    return { memory: count === desired ? lastMs : nowMs, replicas: count };
  };
  return stepperOf(-Infinity, step);
}

interface KpaMemory {
  readonly loads: readonly number[];
  /** The last time at which it was over; null outside of panic. */
  readonly panicMs: number | null;
  readonly panicMost: number;
}

/** Knative's pod autoscaler: stable window 60 s, panic window one step, panic from 200 % of ready. */
export function createKpa({ target, stepMs }: BaselineOptions): Stepper {
  const kept = Math.max(1, Math.round(MINUTE_MS / stepMs));
  const step: Step<KpaMemory> = (memory, { nowMs, load, ready, desired }) => {
    if (load === null) return { memory, replicas: desired };
    const loads = [...memory.loads, load].slice(-kept);
    const serving = Math.max(1, ready);
    const clamp = (count: number): number =>
      Math.max(Math.floor(serving / 2), Math.min(serving * 1_000, count));
    const stable = clamp(ceil(mean(loads) / target));
    const panic = clamp(ceil(load / target));
    const over = ceil(load / target) / serving >= 2;
    const inPanic = memory.panicMs !== null && nowMs <= memory.panicMs + MINUTE_MS;
    if (!over && !inPanic) {
      return { memory: { loads, panicMs: null, panicMost: 0 }, replicas: stable };
    }
    const most = Math.max(stable, panic, inPanic ? memory.panicMost : 0);
    const panicMs = over ? nowMs : memory.panicMs;
    return { memory: { loads, panicMs, panicMost: most }, replicas: most };
  };
  return stepperOf({ loads: [], panicMs: null, panicMost: 0 }, step);
}

/** Target tracking as AWS runs it: out after 3 minutes above, in after 15 minutes below 90 %. */
export function createTargetTracking({ target, stepMs }: BaselineOptions): Stepper {
  const perMinute = Math.max(1, Math.round(MINUTE_MS / stepMs));
  const step: Step<readonly number[]> = (memory, { load, ready, booting, desired }) => {
    if (load === null) return { memory, replicas: desired };
    const uses = [...memory, load / Math.max(1, ready)].slice(-15 * perMinute);
    const minutes = byMinute(uses, perMinute);
    const last = minutes.at(-1) ?? 0;
    const high = minutes.slice(-3);
    if (high.length === 3 && high.every((use) => use > target)) {
      const count = ceil((last * Math.max(1, ready)) / target);
      return { memory: uses, replicas: Math.max(desired, count) };
    }
    if (booting > 0 || minutes.length < 15) return { memory: uses, replicas: desired };
    if (!minutes.every((use) => use < 0.9 * target)) return { memory: uses, replicas: desired };
    // What is removed is rounded down: 1.5 too many is one too many. Then the alarm begins anew.
    const count = ceil((Math.max(...minutes) * ready) / target);
    return { memory: [], replicas: Math.min(desired, count) };
  };
  return stepperOf([], step);
}

function byMinute(uses: readonly number[], perMinute: number): readonly number[] {
  const minutes: number[] = [];
  for (let to = uses.length; to >= perMinute; to -= perMinute) {
    minutes.unshift(mean(uses.slice(to - perMinute, to)));
  }
  return minutes;
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
}

function ceil(replicas: number): number {
  return Math.ceil(replicas - ROUNDING_SLACK);
}
