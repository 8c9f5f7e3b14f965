/**
 * Long histories from a metrics source, read in pieces: one request at a time, each small enough to be
 * answered, halved where it was not. All of it or none: a history with a piece missing would look like
 * replicas that used nothing then.
 */

import type { UsageSeries, UsageWindow } from '../analysis/vertical-usage.ts';
import type { ReadFailure } from '../model/reasons.ts';
import type {
  MetricsSource,
  RangeQuery,
  RangeReading,
  RangeSeries,
} from '../ports/metrics-source.ts';
import { type Deadline, DeadlineError } from './deadline.ts';

/** Steps of one request at first, and at least. */
const PIECE_STEPS = 288;
const PIECE_STEPS_MIN = 9;

/** Samples of one history in all: judging them is one piece of work, for which all else waits. */
export const HISTORY_SAMPLES_MAX = 100_000;

/** How far apart the looks between two samples are, of which the highest counts, in ms. */
const PEAK_RESOLUTION_MS = 15_000;

export interface HistoryReading {
  readonly source: MetricsSource;
  readonly window: UsageWindow;
  readonly deadline: Deadline;
}

export type History =
  | { readonly kind: 'read'; readonly series: readonly UsageSeries[] }
  | { readonly kind: 'failed'; readonly reason: ReadFailure; readonly detail: string };

/** Never rejects for trouble outside; rejects with the reason of the deadline's signal but for the deadline. */
export async function readHistory(query: string, reading: HistoryReading): Promise<History> {
  const { window } = reading;
  const joined = new Map<string, JoinedSeries>();
  let steps = PIECE_STEPS;
  let samples = 0;
  // The window is open at its start: of n steps it has n samples.
  for (let startMs = window.startMs + window.stepMs; startMs <= window.endMs;) {
    const endMs = Math.min(window.endMs, startMs + (steps - 1) * window.stepMs);
    const answer = await readPiece({ query, startMs, endMs, stepMs: window.stepMs }, reading);
    if (answer.kind === 'failed') {
      if (!isTooLarge(answer) || steps <= PIECE_STEPS_MIN) return answer;
      steps = Math.ceil(steps / 2);
      continue;
    }
    samples += answer.series.reduce((sum, { points }) => sum + points.length, 0);
    if (samples > HISTORY_SAMPLES_MAX) return tooMany();
    for (const one of answer.series) join(joined, one);
    startMs = endMs + window.stepMs;
  }
  return { kind: 'read', series: [...joined.values()] };
}

/**
 * The same for what is judged by its peaks: each sample is the highest of all looks since the one
 * before it, since what lasts less than a step is what kills.
 */
export async function readPeaks(query: string, reading: HistoryReading): Promise<History> {
  const stepMs = reading.window.stepMs;
  const resolutionMs = Math.min(PEAK_RESOLUTION_MS, stepMs);
  // On a line of its own, since a query may end in a comment.
  const highest = `max_over_time((${query}\n)[${stepMs}ms:${resolutionMs}ms])`;
  return readHistory(highest, reading);
}

interface JoinedSeries {
  readonly labels: Readonly<Record<string, string>>;
  readonly points: (readonly [atMs: number, value: number])[];
}

async function readPiece(
  piece: RangeQuery,
  { source, deadline }: HistoryReading,
): Promise<RangeReading> {
  try {
    const [answer] = await deadline.race(() => source.readRange([piece], deadline.signal));
    return answer ?? failed('signal_absent', 'a query was not answered');
  } catch (error) {
    if (error instanceof DeadlineError) return failed('signal_unavailable', error.message);
    throw error;
  }
}

/** Too large an answer, or too many samples under it for the server's own limit. */
function isTooLarge({ reason, detail }: Extract<RangeReading, { kind: 'failed' }>): boolean {
  return reason === 'signal_oversized' || /too many samples/i.test(detail);
}

function join(joined: Map<string, JoinedSeries>, { labels, points }: RangeSeries): void {
  const key = JSON.stringify(Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1)));
  const known = joined.get(key) ?? { labels, points: [] };
  joined.set(key, known);
  for (const point of points) known.points.push(point);
}

function tooMany(): History {
  const detail = `more than ${HISTORY_SAMPLES_MAX} samples; take a longer step or a shorter history`;
  return failed('signal_oversized', detail);
}

function failed(reason: ReadFailure, detail: string) {
  return { kind: 'failed', reason, detail } as const;
}
