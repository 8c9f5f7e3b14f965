/**
 * An agent of Nomad as far as scaling needs one, over real HTTP: jobs and their scaling under an index,
 * refused while a deployment runs, allocations, variables with check-and-set, blocking queries, and
 * ACL tokens with their capabilities. The allocations exist on paper alone.
 */

import type { IncomingMessage, RequestListener, Server, ServerResponse } from 'node:http';

import { NomadState } from './fake-nomad-state.ts';
import type { FakeAllocation, FakeJob, FakeVariable } from './fake-nomad-state.ts';
import { FakeServer } from './fake-server.ts';

export interface SeenNomadRequest {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  /** What its token must be allowed, e.g. scale-job or variables:write. */
  readonly capability: string;
}

export interface FakeNomadOptions {
  /** Awaited before each request is looked at: a test may hold it back, or count it. */
  readonly onRequest?: (request: SeenNomadRequest) => Promise<void> | void;
  readonly serve?: (listener: RequestListener) => Server;
  readonly token?: string;
  readonly version?: string;
}

class Refusal extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

export class FakeNomad {
  readonly state = new NomadState();
  readonly requests: SeenNomadRequest[] = [];
  /** Capabilities that the token lacks. */
  readonly forbidden = new Set<string>();
  /** Null: no ACL. */
  token: string | null;
  /** While true each request is answered with 500. */
  broken = false;
  /** While true no request is answered; those that were under way stay open. */
  hanging = false;
  readonly #options: FakeNomadOptions;
  readonly #server: FakeServer;

  constructor(options: FakeNomadOptions = {}) {
    this.#options = options;
    this.token = options.token ?? null;
    this.#server = new FakeServer(options.serve, (request, response) =>
      this.#answer(request, response),
    );
  }

  listen(): Promise<void> {
    return this.#server.listen();
  }

  get port(): number {
    return this.#server.port;
  }

  get address(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  job(namespace: string, id: string): FakeJob {
    const job = this.state.jobs.get(`${namespace}/${id}`);
    if (job === undefined) throw new Refusal(404, 'job not found');
    return job;
  }

  countOf(namespace: string, id: string, group: string): number {
    return this.job(namespace, id).counts.get(group) ?? 0;
  }

  /** From now on what comes waits, until the function that it answers with is called. */
  stall(): () => void {
    return this.#server.stall();
  }

  async close(): Promise<void> {
    this.state.close();
    await this.#server.close();
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://fake');
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const method = request.method ?? 'GET';
    const capability = capabilityOf(method, url.pathname);
    const seen = { method, path: url.pathname, query: url.searchParams, capability };
    this.requests.push(seen);
    await this.#server.gate;
    await this.#options.onRequest?.(seen);
    if (this.hanging) return;
    try {
      if (this.token !== null && request.headers['x-nomad-token'] !== this.token) {
        throw new Refusal(403, 'ACL token not found');
      }
      if (this.forbidden.has(capability)) throw new Refusal(403, 'Permission denied');
      if (this.broken) throw new Refusal(500, 'No cluster leader');
      await this.#serve(seen, Buffer.concat(chunks).toString('utf8'), response);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      response.writeHead(error.status, { 'content-type': 'text/plain' });
      response.end(error.message);
    }
  }

  async #serve(seen: SeenNomadRequest, body: string, response: ServerResponse): Promise<void> {
    const parts = seen.path.split('/').slice(2).map(decodeURIComponent);
    switch (parts[0] ?? '') {
      case 'agent':
        send(response, 0, { config: { Version: { Version: this.#options.version ?? '1.9.3' } } });
        return;
      case 'vars':
        await this.#variables(seen, response);
        return;
      case 'var':
        this.#variable(seen, parts.slice(1).join('/'), body, response);
        return;
      case 'allocation':
        this.#allocation(parts[1] ?? '', response);
        return;
      case 'job':
        await this.#job(seen, parts[1] ?? '', parts[2] ?? '', { body, response });
        return;
      default:
        throw new Refusal(404, 'Invalid URL');
    }
  }

  async #job(
    { method, query }: SeenNomadRequest,
    id: string,
    of: string,
    { body, response }: { readonly body: string; readonly response: ServerResponse },
  ): Promise<void> {
    const namespace = query.get('namespace') ?? 'default';
    const { state } = this;
    if (of === 'scale' && method === 'POST') {
      this.#scale(this.job(namespace, id), body, response);
    } else if (of === 'allocations') {
      const indexOf = (): number => state.indexes.allocations;
      await this.#block(query, indexOf);
      const own = [...state.allocations.values()].filter(
        ({ job }) => job.id === id && job.namespace === namespace,
      );
      send(response, indexOf(), own.map(stubOf));
    } else {
      const indexOf = (): number =>
        state.jobs.get(`${namespace}/${id}`)?.modifyIndex ?? state.indexes.jobs;
      await this.#block(query, indexOf);
      send(response, indexOf(), jobOf(this.job(namespace, id)));
    }
  }

  #scale(job: FakeJob, body: string, response: ServerResponse): void {
    const request = JSON.parse(body) as {
      Count: number | null;
      Target: { Group: string };
      JobModifyIndex?: number;
      Message: string;
      Meta: unknown;
    };
    const group = request.Target.Group;
    if (job.type === 'system') throw new Refusal(400, 'cannot scale jobs of type "system"');
    if (!job.counts.has(group)) {
      throw new Refusal(400, `task group "${group}" specified for scaling does not exist in job`);
    }
    const { Count: count, Message: message, Meta: meta } = request;
    if (count !== null) {
      if (job.isDeploying) throw new Refusal(400, 'job scaling blocked due to active deployment');
      const expected = request.JobModifyIndex ?? 0;
      if (expected > 0 && expected !== job.jobModifyIndex) {
        throw new Refusal(
          500,
          `Enforcing job modify index ${expected}: job exists with conflicting job modify index: ${job.jobModifyIndex}`,
        );
      }
      this.state.setCount(job, group, count);
    }
    job.events.unshift({ group, count, message, meta });
    job.events.splice(20);
    const { jobModifyIndex: JobModifyIndex } = job;
    send(response, this.state.index, { EvalID: 'an-evaluation', JobModifyIndex });
  }

  #allocation(id: string, response: ServerResponse): void {
    const allocation = this.state.allocations.get(id);
    if (allocation === undefined) throw new Refusal(404, 'alloc not found');
    const number = Number(id.slice(-6));
    const HostIP = `10.1.${Math.floor(number / 250)}.${(number % 250) + 1}`;
    send(response, allocation.modifyIndex, {
      ...stubOf(allocation),
      CreateIndex: allocation.createIndex,
      DeploymentID: allocation.deploymentId,
      Job: jobOf(allocation.job),
      AllocatedResources: {
        Shared: {
          Networks: [],
          Ports: [{ Label: 'http', Value: 20_000 + number, To: 8080, HostIP }],
        },
        Tasks: { server: { Networks: null } },
      },
    });
  }

  async #variables({ query }: SeenNomadRequest, response: ServerResponse): Promise<void> {
    const { state } = this;
    const indexOf = (): number => state.indexes.variables;
    await this.#block(query, indexOf);
    const namespace = query.get('namespace') ?? 'default';
    const prefix = query.get('prefix') ?? '';
    const listed = [...state.variables.values()].filter(
      (variable) => variable.namespace === namespace && variable.path.startsWith(prefix),
    );
    send(
      response,
      indexOf(),
      listed.map((variable) => ({ ...variableOf(variable), Items: undefined })),
    );
  }

  #variable(
    { method, query }: SeenNomadRequest,
    path: string,
    body: string,
    response: ServerResponse,
  ): void {
    if (!/^[a-zA-Z0-9\-_~/]{1,128}$/.test(path)) throw new Refusal(400, 'invalid path');
    const namespace = query.get('namespace') ?? 'default';
    const held = this.state.variables.get(`${namespace}/${path}`);
    if (method === 'GET') {
      if (held === undefined) throw new Refusal(404, 'variable not found');
      send(response, held.modifyIndex, variableOf(held));
      return;
    }
    const cas = query.get('cas');
    if (cas !== null && Number(cas) !== (held?.modifyIndex ?? 0)) {
      const conflict = held === undefined ? { Path: path } : variableOf(held);
      send(response, held?.modifyIndex ?? 0, conflict, 409);
      return;
    }
    const { Items } = JSON.parse(body) as { Items: Record<string, string> };
    const written = this.state.writeVariable(namespace, path, Items);
    send(response, written.modifyIndex, variableOf(written));
  }

  async #block(query: URLSearchParams, indexOf: () => number): Promise<void> {
    const index = Number(query.get('index') ?? '0');
    const waitMs = Number(/^(\d+)ms$/.exec(query.get('wait') ?? '')?.[1] ?? '300000');
    if (index > 0) await this.state.block(indexOf, index, waitMs);
    if (this.broken) throw new Refusal(500, 'No cluster leader');
  }
}

export async function startFakeNomad(options?: FakeNomadOptions): Promise<FakeNomad> {
  const fake = new FakeNomad(options);
  await fake.listen();
  return fake;
}

function capabilityOf(method: string, path: string): string {
  if (path.startsWith('/v1/vars')) return 'variables:list';
  if (path.startsWith('/v1/var/')) return method === 'GET' ? 'variables:read' : 'variables:write';
  if (path.startsWith('/v1/agent')) return 'agent:read';
  return path.endsWith('/scale') ? 'scale-job' : 'read-job';
}

function send(response: ServerResponse, index: number, body: unknown, status = 200): void {
  response.writeHead(status, {
    'content-type': 'application/json',
    'x-nomad-index': String(index),
    'x-nomad-knownleader': 'true',
  });
  response.end(JSON.stringify(body));
}

function jobOf(job: FakeJob): unknown {
  return {
    ID: job.id,
    Namespace: job.namespace,
    Type: job.type,
    Stop: job.stop,
    ModifyIndex: job.modifyIndex,
    JobModifyIndex: job.jobModifyIndex,
    TaskGroups: [...job.counts].map(([Name, Count]) => ({
      Name,
      Count,
      Tasks: [
        { Name: 'server', Lifecycle: null },
        { Name: 'fetch-model', Lifecycle: { Hook: 'prestart', Sidecar: false } },
      ],
    })),
  };
}

function stubOf(allocation: FakeAllocation): Record<string, unknown> {
  const { clientStatus, healthy, taskState } = allocation;
  return {
    ID: allocation.id,
    Name: `${allocation.job.id}.${allocation.group}[${allocation.slot}]`,
    Namespace: allocation.job.namespace,
    JobID: allocation.job.id,
    TaskGroup: allocation.group,
    DesiredStatus: allocation.desiredStatus,
    ClientStatus: clientStatus,
    DeploymentStatus: healthy === null ? null : { Healthy: healthy, Canary: false },
    TaskStates:
      clientStatus === 'pending'
        ? null
        : { server: { State: taskState }, 'fetch-model': { State: 'dead' } },
    CreateIndex: allocation.createIndex,
    ModifyIndex: allocation.modifyIndex,
    CreateTime: allocation.createTimeNs,
  };
}

function variableOf({ namespace, path, createIndex, modifyIndex, items }: FakeVariable) {
  return {
    ...{ Namespace: namespace, Path: path, Items: items },
    ...{ CreateIndex: createIndex, ModifyIndex: modifyIndex },
  };
}
