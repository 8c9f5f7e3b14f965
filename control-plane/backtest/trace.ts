/**
 * Load traces for backtests: text in CSV becomes one number per step of the plant, scaled so that
 * the largest step needs a given number of replicas. It reads no file and guesses no column.
 */

/** A trace as it was recorded: counts per bucket of equal length. */
export interface Trace {
  readonly bucketMs: number;
  /** Count of each bucket; null where the record has none. */
  readonly counts: readonly (number | null)[];
}

/** The text is not such a trace; the message names the line. */
export class TraceError extends Error {
  override readonly name = 'TraceError';
}

/** Buckets that one trace may have: a year of seconds. */
const BUCKETS_MAX = 31_622_400;

/**
 * Parses CSV with one header line: the first column is the bucket's number or time, the second its
 * count, further ones are ignored. `unitMs` is the length of one unit of the first column. Buckets
 * must rise; those that are left out are missing, not zero.
 */
export function parseTrace(text: string, unitMs: number): Trace {
  const rows = text.trim().split('\n').slice(1).map(parseRow);
  const [first, second] = rows;
  if (first === undefined || second === undefined) throw new TraceError('fewer than two buckets');
  const width = second.at - first.at;
  const counts: (number | null)[] = [];
  for (const [index, { at, count }] of rows.entries()) {
    const bucket = (at - first.at) / width;
    if (!Number.isInteger(bucket) || bucket < counts.length || bucket >= BUCKETS_MAX) {
      throw new TraceError(`line ${index + 2}: the bucket ${at} does not follow the one before it`);
    }
    while (counts.length < bucket) counts.push(null);
    counts.push(count);
  }
  return { bucketMs: width * unitMs, counts };
}

function parseRow(line: string, index: number): { at: number; count: number } {
  const [first = '', second = ''] = line.split(',');
  const at = first.trim() === '' ? NaN : Number(first);
  const count = second.trim() === '' ? NaN : Number(second);
  if (!Number.isFinite(at) || !Number.isFinite(count) || count < 0) {
    throw new TraceError(`line ${index + 2}: two numbers are needed, the second not negative`);
  }
  return { at, count };
}

/** The trace's mean rate in each step, in counts per ms; null in steps that touch a missing bucket. */
export function ratePerStep(trace: Trace, stepMs: number): readonly (number | null)[] {
  const { bucketMs, counts } = trace;
  const steps = Math.floor((counts.length * bucketMs) / stepMs);
  return Array.from({ length: steps }, (_, step) => {
    const fromMs = step * stepMs;
    const toMs = fromMs + stepMs;
    let sum = 0;
    for (let bucket = Math.floor(fromMs / bucketMs); bucket * bucketMs < toMs; bucket += 1) {
      const count = counts[bucket] ?? null;
      if (count === null) return null;
      const overlapMs =
        Math.min(toMs, (bucket + 1) * bucketMs) - Math.max(fromMs, bucket * bucketMs);
      sum += (count / bucketMs) * overlapMs;
    }
    return sum / stepMs;
  });
}

/** Load in capacity units: the largest step is `peak`. Missing steps stay missing. */
export function scaleToPeak(
  rates: readonly (number | null)[],
  peak: number,
): readonly (number | null)[] {
  const largest = rates.reduce<number>((most, rate) => Math.max(most, rate ?? 0), 0);
  if (largest === 0) return rates;
  return rates.map((rate) => (rate === null ? null : (rate / largest) * peak));
}

/** Each missing step takes the last one before it: the load went on while nobody looked. */
export function carryForward(load: readonly (number | null)[]): readonly number[] {
  let last = load.find((units) => units !== null) ?? 0;
  return load.map((units) => (last = units ?? last));
}
