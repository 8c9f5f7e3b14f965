/**
 * What members say to each other. Every message is safe to lose, to repeat, to delay and to reorder;
 * one that claims something of the sender's disk leaves only after it is true there.
 */

import type { Configuration, MemberId } from './configuration.ts';
import type { LogEntry } from './log-entry.ts';

interface Head {
  readonly from: MemberId;
  readonly to: MemberId;
  /** The sender's term; in a pre-vote, and in its grant, the term that would be campaigned for. */
  readonly term: number;
}

/** Why a member answered a request for its vote as it did. */
export const VOTE_REASONS = [
  'granted',
  /** It voted for another member in this term. */
  'already_voted',
  /** The candidate's log is behind. */
  'log_behind',
  /** It has heard from a leader within the minimum election timeout. */
  'leader_alive',
  /** The request is of an older term. */
  'term_stale',
  /** It is stopping, or its disk does not keep up. */
  'not_able',
] as const;
export type VoteReason = (typeof VOTE_REASONS)[number];

export type RaftMessage = Head &
  (
    | {
        readonly kind: 'pre_vote' | 'vote';
        readonly lastIndex: number;
        readonly lastTerm: number;
        /** The leader asked for this campaign: it passes the stickiness to that leader. */
        readonly transfer: boolean;
      }
    | { readonly kind: 'pre_vote_reply' | 'vote_reply'; readonly reason: VoteReason }
    | {
        readonly kind: 'append';
        readonly previousIndex: number;
        readonly previousTerm: number;
        readonly commitIndex: number;
        /** Successive, behind previousIndex. */
        readonly entries: readonly LogEntry[];
      }
    | {
        readonly kind: 'append_reply';
        /** Null: refused, for the log differs at previousIndex. Otherwise durable and equal up to here. */
        readonly matchIndex: number | null;
        /** The previousIndex of the append that is answered. */
        readonly previousIndex: number;
        /** When refused: the last index and its term from which on the logs may be equal. */
        readonly hintIndex: number;
        readonly hintTerm: number;
      }
    | {
        readonly kind: 'heartbeat';
        readonly commitIndex: number;
        /** Counts the leader's rounds; echoed, so that an answer proves when it was asked. */
        readonly round: number;
      }
    | {
        readonly kind: 'heartbeat_reply';
        readonly round: number;
        /** Last durable index of the follower. */
        readonly lastIndex: number;
      }
    | {
        readonly kind: 'snapshot_chunk';
        readonly index: number;
        readonly snapshotTerm: number;
        readonly configuration: Configuration;
        /** Of these bytes within the snapshot. */
        readonly offset: number;
        readonly bytes: Uint8Array;
        readonly totalBytes: number;
      }
    | {
        readonly kind: 'snapshot_reply';
        readonly index: number;
        /** Bytes that are staged; the next chunk begins here. */
        readonly nextOffset: number;
      }
    /** The leader hands over: campaign now. */
    | { readonly kind: 'timeout_now' }
    /** A follower asks from which index on its state is not older than now. */
    | { readonly kind: 'read_index'; readonly readId: number }
    | {
        readonly kind: 'read_index_reply';
        readonly readId: number;
        /** Null: the asked member does not lead. */
        readonly index: number | null;
      }
  );

export type RaftMessageKind = RaftMessage['kind'];
export type MessageOf<Kind extends RaftMessageKind> = RaftMessage & { readonly kind: Kind };
