/**
 * A Docker engine in miniature behind a real Unix socket: the five calls that the target uses and
 * the ping of a proxy, and 404 for everything else. Containers are objects; one that runs is a real HTTP server on a loopback
 * address of its own, all at one port, so that readiness is probed for real. Linux alone, where all
 * of 127.0.0.0/8 is loopback. It can be made to fail, to hang and to answer late.
 */

import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { json } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import type { EngineAddress } from '../../control-plane/schemas/engine-address.ts';
import { FAKE_IMAGE } from './docker-workload.ts';
import { freePort } from './process.ts';

const createBody = z.object({
  Image: z.string(),
  Cmd: z.array(z.string()).optional(),
  Env: z.array(z.string()),
  Labels: z.record(z.string(), z.string()),
  HostConfig: z.looseObject({ NetworkMode: z.string() }),
});

export interface FakeContainer {
  readonly id: string;
  readonly name: string;
  readonly body: z.output<typeof createBody>;
  readonly ip: string;
  state: 'created' | 'running' | 'exited';
  exitCode: number;
  server: Server | null;
}

export interface FakeEngine {
  readonly address: EngineAddress;
  readonly socketPath: string;
  /** At which every running container listens. */
  readonly port: number;
  /** Each request, as METHOD /path, without the version and the query. */
  readonly requests: string[];
  readonly containers: ReadonlyMap<string, FakeContainer>;
  readonly images: Set<string>;
  /** While set, requests whose METHOD /path it matches get this status, hang, or wait before they begin. */
  trouble: { readonly matching: RegExp; readonly status?: number; readonly waitMs?: number } | null;
  /** Answers late, after the work is done: the caller may have given up meanwhile. */
  answerLate: { readonly matching: RegExp; readonly waitMs: number } | null;
  /** What the containers answer to a probe. */
  readyStatus: number;
  /** By name: those that run, or all. */
  names(state?: FakeContainer['state']): readonly string[];
  crash(name: string): Promise<void>;
  removeBehindItsBack(name: string): Promise<void>;
  close(): Promise<void>;
}

export async function startFakeEngine(): Promise<FakeEngine> {
  const directory = await mkdtemp(join(tmpdir(), 'omnimind-engine-'));
  const engine = new Fake(join(directory, 'docker.sock'), await freePort());
  const server = createServer((request, response) => {
    engine.answer(request, response).catch(() => response.destroy());
  });
  server.listen(engine.socketPath);
  await once(server, 'listening');
  return Object.assign(engine, {
    close: async () => {
      server.closeAllConnections();
      server.close();
      await Promise.all([...engine.containers.values()].map(stopServing));
      await rm(directory, { recursive: true, force: true });
    },
  });
}

class Fake {
  readonly address: EngineAddress;
  readonly socketPath: string;
  readonly port: number;
  readonly requests: string[] = [];
  readonly containers = new Map<string, FakeContainer>();
  readonly images = new Set([FAKE_IMAGE]);
  trouble: FakeEngine['trouble'] = null;
  answerLate: FakeEngine['answerLate'] = null;
  readyStatus = 200;
  /** Being made: in the list already, and as yet unknown to every other call, as in a real engine. */
  readonly #unsettled = new Set<string>();
  #made = 0;

  constructor(socketPath: string, port: number) {
    this.socketPath = socketPath;
    this.address = { kind: 'socket', path: socketPath };
    this.port = port;
  }

  names(state?: FakeContainer['state']): readonly string[] {
    return [...this.containers.values()]
      .filter((one) => state === undefined || one.state === state)
      .map((one) => one.name);
  }

  async crash(name: string): Promise<void> {
    const container = this.#named(name);
    if (container?.state !== 'running') throw new Error(`${name} does not run`);
    container.exitCode = 137;
    await stopServing(container);
  }

  async removeBehindItsBack(name: string): Promise<void> {
    const container = this.#named(name);
    if (container === undefined) throw new Error(`there is no ${name}`);
    await stopServing(container);
    this.containers.delete(container.id);
  }

  async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://engine');
    const path = url.pathname.replace(/^\/v\d+\.\d+/, '');
    const line = `${request.method ?? ''} ${path}`;
    this.requests.push(line);
    const { trouble, answerLate } = this;
    if (trouble?.matching.test(line) === true) {
      if (trouble.status !== undefined) {
        reply(response, trouble.status, { message: 'made to fail' });
        return;
      }
      if (trouble.waitMs === undefined) return;
      await sleep(trouble.waitMs);
    }
    const [status, body] = await this.#work(line, url, request);
    if (answerLate?.matching.test(line) === true) await sleep(answerLate.waitMs);
    if (status === 201) this.#unsettled.delete(z.object({ Id: z.string() }).parse(body).Id);
    reply(response, status, body);
  }

  async #work(line: string, url: URL, request: IncomingMessage): Promise<[number, unknown]> {
    if (line === 'GET /_ping') return [200, 'OK'];
    if (line === 'GET /containers/json') return [200, this.#list(url)];
    if (line === 'POST /containers/create') {
      const content: unknown = await json(request).catch(() => null);
      return this.#create(url.searchParams.get('name') ?? '', content);
    }
    const match = /^(POST|DELETE) \/containers\/([0-9a-f]+)(?:\/(start|stop))?$/.exec(line);
    const container = this.containers.get(match?.[2] ?? '');
    if (match === null || container === undefined) return [404, { message: 'no such container' }];
    if (match[3] === 'start') return this.#start(container);
    if (match[3] === 'stop') {
      const wasRunning = container.state === 'running';
      await stopServing(container);
      return [wasRunning ? 204 : 304, null];
    }
    if (container.state === 'running') return [409, { message: 'stop it first' }];
    this.containers.delete(container.id);
    return [204, null];
  }

  #list(url: URL): unknown {
    const filters = z
      .object({ label: z.array(z.string()) })
      .parse(JSON.parse(url.searchParams.get('filters') ?? '{"label":[]}'));
    const all = url.searchParams.get('all') === 'true';
    return [...this.containers.values()]
      .filter((one) => all || one.state === 'running')
      .filter(({ body }) =>
        filters.label.every((label) => {
          const [name = '', value] = label.split('=');
          return body.Labels[name] === value;
        }),
      )
      .map((one) => ({
        Id: one.id,
        Names: [`/${one.name}`],
        Image: one.body.Image,
        ImageID: `sha256:${'0'.repeat(64)}`,
        Labels: one.body.Labels,
        State: one.state,
        Status: one.state === 'exited' ? `Exited (${one.exitCode}) 1 second ago` : one.state,
        Created: 1_700_000_000,
        NetworkSettings: {
          Networks: {
            [one.body.HostConfig.NetworkMode]: {
              IPAddress: one.state === 'running' ? one.ip : '',
            },
          },
        },
      }));
  }

  #create(name: string, content: unknown): [number, unknown] {
    const parsed = createBody.safeParse(content);
    if (!parsed.success || name === '') return [400, { message: 'not a container' }];
    const isKnown = this.images.has(parsed.data.Image) || parsed.data.Image.startsWith('sha256:');
    if (!isKnown) return [404, { message: `No such image: ${parsed.data.Image}` }];
    if (this.#named(name) !== undefined) return [409, { message: `${name} is in use` }];
    this.#made += 1;
    const id = this.#made.toString(16).padStart(64, 'c0ffee');
    const ip = `127.77.${Math.floor(this.#made / 250)}.${(this.#made % 250) + 1}`;
    const fresh = { state: 'created', exitCode: 0, server: null } as const;
    this.#unsettled.add(id);
    this.containers.set(id, { id, name, body: parsed.data, ip, ...fresh });
    return [201, { Id: id, Warnings: [] }];
  }

  async #start(container: FakeContainer): Promise<[number, unknown]> {
    if (this.#unsettled.has(container.id)) return [404, { message: 'no such container' }];
    if (container.state === 'running') return [304, null];
    container.server = createServer((_request, response) => {
      response.writeHead(this.readyStatus).end();
    });
    container.server.listen(this.port, container.ip);
    await once(container.server, 'listening');
    container.state = 'running';
    return [204, null];
  }

  #named(name: string): FakeContainer | undefined {
    return [...this.containers.values()].find((one) => one.name === name);
  }
}

async function stopServing(container: FakeContainer): Promise<void> {
  const { server } = container;
  container.server = null;
  if (container.state === 'running') container.state = 'exited';
  if (server === null) return;
  server.closeAllConnections();
  server.close();
  await once(server, 'close');
}

function reply(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(body === null ? undefined : JSON.stringify(body));
}
