/**
 * The HTTP server of one replica of `demo-inference`. Its queue, its refusals, its arithmetic and
 * its measurements are real. One thing is simulated, and only this one: the accelerator, as a wait
 * per token beside the CPU's own share (some 4 % of the whole), because eight replicas shall give
 * eight times the throughput of one on a machine of two cores and without a GPU.
 *
 * On stop it first answers 503 on /readyz while it goes on serving (so that balancers can take it
 * out), then stops accepting, finishes what it has, and closes.
 */

import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { createInferenceMetrics } from './metrics.ts';
import type { InferenceMetrics } from './metrics.ts';
import type { Model } from './model.ts';
import { createWorkQueue } from './queue.ts';
import type { WorkQueue } from './queue.ts';

export interface InferenceSettings {
  /** Requests served at the same time. */
  readonly workers: number;
  /** Requests that may wait; beyond it a request is refused with 503. */
  readonly waitingMax: number;
  /** What the accelerator takes per token, in ms: the wait that stands for it. */
  readonly deviceMsPerToken: number;
  /** Tokens computed between two waits; the event loop is held no longer than this many take. */
  readonly tokensPerStep: number;
  /** Most tokens that one request may ask for. */
  readonly tokensMax: number;
  /** Largest request body, in bytes. */
  readonly bodyBytesMax: number;
  /** From the order to stop until connections are refused, in ms. */
  readonly lameDuckMs: number;
}

export interface InferenceServer {
  readonly server: Server;
  /** Resolves when every accepted request is answered and the port is closed. */
  stop(): Promise<void>;
}

interface Replica {
  readonly settings: InferenceSettings;
  readonly model: Model;
  readonly queue: WorkQueue;
  readonly metrics: InferenceMetrics;
  stopping: boolean;
}

export function createInferenceServer(model: Model, settings: InferenceSettings): InferenceServer {
  const queue = createWorkQueue(settings, () => performance.now() / 1000);
  const metrics = createInferenceMetrics(queue, settings.workers);
  const replica: Replica = { settings, model, queue, metrics, stopping: false };
  const server = createServer((request, response) => {
    answer(replica, request, response).catch(() => response.destroy());
  });
  // Longer than any client keeps an idle connection, so that it is the client that closes.
  server.keepAliveTimeout = 65_000;
  return {
    server,
    async stop() {
      if (replica.stopping) return;
      replica.stopping = true;
      await delay(settings.lameDuckMs);
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeIdleConnections();
      await queue.idle();
      // A turn of the event loop lets the last answers leave before connections are cut.
      await delay(20);
      server.closeAllConnections();
      await closed;
    },
  };
}

async function answer(
  replica: Replica,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const route = `${request.method ?? ''} ${(request.url ?? '').split('?', 1)[0] ?? ''}`;
  if (replica.stopping) response.setHeader('connection', 'close');
  switch (route) {
    case 'POST /infer':
      await infer(replica, request, response);
      return;
    case 'GET /livez':
      send(response, 200, { status: 'live' });
      return;
    case 'GET /readyz':
      if (replica.stopping) send(response, 503, { status: 'stopping' });
      else send(response, 200, { status: 'ready' });
      return;
    case 'GET /metrics':
      response.setHeader('content-type', replica.metrics.registry.contentType);
      response.end(await replica.metrics.registry.metrics());
      return;
    default:
      send(response, 404, { error: `no route ${route}` });
  }
}

async function infer(
  replica: Replica,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const arrivedAt = performance.now();
  const gone = new AbortController();
  response.on('close', () => {
    if (!response.writableEnded) gone.abort(new Error('the client has gone'));
  });
  const order = parseOrder(
    await readBody(request, replica.settings.bodyBytesMax),
    replica.settings,
  );
  if (order.kind === 'refused') {
    replica.metrics.observe(order.status, null);
    send(response, order.status, { error: order.error });
    return;
  }
  const submission = replica.queue.submit((signal) => {
    const startedAt = performance.now();
    return generate(replica, order, signal).then((tokens) => ({ tokens, startedAt }));
  }, gone.signal);
  if (submission.kind === 'full') {
    replica.metrics.observe(503, null);
    response.setHeader('retry-after', '1');
    send(response, 503, { error: 'the queue is full' });
    return;
  }
  const outcome = await submission.done.catch(() => null);
  const endedAt = performance.now();
  // 499 as proxies count it: the client went before its answer.
  replica.metrics.observe(outcome === null ? 499 : 200, (endedAt - arrivedAt) / 1000);
  if (outcome === null) return;
  send(response, 200, {
    tokens: outcome.tokens,
    queueMs: Math.round(outcome.startedAt - arrivedAt),
    serviceMs: Math.round(endedAt - outcome.startedAt),
  });
}

interface Order {
  readonly kind: 'order';
  readonly prompt: string;
  readonly tokens: number;
}

/** Steps of CPU work, each followed by the wait that stands for the accelerator's share. */
async function generate(replica: Replica, order: Order, signal: AbortSignal): Promise<number[]> {
  const { deviceMsPerToken, tokensPerStep } = replica.settings;
  const tokens: number[] = [];
  let owedMs = 0;
  for (const token of replica.model.generate(order.prompt, order.tokens)) {
    tokens.push(token);
    owedMs += deviceMsPerToken;
    if (tokens.length % tokensPerStep !== 0 && tokens.length < order.tokens) continue;
    const startedAt = performance.now();
    await delay(owedMs, undefined, { signal });
    // Timers fire up to a millisecond late; the debt carries over so that the rate is as set.
    owedMs -= performance.now() - startedAt;
  }
  return tokens;
}

type ParsedOrder =
  Order | { readonly kind: 'refused'; readonly status: number; readonly error: string };

function parseOrder(body: Buffer | null, settings: InferenceSettings): ParsedOrder {
  if (body === null) {
    return { kind: 'refused', status: 413, error: `more than ${settings.bodyBytesMax} bytes` };
  }
  let parsed: unknown;
  try {
    parsed = JSON.parse(body.toString('utf8'));
  } catch {
    return { kind: 'refused', status: 400, error: 'the body is not JSON' };
  }
  const { prompt, tokens } = fieldsOf(parsed);
  const tokensOk = typeof tokens === 'number' && Number.isInteger(tokens) && tokens >= 1;
  if (typeof prompt !== 'string' || !tokensOk || tokens > settings.tokensMax) {
    const error = `expected {"prompt": string, "tokens": integer from 1 to ${settings.tokensMax}}`;
    return { kind: 'refused', status: 400, error };
  }
  return { kind: 'order', prompt, tokens };
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? { ...value } : {};
}

/** Null when the body is larger than the limit; what is beyond it is not kept. */
async function readBody(request: IncomingMessage, bytesMax: number): Promise<Buffer | null> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request) {
    const bytes = Buffer.from(chunk as Uint8Array);
    length += bytes.length;
    if (length <= bytesMax) chunks.push(bytes);
  }
  return length > bytesMax ? null : Buffer.concat(chunks);
}

function send(response: ServerResponse, status: number, body: unknown): void {
  if (response.destroyed) return;
  response.statusCode = status;
  response.setHeader('content-type', 'application/json');
  response.end(JSON.stringify(body));
}
