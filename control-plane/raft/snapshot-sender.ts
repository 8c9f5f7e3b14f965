/**
 * Sends a snapshot to a follower whose entries are compacted: one chunk at a time, each asked for anew
 * when its answer is overdue. A snapshot that was replaced meanwhile is begun anew.
 */

import type { MessageOf } from '../model/raft-message.ts';
import type { Core } from './core.ts';
import type { Progress } from './progress.ts';
import type { ChunkWanted } from './ready.ts';

/** The chunk that is due, if one is. */
export function dueChunk(
  core: Core,
  progress: Progress,
  nowMs: number,
  timeoutMs: number,
): ChunkWanted | null {
  const { transfer, memberId } = progress;
  const { snapshot } = core;
  if (transfer === null || snapshot === null || nowMs - transfer.sinceMs < timeoutMs) return null;
  transfer.sinceMs = nowMs;
  const whole = transfer.totalBytes !== null && transfer.offset >= transfer.totalBytes;
  // All of it is there, and its installation was not acknowledged: the last chunk asks again.
  if (whole) transfer.offset = 0;
  const { index, offset } = transfer;
  return { to: memberId, index, offset, lengthMax: core.options.snapshotChunkBytes };
}

export interface SnapshotBytes {
  readonly bytes: Uint8Array;
  /** Of the whole snapshot. */
  readonly totalBytes: number;
}

interface ChunkRead {
  readonly index: number;
  readonly offset: number;
  /** Null when that snapshot is no more. */
  readonly chunk: SnapshotBytes | null;
}

/** Sends the bytes that were asked for. */
export function sendChunk(core: Core, progress: Progress, read: ChunkRead, nowMs: number): void {
  const { transfer } = progress;
  const { snapshot, configurations } = core;
  const { chunk } = read;
  if (transfer === null || snapshot === null) return;
  if (transfer.index !== read.index || transfer.offset !== read.offset) return;
  if (chunk === null || snapshot.index !== read.index) {
    const anew = progress.startSnapshot(snapshot.index);
    // The same one again, which could not be read: not before its time.
    if (snapshot.index === read.index) anew.sinceMs = nowMs;
    return;
  }
  transfer.totalBytes = chunk.totalBytes;
  core.send(progress.memberId, {
    kind: 'snapshot_chunk',
    index: read.index,
    snapshotTerm: snapshot.term,
    configuration: snapshot.configuration ?? configurations.at(snapshot.index),
    offset: read.offset,
    bytes: chunk.bytes,
    totalBytes: chunk.totalBytes,
  });
}

export function takeSnapshotReply(progress: Progress, message: MessageOf<'snapshot_reply'>): void {
  const { transfer } = progress;
  if (transfer?.index !== message.index || message.nextOffset === transfer.offset) return;
  transfer.offset = message.nextOffset;
  transfer.sinceMs = -Infinity;
}
