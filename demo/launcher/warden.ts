/**
 * The last one out: runs when the launcher has vanished without a word (SIGKILL, a crash) and ends
 * what it left. Until then a shell of one megabyte waits in its place for the pipe from the launcher
 * to close. It ends one run by its id and nothing else.
 */

import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { openSync, closeSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { readRecord, releaseDirectory } from './data-directory.ts';
import { endRun, RUN_VARIABLE } from './run-cleanup.ts';

const GRACE_MS = 5000;
const WAIT_THEN_RUN = 'while read -r line; do :; done; exec "$@"';

/** Starts the waiting shell. Dismiss it once the run has ended in order. */
export function postWarden(directory: string, runId: string): ChildProcess {
  const log = openSync(join(directory, 'logs', 'warden.log'), 'a');
  const environment = { ...process.env };
  // Not of the run: it must not end itself.
  Reflect.deleteProperty(environment, RUN_VARIABLE);
  const warden = spawn(
    '/bin/sh',
    ['-c', WAIT_THEN_RUN, 'warden', process.execPath, import.meta.filename, directory, runId],
    { detached: true, stdio: ['pipe', log, log], env: environment },
  );
  closeSync(log);
  // Without a shell there is no warden; the next start then clears up by the record.
  warden.on('error', () => undefined);
  warden.stdin?.on('error', () => undefined);
  warden.unref();
  return warden;
}

/** Ends the waiting shell and waits, within a bound, until it is gone: not even a zombie stays. */
export async function dismissWarden(warden: ChildProcess): Promise<void> {
  if (warden.pid === undefined || warden.exitCode !== null || warden.signalCode !== null) return;
  // Until then it had not kept the launcher alive; now the launcher stays for its end.
  warden.ref();
  const gone = once(warden, 'exit', { signal: AbortSignal.timeout(500) });
  warden.kill('SIGKILL');
  await gone.catch(() => undefined);
}

async function endAbandonedRun(directory: string, runId: string): Promise<void> {
  const record = readRecord(directory);
  if (record?.runId !== runId) return;
  console.log(`${new Date().toISOString()}  the launcher has vanished; ending run ${runId}`);
  const left = await endRun(record, GRACE_MS);
  for (const entry of left) console.log(`still alive: ${entry.name} (pid ${entry.pid})`);
  if (left.length === 0) releaseDirectory(directory, runId);
}

if (import.meta.main) {
  const [directory, runId] = process.argv.slice(2);
  if (directory !== undefined && runId !== undefined) await endAbandonedRun(directory, runId);
}
