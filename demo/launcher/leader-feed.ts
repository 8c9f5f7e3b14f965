/**
 * Follows who leads, as any client of the API would: asks one member after the other until one
 * answers for the cluster, and tells when the leader or its term is another than before. An election
 * takes less time than the space between two readings, so that it may see only its result.
 */

import { setTimeout as delay } from 'node:timers/promises';

export interface Leader {
  readonly leaderId: string;
  readonly term: number;
}

export interface LeaderFeedOptions {
  readonly planeUrls: readonly string[];
  readonly intervalMs: number;
  /** The first one found, and each of a later term. */
  readonly onLeader: (leader: Leader) => void;
}

/** Resolves when the signal aborts; never rejects for trouble outside. */
export async function followLeader(options: LeaderFeedOptions, signal: AbortSignal): Promise<void> {
  let term = -1;
  while (!signal.aborted) {
    const leader = await readLeader(options.planeUrls, signal);
    // A member that is behind may still tell of an earlier term.
    if (leader !== null && leader.term > term) {
      term = leader.term;
      options.onLeader(leader);
    }
    await delay(options.intervalMs, undefined, { signal }).catch(() => undefined);
  }
}

/** Null when no member answers, or none knows a leader. */
async function readLeader(
  planeUrls: readonly string[],
  signal: AbortSignal,
): Promise<Leader | null> {
  for (const url of planeUrls) {
    try {
      const response = await fetch(new URL('/v1/members', url), {
        signal: AbortSignal.any([signal, AbortSignal.timeout(1000)]),
      });
      const leader = response.ok ? parseLeader(await response.json()) : null;
      if (leader !== null) return leader;
    } catch {
      // This one is away; the next may not be.
    }
  }
  return null;
}

/** Null for a body that names no leader. */
export function parseLeader(body: unknown): Leader | null {
  if (typeof body !== 'object' || body === null) return null;
  if (!('leaderId' in body) || !('term' in body)) return null;
  const { leaderId, term } = body;
  return typeof leaderId === 'string' && typeof term === 'number' ? { leaderId, term } : null;
}
