/**
 * Where the leader's API is. The interface is all that the edge knows of who leads; the directory
 * made here reads it from the member's status and from what members said of themselves when they
 * connected. It reports what is known and promises nothing: that a member still leads is found out
 * by asking it.
 */

import type { MemberId } from '../model/configuration.ts';
import { type ConsensusStatus, whyUnled } from '../ports/consensus.ts';

export interface LeaderPlace {
  readonly memberId: MemberId;
  /** Of its API: http or https, with host and port. */
  readonly url: string;
}

export interface LeaderDirectory {
  /** Whether this member leads, as far as it knows. */
  isLeader(): boolean;
  /** Null while no leader is known, while its URL is not, and on the leader itself. */
  leaderApiUrl(): LeaderPlace | null;
  /**
   * Resolves as soon as a leader other than `unlike` is known, this member included; at once when
   * that is so already. Rejects with the signal's reason, and when this member is none of those that
   * hear of another.
   */
  waitForLeader(unlike: MemberId | null, signal: AbortSignal): Promise<void>;
  /** Why no leader will make itself known to this member, in words; null when one may. */
  whyUnled(): string | null;
}

export interface DirectorySources {
  readonly status: () => Pick<ConsensusStatus, 'memberId' | 'leadership' | 'standing'>;
  /** As the member said itself; null before it was connected. */
  readonly apiUrl: (memberId: MemberId) => string | null;
  /** How often the status is read while somebody waits, in ms. */
  readonly pollIntervalMs?: number;
}

const POLL_INTERVAL_MS = 10;

export function createLeaderDirectory(sources: DirectorySources): LeaderDirectory {
  const isLeader = (): boolean => sources.status().leadership.kind === 'leader';
  const leaderApiUrl = (): LeaderPlace | null => {
    const { memberId: own, leadership } = sources.status();
    const { leaderId } = leadership;
    if (leaderId === null || leaderId === own) return null;
    const url = sources.apiUrl(leaderId);
    return url !== null && isHttpUrl(url) ? { memberId: leaderId, url } : null;
  };
  const isKnown = (unlike: MemberId | null): boolean => {
    if (isLeader()) return sources.status().memberId !== unlike;
    const place = leaderApiUrl();
    return place !== null && place.memberId !== unlike;
  };
  const whyUnledNow = (): string | null => {
    const { leadership, standing } = sources.status();
    return whyUnled(standing, leadership.leaderId);
  };
  const poll = createPoll(sources.pollIntervalMs ?? POLL_INTERVAL_MS);
  return {
    isLeader,
    leaderApiUrl,
    waitForLeader: async (unlike, signal) => {
      await poll(() => isKnown(unlike) || whyUnledNow() !== null, signal);
      const why = isKnown(unlike) ? null : whyUnledNow();
      if (why !== null) throw new Error(why);
    },
    whyUnled: whyUnledNow,
  };
}

export interface Watch {
  /** Aborts some time after another leader became known: the old one is not worth waiting for. */
  readonly signal: AbortSignal;
  end(): void;
}

/** Watches whether `leaderId` is succeeded; it gets `graceMs` from then on for a last answer. */
export function watchSuccession(
  directory: LeaderDirectory,
  leaderId: MemberId,
  graceMs: number,
): Watch {
  const ended = new AbortController();
  const succeeded = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  directory.waitForLeader(leaderId, ended.signal).then(
    () => {
      if (ended.signal.aborted) return;
      timer = setTimeout(() => succeeded.abort(), graceMs);
    },
    () => undefined,
  );
  return {
    signal: succeeded.signal,
    end: () => {
      clearTimeout(timer);
      ended.abort();
    },
  };
}

function isHttpUrl(text: string): boolean {
  const url = URL.parse(text);
  return url !== null && (url.protocol === 'http:' || url.protocol === 'https:');
}

/** One timer for all who wait; none while nobody does. */
function createPoll(intervalMs: number) {
  const waiting = new Set<() => void>();
  let timer: NodeJS.Timeout | undefined;
  const leave = (look: () => void): void => {
    waiting.delete(look);
    if (waiting.size > 0) return;
    clearInterval(timer);
    timer = undefined;
  };
  return (isSo: () => boolean, signal: AbortSignal): Promise<void> =>
    new Promise((resolve, reject) => {
      if (isSo()) {
        resolve();
        return;
      }
      const settle = (outcome: () => void): void => {
        leave(look);
        signal.removeEventListener('abort', onAbort);
        outcome();
      };
      const look = (): void => {
        if (isSo()) settle(resolve);
      };
      const onAbort = (): void => settle(() => reject(reasonOf(signal)));
      if (signal.aborted) {
        reject(reasonOf(signal));
        return;
      }
      signal.addEventListener('abort', onAbort);
      waiting.add(look);
      timer ??= setInterval(() => {
        for (const each of [...waiting]) each();
      }, intervalMs);
    });
}

function reasonOf(signal: AbortSignal): Error {
  const reason: unknown = signal.reason;
  return reason instanceof Error ? reason : new Error('given up', { cause: reason });
}
