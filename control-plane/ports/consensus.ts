/**
 * The seam at which consensus sits: propose → commit → apply. A command that `propose` resolves is
 * on disk (on a majority's, with several members) and applied; nothing acts on anything less.
 */

import type { Command, Committed } from '../model/command.ts';
import type { ConsensusFailure } from '../model/consensus-failure.ts';
import type { PlaneState } from '../state/state.ts';

export interface Leadership {
  readonly kind: 'leader' | 'follower';
  readonly term: number;
  readonly leaderId: string | null;
}

/**
 * What a member is in the configuration that it has: `waiting` to be added while it has none, `outside`
 * of one that does not name it. Who is outside was removed, or has not got the entry yet that adds it.
 */
export type Standing = 'member' | 'waiting' | 'outside';

export interface ConsensusStatus {
  readonly memberId: string;
  readonly leadership: Leadership;
  readonly standing: Standing;
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

/** Why no leader will make itself known to this member, in words; null when one may. */
export function whyUnled(standing: Standing, leaderId: string | null): string | null {
  if (leaderId !== null || standing === 'member') return null;
  return standing === 'waiting'
    ? 'this member waits to be added to a cluster'
    : 'this member is not a member of the cluster, or not any more';
}

export class ConsensusError extends Error {
  override readonly name = 'ConsensusError';
  readonly failure: ConsensusFailure;

  constructor(failure: ConsensusFailure, message: string, options?: ErrorOptions) {
    super(message, options);
    this.failure = failure;
  }
}
