/** Changes of a Raft member's log, and what a log holds, for tests of it. */

import { openRaftLog } from '../../control-plane/adapters/log/raft-log.ts';
import type { RaftLogOnDisk, RaftLogOptions } from '../../control-plane/adapters/log/raft-log.ts';
import type { Disk } from '../../control-plane/adapters/log/disk.ts';
import type { Configuration } from '../../control-plane/model/configuration.ts';
import { configurationText } from '../../control-plane/model/configuration.ts';
import type { EntryType, LogChange, LogEntry } from '../../control-plane/model/log-entry.ts';
import type { RaftLog } from '../../control-plane/ports/raft-log.ts';

export const DIRECTORY = '/log';
export const CONFIGURATION: Configuration = {
  voters: ['m1', 'm2', 'm3'],
  outgoing: [],
  learners: ['m4'],
  addresses: { m1: 'a:1', m2: 'b:2', m3: 'c:3', m4: 'd:4' },
};

export function openOn(disk: Disk, options: Partial<RaftLogOptions> = {}): Promise<RaftLogOnDisk> {
  return openRaftLog({ directory: DIRECTORY, memberId: 'm1', disk, reserveBytes: 0, ...options });
}

export function change(fields: Partial<LogChange>): LogChange {
  return {
    sequence: 1,
    hardState: null,
    snapshot: null,
    truncateFrom: null,
    entries: [],
    ...fields,
  };
}

export function vote(term: number, votedFor: string | null = null): LogChange {
  return change({ hardState: { term, votedFor } });
}

export function entry(
  index: number,
  term: number,
  payload: string | Uint8Array = `entry ${index}`,
  type: EntryType = 'command',
): LogEntry {
  return { index, term, type, payload: Buffer.from(payload) };
}

export function configurationEntry(index: number, term: number): LogEntry {
  return entry(index, term, configurationText(CONFIGURATION), 'configuration');
}

export function append(...entries: readonly LogEntry[]): LogChange {
  return change({ entries });
}

/** All that a log holds, in a form that can be compared. */
export async function contentOf(log: RaftLog): Promise<object> {
  const { hardState, snapshot, entries } = log.recovered;
  const payload = await log.readSnapshot();
  return {
    hardState,
    snapshot,
    payload: payload === null ? null : Buffer.from(payload).toString('hex'),
    entries: entries.map((one) => ({ ...one, payload: Buffer.from(one.payload).toString('hex') })),
  };
}

export function textsOf(log: RaftLog): readonly string[] {
  return log.recovered.entries.map(({ payload }) => Buffer.from(payload).toString());
}
