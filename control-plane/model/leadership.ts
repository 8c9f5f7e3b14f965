/**
 * What a member is in its group, how leading ends, and what becomes of a request that is sent on to the
 * leader, in closed sets: a word is the field of an event, the log field and the metric label.
 */

/** One at a time. */
export const RAFT_ROLES = ['follower', 'pre_candidate', 'candidate', 'leader'] as const;
export type RaftRole = (typeof RAFT_ROLES)[number];

/** Why a leader gave up leading. */
export const STEP_DOWN_REASONS = [
  'higher_term',
  /** No majority was heard from for the election timeout. */
  'quorum_lost',
  /** This process stood still longer than its lease. */
  'stalled',
  'disk_stalled',
  'removed',
  'transferred',
] as const;
export type StepDownReason = (typeof STEP_DOWN_REASONS)[number];

/** How an attempt of a leader to hand over ended. */
export const TRANSFER_OUTCOMES = ['handed_over', 'timed_out', 'given_up'] as const;
export type TransferOutcome = (typeof TRANSFER_OUTCOMES)[number];

/** How one sending of a request to the leader ended. */
export const FORWARD_OUTCOMES = [
  'answered',
  'refused',
  /** Nobody there: it had no effect. */
  'not_reached',
  'broken',
] as const;
export type ForwardOutcome = (typeof FORWARD_OUTCOMES)[number];
