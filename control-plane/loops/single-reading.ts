/** Exactly one finite number out of an instant answer, or why there is none. */

import type { ReadFailure } from '../model/reasons.ts';
import type { InstantReading } from '../ports/metrics-source.ts';

export type Single =
  | { readonly kind: 'value'; readonly value: number }
  | { readonly kind: 'failed'; readonly reason: ReadFailure; readonly detail: string };

/** Labels of a series that are shown when there is more than one, at most. */
const LABELS_SHOWN_MAX = 120;

/** `what` begins the detail of a failure. */
export function single(reading: InstantReading | undefined, what: string): Single {
  if (reading === undefined) return failed('signal_absent', `${what} was not answered`);
  if (reading.kind === 'failed') return failed(reading.reason, `${what}: ${reading.detail}`);
  const [first, second] = reading.samples;
  if (first === undefined) return failed('signal_absent', `${what}: the query returned no series`);
  if (second !== undefined) {
    const shown = [first, second].map((sample) => labelsShown(sample.labels)).join(' and ');
    const count = reading.samples.length;
    return failed(
      'signal_ambiguous',
      `${what}: the query returned ${count} series, among them ${shown}`,
    );
  }
  if (!Number.isFinite(first.value)) {
    return failed('signal_not_a_number', `${what} is ${first.value}`);
  }
  return { kind: 'value', value: first.value };
}

/**
 * A time that an answer gives in seconds, as this member's clock has it, in ms. Ahead of it, a server
 * asked for this moment answers with what it took for that moment some time ago: older than it says.
 */
export function timeHere(seconds: number, reading: InstantReading | undefined): number {
  const aheadMs = reading?.kind === 'vector' ? (reading.clockAheadMs ?? 0) : 0;
  return Math.round(seconds * 1_000) - aheadMs;
}

export function failed(
  reason: ReadFailure,
  detail: string,
): Extract<Single, { readonly kind: 'failed' }> {
  return { kind: 'failed', reason, detail };
}

export function labelsShown(labels: Readonly<Record<string, string>>): string {
  const text = JSON.stringify(labels);
  return text.length <= LABELS_SHOWN_MAX ? text : `${text.slice(0, LABELS_SHOWN_MAX)}…`;
}
