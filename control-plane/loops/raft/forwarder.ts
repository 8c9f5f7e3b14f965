/**
 * Carries a request to whoever leads. Waits a bounded time for a leader to be known, unless this member
 * is none of those that hear of one, and asks a second time, once, when the first did not lead any more
 * or could not be reached: what is asked can be asked twice (commands have keys). Never carries for
 * others: a request that came from another member ends at this one.
 */

import type { MemberId } from '../../model/configuration.ts';
import { ConsensusError, whyUnled } from '../../ports/consensus.ts';
import { MembershipError } from '../../ports/membership.ts';
import { TransportError } from '../../ports/raft-transport.ts';
import type { RaftTransport } from '../../ports/raft-transport.ts';
import type { LeaderView } from './leader-view.ts';
import type { Watched } from './watched.ts';

export interface ForwarderOptions {
  readonly memberId: MemberId;
  readonly transport: RaftTransport | null;
  readonly leader: Watched<LeaderView>;
  readonly monotonicMs: () => number;
  readonly leaderWaitMs: number;
  /** A leader that failed a request is asked again after so long, if it still leads then; ms. */
  readonly askAgainMs: number;
}

export interface Errand<T> {
  readonly payload: Uint8Array;
  readonly signal: AbortSignal;
  /** Monotonic: when the wait for a leader ends. */
  readonly deadlineMs: number;
  /** @throws ConsensusError | MembershipError as the leader answered */
  parse(answer: Uint8Array): T;
  /** What is asked for has come to pass if this member leads now, and not the one that was asked. */
  settledBy?(leaderId: MemberId): T | null;
}

export type Carried<T> =
  { readonly kind: 'answered'; readonly answer: T } | { readonly kind: 'here' };

const ASKED_MAX = 2;

export class Forwarder {
  readonly #options: ForwarderOptions;
  readonly #underWay = new Set<{ readonly view: LeaderView; readonly abort: AbortController }>();

  constructor(options: ForwarderOptions) {
    this.#options = options;
  }

  deadlineMs(): number {
    return this.#options.monotonicMs() + this.#options.leaderWaitMs;
  }

  /** Whoever is asked and leads no more, as is now known, need not answer. */
  leaderChanged(view: LeaderView): void {
    if (view.leaderId === null) return;
    for (const asked of this.#underWay) {
      if (asked.view.leaderId === view.leaderId && asked.view.term === view.term) continue;
      asked.abort.abort(new TransportError(`${asked.view.leaderId ?? 'it'} leads no more`));
    }
  }

  /** `here` when this member leads itself. @throws ConsensusError | MembershipError */
  async carry<T>(errand: Errand<T>): Promise<Carried<T>> {
    let avoided: LeaderView | null = null;
    for (let asked = 1; ; asked += 1) {
      const view: LeaderView = await this.#leader(errand, avoided);
      if (avoided !== null && view.leaderId !== null && view.leaderId !== avoided.leaderId) {
        const answer = errand.settledBy?.(view.leaderId) ?? null;
        if (answer !== null) return { kind: 'answered', answer };
      }
      if (view.leaderId === this.#options.memberId) return { kind: 'here' };
      try {
        return { kind: 'answered', answer: errand.parse(await this.#ask(view, errand)) };
      } catch (error) {
        if (errand.signal.aborted) throw givenUp(errand.signal);
        if (asked >= ASKED_MAX || !mayAskAgain(error)) throw asConsensusError(view, error);
        avoided = view;
      }
    }
  }

  async #leader<T>(errand: Errand<T>, avoided: LeaderView | null): Promise<LeaderView> {
    const { leader, askAgainMs } = this.#options;
    const remainingMs = (): number => errand.deadlineMs - this.#options.monotonicMs();
    const isUnled = ({ standing, leaderId }: LeaderView): boolean =>
      whyUnled(standing, leaderId) !== null;
    const known = (view: LeaderView): boolean => view.leaderId !== null || isUnled(view);
    const another = (view: LeaderView): boolean =>
      known(view) && (view.term !== avoided?.term || view.leaderId !== avoided.leaderId);
    let found: LeaderView | null = null;
    try {
      if (avoided !== null) {
        const patienceMs = Math.min(askAgainMs, remainingMs());
        found = await leader.until(another, patienceMs, errand.signal);
      }
      found ??= await leader.until(known, remainingMs(), errand.signal);
    } catch (error) {
      throw errand.signal.aborted ? givenUp(errand.signal) : error;
    }
    if (found !== null && !isUnled(found)) return found;
    const why = found === null ? null : whyUnled(found.standing, found.leaderId);
    throw new ConsensusError('no_leader', why ?? 'no leader is known: a majority may be away');
  }

  async #ask<T>(view: LeaderView, errand: Errand<T>): Promise<Uint8Array> {
    const { transport } = this.#options;
    if (transport === null || view.leaderId === null) {
      throw new TransportError('this member has no connections to others');
    }
    const abort = new AbortController();
    const onAbort = (): void => abort.abort(errand.signal.reason);
    const asked = { view, abort };
    errand.signal.addEventListener('abort', onAbort, { once: true });
    this.#underWay.add(asked);
    try {
      return await transport.request(view.leaderId, errand.payload, abort.signal);
    } finally {
      this.#underWay.delete(asked);
      errand.signal.removeEventListener('abort', onAbort);
    }
  }
}

function mayAskAgain(error: unknown): boolean {
  if (error instanceof ConsensusError) {
    // With its disk it has lost its leadership.
    return error.failure === 'not_leader' || error.failure === 'storage_failed';
  }
  // Also what the transport rejects with on an abort by `leaderChanged`.
  return error instanceof TransportError || (error instanceof Error && error.name === 'AbortError');
}

function asConsensusError(view: LeaderView, error: unknown): Error {
  if (error instanceof ConsensusError) return error;
  if (error instanceof MembershipError) return error;
  const detail = error instanceof Error ? error.message : String(error);
  const message = `${view.leaderId ?? 'the leader'} gave no answer: ${detail}`;
  return new ConsensusError('no_leader', message, { cause: error });
}

function givenUp(signal: AbortSignal): ConsensusError {
  const message = 'the asker gave up; what it asked for may still come to pass';
  return new ConsensusError('aborted', message, { cause: signal.reason });
}
