/**
 * What is asked of a plane through an outage, tick by tick, against the same world without it. Each
 * function lists what went wrong, one line for each tick. Pure.
 */

import type { OutageCase } from './outage-case.ts';
import { TICK_MS } from './outage-plane.ts';
import type { OutageTick } from './outage-plane.ts';
import { WINDOW_MS } from './outage-policies.ts';
import { FULL_LOAD } from './outage-world.ts';

/** One outage and what became of it; `control` is the same workload without the outage. */
export interface Suffered {
  readonly of: OutageCase;
  readonly ticks: readonly OutageTick[];
  readonly control: readonly OutageTick[];
}

/** From when on the data are bad by the policy's own measure, since the begin of the outage. */
export function badFromMs({ kind, shape }: OutageCase): number {
  return Math.max(kind.badAfterMs ?? 0, kind.mode === undefined ? (shape.gapMs ?? 0) : 0);
}

/** Ticks that read bad data. */
export function badTicks({ of, ticks }: Suffered): readonly OutageTick[] {
  const fromMs = Math.max(badFromMs(of) + (of.shape.gapMs === undefined ? 0 : 1), 1);
  return ticks.filter(({ sinceMs }) => sinceMs >= fromMs && sinceMs <= of.durationMs);
}

/**
 * Nothing goes in while the data are bad, and after it until they have been good for a whole window.
 * Where nobody can tell that they are bad, `lowerThanJustified` is all that can be asked.
 */
export function wentIn(suffered: Suffered): readonly string[] {
  const { of, ticks } = suffered;
  const bad = badTicks(suffered).filter((tick) => of.kind.seen === 'all' || isLost(tick));
  const [first, last] = [bad[0], bad.at(-1)];
  if (of.kind.seen === 'none' || first === undefined || last === undefined) return [];
  return ticks.flatMap((tick) => {
    const { verdict } = tick.record.outcome;
    const isWithin = tick.sinceMs >= first.sinceMs && tick.sinceMs < last.sinceMs + WINDOW_MS;
    const isIn = verdict.kind === 'act' && verdict.direction === 'in';
    return isWithin && isIn ? [told(of, tick, `went in to ${verdict.replicas}`)] : [];
  });
}

/** Never fewer than good data had brought to the same world, by then or within one window. */
export function lowerThanJustified({ of, ticks, control }: Suffered): readonly string[] {
  const begun = ticks.findIndex(({ sinceMs }) => sinceMs >= 0);
  return ticks.flatMap((tick, index) => {
    if (index < begun) return [];
    const reached = control.slice(begun, index + WINDOW_MS / TICK_MS + 1);
    const floor = Math.min(...reached.map(({ desired }) => desired));
    const isLower = tick.desired < floor;
    return isLower ? [told(of, tick, `wants ${tick.desired}, good data never below ${floor}`)] : [];
  });
}

/** Each signal that is hit says so, by a reason of its kind; the decision goes out or holds. */
export function wrongReasons(suffered: Suffered): readonly string[] {
  const { of } = suffered;
  if (of.kind.seen === 'none') return [];
  const bad = badTicks(suffered);
  if (of.kind.seen === 'some' && !bad.some(isLost)) return [`${of.id}: no tick saw it`];
  return bad.flatMap((tick) =>
    of.shape.signals.flatMap((name) => {
      const found = lostReason(tick, name);
      if (found === null) return of.kind.seen === 'some' ? [] : [told(of, tick, `${name} is used`)];
      const isOfKind = of.kind.reasons.some((reason) => reason === found);
      return isOfKind ? [] : [told(of, tick, `${name} says ${found}`)];
    }),
  );
}

/** A decision that holds while the number would change gives the signal's reason at its first stage. */
export function unexplained(suffered: Suffered): readonly string[] {
  if (suffered.of.kind.seen !== 'all') return [];
  return badTicks(suffered).flatMap((tick) => {
    const { verdict, stages } = tick.record.outcome;
    const [combine] = stages;
    const isRaised = combine !== undefined && combine.after > combine.before;
    if (isRaised || verdict.kind === 'act') return [];
    const isOfKind = suffered.of.kind.reasons.some((reason) => reason === combine?.reason);
    return isOfKind ? [] : [told(suffered.of, tick, `combines to ${combine?.reason}`)];
  });
}

/** From a while after the outage on the load is served, or as well as in the world without one. */
export function notServed({ of, ticks, control }: Suffered): readonly string[] {
  const fromMs = of.durationMs + (of.kind.lingersMs ?? 0) + of.shape.recoverMs;
  return ticks.flatMap((tick, index) => {
    if (tick.sinceMs < fromMs) return [];
    const isServed = tick.ready * FULL_LOAD >= tick.load;
    if (isServed || tick.ready >= (control[index]?.ready ?? 0)) return [];
    return [told(of, tick, `${tick.ready} serve ${tick.load.toFixed(0)}`)];
  });
}

function isLost({ record }: OutageTick): boolean {
  return record.outcome.proposals.some((one) => one.kind === 'none' || one.limited !== null);
}

function lostReason({ record }: OutageTick, name: string): string | null {
  const proposal = record.outcome.proposals.find(({ metric }) => metric === name);
  return proposal?.kind === 'none' ? proposal.reason : (proposal?.limited ?? null);
}

function told({ id }: OutageCase, { sinceMs, record }: OutageTick, what: string): string {
  return `${id} at ${sinceMs / 1_000} s: ${what} (${record.outcome.verdict.reason})`;
}
