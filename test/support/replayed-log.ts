/**
 * The state that a member's log holds, worked out without a member: the snapshot, then every entry
 * behind it, in order. For tests that hold a member, or what a crash left of it, against its own log.
 * It takes all that is on disk for committed, which is so in a cluster of one.
 */

import type { Command } from '../../control-plane/model/command.ts';
import type { LogEntry } from '../../control-plane/model/log-entry.ts';
import type { RaftLog } from '../../control-plane/ports/raft-log.ts';
import { applyCommand } from '../../control-plane/state/apply.ts';
import { parseCommandText } from '../../control-plane/state/command-text.ts';
import { decodeState } from '../../control-plane/state/snapshot.ts';
import { INITIAL_STATE } from '../../control-plane/state/state.ts';
import type { PlaneState } from '../../control-plane/state/state.ts';

/** The state as the log's end has it. */
export async function replayedLog(log: RaftLog): Promise<PlaneState> {
  const { snapshot, entries } = log.recovered;
  const payload = await log.readSnapshot();
  if (snapshot === null || payload === null) return replayedFrom(INITIAL_STATE, entries);
  const behind = entries.filter(({ index }) => index > snapshot.index);
  return replayedFrom(decodeState(Buffer.from(payload).toString()), behind);
}

export function replayedFrom(state: PlaneState, entries: readonly LogEntry[]): PlaneState {
  return entries.reduce((before, entry) => {
    const command = commandIn(entry);
    if (command === null) return before;
    return applyCommand(before, { term: entry.term, index: entry.index }, command).state;
  }, state);
}

/** Null for an entry of Raft's own: a term's first one, a configuration. */
export function commandIn({ type, payload }: LogEntry): Command | null {
  return type === 'command' ? parseCommandText(Buffer.from(payload).toString()) : null;
}

/** Index of the last entry that is held, in the snapshot or behind it; 0 for an empty log. */
export function lastIndexOf({ recovered: { snapshot, entries } }: RaftLog): number {
  return entries.at(-1)?.index ?? snapshot?.index ?? 0;
}
