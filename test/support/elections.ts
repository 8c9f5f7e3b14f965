/** Elections as a member remembers them, for tests that keep or show them. */

import type { Election } from '../../control-plane/model/election.ts';

/** The `nth` election of a cluster, each ten seconds after the one before and in the next term. */
export function election(nth: number, changed: Partial<Election> = {}): Election {
  const term = nth + 1;
  return {
    electionId: `m1-${term}-${nth}`,
    candidateId: 'm1',
    term,
    cause: 'leader_silent',
    outcome: 'elected',
    suspectedLeaderId: 'm2',
    silentForMs: 212.4,
    startedAtMs: 1_800_000_000_000 + nth * 10_000,
    preVoteMs: 4,
    electedMs: 9,
    committedMs: 12.5,
    durationMs: 12.5,
    votes: [{ phase: 'vote', voterId: 'm3', reason: 'granted', afterMs: 8 }],
    traceId: nth.toString(16).padStart(32, '0'),
    rootSpanId: nth.toString(16).padStart(16, '0'),
    previousTraceId: null,
    ...changed,
  };
}
