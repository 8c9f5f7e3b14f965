/** Where observations come from: any server of the Prometheus query API. */

import type { ReadFailure } from '../model/reasons.ts';

/** One series of an instant answer. Value may be NaN or infinite: the caller judges. */
export interface InstantSample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
  /** The evaluation time, not the sample's. */
  readonly evaluatedAtMs: number;
}

export interface RangeSeries {
  readonly labels: Readonly<Record<string, string>>;
  readonly points: readonly (readonly [atMs: number, value: number])[];
}

export type InstantReading =
  | {
      readonly kind: 'vector';
      readonly samples: readonly InstantSample[];
      /**
       * How far the server's clock is ahead of this member's, in ms; absent when it is not. Times in the
       * answer are by the server's clock: what seems to be of now is as old as that.
       */
      readonly clockAheadMs?: number;
    }
  | { readonly kind: 'failed'; readonly reason: ReadFailure; readonly detail: string };

export type RangeReading =
  | { readonly kind: 'matrix'; readonly series: readonly RangeSeries[] }
  | { readonly kind: 'failed'; readonly reason: ReadFailure; readonly detail: string };

export interface RangeQuery {
  readonly query: string;
  readonly startMs: number;
  readonly endMs: number;
  readonly stepMs: number;
}

/** Never rejects for trouble outside: each reading carries its own failure. */
export interface MetricsSource {
  /** Answers in the queries' order; all are evaluated at `atMs`, in parallel, under one deadline. */
  readInstant(
    queries: readonly string[],
    atMs: number,
    signal: AbortSignal,
  ): Promise<readonly InstantReading[]>;
  readRange(queries: readonly RangeQuery[], signal: AbortSignal): Promise<readonly RangeReading[]>;
}
