/**
 * Stabilization windows, as in the Horizontal Pod Autoscaler v2: going out follows the smallest
 * recommendation of the up window, going in the largest of the down window. The memory is replicated,
 * so a new leader brakes as the last one would have. A gap in that memory counts as fresh: the
 * number then stays for a whole window before it may move against it.
 */

import type { Recommendation, ScaleInput } from '../model/decision.ts';
import type { HoldReason } from '../model/reasons.ts';
import { windowsOf } from './windows.ts';
import type { Windows } from './windows.ts';

/** Beyond the window and this, in ms, the last recommendation says nothing of what came between. */
export const MEMORY_GAP_MAX_MS = 60_000;

export interface Stabilized {
  readonly after: number;
  readonly reason: HoldReason | null;
  readonly detail: string;
}

/** Whether the memory is empty or too old to brake with. */
export function isFresh(input: ScaleInput, windows: Windows = windowsOf(input)): boolean {
  const last = input.brakes.recommendations.at(-1);
  if (last === undefined) return true;
  const windowMs = Math.max(windows.upMs, windows.downMs);
  return input.nowMs - last.lastAtMs > windowMs + MEMORY_GAP_MAX_MS;
}

/** Applies both windows to the proposed number. */
export function stabilize(
  input: ScaleInput,
  proposed: number,
  windows: Windows = windowsOf(input),
): Stabilized {
  const { desired } = input;
  if (proposed > desired) return stabilizeUp(input, proposed, windows);
  if (proposed < desired) return stabilizeDown(input, proposed, windows);
  return { after: proposed, reason: null, detail: '' };
}

function stabilizeUp(input: ScaleInput, proposed: number, windows: Windows): Stabilized {
  if (windows.upMs === 0) return { after: proposed, reason: null, detail: '' };
  if (isFresh(input, windows)) return fresh(input, 'stabilizing_up');
  const seen = within(input, windows.upMs).map((run) => run.replicas);
  const lowest = Math.min(proposed, ...seen);
  const after = Math.max(input.desired, lowest);
  if (after === proposed) return { after, reason: null, detail: '' };
  return { after, reason: 'stabilizing_up', detail: `the window's smallest is ${lowest}` };
}

function stabilizeDown(input: ScaleInput, proposed: number, windows: Windows): Stabilized {
  const { downMs, reversals } = windows;
  if (downMs === 0) return { after: proposed, reason: null, detail: '' };
  if (isFresh(input, windows)) return fresh(input, 'stabilizing_down');
  const after = heldBy(input, proposed, downMs);
  if (after === proposed) return { after, reason: null, detail: '' };
  const { stabilizationDownMs } = input.policy;
  if (downMs > stabilizationDownMs && heldBy(input, proposed, stabilizationDownMs) < after) {
    const detail = `${reversals} reversals widen the window to ${downMs} ms, its largest is ${after}`;
    return { after, reason: 'flap_budget', detail };
  }
  const highest = Math.max(proposed, ...within(input, downMs).map((run) => run.replicas));
  return { after, reason: 'stabilizing_down', detail: `the window's largest is ${highest}` };
}

/** What a window of that length leaves of a lower number. */
function heldBy(input: ScaleInput, proposed: number, windowMs: number): number {
  const seen = within(input, windowMs).map((run) => run.replicas);
  return Math.min(input.desired, Math.max(proposed, ...seen));
}

function fresh(input: ScaleInput, reason: HoldReason): Stabilized {
  const detail = 'there is no recent recommendation to compare with';
  return { after: input.desired, reason, detail };
}

/** Runs whose last recommendation is younger than the window; an age equal to the window is out. */
function within(input: ScaleInput, windowMs: number): readonly Recommendation[] {
  return input.brakes.recommendations.filter((run) => input.nowMs - run.lastAtMs < windowMs);
}
