/** The tables that a simulation ends with, as text. */

import type { RunCounts } from './counters.ts';

export interface PlantRow {
  readonly name: string;
  readonly breaks: string;
  /** Null when it was not found. */
  readonly seeds: number | null;
  readonly invariant: string | null;
  readonly invariantExpected: string | null;
  readonly seconds: number;
}

export function describeRun(counts: RunCounts, seeds: number, seconds: number): string {
  const { faults, checks, stepDowns } = counts;
  const rows: readonly (readonly [string, number | string])[] = [
    ['seeds', seeds],
    ['  of them on the state machine of the product', counts.planeRuns],
    ['wall time', `${seconds.toFixed(1)} s`],
    ['simulated time', `${(counts.simulatedMs / 3_600_000).toFixed(2)} h`],
    ['events', counts.events],
    ['messages', counts.messages],
    ['elections won', counts.electionsWon],
    ['elections failed', counts.electionsFailed],
    ...named('  stepped down: ', stepDowns),
    ['entries committed', counts.commits],
    ['writes acknowledged', counts.writesAcknowledged],
    ['  of them recognized as repeated', counts.writesRepeated],
    ['writes of unknown outcome', counts.writesUnknown],
    ['reads by index', counts.readsByIndex],
    ['  of them at followers', counts.readsByIndexAtFollowers],
    ['reads by lease', counts.readsByLease],
    ['snapshots taken', counts.snapshotsTaken],
    ['snapshots installed', counts.snapshotsInstalled],
    ['membership changes', counts.membershipChanges],
    ['configurations committed', counts.configurationsCommitted],
    ['transfers asked for', counts.transfersAsked],
    ['transfers done', counts.transfersDone],
    ['restarts', counts.restarts],
  ];
  return [
    table(rows),
    'faults',
    table(named('  ', faults)),
    'checks',
    table(Object.entries(checks).map(([name, value]) => [`  ${name}`, value] as const)),
    '',
  ].join('\n');
}

export function describePlants(rows: readonly PlantRow[]): string {
  const width = Math.max(...rows.map(({ name }) => name.length), 5);
  const lines = rows.map(({ name, seeds, invariant, invariantExpected, seconds, breaks }) => {
    const found = seeds === null ? 'not found' : `${seeds} seeds`;
    const other =
      invariant !== null && invariantExpected !== null && invariant !== invariantExpected
        ? ` (expected ${invariantExpected})`
        : '';
    const by = `${invariant ?? '-'}${other}`;
    return `${name.padEnd(width)}  ${found.padStart(10)}  ${seconds.toFixed(1).padStart(6)} s  ${by.padEnd(22)}  ${breaks}`;
  });
  return `${lines.join('\n')}\n`;
}

function named(
  prefix: string,
  counts: Readonly<Record<string, number>>,
): readonly (readonly [string, number])[] {
  return Object.entries(counts)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => [`${prefix}${name}`, value] as const);
}

function table(rows: readonly (readonly [string, number | string])[]): string {
  const width = Math.max(...rows.map(([name]) => name.length));
  return rows
    .map(([name, value]) => {
      const text = typeof value === 'number' ? value.toLocaleString('en-US') : value;
      return `${name.padEnd(width)}  ${text.padStart(16)}`;
    })
    .join('\n');
}
