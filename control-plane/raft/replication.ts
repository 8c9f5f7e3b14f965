/**
 * What a leader sends when it is its turn: heartbeats, entries, commit indices and snapshots, to each
 * follower as much as its window allows. Called once for all that a turn brought, so that proposals
 * that came together travel together.
 */

import type { MessageOf } from '../model/raft-message.ts';
import type { Core } from './core.ts';
import type { Leadership } from './leadership.ts';
import { entryBytes } from './memory-log.ts';
import type { Progress } from './progress.ts';
import type { ChunkWanted } from './ready.ts';
import { dueChunk } from './snapshot-sender.ts';

/** Sends what is due, and returns the parts of this member's snapshot that are needed for more. */
export function replicate(
  core: Core,
  leadership: Leadership,
  nowMs: number,
): readonly ChunkWanted[] {
  const { rounds, progress } = leadership;
  const { heartbeatIntervalMs } = core.options;
  const round = rounds.isDue(nowMs, heartbeatIntervalMs) ? rounds.begin(nowMs) : null;
  const wanted: ChunkWanted[] = [];
  for (const one of progress.values()) {
    if (round !== null) sendHeartbeat(core, one, round);
    one.expire(nowMs, answerTimeoutMs(core));
    sendEntries(core, one, nowMs);
    const chunk = dueChunk(core, one, nowMs, answerTimeoutMs(core));
    if (chunk !== null) wanted.push(chunk);
    if (isNoticeDue(core, one, nowMs)) sendHeartbeat(core, one, 0);
  }
  leadership.dismiss(nowMs);
  // Alone it is its own quorum, and nobody answers.
  leadership.answerReads();
  return wanted;
}

export function wantsToSend(core: Core, leadership: Leadership, nowMs: number): boolean {
  const { rounds, progress } = leadership;
  if (rounds.isDue(nowMs, core.options.heartbeatIntervalMs)) return true;
  for (const one of progress.values()) {
    const behind = one.nextIndex <= core.log.lastIndex && one.maySend(core.options);
    const chunkDue = one.transfer !== null && nowMs - one.transfer.sinceMs >= answerTimeoutMs(core);
    if (behind || chunkDue || isNoticeDue(core, one, nowMs)) return true;
  }
  return false;
}

/**
 * Whether it is to be told in a message of its own that more is committed. While entries follow each
 * other they tell it, and a frame, its code, its system call and its answer are saved per commit.
 */
function isNoticeDue(core: Core, progress: Progress, nowMs: number): boolean {
  if (commitFor(core, progress) <= progress.toldCommit) return false;
  if (progress.leavingSinceMs !== null) return true;
  return nowMs - progress.appendSentMs >= core.options.commitNoticeDelayMs;
}

function sendHeartbeat(core: Core, progress: Progress, round: number): void {
  const commitIndex = commitFor(core, progress);
  progress.toldCommit = Math.max(progress.toldCommit, commitIndex);
  core.send(progress.memberId, { kind: 'heartbeat', commitIndex, round });
}

function sendEntries(core: Core, progress: Progress, nowMs: number): void {
  const { log, options } = core;
  const bounds = { entriesMax: options.appendEntriesMax, bytesMax: options.appendBytesMax };
  while (progress.nextIndex <= log.lastIndex && progress.maySend(options)) {
    const previousIndex = progress.nextIndex - 1;
    const previousTerm = log.termAt(previousIndex);
    if (previousTerm === null || progress.nextIndex < log.firstIndex) {
      progress.startSnapshot(core.snapshot?.index ?? 0);
      return;
    }
    const entries = log.slice(progress.nextIndex, log.lastIndex, bounds);
    const lastIndex = previousIndex + entries.length;
    const { commitIndex } = core;
    const said: Omit<MessageOf<'append'>, 'from' | 'to' | 'term'> = {
      kind: 'append',
      previousIndex,
      previousTerm,
      commitIndex,
      entries,
    };
    core.send(progress.memberId, said);
    const bytes = entries.reduce((sum, entry) => sum + entryBytes(entry), 0);
    progress.sent(lastIndex, bytes, nowMs);
    progress.toldCommit = Math.max(progress.toldCommit, Math.min(commitIndex, lastIndex));
  }
}

/** A follower is told of no more than it has acknowledged: what else it holds may differ. */
function commitFor(core: Core, progress: Progress): number {
  return Math.min(core.commitIndex, progress.matchIndex);
}

/** For the answer to entries or to a chunk, after which they are taken for lost. */
function answerTimeoutMs(core: Core): number {
  return 2 * core.options.electionTimeoutMaxMs;
}
