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
