/**
 * Keeps one GPU child alive and never more than one: starts it, reads its lines, kills it when it
 * falls silent (a native call hangs), and starts the next one only when the last is really gone,
 * with its tools, after a growing pause. A child that not even SIGKILL ends (uninterruptible
 * sleep in the driver) is waited for, without limit and without a second one beside it. It does not
 * look into values.
 */

import { isProcessAlive, signalGroup } from '../nvidia-smi/tool.ts';
import { createLineCutter } from './lines.ts';
import { LINE_BYTES_MAX, parseMessage, type ChildMessage } from './protocol.ts';

export interface SupervisorTiming {
  /** Silence after which a child that has read values before counts as hung. */
  readonly watchdogMs: number;
  /** The same before its first values: initialising eight GPUs can take a driver half a minute. */
  readonly startupMs: number;
  /** From SIGTERM to SIGKILL. */
  readonly termGraceMs: number;
  /** First and longest pause before the next child; doubles between them. */
  readonly respawnMinMs: number;
  readonly respawnMaxMs: number;
  /** A child that lived this long starts the pauses anew. */
  readonly stableMs: number;
  /** A host without GPUs is looked at again after this long. */
  readonly absentRetryMs: number;
}

/** A started process, as much of it as is needed here. */
export interface LaunchedChild {
  onBytes(take: (chunk: Uint8Array) => void): void;
  /** Called once, when it is gone or could not be started. */
  onExit(take: (signal: NodeJS.Signals | null) => void): void;
  kill(signal: NodeJS.Signals): void;
  /** Lets go of a process that does not end, so that it does not keep this one. */
  release(): void;
}

export interface SupervisorEvents {
  onMessage(message: ChildMessage): void;
  /** A line that is no message, or was too long. */
  onGarbage(): void;
  /** The child fell silent and is being killed. */
  onHung(): void;
  /** It ended by a signal that nobody here sent. */
  onCrash(signal: NodeJS.Signals): void;
}

export interface GpuSupervisor {
  start(): void;
  /** Resolves within a second, also when the child cannot be killed. */
  stop(): Promise<void>;
  /** Children started after the first, looks at a host without GPUs not counted. */
  restarts(): number;
}

export interface SupervisorOptions {
  readonly launch: () => LaunchedChild;
  readonly timing: SupervisorTiming;
  readonly events: SupervisorEvents;
  /** Monotonic, in ms. */
  readonly nowMs: () => number;
}

/** Of the second that stop() has. */
const STOP_TERM_MS = 300;
const STOP_KILL_MS = 300;
const TOOL_GONE_POLL_MS = 250;

export function createGpuSupervisor(options: SupervisorOptions): GpuSupervisor {
  const { timing, nowMs } = options;
  let current: Run | null = null;
  let next: NodeJS.Timeout | null = null;
  let isStopped = false;
  let failures = 0;
  let restarts = 0;

  function spawn(): void {
    next = null;
    const run = createRun(options, () => ended(run));
    current = run;
  }

  function ended(run: Run): void {
    if (isStopped) return;
    if (run.isToolAlive()) {
      // An unkillable tool counts as the one stuck process: no child, hence no second tool, beside it.
      next = setTimeout(() => ended(run), TOOL_GONE_POLL_MS);
      return;
    }
    current = null;
    if (run.wasAbsent) {
      failures = 0;
      next = setTimeout(spawn, timing.absentRetryMs);
      return;
    }
    failures = nowMs() - run.startedMs >= timing.stableMs ? 0 : failures + 1;
    const doublings = Math.min(Math.max(failures - 1, 0), 20);
    const pauseMs = Math.min(timing.respawnMaxMs, timing.respawnMinMs * 2 ** doublings);
    next = setTimeout(() => {
      restarts += 1;
      spawn();
    }, pauseMs);
  }

  return {
    start() {
      if (current === null && next === null && !isStopped) spawn();
    },
    async stop() {
      isStopped = true;
      if (next !== null) clearTimeout(next);
      await current?.stop();
    },
    restarts: () => restarts,
  };
}

interface Run {
  readonly startedMs: number;
  /** The child said that the host has no GPU. */
  readonly wasAbsent: boolean;
  isToolAlive(): boolean;
  stop(): Promise<void>;
}

function createRun(options: SupervisorOptions, onEnd: () => void): Run {
  const { timing, events, nowMs } = options;
  const child = options.launch();
  const startedMs = nowMs();
  let lastLineMs = startedMs;
  let hasRead = false;
  let wasAbsent = false;
  let isKilled = false;
  let toolGroup: number | null = null;
  let kill: NodeJS.Timeout | null = null;
  const gone = Promise.withResolvers<null>();

  function take(line: string): void {
    const message = parseMessage(line);
    if (message === null) {
      events.onGarbage();
      return;
    }
    lastLineMs = nowMs();
    if (message.kind === 'tool') toolGroup = message.groupId;
    if (message.kind === 'absent') wasAbsent = true;
    if (message.kind === 'snapshot') hasRead = true;
    events.onMessage(message);
  }

  function isSilent(): boolean {
    return nowMs() - lastLineMs > (hasRead ? timing.watchdogMs : timing.startupMs);
  }

  const watchdog = setInterval(
    () => {
      // This process may have been stopped itself: what lies in the pipe is read first.
      if (isSilent()) setImmediate(() => isSilent() && !isKilled && killHung());
    },
    Math.max(10, Math.min(timing.watchdogMs, timing.startupMs) / 4),
  );

  function killHung(): void {
    isKilled = true;
    events.onHung();
    child.kill('SIGTERM');
    kill = setTimeout(() => child.kill('SIGKILL'), timing.termGraceMs);
  }

  const cutter = createLineCutter(LINE_BYTES_MAX, take, () => events.onGarbage());
  child.onBytes((chunk) => cutter.push(chunk));
  child.onExit((signal) => {
    clearInterval(watchdog);
    if (kill !== null) clearTimeout(kill);
    signalGroup(toolGroup, 'SIGKILL');
    if (signal !== null && !isKilled) events.onCrash(signal);
    gone.resolve(null);
    onEnd();
  });

  return {
    startedMs,
    get wasAbsent() {
      return wasAbsent;
    },
    isToolAlive: () => isProcessAlive(toolGroup),
    async stop() {
      isKilled = true;
      clearInterval(watchdog);
      if (kill !== null) clearTimeout(kill);
      child.kill('SIGTERM');
      signalGroup(toolGroup, 'SIGKILL');
      if (await within(gone.promise, STOP_TERM_MS)) return;
      child.kill('SIGKILL');
      if (!(await within(gone.promise, STOP_KILL_MS))) child.release();
    },
  };
}

/** True when it resolved in time. */
async function within(promise: Promise<null>, ms: number): Promise<boolean> {
  const late = Promise.withResolvers<boolean>();
  const timer = setTimeout(() => late.resolve(false), ms);
  const isInTime = await Promise.race([promise.then(() => true), late.promise]);
  clearTimeout(timer);
  return isInTime;
}
