/**
 * Finds out what a crash left. Everything is read and verified before anything is changed. What an
 * interrupted operation explains is finished or undone (an unfinished file, a torn tail of the last
 * segment, segments that a snapshot replaced); whatever else is wrong is refused with its place.
 */

import { join } from 'node:path';
import { LogDamageError } from './damage.ts';
import type { Disk, DiskFile } from './disk.ts';
import { HARD_STATE_NAME, HardStateFile, readHardState } from './hard-state.ts';
import type { DurableState, RecoveredState } from './hard-state.ts';
import {
  isUnfinished,
  segmentIndices,
  segmentName,
  snapshotIndices,
  snapshotName,
} from './names.ts';
import { asBuffer } from './sealed-file.ts';
import { sectorEnd } from './sectors.ts';
import { SEGMENT_HEADER_BYTES, lastIndexOf, readSegmentHead, scanSegment } from './segment.ts';
import type { Segment, SegmentScan } from './segment.ts';
import { cutFile } from './segments.ts';
import { verifySnapshot } from './snapshot-file.ts';
import type { SnapshotOnDisk } from './snapshot-file.ts';

export interface Recovered {
  /** Both null in a directory that was never used. */
  readonly hardState: DurableState | null;
  readonly hardStateFile: HardStateFile | null;
  readonly snapshot: SnapshotOnDisk | null;
  readonly segments: Segment[];
  /** The last segment, open for appending. */
  readonly active: DiskFile | null;
}

/** @throws LogDamageError */
export async function recover(disk: Disk, directory: string, memberId: string): Promise<Recovered> {
  const names = await disk.list(directory);
  const isUsed = names.includes(HARD_STATE_NAME);
  const hardState = isUsed ? await readHardState(disk, directory) : null;
  const snapshots = snapshotIndices(names);
  const newest = snapshots.at(-1);
  const snapshot =
    newest === undefined
      ? null
      : await verifySnapshot(disk, join(directory, snapshotName(newest)), newest);
  const { live, replaced } = await sortSegments(disk, directory, names, snapshot?.generation ?? 0);
  const scans = await scanAll(disk, directory, live);
  checkWhole(directory, memberId, { hardState, snapshot, scans });

  const older = snapshots.slice(0, -1).map(snapshotName);
  const last = scans.at(-1);
  // Version 1 knew no generations: there a snapshot beyond the log's end had replaced it.
  const isBehind = last !== undefined && lastIndexOf(last.segment) < (snapshot?.index ?? 0);
  const segments = isBehind ? [] : scans.map((scan) => scan.segment);
  const gone = [...replaced, ...(isBehind ? live : [])].map(segmentName);
  for (const name of [...names.filter(isUnfinished), ...older, ...gone]) {
    await disk.remove(join(directory, name));
  }
  // What was read may still be in the kernel's memory alone: it is made durable before it counts.
  await disk.syncDirectory(directory);
  const active = last === undefined || isBehind ? null : await reopen(disk, last);
  const hardStateFile =
    hardState === null ? null : await HardStateFile.reopen(disk, directory, hardState);
  return { hardState: hardState?.state ?? null, hardStateFile, snapshot, segments, active };
}

interface Sorted {
  /** First indices of the segments that count, ascending. */
  readonly live: readonly number[];
  /** Of those of a log that the snapshot has replaced; what they hold does not matter. */
  readonly replaced: readonly number[];
}

async function sortSegments(
  disk: Disk,
  directory: string,
  names: readonly string[],
  generation: number,
): Promise<Sorted> {
  const live: number[] = [];
  const replaced: number[] = [];
  for (const firstIndex of segmentIndices(names)) {
    const path = join(directory, segmentName(firstIndex));
    const bytes = asBuffer(await disk.readRange(path, 0, SEGMENT_HEADER_BYTES));
    const head = readSegmentHead(path, bytes, firstIndex);
    if (head.generation > generation) {
      const detail = `it follows a snapshot of generation ${head.generation}, which is missing`;
      throw new LogDamageError(path, 0, detail);
    }
    (head.generation < generation ? replaced : live).push(firstIndex);
  }
  return { live, replaced };
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
    const scan = await scanSegment(path, bytes, firstIndex, before?.terms.at(-1) ?? 0);
    const isLast = firstIndex === indices.at(-1);
    if (scan.fault !== null && !(isLast && scan.fault.torn)) {
      throw new LogDamageError(path, scan.fault.offset, scan.fault.detail);
    }
    scans.push(scan);
  }
  return scans;
}

interface Found {
  readonly hardState: RecoveredState | null;
  readonly snapshot: SnapshotOnDisk | null;
  readonly scans: readonly SegmentScan[];
}

/** Holds the files against each other. */
function checkWhole(directory: string, memberId: string, found: Found): void {
  const { snapshot, scans } = found;
  const first = scans[0]?.segment;
  const last = scans.at(-1)?.segment;
  const hardStatePath = join(directory, HARD_STATE_NAME);
  if (found.hardState === null) {
    if (first === undefined && snapshot === null) return;
    throw new LogDamageError(hardStatePath, 0, 'it is missing beside a log');
  }
  const hardState = found.hardState.state;
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
 * Cuts off all that is behind the last sound record and writes the last batch once more before
 * syncing: after a failed sync the kernel may hold these pages for clean although the disk never got
 * them, and a sync alone would then do nothing.
 */
async function reopen(
  disk: Disk,
  { segment, lastBatchFirstIndex }: SegmentScan,
): Promise<DiskFile> {
  const { path, aligned, offsets } = segment;
  const file = await disk.open(path);
  try {
    await cutFile(file, segment.end, aligned);
    if (aligned) segment.end = sectorEnd(segment.end);
    segment.reservedEnd = segment.end;
    const from = offsets[Math.max(0, lastBatchFirstIndex - segment.firstIndex)];
    if (from !== undefined) {
      await file.write(await disk.readRange(path, from, segment.end - from), from);
      await file.sync();
    }
    return file;
  } catch (error) {
    await file.close();
    throw error;
  }
}
