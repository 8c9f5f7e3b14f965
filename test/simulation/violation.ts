/**
 * What a simulated run must never show, by name, and how often each was looked at. The numbers of the
 * comments are those of the Raft paper's properties and of what the dissertation adds. It checks
 * nothing itself.
 */

export const INVARIANTS = [
  /** At most one member ever leads in a term. */
  'election_safety',
  /** A member votes for one candidate in a term, across restarts. */
  'vote_once',
  /** A leader neither overwrites nor deletes entries of its own log. */
  'leader_append_only',
  /** Equal index and term mean equal entries up to there. */
  'log_matching',
  /** Who becomes leader holds everything that was committed in earlier terms. */
  'leader_completeness',
  /** At one index every member applies the same entry. */
  'state_machine_safety',
  /** What is committed is durable at each quorum, and stays so. */
  'quorum_durability',
  /** A leader commits by counting only entries of its own term. */
  'commit_of_own_term',
  /** Term, commit, applied and snapshot index of a member never go down. */
  'monotone_state',
  /** Snapshot, applied, commit and last index are in this order, and entries are applied one by one. */
  'index_order',
  /** Terms in a log never decrease, and the last is not above the member's. */
  'term_order',
  /** A claim leaves a member only after it is durable there. */
  'persist_before_tell',
  /** What a member finds after a crash is what was durable. */
  'recovery',
  /** What a leader believes of a follower is true, and its windows are kept. */
  'progress_sanity',
  /** Who hears no quorum for an election timeout leads no more. */
  'check_quorum',
  /** Who leads and whose disk makes no progress leads no more, unless nobody else could. */
  'disk_stall',
  /** Leadership is handed over within an election timeout, or the attempt ends. */
  'transfer_ends',
  /** At no instant do two members hold a lease, or one holds it while a later term commits. */
  'lease',
  /** A read's index is not below any commit that was known when it was asked for. */
  'read_index',
  /** Configurations follow each other through joint ones, one at a time; only voters campaign. */
  'configuration_steps',
  /** Whoever leads was given the votes of a majority of voters, of both halves of a joint one. */
  'quorum_of_voters',
  /** The history of the clients could have happened one by one, in the order of real time. */
  'linearizability',
  /** No command has two effects. */
  'exactly_once',
  /** What is restored from a snapshot equals what was applied entry by entry. */
  'snapshot_equivalence',
  /** Nothing stays in flight or uncommitted when all is quiet. */
  'nothing_left',
  /** After the faults: a leader, a commit and equal members within a bounded time. */
  'liveness',
  /** With a stable leader no term changes, though a member is cut off and comes back. */
  'quiescence',
  /** Messages stay in proportion when all is quiet. */
  'message_bound',
  /** The core keeps to what its driver was promised, and throws for nothing that comes from outside. */
  'core_contract',
  /** The same seed gives the same run. */
  'determinism',
] as const;
export type InvariantName = (typeof INVARIANTS)[number];

export class Violation extends Error {
  override readonly name = 'Violation';
  readonly invariant: InvariantName;

  constructor(invariant: InvariantName, message: string, options?: ErrorOptions) {
    super(message, options);
    this.invariant = invariant;
  }
}

export type CheckCounts = Record<InvariantName, number>;

export function noChecks(): CheckCounts {
  const counts: Partial<CheckCounts> = {};
  for (const name of INVARIANTS) counts[name] = 0;
  return counts as CheckCounts;
}
