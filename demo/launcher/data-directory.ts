/**
 * The launcher's claim on its data directory: a lock that names its owner, and a record of every
 * process that was started from it. A lock whose owner is dead is taken over, and what its owner left
 * running is handed to the caller to be stopped; a lock whose owner lives is respected, always.
 */

import {
  linkSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import type { OutlivingMark } from './process-spec.ts';
import { isAlive, readProcess } from './process-table.ts';
import type { ProcessIdentity } from './process-table.ts';

export interface RecordedProcess extends ProcessIdentity {
  readonly name: string;
}

/** What one run of the launcher has started. */
export interface RunRecord {
  readonly runId: string;
  readonly processes: readonly RecordedProcess[];
  /** Of processes that may have lost the one that started them. */
  readonly marks: readonly OutlivingMark[];
}

export type Claim =
  | { readonly kind: 'claimed'; readonly leftover: RunRecord | null }
  | { readonly kind: 'taken'; readonly ownerPid: number };

const LOCK = 'lock';
const RECORD = 'processes.json';

/** Claims the directory for this process, creating it when needed. */
export function claimDirectory(directory: string, runId: string): Claim {
  mkdirSync(directory, { recursive: true });
  const self = readProcess(process.pid);
  if (self === null) throw new Error('this process is not in the process table');
  const mine = join(directory, `${LOCK}.${runId}`);
  writeFileSync(mine, JSON.stringify({ pid: self.pid, startMark: self.startMark, runId }));
  try {
    // A second round after a stale lock was moved away; a third means a race that another one won.
    for (let round = 0; round < 3; round += 1) {
      if (linked(mine, join(directory, LOCK))) {
        return { kind: 'claimed', leftover: readRecord(directory) };
      }
      const owner = readLock(directory);
      if (owner !== null && isAlive(owner)) return { kind: 'taken', ownerPid: owner.pid };
      moveAway(directory, runId);
    }
    return { kind: 'taken', ownerPid: readLock(directory)?.pid ?? 0 };
  } finally {
    unlinkSync(mine);
  }
}

/** Gives the directory back: record and lock go, unless another run has taken it since. */
export function releaseDirectory(directory: string, runId: string): void {
  if (readRecord(directory)?.runId === runId) rmSync(join(directory, RECORD), { force: true });
  if (readLock(directory)?.runId === runId) rmSync(join(directory, LOCK), { force: true });
}

/** Written aside and renamed, so that a reader sees all of it or the one before. */
export function writeRecord(directory: string, record: RunRecord): void {
  const aside = join(directory, `${RECORD}.${record.runId}`);
  writeFileSync(aside, JSON.stringify(record));
  renameSync(aside, join(directory, RECORD));
}

/** Null when there is none or it cannot be read as one. */
export function readRecord(directory: string): RunRecord | null {
  const fields = readJson(join(directory, RECORD));
  const { runId, processes, marks } = fields;
  if (typeof runId !== 'string' || !Array.isArray(processes)) return null;
  return {
    runId,
    processes: processes.flatMap((entry: unknown) => {
      const { name, pid, startMark } = fieldsOf(entry);
      return typeof name === 'string' && typeof pid === 'number' && typeof startMark === 'string'
        ? [{ name, pid, startMark }]
        : [];
    }),
    marks: (Array.isArray(marks) ? marks : []).flatMap((entry: unknown) => {
      const { variable, file } = fieldsOf(entry);
      return typeof variable === 'string' && typeof file === 'string' ? [{ variable, file }] : [];
    }),
  };
}

interface Lock extends ProcessIdentity {
  readonly runId: string;
}

function readLock(directory: string): Lock | null {
  const { pid, startMark, runId } = readJson(join(directory, LOCK));
  if (typeof pid !== 'number' || typeof startMark !== 'string') return null;
  return { pid, startMark, runId: typeof runId === 'string' ? runId : '' };
}

/** A hard link either appears whole or not at all: the lock is never seen half written. */
function linked(from: string, to: string): boolean {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false;
    throw error;
  }
}

/** Moves a stale lock aside by rename, which only one of several contenders wins. */
function moveAway(directory: string, runId: string): void {
  const aside = join(directory, `${LOCK}.stale.${runId}`);
  try {
    renameSync(join(directory, LOCK), aside);
  } catch {
    return;
  }
  rmSync(aside, { force: true });
}

function readJson(path: string): Readonly<Record<string, unknown>> {
  try {
    return fieldsOf(JSON.parse(readFileSync(path, 'utf8')));
  } catch {
    return {};
  }
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? { ...value } : {};
}
