/**
 * The stabilization windows in force: the policy's, and while its flap budget is overdrawn a longer one
 * for going in, which doubles with each reversal beyond the budget. Going out is never made to wait.
 */

import type { ScaleInput } from '../model/decision.ts';

export interface Windows {
  readonly upMs: number;
  readonly downMs: number;
  /** Reversals of the direction within the budget's period. */
  readonly reversals: number;
}

/** What a window of 0 counts as when it is to be doubled, in ms. */
const WINDOW_LEAST_MS = 60_000;
/** Beyond these every window is longer than any that a policy may ask for. */
const DOUBLINGS_MAX = 30;

export function windowsOf({ policy, brakes, nowMs }: ScaleInput): Windows {
  const { stabilizationUpMs: upMs, stabilizationDownMs: downMs, flapBudget } = policy;
  if (flapBudget === undefined) return { upMs, downMs, reversals: 0 };
  const fromMs = nowMs - flapBudget.periodMs;
  const times = brakes.memory?.reversalsAtMs ?? [];
  const reversals = times.filter((atMs) => atMs > fromMs).length;
  const beyond = reversals - flapBudget.reversalsMax;
  if (beyond <= 0) return { upMs, downMs, reversals };
  const widened = Math.max(downMs, WINDOW_LEAST_MS) * 2 ** Math.min(beyond, DOUBLINGS_MAX);
  return { upMs, downMs: Math.max(downMs, Math.min(widened, flapBudget.windowMaxMs)), reversals };
}
