/**
 * Where a request is answered: here, or by the leader's API through this member; and how fresh a read
 * is. What cannot be answered by the leader is answered from this member's own state and says so, or
 * is refused; a change whose end is not known is said to be unknown, never repeated blindly. It knows
 * nothing of any route but the facts in the table.
 */

import type { MemberId } from '../model/configuration.ts';
import { unreachable } from '../model/reasons.ts';
import { type Consensus, ConsensusError } from '../ports/consensus.ts';
import { MembershipError } from '../ports/membership.ts';
import type { Consistency } from '../schemas/query.ts';
import {
  type Answered,
  type Asked,
  callMarked,
  here,
  isForwarded,
  isRepeatable,
  keyed,
  passedOn,
} from './asked.ts';
import { askedConsistency } from './consistency.ts';
import { HttpRefusal } from './errors.ts';
import { FORWARDING_HEADER, type ForwardingRefusal } from './forward-headers.ts';
import type { Forwarder, ForwardOutcome } from './forwarder.ts';
import { type LeaderDirectory, type LeaderPlace, watchSuccession } from './leader.ts';
import type { HttpLimits } from './limits.ts';

/** @throws HttpRefusal, and what the route's own call throws */
export type Placement = (asked: Asked) => Promise<Answered>;

export interface PlacementOptions {
  readonly consensus: Pick<Consensus, 'readBarrier' | 'status'>;
  readonly directory: LeaderDirectory;
  readonly forwarder: Forwarder;
  readonly limits: HttpLimits;
}

export function createPlacement(options: PlacementOptions): Placement {
  return async (asked) => {
    const { route, raw } = asked;
    if (route.answeredBy === 'member') return here(await route.call(raw));
    const consistency = route.answeredBy === 'state' ? askedConsistency(raw.search) : null;
    if (consistency === 'stale') return await callMarked(options.consensus, asked, 'stale');
    return await new Journey(options, keyed(asked), consistency).run();
  };
}

/**
 * How often one request is tried: with the leader that is known, with its successor, and once more
 * for a successor that fails as well.
 */
const TRIES_MAX = 3;

/** One request on its way to a leader. */
class Journey {
  readonly #options: PlacementOptions;
  readonly #asked: Asked;
  readonly #consistency: Consistency | null;
  readonly #signal: AbortSignal;
  /** The leader that failed last. */
  #failed: MemberId | null = null;
  /** Whether an earlier try may have been applied. */
  #isInDoubt = false;
  #why = 'none is known';

  constructor(options: PlacementOptions, asked: Asked, consistency: Consistency | null) {
    this.#options = options;
    this.#asked = asked;
    this.#consistency = consistency;
    const deadline = AbortSignal.timeout(options.limits.forwardTimeoutMs);
    this.#signal = AbortSignal.any([asked.raw.signal, deadline]);
  }

  async run(): Promise<Answered> {
    const { directory } = this.#options;
    for (let tries = 0; tries < TRIES_MAX && !this.#signal.aborted; tries += 1) {
      if (directory.isLeader()) {
        const answered = await this.#lead();
        if (answered !== null) return answered;
        this.#passBack(this.#isInDoubt ? 'unknown' : 'refused');
        continue;
      }
      this.#passBack('refused');
      const leader = await this.#nextLeader();
      if (leader === null) {
        if (directory.isLeader()) continue;
        break;
      }
      const answered = await this.#forward(leader);
      if (answered !== null) return answered;
    }
    return await this.#withoutLeader();
  }

  /** Null when it turned out that this member does not lead. */
  async #lead(): Promise<Answered | null> {
    const { route } = this.#asked;
    switch (route.answeredBy) {
      case 'state':
        return await this.#leadState();
      case 'leader':
      case 'leader_or_member':
      case 'member':
        return await this.#leadCall();
      default:
        return unreachable(route.answeredBy);
    }
  }

  async #leadState(): Promise<Answered | null> {
    const { consensus, directory } = this.#options;
    if (await this.#isConfirmed(consensus)) {
      return await callMarked(consensus, this.#asked, 'linearizable');
    }
    if (!directory.isLeader()) return null;
    if (this.#consistency === 'linearizable') throw noLeader('a quorum does not confirm this one');
    return await callMarked(consensus, this.#asked, 'stale');
  }

  async #isConfirmed(consensus: PlacementOptions['consensus']): Promise<boolean> {
    const deadline = AbortSignal.timeout(this.#options.limits.barrierTimeoutMs);
    const signal = AbortSignal.any([this.#signal, deadline]);
    try {
      await consensus.readBarrier(signal);
      return true;
    } catch (cause) {
      if (cause instanceof ConsensusError || signal.aborted) return false;
      throw cause;
    }
  }

  async #leadCall(): Promise<Answered | null> {
    const { route, raw } = this.#asked;
    try {
      return here(await route.call(raw));
    } catch (cause) {
      if (this.#options.directory.isLeader()) throw cause;
      if (isUndone(cause)) return null;
      if (!isLeaderless(cause) || !isRepeatable(this.#asked)) throw cause;
      this.#isInDoubt = true;
      return null;
    }
  }

  /** What came from another member goes back to it: it knows better by now, or will. */
  #passBack(meaning: ForwardingRefusal): void {
    if (!isForwarded(this.#asked)) return;
    const { leaderId } = this.#options.consensus.status().leadership;
    const known = leaderId === null ? 'no leader is known' : `the leader is ${leaderId}`;
    const code = meaning === 'refused' ? 'not_leader' : 'commit_unknown';
    throw new HttpRefusal(code, `This member does not lead; ${known}.`, {
      headers: { [FORWARDING_HEADER]: meaning },
    });
  }

  /** A leader other than the one that failed; that one when there is no other. */
  async #nextLeader(): Promise<LeaderPlace | null> {
    const { directory, limits } = this.#options;
    const known = directory.leaderApiUrl();
    if (known !== null && known.memberId !== this.#failed) return known;
    const patience = AbortSignal.timeout(limits.leaderWaitMs);
    try {
      await directory.waitForLeader(this.#failed, AbortSignal.any([this.#signal, patience]));
    } catch {
      // None in time, or none to come; what is known now may still answer.
    }
    return directory.leaderApiUrl();
  }

  async #forward(leader: LeaderPlace): Promise<Answered | null> {
    const outcome = await this.#send(leader);
    const { memberId } = leader;
    this.#failed = memberId;
    switch (outcome.kind) {
      case 'answered':
        return passedOn(outcome.answer, memberId, this.#asked.method);
      case 'refused':
      case 'not_reached':
        this.#why = `${memberId}: ${outcome.detail}`;
        return null;
      case 'broken':
        if (!isRepeatable(this.#asked)) throw unknownEnd(memberId);
        this.#why = `${memberId}: ${outcome.detail}`;
        this.#isInDoubt = true;
        if (outcome.wasReused) this.#failed = null;
        return null;
      default:
        return unreachable(outcome);
    }
  }

  async #send(leader: LeaderPlace): Promise<ForwardOutcome> {
    const { directory, forwarder, limits } = this.#options;
    const { route, raw, method, target, readBytes } = this.#asked;
    const body = route.bodySchema === null ? null : await readBytes();
    const watch = watchSuccession(directory, leader.memberId, limits.successionGraceMs);
    try {
      const signal = AbortSignal.any([this.#signal, watch.signal]);
      return await forwarder.send(leader, { method, target, headers: raw.headers, body }, signal);
    } finally {
      watch.end();
    }
  }

  /** A change is refused; a read is answered from what is here, unless it must not be. */
  async #withoutLeader(): Promise<Answered> {
    const { route } = this.#asked;
    const isRead = route.method === 'get';
    if (!isRead && this.#isInDoubt) throw unknownEnd(this.#failed ?? 'the leader');
    if (!isRead || route.answeredBy === 'leader' || this.#consistency === 'linearizable') {
      throw noLeader(this.#options.directory.whyUnled() ?? this.#why);
    }
    return await callMarked(this.#options.consensus, this.#asked, 'stale');
  }
}

/** A change of the members that was refused before it was begun. */
function isUndone(cause: unknown): boolean {
  return cause instanceof MembershipError && cause.refusal === 'not_leader';
}

/** What a command fails with when this member lost its leadership before or while it was made. */
function isLeaderless(cause: unknown): boolean {
  return cause instanceof HttpRefusal && cause.code === 'commit_unknown';
}

function noLeader(why: string): HttpRefusal {
  return new HttpRefusal('no_leader', `No leader can be reached (${why}).`);
}

function unknownEnd(leaderId: string): HttpRefusal {
  return new HttpRefusal(
    'commit_unknown',
    `${leaderId} took the request and did not answer: the change may or may not be applied.`,
  );
}
