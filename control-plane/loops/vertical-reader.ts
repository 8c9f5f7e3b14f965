/**
 * Vertical recommendations on demand: reads what replicas have used, piece by piece so that no answer
 * is large, and has them judged. It keeps each answer for a minute and works on few of them at a time:
 * history is expensive for who has it, and nothing here is urgent. It decides nothing and acts on
 * nothing; what cannot be read is a recommendation withheld, with the reason.
 */

import { recommendVertical } from '../analysis/vertical.ts';
import type { VerticalInput } from '../analysis/vertical.ts';
import type {
  VerticalAnswer,
  VerticalQuestion,
  VerticalRecommendation,
  VerticalReport,
  VerticalResourceSpec,
  VerticalSpec,
} from '../model/vertical.ts';
import type { Clock } from '../ports/clock.ts';
import type { MetricsSource } from '../ports/metrics-source.ts';
import { withDeadline } from './deadline.ts';
import { type History, type HistoryReading, readHistory, readPeaks } from './usage-history.ts';

export interface VerticalReaderOptions {
  /** One of its own: slow history must not hold up what the scale loop reads. Has a deadline per request. */
  readonly source: MetricsSource;
  readonly clock: Clock;
  readonly limits?: Partial<VerticalLimits>;
}

export interface VerticalLimits {
  /** How long an answer is given again, in ms, and one that could not be read. */
  readonly keptMs: number;
  readonly failureKeptMs: number;
  /** Answers that are kept; the oldest go. */
  readonly keptMax: number;
  /** Policies that are worked on at the same time, and those that are worked on or wait. */
  readonly runningMax: number;
  readonly askedMax: number;
  /** Of one report with all its waits, in ms. */
  readonly timeoutMs: number;
}

export const VERTICAL_LIMITS: VerticalLimits = {
  keptMs: 60_000,
  failureKeptMs: 5_000,
  keptMax: 1_000,
  runningMax: 2,
  askedMax: 32,
  timeoutMs: 30_000,
};

interface Flight {
  readonly report: Promise<VerticalReport>;
  readonly abort: AbortController;
  waiters: number;
}

interface Kept {
  readonly report: VerticalReport;
  readonly untilMs: number;
}

export class VerticalReader {
  readonly #source: MetricsSource;
  readonly #clock: Clock;
  readonly #limits: VerticalLimits;
  readonly #kept = new Map<string, Kept>();
  readonly #flights = new Map<string, Flight>();
  readonly #waiting: (() => void)[] = [];
  #running = 0;
  /** Begun and not ended, those that nobody waits for any more included. */
  #begun = 0;

  constructor({ source, clock, limits }: VerticalReaderOptions) {
    this.#source = source;
    this.#clock = clock;
    this.#limits = { ...VERTICAL_LIMITS, ...limits };
  }

  /**
   * A report, perhaps one of the last minute. Rejects when the caller's signal aborts, and for no
   * trouble outside. Who asks the same at the same time gets the same; it ends when nobody waits.
   */
  async read(question: VerticalQuestion, signal: AbortSignal): Promise<VerticalAnswer> {
    signal.throwIfAborted();
    const key = JSON.stringify(question);
    const kept = this.#keptFor(key);
    if (kept !== null) return { kind: 'report', report: kept };
    const known = this.#flights.get(key);
    if (known === undefined && this.#begun >= this.#limits.askedMax) return { kind: 'busy' };
    const flight = known ?? this.#begin(key, question);
    flight.waiters += 1;
    try {
      return { kind: 'report', report: await untilAborted(flight.report, signal) };
    } finally {
      flight.waiters -= 1;
      if (flight.waiters === 0) this.#forsake(key, flight);
    }
  }

  #keptFor(key: string): VerticalReport | null {
    const kept = this.#kept.get(key);
    if (kept === undefined) return null;
    if (this.#clock.monotonicMs() < kept.untilMs) return kept.report;
    this.#kept.delete(key);
    return null;
  }

  #begin(key: string, question: VerticalQuestion): Flight {
    const abort = new AbortController();
    const report = this.#inTurn(() => this.#work(question, abort.signal)).then((done) => {
      this.#keep(key, done);
      return done;
    });
    const flight = { report, abort, waiters: 0 };
    this.#flights.set(key, flight);
    this.#begun += 1;
    const end = (): void => {
      this.#begun -= 1;
      if (this.#flights.get(key) === flight) this.#flights.delete(key);
    };
    // Those who wait hear of a failure; nobody may be left to hear of it.
    report.then(end, end);
    return flight;
  }

  #forsake(key: string, flight: Flight): void {
    if (this.#flights.get(key) !== flight) return;
    this.#flights.delete(key);
    flight.abort.abort(new Error('nobody waits for it any more'));
  }

  #keep(key: string, report: VerticalReport): void {
    const { keptMs, failureKeptMs, keptMax } = this.#limits;
    const isRead = report.recommendations.every((one) => !isUnread(one));
    const untilMs = this.#clock.monotonicMs() + (isRead ? keptMs : failureKeptMs);
    this.#kept.delete(key);
    this.#kept.set(key, { report, untilMs });
    for (const oldest of this.#kept.keys()) {
      if (this.#kept.size <= keptMax) break;
      this.#kept.delete(oldest);
    }
  }

  /** The queue is as long as the flights, which are bounded. */
  async #inTurn<T>(work: () => Promise<T>): Promise<T> {
    if (this.#running < this.#limits.runningMax) this.#running += 1;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#running -= 1;
      else next();
    }
  }

  async #work(question: VerticalQuestion, signal: AbortSignal): Promise<VerticalReport> {
    const { policyId, policyVersion, spec } = question;
    const { stepMs, historyMs } = spec;
    const computedAtMs = this.#clock.nowMs();
    // On whole steps, so that asking again reads the same samples, which a server may have at hand.
    const endMs = Math.floor(computedAtMs / stepMs) * stepMs;
    const window = { startMs: endMs - historyMs, endMs, stepMs };
    const recommendations = await withDeadline(this.#limits.timeoutMs, signal, async (deadline) => {
      const found: VerticalRecommendation[] = [];
      // One after the other: each of them is many requests already.
      for (const one of spec.resources) {
        const reading = { source: this.#source, window, deadline };
        found.push(await recommendFrom(one, spec, reading));
      }
      return found;
    });
    return { policyId, policyVersion, ...window, computedAtMs, recommendations };
  }
}

async function recommendFrom(
  spec: VerticalResourceSpec,
  rules: VerticalSpec,
  reading: HistoryReading,
): Promise<VerticalRecommendation> {
  const isPeak = spec.resource !== 'cpu';
  const usage = isPeak
    ? await readPeaks(spec.query, reading)
    : await readHistory(spec.query, reading);
  if (usage.kind === 'failed') return withheld(spec, 'usage', usage);
  const judge = (kills: VerticalInput['kills']): VerticalRecommendation =>
    recommendVertical({ spec, rules, window: reading.window, usage: usage.series, kills });
  if (spec.oom === null) return judge(null);
  const kills = await readHistory(spec.oom.killsQuery, reading);
  if (kills.kind === 'failed') return withheld(spec, 'kills', kills);
  if (spec.oom.limitQuery === null) return judge({ kills: kills.series, limits: null });
  const limits = await readHistory(spec.oom.limitQuery, reading);
  if (limits.kind === 'failed') return withheld(spec, 'limits', limits);
  return judge({ kills: kills.series, limits: limits.series });
}

/** What cannot be read is not guessed: less memory, because its kills could not be read, would kill. */
function withheld(
  { resource, request }: VerticalResourceSpec,
  what: string,
  { reason, detail }: Extract<History, { kind: 'failed' }>,
): VerticalRecommendation {
  return {
    kind: 'withheld',
    resource,
    reason,
    detail: `${what}: ${detail}`,
    current: request,
    evidence: {
      samples: 0,
      samplesRefused: 0,
      replicas: 0,
      spanMs: 0,
      observedMs: 0,
      coverageRatio: 1,
      gaps: 0,
      longestGapMs: 0,
      oomKills: null,
      lastSampleAtMs: null,
    },
  };
}

function isUnread(one: VerticalRecommendation): boolean {
  return one.kind === 'withheld' && !JUDGED.has(one.reason);
}

/** Reasons that were found in what was read, and that reading again soon does not change. */
const JUDGED: ReadonlySet<string> = new Set([
  'signal_ambiguous',
  'signal_not_a_number',
  'signal_out_of_range',
  'history_gappy',
  'history_too_short',
]);

/** The value, unless the signal comes first. */
async function untilAborted<T>(value: Promise<T>, signal: AbortSignal): Promise<T> {
  const aborted = Promise.withResolvers<never>();
  const onAbort = (): void => aborted.reject(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await Promise.race([value, aborted.promise]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
