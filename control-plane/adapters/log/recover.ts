/**
 * Finds out what a crash left. Everything is read and verified before anything is changed. What an
 * interrupted operation explains is finished or undone (an unfinished file, a torn tail of the last
 * segment, segments that a snapshot replaced); whatever else is wrong is refused with its place.
 */

import { join } from 'node:path';
import { LogDamageError } from './damage.ts';
import type { Disk, DiskFile } from './disk.ts';
import { HARD_STATE_NAME, readHardState } from './hard-state.ts';
import type { HardState } from './hard-state.ts';
import {
  isUnfinished,
  segmentIndices,
  segmentName,
  snapshotIndices,
  snapshotName,
} from './names.ts';
import { asBuffer } from './sealed-file.ts';
import { lastIndexOf, scanSegment } from './segment.ts';
import type { Segment, SegmentScan } from './segment.ts';
import { readSnapshot, snapshotBytes } from './snapshot-file.ts';
import type { SnapshotPlace } from './snapshot-file.ts';

export interface SnapshotOnDisk extends SnapshotPlace {
  readonly bytes: number;
}

export interface Recovered {
  /** Null in a directory that was never used. */
  readonly hardState: HardState | null;
  readonly snapshot: SnapshotOnDisk | null;
  readonly segments: Segment[];
  /** The last segment, open for appending. */
  readonly active: DiskFile | null;
}

/** @throws LogDamageError */
export async function recover(disk: Disk, directory: string, memberId: string): Promise<Recovered> {
  const names = await disk.list(directory);
  const hardState = names.includes(HARD_STATE_NAME) ? await readHardState(disk, directory) : null;
  const snapshots = snapshotIndices(names);
  const snapshot = await newestSnapshot(disk, directory, snapshots);
  const scans = await scanAll(disk, directory, segmentIndices(names));
  checkWhole(directory, memberId, { hardState, snapshot, scans });

  for (const name of names.filter(isUnfinished)) await disk.remove(join(directory, name));
  for (const index of snapshots.slice(0, -1)) {
    await disk.remove(join(directory, snapshotName(index)));
  }
  const last = scans.at(-1);
  const replaced = last !== undefined && lastIndexOf(last.segment) < (snapshot?.index ?? 0);
  if (replaced) for (const { segment } of scans) await disk.remove(segment.path);
  // What was read may still be in the kernel's memory alone: it is made durable before it counts.
  await disk.syncDirectory(directory);
  const active = last === undefined || replaced ? null : await reopen(disk, last);
  const segments = replaced ? [] : scans.map((scan) => scan.segment);
  return { hardState, snapshot, segments, active };
}

async function newestSnapshot(
  disk: Disk,
  directory: string,
  indices: readonly number[],
): Promise<SnapshotOnDisk | null> {
  const newest = indices.at(-1);
  if (newest === undefined) return null;
  const { index, term, payload } = await readSnapshot(disk, directory, newest);
  return { index, term, bytes: snapshotBytes(payload) };
}

async function scanAll(
  disk: Disk,
  directory: string,
  indices: readonly number[],
): Promise<readonly SegmentScan[]> {
  const scans: SegmentScan[] = [];
  for (const firstIndex of indices) {
    const path = join(directory, segmentName(firstIndex));
    const before = scans.at(-1)?.segment;
    if (before !== undefined && lastIndexOf(before) + 1 !== firstIndex) {
      const detail = `it begins at index ${firstIndex}, the segment before it ends at ${lastIndexOf(before)}`;
      throw new LogDamageError(path, 0, detail);
    }
    const bytes = asBuffer(await disk.read(path));
    const scan = scanSegment(path, bytes, firstIndex, before?.terms.at(-1) ?? 0);
    const isLast = firstIndex === indices.at(-1);
    if (scan.fault !== null && !(isLast && scan.fault.torn)) {
      throw new LogDamageError(path, scan.fault.offset, scan.fault.detail);
    }
    scans.push(scan);
  }
  return scans;
}

interface Found {
  readonly hardState: HardState | null;
  readonly snapshot: SnapshotOnDisk | null;
  readonly scans: readonly SegmentScan[];
}

/** Holds the files against each other. */
function checkWhole(directory: string, memberId: string, found: Found): void {
  const { hardState, snapshot, scans } = found;
  const first = scans[0]?.segment;
  const last = scans.at(-1)?.segment;
  const hardStatePath = join(directory, HARD_STATE_NAME);
  if (hardState === null) {
    if (first === undefined && snapshot === null) return;
    throw new LogDamageError(hardStatePath, 0, 'it is missing beside a log');
  }
  if (hardState.memberId !== memberId) {
    const detail = `it belongs to member ${hardState.memberId}, this is member ${memberId}`;
    throw new LogDamageError(hardStatePath, 0, detail);
  }
  if (first !== undefined && first.firstIndex > (snapshot?.index ?? 0) + 1) {
    const detail = `entries ${(snapshot?.index ?? 0) + 1} to ${first.firstIndex - 1} are missing before it`;
    throw new LogDamageError(first.path, 0, detail);
  }
  const lastIndex = Math.max(last === undefined ? 0 : lastIndexOf(last), snapshot?.index ?? 0);
  if (lastIndex < hardState.durableIndex) {
    const detail = `the log ends at index ${lastIndex}, but ${hardState.durableIndex} was durable`;
    throw new LogDamageError(last?.path ?? hardStatePath, last?.end ?? 0, detail);
  }
  const lastTerm = Math.max(last?.terms.at(-1) ?? 0, snapshot?.term ?? 0);
  if (lastTerm > hardState.term) {
    const detail = `it says term ${hardState.term}, the log has reached ${lastTerm}`;
    throw new LogDamageError(hardStatePath, 0, detail);
  }
}

/**
 * Cuts the torn tail and writes the last batch once more before syncing: after a failed sync the
 * kernel may hold these pages for clean although the disk never got them, and a sync alone would
 * then do nothing.
 */
async function reopen(disk: Disk, scan: SegmentScan): Promise<DiskFile> {
  const { segment, lastBatchFirstIndex, fault } = scan;
  const file = await disk.open(segment.path);
  try {
    if (fault !== null) await file.truncate(segment.end);
    const from = segment.offsets[Math.max(0, lastBatchFirstIndex - segment.firstIndex)];
    if (from !== undefined) {
      await file.write(await disk.readRange(segment.path, from, segment.end - from), from);
    }
    await file.sync();
    return file;
  } catch (error) {
    await file.close();
    throw error;
  }
}
