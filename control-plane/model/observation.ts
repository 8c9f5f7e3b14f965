/**
 * An observation is a signal and when it was true. It says what was seen, and leaves it to the
 * decider whether that is fresh and complete enough.
 */

import type { ReadFailure } from './reasons.ts';

export type Observation =
  | {
      readonly kind: 'sample';
      readonly metric: string;
      /** Finite. */
      readonly value: number;
      /** UNIX time in ms of the oldest sample under the value; null when it could not be read. */
      readonly sampledAtMs: number | null;
      /** Number of replicas that report; null when the policy asks for no coverage or it could not be read. */
      readonly reporting: number | null;
      /** What the policy's second expression says; absent without one, null when it could not be read. */
      readonly redundant?: number | null;
    }
  | {
      readonly kind: 'failed';
      readonly metric: string;
      readonly reason: ReadFailure;
      /** One line for a person: status code, first bytes, count of series. */
      readonly detail: string;
    };

/** How many replicas there are, from the scaling target. */
export type ActualReplicas =
  | { readonly kind: 'known'; readonly ready: number; readonly starting: number }
  | { readonly kind: 'unknown'; readonly detail: string };

/** The parts that strategies read; each strategy names those that it needs. */
export const STRATEGY_PARTS = [
  'value',
  'points',
  'usage',
  'request',
  'queue',
  'kv_cache',
  'time_to_first_token',
  'rate',
  'latency',
] as const;

/** What was read for one part of a strategy. A null value is one that is not finite. */
export type PartReading =
  | {
      readonly kind: 'sample';
      readonly value: number | null;
      readonly sampledAtMs: number | null;
      readonly reporting: number | null;
    }
  | {
      readonly kind: 'points';
      readonly points: readonly PointReading[];
      /** Of the oldest sample under the newest point; null when it could not be read. */
      readonly sampledAtMs: number | null;
    }
  | { readonly kind: 'replicas'; readonly samples: readonly ReplicaReading[] }
  | { readonly kind: 'failed'; readonly reason: ReadFailure; readonly detail: string };

export interface PointReading {
  readonly atMs: number;
  readonly value: number | null;
}

export interface ReplicaReading {
  readonly replicaId: string;
  readonly value: number | null;
  readonly sampledAtMs: number | null;
}

/** What was read for one strategy of a policy. */
export interface StrategyReading {
  readonly strategy: string;
  /** By the name of the part: one of STRATEGY_PARTS, or `input:` and the name of a formula's input. */
  readonly parts: Readonly<Record<string, PartReading>>;
}

/** One replica, as strategies that look at each of them see it. */
export interface ReplicaFact {
  /** As the scaling target knows it. */
  readonly replicaId: string;
  /** host:port; the answer of a query may name a replica by it. */
  readonly address: string;
  readonly phase: 'starting' | 'ready' | 'stopping';
  readonly startedAtMs: number;
  /** When it last became ready or unready; null when the target does not say. */
  readonly readyChangedAtMs: number | null;
}
