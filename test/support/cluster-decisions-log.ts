/**
 * What a cluster's members have committed, read from copies of the logs that they left behind: the
 * commands with their places, and whether all members have the same ones. It trusts no member's state.
 */

import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openRaftLog } from '../../control-plane/adapters/log/raft-log.ts';
import { decodeCommand } from '../../control-plane/loops/raft/command-codec.ts';
import type { Command } from '../../control-plane/model/command.ts';
import type { FencingToken } from '../../control-plane/model/decision.ts';
import type { LogEntry } from '../../control-plane/model/log-entry.ts';

export interface CommittedCommand {
  readonly token: FencingToken;
  readonly command: Command;
}

export interface MemberLog {
  readonly memberId: string;
  /** From index 1 on. */
  readonly entries: readonly LogEntry[];
}

/** The log of a member that has ended; the original is not touched. */
export async function readMemberLog(memberId: string, data: string): Promise<MemberLog> {
  const copy = await mkdtemp(join(tmpdir(), 'omnimind-log-copy-'));
  try {
    await cp(join(data, 'log'), copy, { recursive: true });
    const log = await openRaftLog({ directory: copy, memberId });
    try {
      const { snapshot, entries } = log.recovered;
      if (snapshot !== null) throw new Error(`${memberId} has made a snapshot: set no small bound`);
      return { memberId, entries };
    } finally {
      await log.close();
    }
  } finally {
    await rm(copy, { recursive: true, force: true });
  }
}

/**
 * The commands up to an index that is known to be committed.
 * @throws Error when two members hold different entries there, or none holds all of them
 */
export function committedCommands(
  logs: readonly MemberLog[],
  commitIndex: number,
): readonly CommittedCommand[] {
  const longest = logs.reduce((a, b) => (b.entries.length > a.entries.length ? b : a));
  if (longest.entries.length < commitIndex) {
    throw new Error(
      `${commitIndex} entries are committed, the logs hold ${longest.entries.length}`,
    );
  }
  for (const { memberId, entries } of logs) {
    for (const [at, entry] of entries.slice(0, commitIndex).entries()) {
      const other = longest.entries[at];
      if (other === undefined || !isSame(entry, other)) {
        throw new Error(`${memberId} and ${longest.memberId} differ at index ${entry.index}`);
      }
    }
  }
  return longest.entries.slice(0, commitIndex).flatMap(({ index, term, type, payload }) => {
    if (type !== 'command') return [];
    return [{ token: { term, index }, command: decodeCommand(payload) }];
  });
}

function isSame(a: LogEntry, b: LogEntry): boolean {
  return (
    a.index === b.index &&
    a.term === b.term &&
    a.type === b.type &&
    Buffer.from(a.payload).equals(b.payload)
  );
}
