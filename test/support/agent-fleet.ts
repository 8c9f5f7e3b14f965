/**
 * Many agents in one process: each registers and sends heartbeats with the agent's own client and
 * loop, over real HTTP, and serves a page of metrics from memory on a port of its own. It collects
 * nothing, and says what a host of its kind would say of itself.
 */

import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { createRegistration, sleep } from '../../agents/registration.ts';
import type { NodeRegistration } from '../../agents/registration.ts';
import { ControlPlaneError, createControlPlaneClient } from '../../agents/sources/control-plane.ts';
import type { ControlPlaneClient } from '../../agents/sources/control-plane.ts';

export interface FleetOptions {
  readonly count: number;
  readonly planeUrl: string;
  /** What every agent serves, in the text format. */
  readonly exposition: string;
  readonly labelsOf?: (place: number) => Readonly<Record<string, string>>;
  /** Told of each request to the plane once it is over. */
  readonly onExchange?: (exchange: FleetExchange) => void;
}

export interface FleetExchange {
  readonly nodeId: string;
  readonly kind: 'registration' | 'heartbeat';
  /** Monotonic, in ms. */
  readonly startedAtMs: number;
  readonly durationMs: number;
  /** HTTP status, or why there was none. */
  readonly answer: number | string;
}

export interface Fleet {
  readonly agents: readonly SimulatedAgent[];
  /** All at once. */
  startRegistering(): Promise<void>;
  stop(): Promise<void>;
}

export interface SimulatedAgent {
  readonly nodeId: string;
  /** host:port of its metrics. */
  readonly address: string;
  readonly client: ControlPlaneClient;
  startRegistering(): Promise<void>;
  /** It falls silent towards the plane; its metrics stay. */
  stopRegistering(): Promise<void>;
  stop(): Promise<void>;
}

const DEADLINE_MS = 5_000;
const RETRY_MAX_MS = 1_000;

/** Resolves once every agent serves its metrics; nobody has registered by then. */
export async function startFleet(options: FleetOptions): Promise<Fleet> {
  const serve = pageOf(options.exposition);
  const places = Array.from({ length: options.count }, (_, place) => place);
  const agents = await Promise.all(places.map((place) => startOne(options, place, serve)));
  return {
    agents,
    startRegistering: async () => {
      await Promise.all(agents.map((agent) => agent.startRegistering()));
    },
    stop: async () => {
      await Promise.all(agents.map((agent) => agent.stop()));
    },
  };
}

type Serve = (request: IncomingMessage, response: ServerResponse) => void;

async function startOne(
  options: FleetOptions,
  place: number,
  serve: Serve,
): Promise<SimulatedAgent> {
  const server = createServer(serve);
  const address = `127.0.0.1:${await listen(server)}`;
  const nodeId = `host-${String(place).padStart(4, '0')}`;
  const node = describe(nodeId, address, options.labelsOf?.(place) ?? {});
  const client = observed(options, nodeId);
  const registration = createRegistration({
    client,
    describe: () => node,
    failingCollectors: () => [],
    retryMaxMs: RETRY_MAX_MS,
    random: Math.random,
    sleep,
    log: () => undefined,
  });
  return {
    nodeId,
    address,
    client,
    startRegistering: () => registration.start(),
    stopRegistering: () => registration.stop(),
    stop: async () => {
      await registration.stop();
      await close(server);
    },
  };
}

/** The agent's client, with each exchange reported. */
function observed(options: FleetOptions, nodeId: string): ControlPlaneClient {
  const client = createControlPlaneClient({
    urls: [new URL(options.planeUrl)],
    deadlineMs: DEADLINE_MS,
    keyFile: null,
    caFile: null,
  });
  return {
    post: async (path, body, signal) => {
      const kind = path.endsWith('/heartbeat') ? 'heartbeat' : 'registration';
      const startedAtMs = performance.now();
      const report = (answer: number | string): void => {
        const durationMs = performance.now() - startedAtMs;
        options.onExchange?.({ nodeId, kind, startedAtMs, durationMs, answer });
      };
      try {
        const answer = await client.post(path, body, signal);
        report(answer.status);
        return answer;
      } catch (error) {
        report(error instanceof ControlPlaneError ? error.failure : 'stopped');
        throw error;
      }
    },
  };
}

/** A host with four GPUs. */
function describe(
  nodeId: string,
  address: string,
  labels: Readonly<Record<string, string>>,
): NodeRegistration {
  const gpus = [0, 1, 2, 3].map((gpu) => ({
    uuid: `GPU-${nodeId}-${gpu}`,
    name: 'NVIDIA H100 80GB HBM3',
    memoryBytes: 85_520_809_984,
  }));
  return {
    nodeId,
    hostname: `${nodeId}.example`,
    address,
    capabilities: ['inference', 'gpu'],
    labels,
    inventory: {
      operatingSystem: 'Debian GNU/Linux 12',
      kernel: '6.1.0-28-amd64',
      architecture: 'x64',
      cpuModel: 'AMD EPYC 9454 48-Core Processor',
      cpuCores: 96,
      memoryBytes: 811_748_818_944,
      gpus,
    },
    agentVersion: '0.1.0',
  };
}

/** Compressed once: what a host spends on that is not the fleet's to pay. */
function pageOf(exposition: string): Serve {
  const plain = Buffer.from(exposition);
  const packed = gzipSync(plain, { level: 1 });
  return (request, response) => {
    const isPacked = request.headers['accept-encoding']?.includes('gzip') === true;
    response.setHeader('Content-Type', 'text/plain; version=0.0.4; charset=utf-8');
    if (isPacked) response.setHeader('Content-Encoding', 'gzip');
    response.end(isPacked ? packed : plain);
  };
}

async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  return (server.address() as AddressInfo).port;
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
