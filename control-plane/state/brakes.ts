/**
 * What the brakes remember: recommendations as runs of equal values, and the last action each way.
 * Runs are dropped once no window can see them, and the largest and the smallest number over every
 * window that ends now stay what they were. It decides nothing: the deciders read what is kept.
 */

import type { DecisionEntry } from '../model/command.ts';
import type { Brakes, Recommendation } from '../model/decision.ts';
import type { ScalePolicy } from '../model/policy.ts';

/** Runs kept per policy. Reached only by that many changes of the recommendation within one window. */
export const RUNS_MAX = 128;

/** The brakes after a decision at `atMs`. Returns the same object when nothing changed. */
export function applyToBrakes(
  brakes: Brakes,
  entry: DecisionEntry,
  policy: ScalePolicy,
  atMs: number,
): Brakes {
  const past = notInFuture(brakes, atMs);
  const kept = visibleRuns(past.recommendations, policy, atMs);
  const recommendations =
    entry.recommendation === null ? kept : bounded(appendRun(kept, entry.recommendation, atMs));
  const { action } = entry;
  const out = action !== null && action.toReplicas > action.fromReplicas;
  const into = action !== null && action.toReplicas < action.fromReplicas;
  if (recommendations === past.recommendations && !out && !into) return past;
  return {
    recommendations,
    lastOutAtMs: out ? atMs : past.lastOutAtMs,
    lastInAtMs: into ? atMs : past.lastInAtMs,
  };
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
  const fromMs = atMs - Math.max(policy.stabilizationUpMs, policy.stabilizationDownMs);
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
