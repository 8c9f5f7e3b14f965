/**
 * `npm start` as a person runs it: the bootstrap as a process of its own, with a data directory that is
 * there for one test, and what must be gone when it has been told to stop. It starts nothing until it is
 * told to, and leaves nothing behind.
 */

import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { readRecord } from '../../demo/launcher/data-directory.ts';
import { isListening } from '../../demo/launcher/ports.ts';
import { isAlive } from '../../demo/launcher/process-table.ts';
import type { ProcessIdentity } from '../../demo/launcher/process-table.ts';
import { killRun } from '../../demo/launcher/run-cleanup.ts';
import { pollUntil, startProcess } from './process.ts';
import type { RunningProcess } from './process.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const STOPPED_WITHIN_MS = 5_000;

/** What a stop must not leave. */
export interface Gone {
  readonly processes: readonly ProcessIdentity[];
  /** In the data directory. */
  readonly files: readonly string[];
}

export class LaunchedRun {
  readonly directory: string;
  #running: RunningProcess | null = null;

  /** @param prefix of the data directory's name */
  constructor(prefix: string) {
    this.directory = mkdtempSync(join(tmpdir(), prefix));
  }

  /** @param options of `npm start` beside the ports and the directory */
  start(options: readonly string[] = []): RunningProcess {
    const env = { ...process.env };
    // A person's settings must not reach the run under test.
    for (const name of Object.keys(env)) {
      if (name.startsWith('OMNIMIND_')) Reflect.deleteProperty(env, name);
    }
    const own = ['--free-ports', '--data', this.directory];
    const args = [join(ROOT, 'bootstrap.mjs'), 'start', ...options, ...own];
    this.#running = startProcess(process.execPath, args, { cwd: ROOT, env });
    return this.#running;
  }

  /** The processes of the run, as it recorded them. */
  processes(): readonly ProcessIdentity[] {
    return readRecord(this.directory)?.processes ?? [];
  }

  /** After a test, however it ended. */
  async remove(): Promise<void> {
    this.#running?.kill();
    const record = readRecord(this.directory);
    if (record !== null) await killRun(record, 3_000);
    rmSync(this.directory, { recursive: true, force: true });
  }

  /** Asserts that it ends in time and with success, and that nothing is left, no listener either. */
  async stop(started: RunningProcess, signal: 'SIGINT' | 'SIGTERM', gone: Gone): Promise<void> {
    const ports = [...started.output().matchAll(/http:\/\/127\.0\.0\.1:(\d+)/g)].map(([, port]) =>
      Number(port),
    );
    const askedAt = performance.now();
    started.child.kill(signal);
    assert.equal(await started.exit(STOPPED_WITHIN_MS + 5_000), 0, started.output());
    const seconds = (performance.now() - askedAt) / 1_000;
    assert.ok(seconds < STOPPED_WITHIN_MS / 1_000, `stopped only after ${seconds} s`);
    assert.deepEqual(
      gone.processes.filter((one) => isAlive(one)),
      [],
    );
    for (const port of ports) assert.equal(await isListening(port), false, `port ${port}`);
    for (const name of gone.files) {
      assert.ok(!existsSync(join(this.directory, name)), `${name} is left`);
    }
  }
}

/** Polls until it has written this; throws once it has ended instead. */
export async function written(
  started: RunningProcess,
  text: RegExp,
  withinMs: number,
): Promise<void> {
  await pollUntil(`up; it wrote: ${started.output()}`, withinMs, () => {
    assert.equal(started.child.exitCode, null, started.output());
    return text.test(started.output());
  });
}

/** The address in a row of the table that it writes when it is up. */
export function urlIn(output: string, row: string): string {
  const url = new RegExp(`^ {2}${row} +(http://127\\.0\\.0\\.1:\\d+)`, 'm').exec(output)?.[1];
  assert.ok(url !== undefined, output);
  return url;
}
