/**
 * What a member does with what a leader of its term sends: entries, commit indices, a snapshot (Raft
 * paper, figure 2 and section 7). Whoever calls has settled that the sender leads this term.
 */

import type { LogEntry } from '../model/log-entry.ts';
import type { MessageOf } from '../model/raft-message.ts';
import { isReadable } from './configurations.ts';
import type { Core } from './core.ts';
import type { IncomingSnapshot } from './incoming-snapshot.ts';
import type { StagedChunk } from './ready.ts';

export function takeAppend(core: Core, message: MessageOf<'append'>): void {
  const { from, previousIndex, previousTerm, entries, commitIndex } = message;
  if (!areSuccessive(message)) {
    core.ignored(message, 'entries that do not follow each other, or cannot be read');
    return;
  }
  const { log } = core;
  const known = log.termAt(previousIndex);
  if (previousIndex < core.commitIndex && known !== previousTerm) {
    // Below what is kept here: all that is committed is equal, so the leader goes on from there.
    if (known === null) accept(core, from, core.commitIndex, previousIndex);
    else core.ignored(message, `entry ${previousIndex} differs, and is committed here`);
    return;
  }
  if (known !== previousTerm) {
    const hint = log.lastAtOrBelowTerm(Math.min(previousIndex, log.lastIndex), previousTerm);
    core.send(from, {
      kind: 'append_reply',
      matchIndex: null,
      previousIndex,
      hintIndex: hint.index,
      hintTerm: hint.term,
    });
    return;
  }
  const at = entries.findIndex((entry) => log.termAt(entry.index) !== entry.term);
  const fresh = at === -1 ? [] : entries.slice(at);
  const first = fresh[0];
  if (first !== undefined && first.index <= core.commitIndex) {
    core.ignored(message, `entry ${first.index} differs, and is committed here`);
    return;
  }
  // Only on a conflict: a late, short append must not cut off what came after it.
  if (first !== undefined && first.index <= log.lastIndex) core.truncateFrom(first.index);
  if (first !== undefined) core.append(fresh);
  const matchIndex = previousIndex + entries.length;
  core.commitTo(Math.min(commitIndex, matchIndex));
  accept(core, from, matchIndex, previousIndex);
}

export function takeHeartbeat(core: Core, message: MessageOf<'heartbeat'>): void {
  // The leader knows that this log is equal up to there: it never says more than was acknowledged.
  core.commitTo(message.commitIndex);
  // Round 0 tells a commit index and asks nothing.
  if (message.round === 0) return;
  core.send(message.from, {
    kind: 'heartbeat_reply',
    round: message.round,
    lastIndex: core.outbox.persistedIndex,
  });
}

/** Returns what is to be staged, if anything. */
export function takeChunk(
  core: Core,
  incoming: IncomingSnapshot,
  message: MessageOf<'snapshot_chunk'>,
): StagedChunk | null {
  const { from, index, snapshotTerm, configuration, offset, bytes } = message;
  if (core.log.termAt(index) === snapshotTerm) {
    // This log has the snapshot's last entry, and with it all before it.
    core.commitTo(index);
  }
  if (index <= core.commitIndex) {
    incoming.reset();
    accept(core, from, core.commitIndex, index);
    return null;
  }
  // What is staged waits for the disk to be installed: another one must not take its place.
  if (core.installing) return null;
  const verdict = incoming.take(message);
  if (verdict.kind === 'taken' && verdict.complete) {
    incoming.reset();
    core.install({ index, term: snapshotTerm, configuration });
    accept(core, from, index, index);
  } else {
    core.send(from, { kind: 'snapshot_reply', index, nextOffset: verdict.nextOffset });
  }
  return verdict.kind === 'taken' ? { index, offset, bytes } : null;
}

function accept(core: Core, to: string, matchIndex: number, previousIndex: number): void {
  core.sendWhenDurable(to, {
    kind: 'append_reply',
    matchIndex,
    previousIndex,
    hintIndex: 0,
    hintTerm: 0,
  });
}

function areSuccessive(message: MessageOf<'append'>): boolean {
  let index = message.previousIndex;
  let term = message.previousTerm;
  return message.entries.every((entry: LogEntry) => {
    const follows =
      entry.index === index + 1 &&
      entry.term >= term &&
      entry.term <= message.term &&
      isReadable(entry);
    index = entry.index;
    term = entry.term;
    return follows;
  });
}
