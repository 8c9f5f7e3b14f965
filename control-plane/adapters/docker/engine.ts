/**
 * The five calls of the Docker Engine API that the target needs, and no other: list, create, start,
 * stop and remove containers. Each has a deadline, checks the answer and says in one word what kind
 * of failure it was. It reads no DOCKER_* variable, pulls no image and repeats nothing.
 */

import Docker from 'dockerode';
import { z } from 'zod';
import type { EngineAddress } from '../../schemas/engine-address.ts';
import type { DockerLimits } from './settings.ts';

export interface EngineContainer {
  readonly id: string;
  readonly labels: Readonly<Record<string, string>>;
  /** created, running, paused, restarting, removing, exited or dead. */
  readonly state: string;
  /** In the engine's words, such as `Exited (137) 5 seconds ago`. */
  readonly status: string;
  readonly imageId: string;
  readonly createdAtMs: number;
  /** IPv4 address by network; networks that gave it none are left out. */
  readonly addresses: Readonly<Record<string, string>>;
}

export interface ContainerSpec {
  readonly name: string;
  readonly image: string;
  /** Empty: the image's own. */
  readonly command: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
  readonly network: string;
  readonly memoryBytes: number | null;
  readonly cpus: number | null;
}

export interface Engine {
  /** All containers with this label, in whatever state. */
  list(label: string, signal: AbortSignal): Promise<readonly EngineContainer[]>;
  create(spec: ContainerSpec, signal: AbortSignal): Promise<void>;
  start(id: string, signal: AbortSignal): Promise<void>;
  /** Resolves once it has stopped, by itself or killed after the grace. */
  stop(id: string, graceMs: number, signal: AbortSignal): Promise<void>;
  /** With its anonymous volumes. It must not run. */
  remove(id: string, signal: AbortSignal): Promise<void>;
}

/**
 * `missing`: there is no such image, network or container. `conflict`: the name is taken, or the
 * container is in another state than the call needs. `refused`: the engine or the proxy before it
 * says no. `unavailable`: no answer, or none that means anything.
 */
export type EngineFailure = 'missing' | 'conflict' | 'refused' | 'unavailable';

export class EngineError extends Error {
  override readonly name = 'EngineError';
  readonly failure: EngineFailure;

  constructor(failure: EngineFailure, message: string, options?: ErrorOptions) {
    super(message, options);
    this.failure = failure;
  }
}

/** Every call rejects with an EngineError, and with nothing else. */
export function createEngine(
  address: EngineAddress,
  limits: Pick<DockerLimits, 'callTimeoutMs' | 'containersMax'>,
): Engine {
  const docker = new Docker(connectionOf(address));
  const { callTimeoutMs, containersMax } = limits;
  return {
    list: async (label, signal) => {
      const filters = { label: [label] };
      const found = await call('list containers', callTimeoutMs, signal, (abortSignal) =>
        docker.listContainers({ all: true, limit: containersMax + 1, filters, abortSignal }),
      );
      return containersOf(found, containersMax);
    },
    create: async (spec, signal) => {
      await call(`create ${spec.name}`, callTimeoutMs, signal, (abortSignal) => {
        // In the query the name alone: the environment belongs into no log of a proxy.
        const options = { _query: { name: spec.name }, _body: bodyOf(spec), abortSignal };
        return docker.createContainer(options);
      });
    },
    start: (id, signal) =>
      unlessDone(() =>
        call(`start ${id}`, callTimeoutMs, signal, (abortSignal) =>
          docker.getContainer(id).start({ abortSignal }),
        ),
      ),
    stop: (id, graceMs, signal) =>
      unlessDone(() =>
        call(`stop ${id}`, callTimeoutMs + graceMs, signal, (abortSignal) =>
          docker.getContainer(id).stop({ t: Math.ceil(graceMs / 1_000), abortSignal }),
        ),
      ),
    remove: (id, signal) =>
      unlessDone(() =>
        call(`remove ${id}`, callTimeoutMs, signal, (abortSignal) => {
          const options = { v: true, abortSignal };
          return docker.getContainer(id).remove(options);
        }),
      ),
  };
}

/** Each field is given, so that none is taken from the environment. */
function connectionOf(address: EngineAddress): Docker.DockerOptions {
  // A connection that was kept open may be closed by the other side just as a call goes out on it.
  const common = { headers: { connection: 'close' }, ca: undefined, cert: undefined };
  const none = { key: undefined, timeout: undefined, version: undefined };
  switch (address.kind) {
    case 'socket':
      return { ...common, ...none, host: undefined, protocol: 'http', socketPath: address.path };
    case 'url': {
      const { protocol, host, port } = address;
      return { ...common, ...none, protocol, host, port, socketPath: undefined };
    }
  }
}

function bodyOf(spec: ContainerSpec) {
  const { image, command, environment, labels, network, memoryBytes, cpus } = spec;
  return {
    Image: image,
    ...(command.length > 0 && { Cmd: command }),
    Env: Object.entries(environment).map(([name, value]) => `${name}=${value}`),
    Labels: labels,
    HostConfig: {
      NetworkMode: network,
      // Restarts are the target's: the engine's own would give a replica no new id and no back-off.
      RestartPolicy: { Name: 'no' },
      SecurityOpt: ['no-new-privileges'],
      ...(memoryBytes !== null && { Memory: memoryBytes, MemorySwap: memoryBytes }),
      ...(cpus !== null && { NanoCpus: Math.round(cpus * 1e9) }),
    },
  };
}

async function call<T>(
  doing: string,
  timeoutMs: number,
  signal: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const ended = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
  try {
    ended.throwIfAborted();
    return await work(ended);
  } catch (cause) {
    if (ended.aborted) {
      const why = signal.aborted ? 'given up' : `no answer within ${timeoutMs} ms`;
      throw new EngineError('unavailable', `could not ${doing}: ${why}`, { cause });
    }
    const message = cause instanceof Error ? cause.message.trim() : String(cause);
    throw new EngineError(failureOf(cause), `could not ${doing}: ${message}`, { cause });
  }
}

function failureOf(cause: unknown): EngineFailure {
  const status = statusOf(cause);
  if (status === null || status >= 502) return 'unavailable';
  if (status === 404) return 'missing';
  return status === 409 ? 'conflict' : 'refused';
}

function statusOf(cause: unknown): number | null {
  const has = typeof cause === 'object' && cause !== null && 'statusCode' in cause;
  return has && typeof cause.statusCode === 'number' ? cause.statusCode : null;
}

/** 304: it is as it shall be already. */
async function unlessDone(work: () => Promise<unknown>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof EngineError) || statusOf(error.cause) !== 304) throw error;
  }
}

const answer = z.array(
  z.object({
    Id: z.string().min(1),
    ImageID: z.string(),
    Labels: z.record(z.string(), z.string()).nullable(),
    State: z.string(),
    Status: z.string().default(''),
    Created: z.number(),
    NetworkSettings: z
      .object({
        Networks: z.record(z.string(), z.object({ IPAddress: z.string().nullish() }).nullable()),
      })
      .nullish(),
  }),
);

function containersOf(found: unknown, containersMax: number): readonly EngineContainer[] {
  const parsed = answer.safeParse(found);
  if (!parsed.success) {
    const faults = z.prettifyError(parsed.error).slice(0, 300);
    throw new EngineError('unavailable', `what came as the list of containers is none: ${faults}`);
  }
  if (parsed.data.length > containersMax) {
    throw new EngineError('unavailable', `more than ${containersMax} containers on the engine`);
  }
  return parsed.data.map((one) => ({
    id: one.Id,
    labels: one.Labels ?? {},
    state: one.State,
    status: one.Status,
    imageId: one.ImageID,
    createdAtMs: one.Created * 1_000,
    addresses: Object.fromEntries(
      Object.entries(one.NetworkSettings?.Networks ?? {}).flatMap(([network, settings]) => {
        const address = settings?.IPAddress ?? '';
        return address === '' ? [] : [[network, address]];
      }),
    ),
  }));
}
