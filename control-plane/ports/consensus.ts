/**
 * The seam at which consensus sits: propose → commit → apply. A command that `propose` resolves is
 * on disk (on a majority's, with several members) and applied; nothing acts on anything less.
 */

import type { Command, Committed } from '../model/command.ts';
import type { PlaneState } from '../state/state.ts';

export interface Leadership {
  readonly kind: 'leader' | 'follower';
  readonly term: number;
  readonly leaderId: string | null;
}

export interface ConsensusStatus {
  readonly memberId: string;
  readonly leadership: Leadership;
  readonly commitIndex: number;
  readonly appliedIndex: number;
  readonly lastIndex: number;
  readonly logBytes: number;
  readonly snapshotIndex: number;
}

export interface Consensus {
  /**
   * Proposes one command and resolves once it is committed and applied, also when the state machine
   * refused it. Rejects with ConsensusError, and then the command may or may not have been committed:
   * retry with the same key.
   */
  propose(command: Command, signal: AbortSignal): Promise<Committed>;
  /** The applied state; immutable, so a caller may keep it. */
  readState(): PlaneState;
  /**
   * Resolves once `readState` is no older than the moment of the call, whoever leads (a read index:
   * Raft dissertation, 6.4). Rejects with ConsensusError: `no_leader` when nobody could be asked.
   */
  readBarrier(signal: AbortSignal): Promise<void>;
  /**
   * The term that this member leads and may act in right now: its first entry is committed, and a
   * quorum has confirmed it so lately that nobody else can lead. Null otherwise. Asked before acting.
   */
  leaseTerm(): number | null;
  status(): ConsensusStatus;
}

export type ConsensusFailure =
  /** This member does not lead. */
  | 'not_leader'
  /** No leader is known, or it could not be reached: a majority may be away. */
  | 'no_leader'
  /** The disk is full or failing; nothing more is accepted. */
  | 'storage_failed'
  /** More commands wait than the bound allows. */
  | 'overloaded'
  /** The caller's signal, or the member's stop. */
  | 'aborted';

export class ConsensusError extends Error {
  override readonly name = 'ConsensusError';
  readonly failure: ConsensusFailure;

  constructor(failure: ConsensusFailure, message: string, options?: ErrorOptions) {
    super(message, options);
    this.failure = failure;
  }
}
