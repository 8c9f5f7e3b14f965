/**
 * Keeps this node known to the control plane: registers, sends heartbeats at the interval that the
 * plane named, registers again when it is unknown (404) or what it says of itself has changed, and
 * tries for ever, with growing pauses, while the plane is away. The agent works the same without it.
 */

import type { Collector } from './collector.ts';
import { counter, gauge } from './family.ts';
import type { Log } from './log.ts';
import { messageOf } from './log.ts';
import { CONTROL_PLANE_FAILURES, ControlPlaneError } from './sources/control-plane.ts';
import type { ControlPlaneClient, ControlPlaneFailure } from './sources/control-plane.ts';

/** The body of a registration, as agreed with the control plane. */
export interface NodeRegistration {
  readonly nodeId: string;
  readonly hostname: string;
  /** host:port at which Prometheus scrapes this agent. */
  readonly address: string;
  readonly capabilities: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
  readonly inventory: NodeInventory;
  readonly agentVersion: string;
}

export interface NodeInventory {
  readonly operatingSystem: string;
  readonly kernel: string;
  readonly architecture: string;
  readonly cpuModel: string;
  readonly cpuCores: number;
  readonly memoryBytes: number;
  readonly gpus: readonly {
    readonly uuid: string;
    readonly name: string;
    readonly memoryBytes: number;
  }[];
}

export interface RegistrationOptions {
  readonly client: ControlPlaneClient;
  /** What this node is now; asked before each heartbeat. */
  readonly describe: () => NodeRegistration;
  readonly failingCollectors: () => readonly string[];
  /** Longest pause between two attempts, in ms; the first is a twentieth of it. */
  readonly retryMaxMs: number;
  /** Between 0 and 1: spreads the agents of a fleet over the time in which they come back. */
  readonly random: () => number;
  /** Resolves after the time or when the signal aborts. */
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>;
  readonly log: Log;
}

/** Bounds on the interval that the plane names: a broken answer must not cause a flood or silence. */
const HEARTBEAT_MIN_MS = 100;
const HEARTBEAT_MAX_MS = 300_000;
/** Of each pause, so that agents that started together drift apart. */
const JITTER = 0.2;

/** A collector of its own families; `stop` ends the loop and the request that is out. */
export function createRegistration(options: RegistrationOptions): Collector {
  const stopping = new AbortController();
  const state = newState();
  let loop: Promise<void> = Promise.resolve();

  function failed(error: unknown): number {
    const failure = error instanceof ControlPlaneError ? error.failure : 'malformed';
    state.failures.set(failure, (state.failures.get(failure) ?? 0) + 1);
    if (failure !== state.lastFailure) {
      options.log('warn', 'control_plane_failed', { failure, detail: messageOf(error) });
    }
    state.lastFailure = failure;
    return backoffMs(options, state.failedInRow++);
  }

  const isStopping = (): boolean => stopping.signal.aborted;

  async function run(): Promise<void> {
    while (!isStopping()) {
      let pauseMs: number;
      try {
        pauseMs = await exchange(options, state, stopping.signal);
      } catch (error) {
        if (isStopping()) return;
        pauseMs = failed(error);
      }
      await options.sleep(pauseMs, stopping.signal);
    }
  }

  return {
    name: 'registration',
    families: Object.values(families),
    start() {
      loop = run();
      return Promise.resolve();
    },
    collect(emit) {
      emit(families.registered, state.registered !== null && state.failedInRow === 0 ? 1 : 0);
      emit(families.registrations, state.registrations);
      if (state.lastHeartbeatMs !== null)
        emit(families.lastHeartbeat, state.lastHeartbeatMs / 1000);
      for (const [failure, count] of state.failures) emit(families.failures, count, failure);
      return Promise.resolve();
    },
    stop() {
      stopping.abort();
      return loop;
    },
  };
}

interface State {
  /** What was registered last, as sent; null when the plane does not know this node. */
  registered: {
    readonly text: string;
    readonly intervalMs: number;
    readonly nodeId: string;
  } | null;
  readonly failures: Map<ControlPlaneFailure, number>;
  lastFailure: ControlPlaneFailure | null;
  lastHeartbeatMs: number | null;
  registrations: number;
  sequence: number;
  failedInRow: number;
}

function newState(): State {
  return {
    registered: null,
    failures: new Map(CONTROL_PLANE_FAILURES.map((failure) => [failure, 0])),
    lastFailure: null,
    lastHeartbeatMs: null,
    registrations: 0,
    sequence: 0,
    failedInRow: 0,
  };
}

/** One exchange with the plane; resolves to the pause until the next one, in ms. */
async function exchange(
  options: RegistrationOptions,
  state: State,
  signal: AbortSignal,
): Promise<number> {
  const { client, log } = options;
  const current = options.describe();
  const text = JSON.stringify(current);
  if (state.registered?.text !== text) {
    const intervalMs = parseInterval(await client.post('/v1/nodes', current, signal));
    state.registered = { text, nodeId: current.nodeId, intervalMs };
    state.registrations++;
    log('info', 'registered', { nodeId: current.nodeId, heartbeatIntervalMs: intervalMs });
  }
  const { nodeId, intervalMs } = state.registered;
  const heartbeat = { failingCollectors: options.failingCollectors(), sequence: state.sequence };
  const path = `/v1/nodes/${encodeURIComponent(nodeId)}/heartbeat`;
  const answer = await client.post(path, heartbeat, signal);
  if (answer.status === 404) {
    state.registered = null;
    log('info', 'registration_forgotten', { nodeId });
    // At once the first time, but a plane that forgets each time must not be flooded.
    return state.failedInRow++ === 0 ? 0 : backoffMs(options, state.failedInRow);
  }
  if (state.lastFailure !== null) log('info', 'control_plane_back', { nodeId });
  state.sequence++;
  state.failedInRow = 0;
  state.lastFailure = null;
  state.lastHeartbeatMs = Date.now();
  return jittered(options, intervalMs);
}

function backoffMs(options: RegistrationOptions, failedInRow: number): number {
  const doubled = (options.retryMaxMs / 20) * 2 ** Math.min(failedInRow, 16);
  return jittered(options, Math.min(options.retryMaxMs, doubled));
}

function jittered(options: RegistrationOptions, ms: number): number {
  return ms * (1 - JITTER * options.random());
}

const families = {
  registered: gauge(
    'omnimind_agent_registered',
    'Whether the control plane knows this node and took its last heartbeat.',
  ),
  registrations: counter('omnimind_agent_registrations_total', 'Registrations that were taken.'),
  lastHeartbeat: gauge(
    'omnimind_agent_last_heartbeat_timestamp_seconds',
    'When the control plane last took a heartbeat; absent until it has.',
  ),
  failures: counter(
    'omnimind_agent_control_plane_failures_total',
    'Requests to the control plane that gave nothing, by cause.',
    'cause',
  ),
};

function parseInterval(answer: { readonly status: number; readonly body: unknown }): number {
  const { body, status } = answer;
  const interval =
    typeof body === 'object' && body !== null && 'heartbeatIntervalMs' in body
      ? body.heartbeatIntervalMs
      : null;
  if (status !== 404 && typeof interval === 'number' && Number.isFinite(interval) && interval > 0) {
    return Math.min(HEARTBEAT_MAX_MS, Math.max(HEARTBEAT_MIN_MS, interval));
  }
  throw new ControlPlaneError('malformed', 'the registration was answered without an interval');
}

/** The `sleep` of production: no rejection, no listener left behind. */
export function sleep(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) {
      resolve();
      return;
    }
    const done = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener('abort', done, { once: true });
  });
}
