/**
 * Several changes of a log as one: what of them has to reach the disk. A vote is written once, what
 * a later change takes back is never written, and what a snapshot replaces is forgotten. Nothing
 * here touches a disk.
 */

import assert from 'node:assert/strict';
import type { HardState, LogChange, LogEntry, SnapshotPlace } from '../../model/log-entry.ts';

/** Done in the order of the fields; each presupposes that those before are durable. */
export interface ChangePlan {
  readonly hardState: HardState | null;
  readonly install: SnapshotPlace | null;
  /** Forget every entry on disk from here on. */
  readonly truncateFrom: number | null;
  readonly entries: readonly LogEntry[];
}

/** `lastIndex` is that of the log before the changes. */
export function planChanges(lastIndex: number, changes: readonly LogChange[]): ChangePlan {
  let hardState: HardState | null = null;
  let install: SnapshotPlace | null = null;
  let truncateFrom: number | null = null;
  let entries: LogEntry[] = [];
  /** The entries begin behind this one, which is on disk. */
  let base = lastIndex;
  for (const change of changes) {
    hardState = change.hardState ?? hardState;
    if (change.snapshot !== null) {
      install = change.snapshot;
      truncateFrom = null;
      entries = [];
      base = install.index;
    }
    const from = change.truncateFrom;
    if (from !== null && from <= base) {
      assert(install === null, `entry ${from} is in the snapshot that is installed`);
      truncateFrom = from;
      entries = [];
      base = from - 1;
    } else if (from !== null && from <= base + entries.length) {
      entries.length = from - base - 1;
    }
    for (const entry of change.entries) {
      const before = base + entries.length;
      assert(entry.index === before + 1, `entry ${entry.index} does not follow ${before}`);
      entries.push(entry);
    }
  }
  return { hardState, install, truncateFrom, entries };
}
