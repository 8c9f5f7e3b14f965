/**
 * The roster of a run: every process that it started and every descendant that was ever seen, kept
 * on disk by the caller so that even the launcher's sudden death loses none. It only adds while the
 * run lives; what has ended drops out when the next one is added.
 */

import type { RecordedProcess, RunRecord } from './data-directory.ts';
import type { OutlivingMark } from './process-spec.ts';
import { descendantsOf, isAlive, readProcess } from './process-table.ts';

export interface Roster {
  /** Adds a process that has just been started. */
  add(pid: number, name: string): void;
  /** Adds what some process starts to outlive it. */
  addMark(mark: OutlivingMark): void;
  /** Looks for descendants of the given processes now. */
  sweep(parents: readonly (readonly [pid: number, name: string])[]): void;
  record(): RunRecord;
}

export function createRoster(runId: string, onChange: (record: RunRecord) => void): Roster {
  const known = new Map<string, RecordedProcess>();
  const marks = new Map<string, OutlivingMark>();
  const record = (): RunRecord => ({
    runId,
    processes: [...known.values()],
    marks: [...marks.values()],
  });
  const remember = (entries: readonly RecordedProcess[]): void => {
    const fresh = entries.filter((entry) => !known.has(keyOf(entry)));
    if (fresh.length === 0) return;
    for (const [key, entry] of known) if (!isAlive(entry)) known.delete(key);
    for (const { pid, startMark, name } of fresh) {
      known.set(keyOf({ pid, startMark, name }), { pid, startMark, name });
    }
    onChange(record());
  };
  return {
    add(pid, name) {
      const identity = readProcess(pid);
      if (identity !== null) remember([{ ...identity, name }]);
    },
    addMark(mark) {
      if (marks.has(mark.file)) return;
      marks.set(mark.file, mark);
      onChange(record());
    },
    sweep(parents) {
      for (const [pid, name] of parents) {
        const entries = descendantsOf(new Set([pid]));
        remember(entries.map((entry) => ({ ...entry, name: `${name}/child` })));
      }
    },
    record,
  };
}

function keyOf(entry: RecordedProcess): string {
  return `${entry.pid} ${entry.startMark}`;
}
