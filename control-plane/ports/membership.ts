/** Who takes part in consensus, and changing that. Every change goes through the log. */

import type {
  ChangeRefusal,
  MemberId,
  MembershipChange,
  TransferRefusal,
} from '../model/configuration.ts';

export interface MemberView {
  readonly memberId: MemberId;
  /** host:port of its Raft listener; empty for a member that runs alone. */
  readonly address: string;
  /** As it said itself when it was connected. */
  readonly apiUrl: string | null;
  /** The newest format of the log that it reads, as it said itself; null while it was not heard of. */
  readonly formatMax: number | null;
  /** `leaving`: a voter of the configuration that a joint change is leaving. */
  readonly membership: 'voter' | 'learner' | 'leaving';
  /** As far as this member knows; `unknown` of others while it does not lead. */
  readonly role: 'leader' | 'follower' | 'candidate' | 'learner' | 'unknown';
  /** Its log is durable and equal to the leader's up to here; null where this member cannot tell. */
  readonly matchIndex: number | null;
  /** Entries between that and the leader's last one. */
  readonly lagEntries: number | null;
  /** Since its last message, in ms; 0 for the member that is asked. */
  readonly contactAgeMs: number | null;
  readonly replication: 'probe' | 'replicate' | 'snapshot' | null;
}

export interface Membership {
  /** By member id. */
  members(): readonly MemberView[];
  /**
   * Resolves once the change is committed and, where it was joint, left again.
   * @throws MembershipError | ConsensusError
   */
  change(change: MembershipChange, signal: AbortSignal): Promise<void>;
  /**
   * Resolves once another member leads; `to` null lets the leader choose.
   * @throws MembershipError | ConsensusError
   */
  transfer(to: MemberId | null, signal: AbortSignal): Promise<{ readonly leaderId: MemberId }>;
}

export class MembershipError extends Error {
  override readonly name = 'MembershipError';
  readonly refusal: ChangeRefusal | TransferRefusal;

  constructor(refusal: ChangeRefusal | TransferRefusal, message: string, options?: ErrorOptions) {
    super(message, options);
    this.refusal = refusal;
  }
}
