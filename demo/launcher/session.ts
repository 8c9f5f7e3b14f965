/**
 * One run of the launcher from claim to release: claims the data directory, ends what an earlier run
 * left, starts the processes stage by stage, waits until each is ready, and, when asked or when one
 * of them fails, stops all of it and verifies that nothing is left. What the processes are is the
 * caller's plan.
 */

import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { claimDirectory, releaseDirectory, writeRecord } from './data-directory.ts';
import type { RecordedProcess } from './data-directory.ts';
import { isListening } from './ports.ts';
import type { ProcessSpec } from './process-spec.ts';
import { waitUntilReady } from './readiness.ts';
import { endRun } from './run-cleanup.ts';
import type { StopRequest } from './stop-request.ts';
import { createSupervisor } from './supervisor.ts';
import type { Supervisor } from './supervisor.ts';
import { dismissWarden, postWarden } from './warden.ts';

export interface Plan {
  /** Started in this order; those of one stage together, the next when all of them are ready. */
  readonly stages: readonly (readonly ProcessSpec[])[];
  /** Ports of this run, which nobody may listen on afterwards. */
  readonly ports: readonly number[];
  /** Called once when all are ready; what it goes on doing ends with the signal. */
  readonly whenUp: (seconds: number, signal: AbortSignal, pidOf: PidOf) => void;
}

/** The id that a process of this name has now; null while it does not run. */
export type PidOf = (name: string) => number | null;

export interface Session {
  readonly directory: string;
  readonly workingDirectory: string;
  /** Made after the directory is claimed and cleared, so that it sees which ports are free. */
  readonly plan: () => Promise<Plan>;
  readonly request: StopRequest;
  readonly print: (line: string) => void;
  readonly limits: SessionLimits;
}

export interface SessionLimits {
  /** Per process, from its start until it is ready, in ms. */
  readonly readyWithinMs: number;
  /** For the whole of the stop, in ms. */
  readonly stopWithinMs: number;
  readonly sweepMs: number;
  readonly restartDelayMs: number;
  readonly restartsPerMinuteMax: number;
}

export const SESSION_LIMITS: SessionLimits = {
  readyWithinMs: 90_000,
  stopWithinMs: 4500,
  sweepMs: 1000,
  restartDelayMs: 500,
  restartsPerMinuteMax: 4,
};

/** Resolves with the exit code: 0 after a stop that was asked for and left nothing behind. */
export async function runSession(session: Session): Promise<number> {
  const { directory, print } = session;
  const runId = `${Date.now().toString(36)}-${process.pid}`;
  const claim = claimDirectory(directory, runId);
  if (claim.kind === 'taken') {
    print(`${directory} is in use by another start (pid ${claim.ownerPid}); stop it or use --data`);
    return 1;
  }
  mkdirSync(join(directory, 'logs'), { recursive: true });
  if (claim.leftover !== null) {
    const left = await endRun(claim.leftover, 5000);
    if (left.length > 0) {
      print(`an earlier run left ${namesOf(left)}, which cannot be ended`);
      releaseDirectory(directory, runId);
      return 1;
    }
  }
  writeRecord(directory, { runId, processes: [], marks: [] });
  const warden = postWarden(directory, runId);
  try {
    return await superviseRun(session, runId);
  } finally {
    releaseDirectory(directory, runId);
    await dismissWarden(warden);
  }
}

async function superviseRun(session: Session, runId: string): Promise<number> {
  const { directory, limits, print, request } = session;
  const supervisor = createSupervisor({
    runId,
    logDirectory: join(directory, 'logs'),
    workingDirectory: session.workingDirectory,
    onRecord: (record) => writeRecord(directory, record),
    onNotice: print,
    onFailure: (message) => request.request(new Failure(message)),
    ...limits,
  });
  let ports: readonly number[] = [];
  try {
    const startedAt = performance.now();
    const plan = await session.plan();
    ports = plan.ports;
    await startStages(plan, supervisor, session);
    const seconds = (performance.now() - startedAt) / 1000;
    plan.whenUp(seconds, request.stop, (name) => supervisor.pidOf(name));
    await aborted(request.stop);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    request.request(new Failure(message));
  }
  return stopRun(session, supervisor, ports);
}

async function startStages(plan: Plan, supervisor: Supervisor, session: Session): Promise<void> {
  for (const stage of plan.stages) {
    session.request.stop.throwIfAborted();
    for (const spec of stage) supervisor.start(spec);
    await Promise.all(
      stage.map(async ({ name, readinessUrl: url }) => {
        if (url === null) return;
        const withinMs = session.limits.readyWithinMs;
        await waitUntilReady({ name, url, withinMs }, session.request.stop);
      }),
    );
  }
}

async function stopRun(
  session: Session,
  supervisor: Supervisor,
  ports: readonly number[],
): Promise<number> {
  const { limits, print, request } = session;
  const reason: unknown = request.stop.reason;
  const failed = reason instanceof Failure;
  print(failed ? `failed: ${reason.message}` : `stopping (${describe(reason)})`);
  const startedAt = performance.now();
  const stopped = supervisor.stop(limits.stopWithinMs);
  const left = await Promise.race([stopped, aborted(request.kill).then(() => supervisor.kill())]);
  const held = await portsInUse(ports);
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
  if (left.length === 0 && held.length === 0) {
    print(`stopped in ${seconds} s; no process, port or lock is left`);
    return failed ? 1 : 0;
  }
  if (left.length > 0) print(`still alive after ${seconds} s: ${namesOf(left)}`);
  if (held.length > 0) print(`still in use after ${seconds} s: port ${held.join(', ')}`);
  return 1;
}

/** A process, or the start of one, has failed; as opposed to somebody wanting the end. */
class Failure extends Error {
  override readonly name = 'Failure';
}

async function portsInUse(ports: readonly number[]): Promise<readonly number[]> {
  const listening = await Promise.all(ports.map((port) => isListening(port)));
  return ports.filter((_, index) => listening[index]);
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

function namesOf(processes: readonly RecordedProcess[]): string {
  return processes.map(({ name, pid }) => `${name} (pid ${pid})`).join(', ');
}

function describe(reason: unknown): string {
  return reason instanceof Error ? reason.message : 'asked to';
}
