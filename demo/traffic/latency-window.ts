/**
 * What became of the requests of the last seconds: counts and quantiles over a sliding window. It
 * keeps every latency of the window, up to a bound, since an average of quantiles is no quantile.
 */

export type RequestOutcome = 'ok' | 'refused' | 'failed' | 'not_sent';

export interface WindowSummary {
  readonly windowSeconds: number;
  readonly ok: number;
  /** Answered with 503: the service said that it is full. */
  readonly refused: number;
  /** Any other answer, no answer, or a timeout. */
  readonly failed: number;
  /** Planned and not sent, because more than the bound were still under way. */
  readonly notSent: number;
  /** Of successful requests, from the planned time of sending; null when there is none. */
  readonly p50Seconds: number | null;
  readonly p95Seconds: number | null;
}

export interface LatencyWindow {
  add(atSeconds: number, outcome: RequestOutcome, latencySeconds: number): void;
  summary(nowSeconds: number): WindowSummary;
}

interface Entry {
  readonly atSeconds: number;
  readonly outcome: RequestOutcome;
  readonly latencySeconds: number;
}

export function createLatencyWindow(windowSeconds: number, entriesMax: number): LatencyWindow {
  let entries: Entry[] = [];
  const forget = (nowSeconds: number): void => {
    const from = entries.findIndex((entry) => entry.atSeconds > nowSeconds - windowSeconds);
    entries = from === -1 ? [] : entries.slice(from);
  };
  return {
    add(atSeconds, outcome, latencySeconds) {
      entries.push({ atSeconds, outcome, latencySeconds });
      if (entries.length > entriesMax) forget(atSeconds);
      if (entries.length > entriesMax) entries = entries.slice(-Math.ceil(entriesMax / 2));
    },
    summary(nowSeconds) {
      forget(nowSeconds);
      const count = (outcome: RequestOutcome): number =>
        entries.filter((entry) => entry.outcome === outcome).length;
      const latencies = entries
        .filter((entry) => entry.outcome === 'ok')
        .map((entry) => entry.latencySeconds)
        .sort((a, b) => a - b);
      return {
        windowSeconds,
        ok: count('ok'),
        refused: count('refused'),
        failed: count('failed'),
        notSent: count('not_sent'),
        p50Seconds: quantile(latencies, 0.5),
        p95Seconds: quantile(latencies, 0.95),
      };
    },
  };
}

/** Nearest rank; null of nothing. */
function quantile(sorted: readonly number[], ratio: number): number | null {
  return sorted[Math.max(0, Math.ceil(sorted.length * ratio) - 1)] ?? null;
}
