/**
 * The demo's front: one port, round robin over the ready replicas that the control plane names. It
 * bounds what it carries, sends a request again at most once and only when no replica has begun with
 * it, and answers 503 when there is none. It is not the product's balancer.
 */

import { readFileSync } from 'node:fs';
import { Agent, createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import process from 'node:process';
import { setTimeout as delay } from 'node:timers/promises';
import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import { readNumber, readText } from './environment.ts';
import { forward } from './traffic/forward.ts';
import type { ForwardedRequest, ForwardOutcome } from './traffic/forward.ts';
import { createReplicaLister } from './traffic/replica-list.ts';
import { createReplicaPool } from './traffic/replica-pool.ts';

const number = (name: string, fallback: number, min: number, max: number): number =>
  readNumber(process.env, { name, fallback, min, max });

const host = readText(process.env, 'HOST', '127.0.0.1');
const port = number('PORT', 7420, 0, 65535);
const planeUrls = readText(process.env, 'FRONT_CONTROL_PLANE_URLS', 'http://127.0.0.1:7400');
/** Of an API key that may read; none is needed where the control plane is on loopback. */
const keyFile = readText(process.env, 'FRONT_KEY_FILE', '');
const workloadId = readText(process.env, 'FRONT_WORKLOAD', 'demo-inference');
const inFlightMax = number('FRONT_IN_FLIGHT_MAX', 512, 1, 100_000);
const bodyBytesMax = number('FRONT_BODY_BYTES_MAX', 65_536, 1, 16_777_216);
const timeoutMs = number('FRONT_TIMEOUT_MS', 10_000, 1, 600_000);
const refreshMs = number('FRONT_REFRESH_MS', 500, 10, 60_000);
const ejectMs = number('FRONT_EJECT_MS', 1000, 0, 60_000);

const pool = createReplicaPool(ejectMs);
const agent = new Agent({ keepAlive: true, maxSockets: 64, maxFreeSockets: 16 });
const registry = new Registry();
const registers = [registry];
let inFlight = 0;

const requests = new Counter({
  name: 'demo_front_requests_total',
  help: 'Requests by HTTP status.',
  labelNames: ['status'],
  registers,
});
const duration = new Histogram({
  name: 'demo_front_request_duration_seconds',
  help: 'Seconds from the arrival of a request to the end of its answer.',
  buckets: [0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1, 1.5, 2, 3, 5, 10],
  registers,
});
const secondTries = new Counter({
  name: 'demo_front_second_tries_total',
  help: 'Requests sent to a second replica, because the first had not begun with them.',
  registers,
});
const listFailures = new Counter({
  name: 'demo_front_list_failures_total',
  help: 'Failed readings of the list of replicas.',
  registers,
});
new Gauge({
  name: 'demo_front_requests_in_flight',
  help: 'Requests under way.',
  registers,
  collect() {
    this.set(inFlight);
  },
});
new Gauge({
  name: 'demo_front_replicas',
  help: 'Ready replicas, as last named by the control plane.',
  registers,
  collect() {
    this.set(pool.size());
  },
});

const server = createServer((request, response) => {
  handle(request, response).catch(() => response.destroy());
});
server.keepAliveTimeout = 65_000;

async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
  switch (request.url ?? '/') {
    case '/livez':
      send(response, 200, { status: 'live' });
      return;
    case '/readyz':
      send(response, pool.size() > 0 ? 200 : 503, { replicas: pool.size() });
      return;
    case '/metrics':
      response.setHeader('content-type', registry.contentType);
      response.end(await registry.metrics());
      return;
    default:
      await carry(request, response);
  }
}

async function carry(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const startedAt = performance.now();
  if (inFlight >= inFlightMax) {
    refuse(response, 503, `more than ${inFlightMax} requests are under way`);
    return;
  }
  inFlight += 1;
  try {
    const body = await readBody(request);
    if (body === null) {
      refuse(response, 413, `more than ${bodyBytesMax} bytes`);
      return;
    }
    const outcome = await carryToReplica(
      {
        method: request.method ?? 'GET',
        path: request.url ?? '/',
        contentType: request.headers['content-type'] ?? 'application/octet-stream',
        body,
      },
      response,
    );
    if (outcome.kind === 'answered') requests.inc({ status: String(outcome.status) });
    else refuse(response, outcome.kind === 'failed' ? outcome.status : 503, outcome.detail);
  } finally {
    inFlight -= 1;
    duration.observe((performance.now() - startedAt) / 1000);
  }
}

async function carryToReplica(
  incoming: ForwardedRequest,
  response: ServerResponse,
): Promise<ForwardOutcome> {
  const first = pool.next(performance.now());
  if (first === null) return { kind: 'not_begun', detail: 'no replica is ready' };
  const outcome = await forward(first, incoming, response, { agent, timeoutMs });
  if (outcome.kind !== 'not_begun') return outcome;
  pool.eject(first, performance.now());
  const second = pool.next(performance.now(), first);
  if (second === null) return outcome;
  secondTries.inc();
  return forward(second, incoming, response, { agent, timeoutMs });
}

function refuse(response: ServerResponse, status: number, detail: string): void {
  requests.inc({ status: String(status) });
  if (status === 503) response.setHeader('retry-after', '1');
  send(response, status, { error: detail });
}

function send(response: ServerResponse, status: number, body: unknown): void {
  if (response.destroyed || response.headersSent) return;
  response.statusCode = status;
  response.setHeader('content-type', 'application/json');
  response.end(JSON.stringify(body));
}

async function readBody(request: IncomingMessage): Promise<Buffer | null> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request) {
    const bytes = Buffer.from(chunk as Uint8Array);
    length += bytes.length;
    if (length <= bodyBytesMax) chunks.push(bytes);
  }
  return length > bodyBytesMax ? null : Buffer.concat(chunks);
}

async function refreshForever(): Promise<never> {
  const key = keyFile === '' ? null : readFileSync(keyFile, 'utf8').trim();
  const list = createReplicaLister({ planeUrls: planeUrls.split(','), key }, workloadId, 2000);
  for (;;) {
    const listing = await list();
    if (listing.kind === 'known') pool.update(listing.addresses);
    else listFailures.inc();
    await delay(refreshMs);
  }
}

server.on('error', (error) => {
  console.error(`the front cannot serve: ${error.message}`);
  process.exit(1);
});
server.listen(port, host, () => {
  const address = server.address();
  const bound = typeof address === 'object' && address !== null ? address.port : port;
  console.log(`the front serves ${workloadId} on ${host}:${bound}`);
  void refreshForever();
});
for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  // Nothing of a user's is lost: the load ends before the front does.
  process.on(signal, () => process.exit(0));
}
