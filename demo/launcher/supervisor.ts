/**
 * Runs the launcher's child processes: each in a group of its own (a Ctrl-C in the terminal reaches
 * the launcher alone), each with a log file, restarted with growing delays where its spec says so.
 * It decides nothing about the order of starting, and it never gives up on stopping: what does not
 * end by itself is killed, with everything that descends from it.
 */

import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { closeSync, existsSync, openSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { setTimeout as delay } from 'node:timers/promises';
import type { RecordedProcess, RunRecord } from './data-directory.ts';
import { readTail } from './log-tail.ts';
import type { ProcessSpec } from './process-spec.ts';
import { createRoster } from './roster.ts';
import { killRun, RUN_VARIABLE } from './run-cleanup.ts';

export interface SupervisorOptions {
  readonly runId: string;
  readonly logDirectory: string;
  readonly workingDirectory: string;
  /** Called whenever the set of processes has changed. */
  readonly onRecord: (record: RunRecord) => void;
  /** A line for the person who watches. */
  readonly onNotice: (line: string) => void;
  /** Called once, when a process that must not end has ended. */
  readonly onFailure: (message: string) => void;
  /** How often descendants are looked for, in ms. */
  readonly sweepMs: number;
  /** Restarts of one process within a minute; one more is a failure. */
  readonly restartsPerMinuteMax: number;
  /** Delay of the first restart, doubled for each within a minute, in ms. */
  readonly restartDelayMs: number;
}

export interface Supervisor {
  start(spec: ProcessSpec): void;
  /** Null while no process of this name runs. */
  pidOf(name: string): number | null;
  /** Stops in order within `withinMs`, kills the rest; resolves with what lives even so. */
  stop(withinMs: number): Promise<readonly RecordedProcess[]>;
  /** Kills everything at once. */
  kill(): Promise<readonly RecordedProcess[]>;
}

interface Supervised {
  readonly spec: ProcessSpec;
  child: ChildProcess | null;
  restartedAt: readonly number[];
}

/** Time that stays for killing what did not end by itself, in ms. */
const KILL_RESERVE_MS = 700;

export function createSupervisor(options: SupervisorOptions): Supervisor {
  const supervised: Supervised[] = [];
  const roster = createRoster(options.runId, options.onRecord);
  const stopping = new AbortController();
  const sweep = (): void => {
    roster.sweep(
      supervised.flatMap(({ spec, child }) =>
        child?.pid === undefined ? [] : [[child.pid, spec.name] as const],
      ),
    );
  };
  const sweeper = setInterval(sweep, options.sweepMs);

  const launch = (entry: Supervised): void => {
    const child = spawnLogged(entry.spec, options);
    entry.child = child;
    if (child.pid !== undefined) roster.add(child.pid, entry.spec.name);
    const end = (how: string): void => {
      if (entry.child !== child) return;
      entry.child = null;
      if (!stopping.signal.aborted) void handleExit(entry, how);
    };
    child.once('error', (error) => end(error.message));
    child.once('exit', (code, signal) => end(signal ?? `exit code ${code ?? '?'}`));
  };

  const handleExit = async (entry: Supervised, how: string): Promise<void> => {
    const { name } = entry.spec;
    const verdict = restartVerdict(entry, performance.now(), options);
    if (verdict.kind === 'fail') {
      options.onFailure(`${name} ended${verdict.detail} (${how})${logTail(options, name)}`);
      return;
    }
    const seconds = (verdict.waitMs / 1000).toFixed(1);
    options.onNotice(`${name} ended (${how}); it starts again in ${seconds} s`);
    await delay(verdict.waitMs, undefined, { signal: stopping.signal }).catch(() => undefined);
    if (!stopping.signal.aborted) launch(entry);
  };

  const beginStop = (): void => {
    sweep();
    stopping.abort();
    clearInterval(sweeper);
  };

  return {
    start(spec) {
      if (stopping.signal.aborted) return;
      keepPreviousLog(logPath(options, spec.name));
      if (spec.mark !== null) roster.addMark(spec.mark);
      const entry: Supervised = { spec, child: null, restartedAt: [] };
      supervised.push(entry);
      launch(entry);
    },
    pidOf: (name) => supervised.find(({ spec }) => spec.name === name)?.child?.pid ?? null,
    async stop(withinMs) {
      const deadline = performance.now() + withinMs;
      beginStop();
      await terminateInOrder(supervised, deadline - KILL_RESERVE_MS);
      return killRun(roster.record(), Math.max(200, deadline - performance.now()));
    },
    async kill() {
      beginStop();
      return killRun(roster.record(), 2000);
    },
  };
}

function spawnLogged(spec: ProcessSpec, options: SupervisorOptions): ChildProcess {
  const log = openSync(logPath(options, spec.name), 'a');
  try {
    return spawn(spec.command, spec.arguments, {
      cwd: options.workingDirectory,
      detached: true,
      stdio: ['ignore', log, log],
      env: { ...process.env, ...spec.environment, [RUN_VARIABLE]: options.runId },
    });
  } finally {
    closeSync(log);
  }
}

type RestartVerdict =
  | { readonly kind: 'restart'; readonly waitMs: number }
  | { readonly kind: 'fail'; readonly detail: string };

/** Counts this restart when it grants one. */
function restartVerdict(
  entry: Supervised,
  nowMs: number,
  options: SupervisorOptions,
): RestartVerdict {
  if (entry.spec.onExit === 'end') return { kind: 'fail', detail: '' };
  const recent = entry.restartedAt.filter((at) => at > nowMs - 60_000);
  if (recent.length >= options.restartsPerMinuteMax) {
    return { kind: 'fail', detail: ` for the ${recent.length + 1}th time within a minute` };
  }
  entry.restartedAt = [...recent, nowMs];
  return { kind: 'restart', waitMs: options.restartDelayMs * 2 ** recent.length };
}

/** Asks each wave to end once the one before has, or has used its grace up. */
async function terminateInOrder(entries: readonly Supervised[], deadline: number): Promise<void> {
  const orders = [...new Set(entries.map(({ spec }) => spec.stopOrder))].sort((a, b) => a - b);
  for (const order of orders) {
    const wave = entries.filter(({ spec }) => spec.stopOrder === order);
    for (const { child } of wave) child?.kill('SIGTERM');
    const graceMs = Math.max(...wave.map(({ spec }) => spec.stopGraceMs));
    await ended(wave, Math.min(performance.now() + graceMs, deadline));
  }
  await ended(entries, deadline);
}

/** Resolves when every process has ended, or at the deadline. */
async function ended(entries: readonly Supervised[], deadline: number): Promise<void> {
  while (entries.some(({ child }) => child !== null) && performance.now() < deadline) {
    await delay(10);
  }
}

/** One generation of logs is kept: the run before this one. */
function keepPreviousLog(path: string): void {
  if (existsSync(path)) renameSync(path, `${path}.previous`);
}

function logTail(options: SupervisorOptions, name: string): string {
  const path = logPath(options, name);
  const lines = readTail(path, 8);
  if (lines.length === 0) return `; its log is empty: ${path}`;
  return `; the end of its log, ${path}:\n${lines.map((line) => `    ${line}`).join('\n')}`;
}

function logPath(options: SupervisorOptions, name: string): string {
  return join(options.logDirectory, `${name}.log`);
}
