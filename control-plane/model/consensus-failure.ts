/** Why a proposal or a read was not done: a closed set, which goes over the wire and into series. */

export const CONSENSUS_FAILURES = [
  /** This member does not lead. */
  'not_leader',
  /** No leader is known, or it could not be reached: a majority may be away. */
  'no_leader',
  /** The disk is full or failing; nothing more is accepted. */
  'storage_failed',
  /** More commands wait than the bound allows. */
  'overloaded',
  /** It would put a format in force that not every member is known to read. */
  'format_not_read',
  /** The caller's signal, or the member's stop. */
  'aborted',
] as const;
export type ConsensusFailure = (typeof CONSENSUS_FAILURES)[number];
