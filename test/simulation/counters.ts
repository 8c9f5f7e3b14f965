/** What a run did and met, by name, so that a green table can be told from an empty one. */

import type { CheckCounts } from './violation.ts';
import { noChecks } from './violation.ts';

export interface RunCounts {
  events: number;
  messages: number;
  simulatedMs: number;
  electionsWon: number;
  electionsFailed: number;
  stepDowns: Record<string, number>;
  commits: number;
  snapshotsTaken: number;
  snapshotsInstalled: number;
  membershipChanges: number;
  configurationsCommitted: number;
  transfersAsked: number;
  transfersDone: number;
  writesAcknowledged: number;
  writesUnknown: number;
  writesRepeated: number;
  readsByIndex: number;
  readsByIndexAtFollowers: number;
  readsByLease: number;
  restarts: number;
  /** Of whole runs on the product's own state machine. */
  planeRuns: number;
  /** Each fault that struck, and each message that met one. */
  faults: Record<string, number>;
  checks: CheckCounts;
}

export function noCounts(): RunCounts {
  return {
    events: 0,
    messages: 0,
    simulatedMs: 0,
    electionsWon: 0,
    electionsFailed: 0,
    stepDowns: {},
    commits: 0,
    snapshotsTaken: 0,
    snapshotsInstalled: 0,
    membershipChanges: 0,
    configurationsCommitted: 0,
    transfersAsked: 0,
    transfersDone: 0,
    writesAcknowledged: 0,
    writesUnknown: 0,
    writesRepeated: 0,
    readsByIndex: 0,
    readsByIndexAtFollowers: 0,
    readsByLease: 0,
    restarts: 0,
    planeRuns: 0,
    faults: {},
    checks: noChecks(),
  };
}

export function count(into: Record<string, number>, name: string, by = 1): void {
  into[name] = (into[name] ?? 0) + by;
}

/** Adds the second to the first. */
export function addCounts(sum: RunCounts, more: RunCounts): void {
  const into = sum as unknown as Record<string, number | Record<string, number>>;
  for (const [name, value] of Object.entries<number | Record<string, number>>({ ...more })) {
    const known = into[name];
    if (typeof value === 'number') into[name] = (typeof known === 'number' ? known : 0) + value;
    else if (typeof known === 'object') {
      for (const [key, number] of Object.entries(value)) count(known, key, number);
    }
  }
}
