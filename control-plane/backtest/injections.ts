/**
 * What goes wrong in a backtest: plans become windows of time, drawn from a seed, and an observation
 * within a window becomes what the live reader would have made of such a fault. It never invents a
 * fault that nobody asked for.
 */

import { BACKTEST_LIMITS, OUTAGE_KINDS } from '../model/backtest.ts';
import type {
  BacktestRequest,
  InjectionPlan,
  Kill,
  Occurrence,
  Outage,
  OutageKind,
} from '../model/backtest.ts';
import type { Observation } from '../model/observation.ts';
import type { ReadFailure } from '../model/reasons.ts';
import { unreachable } from '../model/reasons.ts';

type Span = Pick<BacktestRequest, 'fromMs' | 'toMs'>;

/** The windows of all plans, in the order of their beginnings, within the span and the bounds. */
export function drawInjections(
  plan: InjectionPlan,
  span: Span,
): { readonly outages: readonly Outage[]; readonly kills: readonly Kill[] } {
  const outages = plan.outages.flatMap(({ kind, durationMs, when, metric }, index) => {
    const random = seeded(plan.seed, index);
    return windowsOf(when, durationMs, span, random).map((window): Outage => {
      return { ...window, kind: kind === 'any' ? drawnKind(random) : kind, metric };
    });
  });
  const kills = plan.kills.flatMap(({ gapMs, when }, index) =>
    windowsOf(when, gapMs, span, seeded(plan.seed, index + plan.outages.length)),
  );
  const byTime = (a: Kill, b: Kill): number => a.fromMs - b.fromMs;
  return {
    outages: outages.sort(byTime).slice(0, BACKTEST_LIMITS.outagesMax),
    kills: kills.sort(byTime).slice(0, BACKTEST_LIMITS.killsMax),
  };
}

/** How many windows a plan makes, without making them. */
export function windowCount(when: Occurrence, { fromMs, toMs }: Span): number {
  return when.kind === 'at' ? 1 : Math.ceil((toMs - fromMs) / when.periodMs);
}

function windowsOf(
  when: Occurrence,
  durationMs: number,
  { fromMs, toMs }: Span,
  random: () => number,
): readonly Kill[] {
  if (when.kind === 'at') return [{ fromMs: when.atMs, toMs: when.atMs + durationMs }];
  const windows: Kill[] = [];
  for (let start = fromMs; start < toMs; start += when.periodMs) {
    const slackMs = Math.max(0, when.periodMs - durationMs);
    const beginsMs = start + Math.floor(random() * slackMs);
    if (beginsMs < toMs) windows.push({ fromMs: beginsMs, toMs: beginsMs + durationMs });
  }
  return windows;
}

function drawnKind(random: () => number): OutageKind {
  return OUTAGE_KINDS[Math.floor(random() * OUTAGE_KINDS.length)] ?? 'absent';
}

/** mulberry32 (T. Ettinger, public domain): the same numbers on every machine; 0 to below 1. */
function seeded(seed: number, stream: number): () => number {
  let state = (seed + Math.imul(stream + 1, 0x9e3779b9)) | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Walks windows in the order of their beginnings, time by time. */
export class WindowWalk<Window extends Kill> {
  readonly #windows: readonly Window[];
  #next = 0;
  #open: Window[] = [];

  constructor(windows: readonly Window[]) {
    this.#windows = windows;
  }

  /** The windows that hold `nowMs`: from their beginning until before their end. `nowMs` never falls. */
  at(nowMs: number): readonly Window[] {
    if (this.#open.length > 0) this.#open = this.#open.filter(({ toMs }) => nowMs < toMs);
    for (let next = this.#windows[this.#next]; next !== undefined && next.fromMs <= nowMs;) {
      if (nowMs < next.toMs) this.#open.push(next);
      this.#next += 1;
      next = this.#windows[this.#next];
    }
    return this.#open;
  }
}

/** What an outage needs to know of the signal that it breaks. */
export interface Broken {
  readonly nowMs: number;
  /** Whether the signal is a sum over the replicas, and so lacks what those would say that are missing. */
  readonly isTotal: boolean;
  /** The last observation without an outage, which a stale signal goes on showing. */
  readonly before: Observation | null;
}

/** What is seen of a signal while an outage lasts. */
export function breakObservation(
  kind: OutageKind,
  seen: Observation,
  { nowMs, isTotal, before }: Broken,
): Observation {
  const { metric } = seen;
  const failed = (reason: ReadFailure): Observation => {
    return { kind: 'failed', metric, reason, detail: `an injected outage: ${kind}` };
  };
  switch (kind) {
    case 'absent':
      return failed('signal_absent');
    case 'unavailable':
      return failed('signal_unavailable');
    case 'nan':
      return failed('signal_not_a_number');
    case 'ambiguous':
      return failed('signal_ambiguous');
    case 'stale':
      return before ?? failed('signal_absent');
    case 'zero':
      return seen.kind === 'failed' ? seen : { ...seen, value: 0, sampledAtMs: nowMs };
    case 'partial':
      return seen.kind === 'failed' ? seen : half(seen, isTotal);
    default:
      return unreachable(kind);
  }
}

/** Half of the replicas report. */
function half(seen: Extract<Observation, { kind: 'sample' }>, isTotal: boolean): Observation {
  const reporting = seen.reporting === null ? null : Math.floor(seen.reporting / 2);
  return { ...seen, value: isTotal ? seen.value / 2 : seen.value, reporting };
}
