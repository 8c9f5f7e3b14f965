/**
 * A receiver of signed scaling requests as somebody might run one: an HTTP server that verifies each
 * request, fences it, keeps what it was told in a file before it answers, and "runs" replicas that are
 * entries of that file. A test plans faults for the requests to come. One workload for each path.
 */

import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { parseSecrets } from '../../control-plane/adapters/webhook/secrets.ts';
import type { SigningKey } from '../../control-plane/adapters/webhook/signature.ts';
import { fence, verifyRequest } from '../../control-plane/adapters/webhook/verify.ts';
import type { FencingToken } from '../../control-plane/model/decision.ts';
import { listenLocally } from './process.ts';

/** What becomes of one request, before anything is looked at unless it says otherwise. */
export type ReceiverFault =
  /** Answered so, whatever the request is. */
  | {
      readonly kind: 'answer';
      readonly status: number;
      readonly headers?: Readonly<Record<string, string>>;
      readonly body?: string;
    }
  /** The connection is reset, before the request is read or after it has taken effect. */
  | { readonly kind: 'reset'; readonly when: 'before' | 'after' }
  /** Never answered. */
  | { readonly kind: 'hang' }
  /** Answered as usual, but when the test says so. */
  | { readonly kind: 'hold'; readonly until: Promise<void> }
  /** A PUT is taken with 202; its status says pending that often, then it happens, or fails with a code. */
  | {
      readonly kind: 'later';
      readonly pending: number;
      readonly failure?: { readonly code: string; readonly detail: string };
      readonly location?: string;
    };

export interface SeenRequest {
  readonly method: string;
  readonly target: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
  /** Of the answer; null where there was none. */
  status: number | null;
}

interface Told {
  readonly owner: string;
  readonly workload: string;
  readonly replicas: number;
  readonly removed: boolean;
  readonly token: FencingToken;
}

interface RunningReplica {
  readonly id: string;
  readonly address: string;
  readonly phase: 'ready';
  readonly startedAt: string;
}

interface Kept {
  /** By path. */
  readonly told: Record<string, Told>;
  readonly replicas: Record<string, RunningReplica[]>;
  started: number;
}

export interface ReceiverOptions {
  /** The file that what it was told outlives it in. */
  readonly file: string;
  /** One secret a line. */
  readonly secrets: string;
  readonly nowMs?: () => number;
  /** PEM, of localhost; plain HTTP when absent. */
  readonly tls?: { readonly cert: string | Buffer; readonly key: string | Buffer };
}

export interface WebhookReceiver {
  readonly origin: string;
  /** Every request that came, in order. */
  readonly seen: SeenRequest[];
  /** Numbers that took effect, as `path term/index number`. */
  readonly applied: string[];
  /** For the next requests of that method, one each. */
  plan(method: 'GET' | 'PUT', ...faults: readonly ReceiverFault[]): void;
  useSecrets(secrets: string): void;
  /** Requests hang until the returned function is called; those that came meanwhile hang on. */
  stall(): () => void;
  /** Ends a replica as a crash would: another one takes its place. */
  crash(id: string): void;
  close(): Promise<void>;
}

export async function startWebhookReceiver(options: ReceiverOptions): Promise<WebhookReceiver> {
  const receiver = new Receiver(options);
  const serve = (request: IncomingMessage, response: ServerResponse): void => {
    receiver.serve(request, response).catch(() => response.destroy());
  };
  const { tls } = options;
  const server = tls === undefined ? createServer(serve) : createSecureServer(tls, serve);
  const port = await listenLocally(server);
  receiver.origin = tls === undefined ? `http://127.0.0.1:${port}` : `https://localhost:${port}`;
  receiver.close = async () => {
    // Also of one that is closed already.
    const closed = new Promise((resolve) => server.close(resolve));
    server.closeAllConnections();
    await closed;
  };
  return receiver;
}

class Receiver implements WebhookReceiver {
  origin = '';
  readonly seen: SeenRequest[] = [];
  readonly applied: string[] = [];
  readonly #faults = { GET: [] as ReceiverFault[], PUT: [] as ReceiverFault[] };
  readonly #later = new Map<string, { pending: number; path: string; told: Told; fault: Later }>();
  readonly #options: ReceiverOptions;
  #keys: readonly SigningKey[];
  #stalled = false;
  #kept: Kept = { told: {}, replicas: {}, started: 0 };

  constructor(options: ReceiverOptions) {
    this.#options = options;
    this.#keys = parseSecrets('receiver', options.secrets);
    try {
      this.#kept = JSON.parse(readFileSync(options.file, 'utf8')) as Kept;
    } catch {
      // It was never told anything.
    }
  }

  close = (): Promise<void> => Promise.resolve();

  plan(method: 'GET' | 'PUT', ...faults: readonly ReceiverFault[]): void {
    this.#faults[method].push(...faults);
  }

  useSecrets(secrets: string): void {
    this.#keys = parseSecrets('receiver', secrets);
  }

  stall(): () => void {
    this.#stalled = true;
    return () => (this.#stalled = false);
  }

  crash(id: string): void {
    for (const [path, replicas] of Object.entries(this.#kept.replicas)) {
      const left = replicas.filter((replica) => replica.id !== id);
      if (left.length === replicas.length) continue;
      this.#kept.replicas[path] = left;
      this.#converge(path);
    }
  }

  async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const method = request.method ?? '';
    const target = request.url ?? '';
    const body = await readAll(request);
    const seen: SeenRequest = { method, target, headers: request.headers, body, status: null };
    this.seen.push(seen);
    response.on('finish', () => (seen.status = response.statusCode));
    const isStatus = this.#later.has(target);
    const fault = isStatus ? undefined : this.#faults[method === 'PUT' ? 'PUT' : 'GET'].shift();
    if (this.#stalled || fault?.kind === 'hang') return;
    if (fault?.kind === 'reset' && fault.when === 'before') {
      request.socket.resetAndDestroy();
      return;
    }
    if (fault?.kind === 'hold') await fault.until;
    if (fault?.kind === 'answer') {
      response.writeHead(fault.status, { ...fault.headers }).end(fault.body ?? '');
      return;
    }
    const answer = this.#answer(seen, fault);
    if (fault?.kind === 'reset') request.socket.resetAndDestroy();
    else send(response, answer);
  }

  #answer(request: SeenRequest, fault: ReceiverFault | undefined): PlannedAnswer {
    const { method, target, headers, body } = request;
    const verified = verifyRequest(
      { method, target, headers, body, authority: headers.host ?? '' },
      { keys: this.#keys, nowMs: (this.#options.nowMs ?? Date.now)() },
    );
    if (verified.kind === 'refused') return problem(401, verified.reason, verified.reason);
    const path = target.split('?')[0] ?? '';
    if (this.#later.has(target)) return this.#progress(target);
    if (method === 'GET') return { status: 200, body: this.#state(path) };
    // The signature vouches for what the plane wrote; a receiver in production would check it as well.
    const told = JSON.parse(body.toString('utf8')) as Told;
    if (fault?.kind !== 'later') return this.#tell(path, told);
    const status = `/progress/${this.#later.size}`;
    this.#later.set(status, { pending: fault.pending, path, told, fault });
    return { status: 202, headers: { location: fault.location ?? status }, body: {} };
  }

  #progress(status: string): PlannedAnswer {
    const later = this.#later.get(status);
    if (later === undefined) return problem(404, 'not_found', status);
    if (later.pending > 0) {
      later.pending -= 1;
      return { status: 200, body: { status: 'pending' } };
    }
    const { failure } = later.fault;
    if (failure !== undefined) return { status: 200, body: { status: 'failed', ...failure } };
    const { status: code, body } = this.#tell(later.path, later.told);
    if (code === 200) return { status: 200, body: { status: 'done' } };
    return { status: 200, body: { status: 'failed', ...pick(body) } };
  }

  #tell(path: string, told: Told): PlannedAnswer {
    const last = this.#kept.told[path] ?? null;
    const fencing = fence(last, told);
    switch (fencing) {
      case 'repeat':
        return { status: 200, body: this.#state(path) };
      case 'stale_token':
      case 'other_owner': {
        const detail = `told by ${last?.owner ?? '?'} with ${last?.token.term ?? 0}/${last?.token.index ?? 0}`;
        return problem(409, fencing, detail);
      }
      case 'apply':
        this.#kept.told[path] = told;
        this.applied.push(`${path} ${told.token.term}/${told.token.index} ${told.replicas}`);
        this.#converge(path);
        return { status: 200, body: this.#state(path) };
    }
  }

  /** Kept before the answer goes out. */
  #converge(path: string): void {
    const wanted = this.#kept.told[path]?.replicas ?? 0;
    const workload = this.#kept.told[path]?.workload ?? '';
    const replicas = (this.#kept.replicas[path] ?? []).slice(0, wanted);
    while (replicas.length < wanted) {
      this.#kept.started += 1;
      const number = this.#kept.started;
      replicas.push({
        id: `${workload}-${number}`,
        address: `127.0.0.1:${30_000 + (number % 10_000)}`,
        phase: 'ready',
        startedAt: new Date((this.#options.nowMs ?? Date.now)()).toISOString(),
      });
    }
    this.#kept.replicas[path] = replicas;
    writeFileSync(`${this.#options.file}.tmp`, JSON.stringify(this.#kept));
    renameSync(`${this.#options.file}.tmp`, this.#options.file);
  }

  #state(path: string): object {
    const told = this.#kept.told[path];
    return {
      workload: told?.workload ?? path.split('/').at(-1) ?? '',
      owner: told?.owner ?? null,
      token: told?.token ?? null,
      desired: told === undefined || told.removed ? null : told.replicas,
      replicas: this.#kept.replicas[path] ?? [],
    };
  }
}

type Later = Extract<ReceiverFault, { readonly kind: 'later' }>;

interface PlannedAnswer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: object;
}

function send(response: ServerResponse, { status, headers, body }: PlannedAnswer): void {
  const type = status >= 400 ? 'application/problem+json' : 'application/json';
  response.writeHead(status, { 'content-type': type, ...headers }).end(JSON.stringify(body));
}

function problem(status: number, code: string, detail: string): PlannedAnswer {
  return { status, body: { status, title: code.replaceAll('_', ' '), code, detail } };
}

function pick(body: object): object {
  return {
    ...('code' in body && { code: body.code }),
    ...('detail' in body && { detail: body.detail }),
  };
}

async function readAll(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) if (Buffer.isBuffer(chunk)) chunks.push(chunk);
  return Buffer.concat(chunks);
}
