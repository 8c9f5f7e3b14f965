/**
 * Ends what a run of the launcher has left behind: the recorded processes, their descendants, and
 * whatever carries the run's mark, or one that it recorded, in its environment. First asks, then kills. It touches nothing that
 * it cannot tie to that run, and so never a process that got a recorded id later.
 */

import { readFileSync } from 'node:fs';
import process from 'node:process';
import { setTimeout as delay } from 'node:timers/promises';
import type { RecordedProcess, RunRecord } from './data-directory.ts';
import type { OutlivingMark } from './process-spec.ts';
import {
  descendantsOf,
  isAlive,
  processesWithEnvironment,
  signalProcess,
} from './process-table.ts';

/** Every process of a run is started with this variable; its children inherit it. */
export const RUN_VARIABLE = 'DEMO_RUN_ID';

/** The living processes of a run. */
export function survivorsOf(record: RunRecord): readonly RecordedProcess[] {
  const found = new Map<number, RecordedProcess>();
  for (const entry of record.processes) if (isAlive(entry)) found.set(entry.pid, entry);
  const marks: readonly (readonly [string, string])[] = [
    [RUN_VARIABLE, record.runId],
    ...record.marks.flatMap(readMark),
  ];
  for (const entry of marks.flatMap(([name, value]) => processesWithEnvironment(name, value))) {
    if (!found.has(entry.pid)) found.set(entry.pid, { ...entry, name: 'child' });
  }
  for (const entry of descendantsOf(new Set(found.keys()))) {
    found.set(entry.pid, { ...entry, name: 'child' });
  }
  found.delete(process.pid);
  return [...found.values()];
}

/** Resolves with those that live even so, after `graceMs` of asking and a second of killing. */
export async function endRun(
  record: RunRecord,
  graceMs: number,
): Promise<readonly RecordedProcess[]> {
  for (const entry of survivorsOf(record)) signalProcess(entry, 'SIGTERM');
  const left = await emptied(record, graceMs);
  if (left.length === 0) return left;
  return killRun(record, 1000);
}

/** Nothing while the file is not there: then nothing that carries the mark is either. */
function readMark({ variable, file }: OutlivingMark): readonly (readonly [string, string])[] {
  try {
    const value = readFileSync(file, 'utf8').trim();
    return value === '' ? [] : [[variable, value]];
  } catch {
    return [];
  }
}

/** Kills at once; resolves with those that live even so after `withinMs`. */
export async function killRun(
  record: RunRecord,
  withinMs: number,
): Promise<readonly RecordedProcess[]> {
  const deadline = performance.now() + withinMs;
  let left = survivorsOf(record);
  while (left.length > 0 && performance.now() < deadline) {
    // Again each time: a dying parent may just have had a child.
    for (const entry of left) signalProcess(entry, 'SIGKILL');
    await delay(20);
    left = survivorsOf(record);
  }
  return left;
}

async function emptied(record: RunRecord, withinMs: number): Promise<readonly RecordedProcess[]> {
  const deadline = performance.now() + withinMs;
  let left = survivorsOf(record);
  while (left.length > 0 && performance.now() < deadline) {
    await delay(50);
    left = survivorsOf(record);
  }
  return left;
}
