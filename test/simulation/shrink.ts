/**
 * Narrows a failing run down to the faults that it needs (delta debugging, Zeller and Hildebrandt):
 * leaves out ever smaller parts of the list while the same invariant is still broken. Bounded, so the
 * result may be larger than the least possible.
 */

import type { Fault } from './faults.ts';
import type { WorldSettings } from './settings.ts';
import type { InvariantName, Violation } from './violation.ts';
import type { RunOutcome } from './world.ts';

export interface Narrowed {
  /** Numbers of the faults that are left, within the settings' list. */
  readonly faults: readonly number[];
  readonly violation: Violation;
  readonly endedMs: number;
  readonly runs: number;
}

export interface NarrowBounds {
  readonly runsMax: number;
  readonly msMax: number;
}

export type RunFaults = (settings: WorldSettings, faults: readonly Fault[]) => RunOutcome;

/** @param failed the run with all of `faults` */
export function narrow(
  settings: WorldSettings,
  faults: readonly number[],
  failed: RunOutcome & { readonly violation: Violation },
  bounds: NarrowBounds,
  run: RunFaults,
): Narrowed {
  const { invariant } = failed.violation;
  const startedMs = performance.now();
  let runs = 0;
  let best: Narrowed = {
    faults: upTo(settings, faults, failed.endedMs),
    violation: failed.violation,
    endedMs: failed.endedMs,
    runs,
  };
  const mayRun = (): boolean =>
    runs < bounds.runsMax && performance.now() - startedMs < bounds.msMax;
  const stillFails = (fewer: readonly number[]): boolean => {
    runs += 1;
    const found = attempt(settings, fewer, invariant, run);
    if (found === null) return false;
    best = { ...found, faults: upTo(settings, fewer, found.endedMs), runs };
    return true;
  };
  for (let parts = 2; best.faults.length > 0 && mayRun();) {
    const { length } = best.faults;
    if (leaveOutOne(best.faults, parts, stillFails, mayRun)) parts = Math.max(2, parts - 1);
    else if (parts >= length) break;
    else parts = Math.min(length, parts * 2);
  }
  return { ...best, runs };
}

function leaveOutOne(
  faults: readonly number[],
  parts: number,
  stillFails: (fewer: readonly number[]) => boolean,
  mayRun: () => boolean,
): boolean {
  const size = Math.ceil(faults.length / parts);
  for (let from = 0; from < faults.length && mayRun(); from += size) {
    if (stillFails(faults.filter((_, at) => at < from || at >= from + size))) return true;
  }
  return false;
}

function attempt(
  settings: WorldSettings,
  faults: readonly number[],
  invariant: InvariantName,
  run: RunFaults,
): { readonly violation: Violation; readonly endedMs: number } | null {
  const { violation, endedMs } = run(settings, chosen(settings, faults));
  return violation?.invariant === invariant ? { violation, endedMs } : null;
}

/** The faults with these numbers. */
export function chosen(settings: WorldSettings, numbers: readonly number[]): readonly Fault[] {
  return settings.faults.filter((_, number) => numbers.includes(number));
}

/** What was to strike after the end had no part in it. */
function upTo(
  settings: WorldSettings,
  faults: readonly number[],
  endedMs: number,
): readonly number[] {
  return faults.filter((number) => (settings.faults[number]?.atMs ?? Infinity) <= endedMs);
}
