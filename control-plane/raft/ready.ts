/**
 * What a core wants done, and what it has to tell. `Raft.ready()` hands it over once; who drives the
 * core does it in any order, but for `changes`, which are made durable in theirs.
 */

import type {
  ChangeRefusal,
  Configuration,
  MemberId,
  TransferRefusal,
} from '../model/configuration.ts';
import type { CampaignCause, CampaignLoss, VotePhase } from '../model/election.ts';
import type { RaftRole, StepDownReason, TransferOutcome } from '../model/leadership.ts';
import type { LogChange, LogEntry, SnapshotPlace } from '../model/log-entry.ts';
import type { RaftMessage, VoteReason } from '../model/raft-message.ts';

export interface Ready {
  /** To be made durable, in order; then `persisted(sequence)` of the last one that is. */
  readonly changes: readonly LogChange[];
  /** To be sent now. What depends on a change comes only after that was said to be durable. */
  readonly messages: readonly RaftMessage[];
  /** Committed and durable here, to be applied in order; then `applied(index)`. */
  readonly committed: readonly LogEntry[];
  /** A snapshot that was installed: the state is to be restored from it before anything is applied. */
  readonly restore: SnapshotPlace | null;
  /** Reads that may be answered once the index is applied; null: this member cannot tell. */
  readonly reads: readonly ReadAnswer[];
  /** Bytes of a snapshot that arrive; to be staged in this order. */
  readonly staged: readonly StagedChunk[];
  /** Bytes of this member's snapshot that a follower needs; answered by `snapshotChunk`. */
  readonly chunksWanted: readonly ChunkWanted[];
  /** What happened, in order: for traces, series and logs. Nothing depends on it. */
  readonly events: readonly RaftEvent[];
}

export interface ReadAnswer {
  readonly readId: number;
  readonly index: number | null;
}

export interface StagedChunk {
  readonly index: number;
  /** 0 begins anew: what was staged before is void. */
  readonly offset: number;
  readonly bytes: Uint8Array;
}

export interface ChunkWanted {
  readonly to: MemberId;
  /** Of the newest snapshot; another one is answered by null. */
  readonly index: number;
  readonly offset: number;
  readonly lengthMax: number;
}

export type RaftEvent =
  /** The election timeout ran out: the leader is suspected. */
  | {
      readonly kind: 'suspected';
      readonly term: number;
      readonly leaderId: MemberId | null;
      /** Since the last message of the leader, or since the start; ms. */
      readonly silentForMs: number;
      readonly timeoutMs: number;
    }
  | {
      readonly kind: 'campaign_started';
      readonly phase: VotePhase;
      /** The term that is campaigned for. */
      readonly term: number;
      readonly cause: CampaignCause;
      readonly asked: readonly MemberId[];
    }
  /** This member answered a request for its vote. */
  | {
      readonly kind: 'vote_cast';
      readonly phase: VotePhase;
      readonly candidateId: MemberId;
      readonly term: number;
      readonly reason: VoteReason;
    }
  /** This member, a candidate, got an answer. */
  | {
      readonly kind: 'vote_received';
      readonly phase: VotePhase;
      readonly voterId: MemberId;
      readonly term: number;
      readonly reason: VoteReason;
    }
  | { readonly kind: 'campaign_lost'; readonly term: number; readonly loss: CampaignLoss }
  | { readonly kind: 'elected'; readonly term: number; readonly termStartIndex: number }
  /** The first entry of this leader's term is committed: it may answer reads and act. */
  | { readonly kind: 'term_started'; readonly term: number; readonly index: number }
  | { readonly kind: 'leader_known'; readonly term: number; readonly leaderId: MemberId }
  | { readonly kind: 'stepped_down'; readonly term: number; readonly reason: StepDownReason }
  | {
      readonly kind: 'transfer_ended';
      readonly to: MemberId;
      readonly outcome: TransferOutcome;
    }
  | {
      readonly kind: 'configuration';
      readonly index: number;
      readonly configuration: Configuration;
      readonly stage: 'appended' | 'committed';
    }
  | { readonly kind: 'snapshot_installed'; readonly index: number }
  /** A message that no member of this group can have sent in this state. */
  | { readonly kind: 'message_ignored'; readonly from: MemberId; readonly detail: string };

export interface ProgressStatus {
  readonly memberId: MemberId;
  readonly state: 'probe' | 'replicate' | 'snapshot';
  /** Durable there and equal to the leader's log. */
  readonly matchIndex: number;
  readonly nextIndex: number;
  readonly inFlight: number;
  readonly inFlightBytes: number;
  /** Monotonic ms of its last message; null before any in this term. */
  readonly contactMs: number | null;
}

export interface RaftStatus {
  readonly memberId: MemberId;
  readonly role: RaftRole;
  readonly term: number;
  readonly votedFor: MemberId | null;
  readonly leaderId: MemberId | null;
  readonly commitIndex: number;
  readonly appliedIndex: number;
  readonly lastIndex: number;
  /** Last index that is durable here. */
  readonly persistedIndex: number;
  readonly firstIndex: number;
  readonly snapshotIndex: number;
  readonly configuration: Configuration;
  readonly configurationIndex: number;
  /** The member that leadership is being handed to. */
  readonly transferTo: MemberId | null;
  /** Of a leader, by member id, itself left out; empty otherwise. */
  readonly progress: readonly ProgressStatus[];
}

export type Refusal<Reason extends string> = {
  readonly kind: 'refused';
  readonly reason: Reason;
};

export type Proposed =
  | { readonly kind: 'accepted'; readonly term: number; readonly firstIndex: number }
  | Refusal<'not_leader' | 'transferring' | 'overloaded'>;

export type ChangeProposed =
  | { readonly kind: 'accepted'; readonly term: number; readonly index: number }
  | Refusal<ChangeRefusal>;

export type TransferProposed = { readonly kind: 'accepted' } | Refusal<TransferRefusal>;
