/**
 * What the brakes remember: recommendations as runs of equal values, the last action each way, and
 * what the deciders say that the policy's newer parts shall remember. Runs are dropped once no window
 * can see them, also not the longest that a flap budget may come to, and the largest and the smallest
 * number over every window that ends now stay what they were. It decides nothing: the deciders read
 * what is kept.
 */

import type { DecisionEntry } from '../model/command.ts';
import type { Brakes, PolicyMemory, Recommendation } from '../model/decision.ts';
import type { ScalePolicy } from '../model/policy.ts';
import { sameContent } from './canonical.ts';
import { memoryNotInFuture, ofParts } from './memory.ts';

/** Runs kept per policy. Reached only by that many changes of the recommendation within one window. */
export const RUNS_MAX = 128;

/** Place of a shadow's brakes among those of the policies: no id of a policy has a slash. */
export function shadowBrakesId(policyId: string): string {
  return `${policyId}/shadow`;
}

/** What a decision adds. */
export interface Remembered {
  readonly recommendation: number | null;
  /** +1 out, −1 in, 0 for no action. */
  readonly direction: -1 | 0 | 1;
  /** Absent: what is remembered already stays. */
  readonly memory?: PolicyMemory;
}

/** The brakes after a decision at `atMs`. Returns the same object when nothing changed. */
export function applyToBrakes(
  brakes: Brakes,
  entry: DecisionEntry,
  policy: ScalePolicy,
  atMs: number,
): Brakes {
  const { recommendation, action, memory } = entry;
  const direction = action === null ? 0 : directionOf(action.toReplicas - action.fromReplicas);
  const remembered = { recommendation, direction, ...(memory === undefined ? {} : { memory }) };
  return remember(brakes, remembered, policy, atMs);
}

/** The same of a decision that started nothing: a shadow's. */
export function remember(
  brakes: Brakes,
  { recommendation, direction, memory }: Remembered,
  policy: ScalePolicy,
  atMs: number,
): Brakes {
  const past = notInFuture(brakes, atMs);
  const kept = visibleRuns(past.recommendations, policy, atMs);
  const recommendations =
    recommendation === null ? kept : bounded(appendRun(kept, recommendation, atMs));
  const isSame = recommendations === past.recommendations && direction === 0;
  const next = isSame
    ? past
    : {
        recommendations,
        lastOutAtMs: direction > 0 ? atMs : past.lastOutAtMs,
        lastInAtMs: direction < 0 ? atMs : past.lastInAtMs,
      };
  return withMemory(next, memoryAfter(past.memory, memory, policy, atMs));
}

/** The brakes with that memory, or with none; the same object when it is what they have. */
export function withMemory(brakes: Brakes, memory: PolicyMemory | undefined): Brakes {
  if (brakes.memory === memory) return brakes;
  const { recommendations, lastOutAtMs, lastInAtMs } = brakes;
  const rest = { recommendations, lastOutAtMs, lastInAtMs };
  return memory === undefined ? rest : { ...rest, memory };
}

function memoryAfter(
  past: PolicyMemory | undefined,
  decided: PolicyMemory | undefined,
  policy: ScalePolicy,
  atMs: number,
): PolicyMemory | undefined {
  const memory = decided ?? past;
  if (memory === undefined) return undefined;
  // A decision may come behind the change of its policy, and speak of a strategy that is gone.
  const next = memoryNotInFuture(ofParts(memory, policy), atMs);
  return sameContent(past, next) ? past : next;
}

function directionOf(change: number): -1 | 0 | 1 {
  if (change === 0) return 0;
  return change > 0 ? 1 : -1;
}

/**
 * A proposer's clock may step back. What was remembered of a time that has not come yet counts as
 * remembered now: it brakes for one window more, instead of until the clock has caught up.
 */
function notInFuture(brakes: Brakes, atMs: number): Brakes {
  const { recommendations: runs, lastOutAtMs, lastInAtMs } = brakes;
  const newest = runs.at(-1)?.lastAtMs ?? atMs;
  if (Math.max(newest, lastOutAtMs ?? atMs, lastInAtMs ?? atMs) <= atMs) return brakes;
  return {
    ...brakes,
    recommendations: runs.map((run) => ({
      replicas: run.replicas,
      firstAtMs: Math.min(run.firstAtMs, atMs),
      lastAtMs: Math.min(run.lastAtMs, atMs),
    })),
    lastOutAtMs: lastOutAtMs === null ? null : Math.min(lastOutAtMs, atMs),
    lastInAtMs: lastInAtMs === null ? null : Math.min(lastInAtMs, atMs),
  };
}

/** Drops what the longer window cannot see. The newest run stays: its age tells a gap in the memory. */
function visibleRuns(
  runs: readonly Recommendation[],
  policy: ScalePolicy,
  atMs: number,
): readonly Recommendation[] {
  const { stabilizationUpMs, stabilizationDownMs, flapBudget } = policy;
  const windowMs = Math.max(stabilizationUpMs, stabilizationDownMs, flapBudget?.windowMaxMs ?? 0);
  const fromMs = atMs - windowMs;
  let first = 0;
  while (first < runs.length - 1 && (runs[first]?.lastAtMs ?? fromMs) < fromMs) first += 1;
  return first === 0 ? runs : runs.slice(first);
}

function appendRun(
  runs: readonly Recommendation[],
  replicas: number,
  atMs: number,
): readonly Recommendation[] {
  const last = runs.at(-1);
  if (last?.replicas !== replicas) return [...runs, { replicas, firstAtMs: atMs, lastAtMs: atMs }];
  return last.lastAtMs === atMs ? runs : [...runs.slice(0, -1), { ...last, lastAtMs: atMs }];
}

/**
 * Keeps the bound. First, exactly: a run followed by one at least as large and by one at most as
 * large is never the answer of any window that ends now or later (the argument of a monotonic
 * queue, for both ends). What is left either falls towards the newest run or rises towards it, and
 * beyond the bound the oldest two of one kind become one: the more extreme number, remembered as
 * long as the less extreme one. That brakes longer, never shorter, and the other end stays exact.
 */
function bounded(runs: readonly Recommendation[]): readonly Recommendation[] {
  if (runs.length <= RUNS_MAX) return runs;
  const extremes = extremeRuns(runs);
  while (extremes.length > RUNS_MAX) mergeOldest(extremes);
  return extremes;
}

/** The runs larger than all after them, and those smaller than all after them, oldest first. */
function extremeRuns(runs: readonly Recommendation[]): Recommendation[] {
  let largest = -Infinity;
  let smallest = Infinity;
  const kept: Recommendation[] = [];
  for (const run of runs.toReversed()) {
    if (run.replicas > largest || run.replicas < smallest) kept.push(run);
    largest = Math.max(largest, run.replicas);
    smallest = Math.min(smallest, run.replicas);
  }
  return kept.reverse();
}

/** Takes runs as `extremeRuns` leaves them, more than two; all but the newest are of one kind or the other. */
function mergeOldest(runs: Recommendation[]): void {
  const newest = runs.at(-1)?.replicas ?? 0;
  const isLarge = (run: Recommendation): boolean => run.replicas > newest;
  const large = runs.filter(isLarge).length;
  const ofLarge = large >= runs.length - 1 - large;
  const older = runs.findIndex((run) => run.replicas !== newest && isLarge(run) === ofLarge);
  const younger = runs.findIndex((run, at) => at > older && isLarge(run) === ofLarge);
  const kept = runs[older];
  const dropped = runs[younger];
  if (kept === undefined || dropped === undefined) return;
  runs[younger] = { ...kept, lastAtMs: dropped.lastAtMs };
  runs.splice(older, 1);
}
