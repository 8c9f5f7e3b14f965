/**
 * Whether this member can do its work, one check per dependency. Only what makes answers wrong or
 * impossible fails it; what the plane can live without degrades it. Checks read what is known; they
 * ask nobody and wait for nothing.
 */

import type { PrometheusSource } from '../adapters/prometheus/source.ts';
import type { RaftMember } from '../loops/raft/member.ts';
import type { ReadinessCheck } from '../http/plane.ts';
import type { Clock } from '../ports/clock.ts';
import type { DecisionStore } from '../ports/decision-store.ts';

/** Ticks that may fall out before the loop counts as standing still, and the least time for it, in ms. */
const TICKS_LATE_MAX = 3;
const LATE_MIN_MS = 10_000;

/** Without a leader for longer, a member is not ready: it can answer stale reads alone, in ms. */
const LEADERLESS_MAX_MS = 5_000;

export interface ReadinessParts {
  readonly consensus: Pick<RaftMember, 'status' | 'failure' | 'members'>;
  /** How long the log's disk has not ended an operation, in ms; 0 while all is well. */
  readonly diskStalledForMs: () => number;
  readonly source: Pick<PrometheusSource, 'status'>;
  readonly decisions: Pick<DecisionStore, 'status'>;
  /** Monotonic ms at which the last tick ended; null before the first. */
  readonly lastTickEndedMs: () => number | null;
  readonly clock: Clock;
  readonly tickIntervalMs: number;
}

export function createReadinessChecks(parts: ReadinessParts): readonly (() => ReadinessCheck)[] {
  const startedMs = parts.clock.monotonicMs();
  return [
    () => logCheck(parts),
    quorumCheck(parts),
    () => prometheusCheck(parts.source),
    () => decisionStoreCheck(parts.decisions),
    () => scaleLoopCheck(parts, startedMs),
  ];
}

function logCheck({ consensus, diskStalledForMs }: ReadinessParts): ReadinessCheck {
  const failure = consensus.failure();
  if (failure !== null) return { name: 'log', status: 'failed', detail: failure };
  const stalledMs = diskStalledForMs();
  if (stalledMs > 0) {
    return { name: 'log', status: 'degraded', detail: `its disk has hung for ${stalledMs} ms` };
  }
  const { leadership, commitIndex } = consensus.status();
  const detail = `${leadership.kind} of term ${leadership.term} at index ${commitIndex}`;
  return { name: 'log', status: 'ok', detail };
}

/**
 * An election takes less than a second; a member that knows of no leader for longer is cut off, or most
 * are away. Nobody looks all the time, so the time counts from the first look that found no leader: a
 * member that was looked at long ago is not failed at once.
 */
function quorumCheck({ consensus, clock }: ReadinessParts): () => ReadinessCheck {
  let leaderlessSinceMs: number | null = clock.monotonicMs();
  return () => {
    const { memberId, leadership } = consensus.status();
    const { leaderId, term } = leadership;
    if (leaderId !== null) {
      leaderlessSinceMs = null;
      return { name: 'quorum', status: 'ok', detail: `${leaderId} leads term ${term}` };
    }
    const nowMs = clock.monotonicMs();
    leaderlessSinceMs ??= nowMs;
    const forMs = Math.round(nowMs - leaderlessSinceMs);
    const status = forMs > LEADERLESS_MAX_MS ? 'failed' : 'degraded';
    const why = whyNoLeader(memberId, consensus.members());
    return { name: 'quorum', status, detail: `no_quorum: ${why} for ${forMs} ms` };
  };
}

/** What a person has to know first: a member that is none hears of no leader, however well the others are. */
function whyNoLeader(memberId: string, members: ReturnType<RaftMember['members']>): string {
  if (members.length === 0) return 'it waits to be added (POST /v1/members at another member)';
  if (members.every((one) => one.memberId !== memberId)) return 'it was removed from the cluster';
  return 'no leader is known';
}

function prometheusCheck(source: ReadinessParts['source']): ReadinessCheck {
  const { breaker, lastError } = source.status();
  if (lastError === null) return { name: 'prometheus', status: 'ok', detail: `breaker ${breaker}` };
  return { name: 'prometheus', status: 'degraded', detail: lastError };
}

function decisionStoreCheck(decisions: ReadinessParts['decisions']): ReadinessCheck {
  const { connected, buffered, dropped, lastError } = decisions.status();
  const counts = `${buffered} records wait on disk, ${dropped} were given up`;
  if (connected) return { name: 'decision_store', status: 'ok', detail: counts };
  const why = lastError ?? 'not connected yet';
  return { name: 'decision_store', status: 'degraded', detail: `${why}; ${counts}` };
}

/** A loop that stands still decides nothing, however well the rest is: the member is not ready. */
function scaleLoopCheck(parts: ReadinessParts, startedMs: number): ReadinessCheck {
  const endedMs = parts.lastTickEndedMs();
  const ageMs = Math.round(parts.clock.monotonicMs() - (endedMs ?? startedMs));
  const late = ageMs > Math.max(LATE_MIN_MS, TICKS_LATE_MAX * parts.tickIntervalMs);
  const detail = `${endedMs === null ? 'started' : 'the last tick ended'} ${ageMs} ms ago`;
  if (late) return { name: 'scale_loop', status: 'failed', detail };
  return { name: 'scale_loop', status: endedMs === null ? 'degraded' : 'ok', detail };
}
