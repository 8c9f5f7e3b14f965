/** Runs the worlds of seeds, and tells of one that failed what a person needs to find the cause. */

import { addCounts, noCounts } from './counters.ts';
import type { RunCounts } from './counters.ts';
import { describeFault } from './faults.ts';
import { drawSettings } from './settings.ts';
import type { WorldSettings } from './settings.ts';
import { chosen, narrow } from './shrink.ts';
import type { NarrowBounds } from './shrink.ts';
import type { Trace } from './trace.ts';
import { Violation } from './violation.ts';
import type { InvariantName } from './violation.ts';
import { runWorld } from './world.ts';
import type { RunOutcome } from './world.ts';

export interface Failure {
  readonly seed: number;
  readonly invariant: InvariantName;
  readonly message: string;
}

export interface BatchOutcome {
  readonly counts: RunCounts;
  readonly seeds: number;
  /** Of the first seed that failed, at which the batch ended. */
  readonly failure: Failure | null;
}

/** Every so many seeds one is run twice, and must be the same. */
const TWICE_EVERY = 50;
const NARROW: NarrowBounds = { runsMax: 400, msMax: 30_000 };

/** @param faults numbers of the faults to strike; null for all */
export function runSeed(
  seed: number,
  faults: readonly number[] | null,
  trace: Trace | null = null,
): RunOutcome {
  const settings = drawSettings(seed);
  const all = settings.faults.map((_, number) => number);
  return runWorld(settings, chosen(settings, faults ?? all), trace);
}

export function runBatch(from: number, seeds: number): BatchOutcome {
  const counts = noCounts();
  for (let seed = from; seed < from + seeds; seed += 1) {
    const outcome = runSeed(seed, null);
    addCounts(counts, outcome.counts);
    const violation = outcome.violation ?? secondRun(seed, outcome, counts);
    if (violation !== null) {
      const { invariant, message } = violation;
      return { counts, seeds: seed - from + 1, failure: { seed, invariant, message } };
    }
  }
  return { counts, seeds, failure: null };
}

function secondRun(seed: number, first: RunOutcome, counts: RunCounts): Violation | null {
  if (seed % TWICE_EVERY !== 0) return null;
  counts.checks.determinism += 1;
  const second = runSeed(seed, null);
  if (second.hash === first.hash) return null;
  return new Violation('determinism', `two runs have the hashes ${first.hash} and ${second.hash}`);
}

/** Several lines; narrows the list of faults first, which takes a while. */
export function describeFailure(
  seed: number,
  faults: readonly number[] | null,
  plant: string | null,
): string {
  const settings = drawSettings(seed);
  const numbers = faults ?? settings.faults.map((_, number) => number);
  const failed = runSeed(seed, numbers);
  const { violation } = failed;
  const command = commandOf(seed, plant);
  if (violation === null) return `seed ${seed} does not fail when it is run again: ${command}\n`;
  const least = narrow(settings, numbers, { ...failed, violation }, NARROW, runWorld);
  const list = least.faults.map((number) => {
    const fault = settings.faults[number];
    return `  ${String(number).padStart(3)} ${fault === undefined ? '' : describeFault(fault)}`;
  });
  const only = least.faults.length > 0 ? least.faults.join(',') : 'none';
  const regression = JSON.stringify({ seed, faults: least.faults, found: violation.invariant });
  return [
    `seed ${seed} breaks ${violation.invariant} at ${failed.endedMs.toFixed(1)} ms`,
    `  seen: ${violation.message}`,
    `  replay: ${command}`,
    describeSettings(settings),
    `narrowed from ${numbers.length} to ${least.faults.length} faults in ${least.runs} runs; it then breaks at ${least.endedMs.toFixed(1)} ms:`,
    `  seen: ${least.violation.message}`,
    ...list,
    `  replay: ${command} --faults ${only} --trace`,
    `  for test/simulation/regressions.ts: ${regression}`,
    '',
  ].join('\n');
}

function commandOf(seed: number, plant: string | null): string {
  const planted = plant === null ? '' : ` --plant ${plant}`;
  return `npm run simulate -- --seeds 1 --from ${seed}${planted}`;
}

function describeSettings(settings: WorldSettings): string {
  const plain = (value: unknown): boolean => typeof value === 'number' || typeof value === 'string';
  const said = Object.entries<unknown>({ ...settings, ...settings.options }).filter(([, value]) =>
    plain(value),
  );
  return `  world: ${said.map(([name, value]) => `${name}=${String(value)}`).join(' ')}`;
}
