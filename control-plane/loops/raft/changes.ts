/**
 * Membership changes and hand-overs at the member that leads, from their acceptance by the core to
 * their end: a change has ended when its last configuration is committed, a hand-over when another
 * member is known to lead. What a leader began and lost its term over has an unknown end, and says so.
 */

import { isJoint, membersOf } from '../../model/configuration.ts';
import type {
  ChangeRefusal,
  MemberId,
  MembershipChange,
  TransferRefusal,
} from '../../model/configuration.ts';
import { ConsensusError } from '../../ports/consensus.ts';
import { MembershipError } from '../../ports/membership.ts';
import type { Raft } from '../../raft/raft.ts';
import type { RaftEvent, RaftStatus } from '../../raft/ready.ts';
import { Watched } from './watched.ts';

export interface ChangesOptions {
  readonly core: Raft;
  readonly memberId: MemberId;
  /** Monotonic; the core has been told of a stall before. */
  readonly now: () => number;
  /** That wait for their end; more are refused as `overloaded`. */
  readonly changesMax: number;
  /** From the acceptance to the end, in ms. */
  readonly changeMaxMs: number;
  /** Something was given to the core. */
  touch(): void;
  onTransferStarted(to: MemberId | null): void;
}

interface Progress {
  /** The term that this member leads; null while it does not. */
  readonly ledTerm: number | null;
  readonly leaderId: MemberId | null;
  /** Of the newest committed configuration. */
  readonly committedIndex: number;
  readonly committedIsJoint: boolean;
  /** Hand-overs that came to nothing. */
  readonly transfersFailed: number;
}

export class Changes {
  readonly #options: ChangesOptions;
  readonly #progress = new Watched<Progress>({
    ledTerm: null,
    leaderId: null,
    committedIndex: 0,
    committedIsJoint: false,
    transfersFailed: 0,
  });
  #waiting = 0;

  constructor(options: ChangesOptions) {
    this.#options = options;
  }

  onEvent(event: RaftEvent): void {
    const { value } = this.#progress;
    if (event.kind === 'configuration' && event.stage === 'committed') {
      const committedIsJoint = isJoint(event.configuration);
      this.#progress.set({ ...value, committedIndex: event.index, committedIsJoint });
    } else if (event.kind === 'transfer_ended' && event.outcome !== 'handed_over') {
      this.#progress.set({ ...value, transfersFailed: value.transfersFailed + 1 });
    }
  }

  /** After the events of the turn: a leader that is removed has seen its change through before. */
  update({ role, term, leaderId }: RaftStatus): void {
    const { value } = this.#progress;
    const ledTerm = role === 'leader' ? term : null;
    if (ledTerm === value.ledTerm && leaderId === value.leaderId) return;
    this.#progress.set({ ...value, ledTerm, leaderId });
  }

  /** @throws MembershipError | ConsensusError; `not_leader` when it was not begun, or lost */
  async change(change: MembershipChange, signal: AbortSignal): Promise<void> {
    const { core, now } = this.#options;
    const proposed = core.change(now(), change);
    if (proposed.kind === 'refused') throw this.#changeRefused(proposed.reason, change);
    // The core knows what it leads from its turn on; `update` may not have been told yet.
    this.update(core.status());
    this.#options.touch();
    const ended = (progress: Progress): boolean =>
      progress.committedIndex >= proposed.index && !progress.committedIsJoint;
    const lost = ({ ledTerm }: Progress): boolean => ledTerm !== proposed.term;
    const end = await this.#until((progress) => ended(progress) || lost(progress), signal);
    if (end !== null && ended(end)) return;
    throw new ConsensusError(
      'not_leader',
      `leadership was lost before the change was committed; it may still come to pass: see the members`,
    );
  }

  /** @throws MembershipError | ConsensusError */
  async transfer(
    to: MemberId | null,
    signal: AbortSignal,
  ): Promise<{ readonly leaderId: MemberId }> {
    const { core, memberId, now } = this.#options;
    const proposed = core.transfer(now(), to);
    if (proposed.kind === 'refused') throw transferRefused(proposed.reason, memberId, to);
    const status = core.status();
    this.#options.onTransferStarted(status.transferTo ?? to);
    this.update(status);
    this.#options.touch();
    const { transfersFailed } = this.#progress.value;
    const end = await this.#until(
      (progress) =>
        progress.transfersFailed > transfersFailed ||
        (progress.leaderId !== null && progress.leaderId !== memberId),
      signal,
    );
    const leaderId = end?.leaderId ?? null;
    if (leaderId !== null && leaderId !== memberId) return { leaderId };
    throw new ConsensusError(
      'no_leader',
      `${to ?? 'no other voter'} took over in time: ${leaderId === null ? 'nobody is known to lead' : `${memberId} leads on`}`,
    );
  }

  rejectAll(error: ConsensusError): void {
    this.#progress.fail(error);
  }

  async #until(
    wants: (progress: Progress) => boolean,
    signal: AbortSignal,
  ): Promise<Progress | null> {
    const { changesMax, changeMaxMs } = this.#options;
    if (this.#waiting >= changesMax) {
      throw new ConsensusError('overloaded', `${this.#waiting} changes of members wait`);
    }
    this.#waiting += 1;
    try {
      return await this.#progress.until(wants, changeMaxMs, signal);
    } catch (error) {
      if (!signal.aborted) throw error;
      const message = 'the asker gave up; the change of members may still come to pass';
      throw new ConsensusError('aborted', message, { cause: error });
    } finally {
      this.#waiting -= 1;
    }
  }

  #changeRefused(reason: ChangeRefusal, change: MembershipChange): Error {
    const { core, memberId } = this.#options;
    if (reason === 'not_leader') return notLeader(memberId);
    const status = core.status();
    return new MembershipError(reason, changeMessage(reason, change, status));
  }
}

function notLeader(memberId: MemberId): ConsensusError {
  return new ConsensusError('not_leader', `${memberId} does not lead`);
}

function transferRefused(reason: TransferRefusal, memberId: MemberId, to: MemberId | null): Error {
  const whom = to ?? 'another member';
  switch (reason) {
    case 'not_leader':
      return notLeader(memberId);
    case 'transferring':
      return new MembershipError(reason, 'leadership is being handed over already');
    case 'member_unknown':
      return new MembershipError(reason, `${whom} is not a member`);
    case 'not_a_voter':
      return new MembershipError(reason, `${whom} is not a voter, and only voters lead`);
    case 'already_leader':
      return new MembershipError(reason, `${whom} leads already`);
    default:
      return new MembershipError(reason, String(reason));
  }
}

function changeMessage(
  reason: Exclude<ChangeRefusal, 'not_leader'>,
  { add, promote, remove }: MembershipChange,
  status: RaftStatus,
): string {
  const known = membersOf(status.configuration);
  switch (reason) {
    case 'transferring':
      return 'leadership is being handed over';
    case 'change_under_way':
      return 'an earlier change of members is not finished, or the term has only just begun';
    case 'member_exists': {
      const twice = add.filter(({ memberId }) => known.includes(memberId));
      return `already members: ${twice.map(({ memberId }) => memberId).join(', ')}`;
    }
    case 'member_unknown': {
      const strangers = [...promote, ...remove].filter((id) => !known.includes(id));
      return `not members: ${strangers.join(', ')}`;
    }
    case 'not_a_learner':
      return `only learners are promoted, and these are not: ${promote.filter((id) => !status.configuration.learners.includes(id)).join(', ')}`;
    case 'learner_lags':
      return `not near enough to the end of the log to be voters: ${promote.map((id) => lagOf(id, status)).join(', ')}`;
    case 'no_voter_left':
      return 'no voter would be left';
    case 'nothing_to_change':
      return 'the change names no member, or one of them twice';
  }
}

function lagOf(id: MemberId, { progress, lastIndex }: RaftStatus): string {
  const known = progress.find(({ memberId }) => memberId === id);
  if (known === undefined || known.contactMs === null) return `${id} has not been heard of`;
  return `${id} lags by ${lastIndex - known.matchIndex} entries`;
}
