/**
 * Reads the parts of one strategy out of what was observed, and keeps count of the oldest sample that
 * it touched. A part that is missing, failed or too thin ends the reading with the reason. It turns a
 * null, which stands for a value that is not finite, back into NaN: the strategies judge values.
 */

import type { PartReading, ReplicaReading, StrategyReading } from '../model/observation.ts';
import type { CoverageSpec } from '../model/signal.ts';
import type { SignalReason } from '../model/reasons.ts';
import type { Point } from './strategies/series.ts';
import type { NoProposal, Reading } from './strategies/strategy-proposal.ts';
import { judgeReading, none } from './strategies/strategy-proposal.ts';

/** Ends the reading of a strategy: it has no proposal. */
export class Unreadable extends Error {
  override readonly name = 'Unreadable';
  readonly proposal: NoProposal;

  constructor(proposal: NoProposal) {
    super(proposal.detail);
    this.proposal = proposal;
  }
}

/** When the parts are read, and how old a sample may be. */
export interface Freshness {
  readonly nowMs: number;
  readonly signalAgeMaxMs: number;
}

export interface Window {
  readonly windowMs: number;
  readonly stepMs: number;
  /** Share of the points that may be missing or not a number. */
  readonly gapRatioMax: number;
}

export class PartReader {
  readonly #parts: Readonly<Record<string, PartReading>>;
  readonly #freshness: Freshness;
  #oldestAtMs: number | null = null;
  #limited: SignalReason | null = null;

  constructor(reading: StrategyReading | undefined, freshness: Freshness) {
    this.#parts = reading?.parts ?? {};
    this.#freshness = freshness;
  }

  /** UNIX time in ms of the oldest sample that was read so far; null when none has a time. */
  get oldestAtMs(): number | null {
    return this.#oldestAtMs;
  }

  /** Set when a part covers too little: the proposal may raise, never lower. */
  get limited(): SignalReason | null {
    return this.#limited;
  }

  /** One number. `ready` are the replicas of which the coverage asks for a share. */
  sample(name: string, coverage: CoverageSpec | null, ready: number): Reading {
    const part = this.#part(name);
    if (part.kind !== 'sample') throw wrongShape(name, part);
    this.#touch(part.sampledAtMs);
    if (coverage !== null) this.#judgeCoverage(coverage, part.reporting, ready);
    return { value: part.value ?? NaN, sampledAtMs: part.sampledAtMs };
  }

  /**
   * The points of a window, those left out that may be missing. They have the times at which they were
   * asked for, however old the sample under them is: so its age is judged here.
   */
  points(name: string, { windowMs, stepMs, gapRatioMax }: Window): readonly Point[] {
    const part = this.#part(name);
    if (part.kind !== 'points') throw wrongShape(name, part);
    const usable = part.points.flatMap(({ atMs, value }): Point[] =>
      value === null ? [] : [{ atMs, value }],
    );
    const expected = Math.max(1, Math.floor(windowMs / stepMs));
    const missing = expected - Math.min(expected, usable.length);
    if (missing > gapRatioMax * expected) {
      const broken = part.points.length > usable.length;
      const reason = broken ? 'signal_not_a_number' : 'signal_partial';
      const detail = `${name}: ${missing} of the ${expected} points of the window cannot be used`;
      throw new Unreadable(none(reason, detail));
    }
    this.#touch(part.sampledAtMs);
    const { nowMs, signalAgeMaxMs } = this.#freshness;
    const newest = { value: 0, sampledAtMs: part.sampledAtMs };
    const fault = judgeReading(newest, nowMs, signalAgeMaxMs);
    if (fault !== null) throw new Unreadable(none(fault.reason, `${name}: ${fault.detail}`));
    return usable;
  }

  /** Of each replica that reports, by its id. */
  replicas(name: string): ReadonlyMap<string, ReplicaReading> {
    const part = this.#part(name);
    if (part.kind !== 'replicas') throw wrongShape(name, part);
    for (const { sampledAtMs } of part.samples) this.#touch(sampledAtMs);
    return new Map(part.samples.map((sample) => [sample.replicaId, sample]));
  }

  #part(name: string): Exclude<PartReading, { kind: 'failed' }> {
    const part = this.#parts[name];
    if (part === undefined) {
      throw new Unreadable(none('signal_absent', `${name}: nothing was read`));
    }
    if (part.kind === 'failed') {
      throw new Unreadable(none(part.reason, `${name}: ${part.detail}`));
    }
    return part;
  }

  #judgeCoverage(coverage: CoverageSpec, reporting: number | null, ready: number): void {
    if (reporting === null) {
      const detail = 'the number of reporting replicas could not be read';
      throw new Unreadable(none('signal_partial', detail));
    }
    const ratio = ready === 0 ? 1 : Math.min(1, reporting / ready);
    if (ratio < coverage.minimumRatio) this.#limited = 'signal_partial';
  }

  #touch(sampledAtMs: number | null): void {
    if (sampledAtMs === null) return;
    this.#oldestAtMs = Math.min(this.#oldestAtMs ?? Infinity, sampledAtMs);
  }
}

function wrongShape(name: string, part: PartReading): Unreadable {
  const detail = `${name}: ${part.kind} was read, which is not what the strategy needs`;
  return new Unreadable(none('signal_malformed', detail));
}
