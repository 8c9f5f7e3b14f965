/** What the webhook target is made with, what bounds it, and what it tells of its doings. */

import type { FencingToken } from '../../model/decision.ts';

export interface WebhookSettings {
  /** One file for each secret, named as the workloads name it (secrets.ts); read for every request. */
  readonly secretsDirectory: string;
  /** PEM authorities that receivers are checked against; null: the system's. Read once. */
  readonly caFile: string | null;
  /** The file that remembers where each workload's receiver is (places.ts); made when it is not there. */
  readonly placesFile: string;
  /** Who tells: the cluster's name. A receiver serves one owner. */
  readonly owner: string;
  readonly nowMs: () => number;
  readonly onEvent?: (event: WebhookEvent) => void;
  /**
   * Asked just before each request: false where another may have become the one to act, whatever this
   * process believed a moment ago. Always true when absent.
   */
  readonly mayAct?: () => boolean;
  readonly limits?: Partial<WebhookLimits>;
}

export interface WebhookLimits {
  /** Requests for one call at most, the first included. */
  readonly attemptsMax: number;
  /** First and longest wait between two of them, in ms; it doubles, and half of it is drawn. */
  readonly backoffMinMs: number;
  readonly backoffMaxMs: number;
  /** Longest that a receiver's Retry-After is obeyed, in ms. */
  readonly pauseMaxMs: number;
  /** Looks at the status of a number that is taken but not in force, and the time between the first two, in ms. */
  readonly pollsMax: number;
  readonly pollMinMs: number;
  /** Longest answer, in bytes, and most replicas in one. */
  readonly answerBytesMax: number;
  readonly replicasMax: number;
  /** Connections to one receiver; more requests wait for one of them. */
  readonly socketsMax: number;
  /** Workloads whose receivers are remembered. */
  readonly placesMax: number;
  /** How long a receiver that cannot be told of a removal is tried, in ms. */
  readonly removalMaxMs: number;
}

export const WEBHOOK_LIMITS: WebhookLimits = {
  attemptsMax: 4,
  backoffMinMs: 200,
  backoffMaxMs: 2_000,
  pauseMaxMs: 300_000,
  pollsMax: 32,
  pollMinMs: 100,
  answerBytesMax: 2 * 1_048_576,
  replicasMax: 8_192,
  socketsMax: 16,
  placesMax: 10_000,
  removalMaxMs: 3_600_000,
};

export type WebhookEvent =
  /** A request failed and is sent again, as it was, after `waitMs`. */
  | {
      readonly kind: 'retried';
      readonly workloadId: string;
      readonly detail: string;
      readonly attempt: number;
      readonly waitMs: number;
    }
  /** The receiver was told by somebody with a newer token than this member has: another leads. */
  | {
      readonly kind: 'outrun';
      readonly workloadId: string;
      readonly token: FencingToken;
      readonly newest: FencingToken;
    }
  /** The receiver of a removed workload could not be told in time; whatever it runs runs on. */
  | { readonly kind: 'abandoned'; readonly workloadId: string; readonly detail: string }
  /** The file of places was damaged, or could not be written. */
  | { readonly kind: 'trouble'; readonly workloadId: string | null; readonly error: unknown };
