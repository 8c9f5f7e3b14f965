/** The numbers that a Raft core is given; it has no defaults of its own but these. */

export interface RaftOptions {
  readonly memberId: string;
  /** A leader sends heartbeats this often, in ms. */
  readonly heartbeatIntervalMs: number;
  /** A follower suspects its leader after a random time of silence in [min, max), in ms. */
  readonly electionTimeoutMinMs: number;
  readonly electionTimeoutMaxMs: number;
  /**
   * A follower that was sent entries hears of later commits with the next ones; when none follow
   * within this time, in ms, in a message of its own.
   */
  readonly commitNoticeDelayMs: number;
  /** Taken off the lease for clocks that run at different speeds, in ms. */
  readonly leaseMarginMs: number;
  /** A leader resigns when a change of its log is not durable after this time, in ms. */
  readonly diskStallMs: number;
  /** Bounds of one append message; a single larger entry goes alone. */
  readonly appendEntriesMax: number;
  readonly appendBytesMax: number;
  /** Append messages and their bytes on the way to one follower. */
  readonly inFlightMax: number;
  readonly inFlightBytesMax: number;
  /** Proposed entries, and their bytes, that are not committed yet; more are refused. */
  readonly uncommittedMax: number;
  readonly uncommittedBytesMax: number;
  readonly snapshotChunkBytes: number;
  /** Reads that wait for their index; more are refused. */
  readonly readsMax: number;
  /** Entries between a learner's log and the leader's up to which it can become a voter. */
  readonly promotionLagMax: number;
}

const MIB = 1024 * 1024;

export const RAFT_DEFAULTS: Omit<RaftOptions, 'memberId'> = {
  heartbeatIntervalMs: 50,
  electionTimeoutMinMs: 150,
  electionTimeoutMaxMs: 300,
  commitNoticeDelayMs: 5,
  leaseMarginMs: 15,
  diskStallMs: 2_000,
  appendEntriesMax: 1_024,
  appendBytesMax: MIB,
  inFlightMax: 64,
  inFlightBytesMax: 16 * MIB,
  uncommittedMax: 16_384,
  uncommittedBytesMax: 64 * MIB,
  snapshotChunkBytes: 256 * 1024,
  readsMax: 16_384,
  promotionLagMax: 1_000,
};
