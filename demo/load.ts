/**
 * The users of the demo, the only thing in it that is played: an open-loop load generator. Requests
 * leave at planned times whether or not earlier ones were answered, and latency counts from the
 * planned time, so that a slow service cannot hide its queue behind a waiting client (coordinated
 * omission). It never repeats a request.
 */

import { Agent, createServer, request as httpRequest } from 'node:http';
import process from 'node:process';
import { setTimeout as delay } from 'node:timers/promises';
import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import { readNumber, readText } from './environment.ts';
import { arrivals, rateAt } from './traffic/day.ts';
import { createLatencyWindow } from './traffic/latency-window.ts';
import type { RequestOutcome, WindowSummary } from './traffic/latency-window.ts';
import { createRandom } from './traffic/random.ts';

const number = (name: string, fallback: number, min: number, max: number): number =>
  readNumber(process.env, { name, fallback, min, max });

const host = readText(process.env, 'HOST', '127.0.0.1');
const port = number('PORT', 7421, 0, 65535);
const frontUrl = readText(process.env, 'LOAD_FRONT_URL', 'http://127.0.0.1:7420');
const seed = number('LOAD_SEED', 1, 0, 2 ** 32 - 1);
const scale = number('LOAD_SCALE', 1, 0.01, 100);
const inFlightMax = number('LOAD_IN_FLIGHT_MAX', 2000, 1, 100_000);
const timeoutMs = number('LOAD_TIMEOUT_MS', 10_000, 1, 600_000);
const reportSeconds = number('LOAD_REPORT_SECONDS', 10, 1, 3600);

const random = createRandom(seed);
const target = new URL('/infer', frontUrl);
const agent = new Agent({ keepAlive: true, maxSockets: inFlightMax });
const window = createLatencyWindow(10, 20_000);
const startedAt = performance.now();
let inFlight = 0;

const registry = new Registry();
const registers = [registry];
const requests = new Counter({
  name: 'demo_load_requests_total',
  help: 'Planned requests by what became of them.',
  labelNames: ['outcome'],
  registers,
});
const duration = new Histogram({
  name: 'demo_load_request_duration_seconds',
  help: 'Seconds from the planned time of sending to the end of a successful answer.',
  buckets: [0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1, 1.5, 2, 3, 5, 10],
  registers,
});
new Gauge({
  name: 'demo_load_planned_requests_per_second',
  help: 'The rate that the day plans at this moment.',
  registers,
  collect() {
    this.set(rateAt(elapsedSeconds()) * scale);
  },
});

function elapsedSeconds(): number {
  return (performance.now() - startedAt) / 1000;
}

function settle(plannedAt: number, outcome: RequestOutcome): void {
  const now = elapsedSeconds();
  requests.inc({ outcome });
  if (outcome === 'ok') duration.observe(now - plannedAt);
  window.add(now, outcome, now - plannedAt);
}

function sendOne(plannedAt: number): void {
  const body = JSON.stringify({
    prompt: `request ${plannedAt.toFixed(6)}`,
    tokens: 50 + Math.floor(random() * 101),
  });
  if (inFlight >= inFlightMax) {
    settle(plannedAt, 'not_sent');
    return;
  }
  inFlight += 1;
  const outgoing = httpRequest(target, {
    method: 'POST',
    agent,
    headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) },
    signal: AbortSignal.timeout(timeoutMs),
  });
  let outcome: RequestOutcome = 'failed';
  outgoing.on('response', (answer) => {
    answer.on('end', () => {
      if (answer.statusCode === 200) outcome = 'ok';
      else if (answer.statusCode === 503) outcome = 'refused';
    });
    answer.on('error', () => undefined);
    answer.resume();
  });
  outgoing.on('error', () => undefined);
  outgoing.on('close', () => {
    inFlight -= 1;
    settle(plannedAt, outcome);
  });
  outgoing.end(body);
}

async function sendForever(): Promise<void> {
  for (const plannedAt of arrivals(random, scale)) {
    const waitMs = (plannedAt - elapsedSeconds()) * 1000;
    if (waitMs > 1) await delay(waitMs);
    sendOne(plannedAt);
  }
}

async function reportForever(): Promise<never> {
  for (;;) {
    await delay(reportSeconds * 1000);
    console.log(reportLine(window.summary(elapsedSeconds())));
  }
}

function reportLine(summary: WindowSummary): string {
  const ms = (seconds: number | null): string =>
    seconds === null ? '-' : `${Math.round(seconds * 1000)} ms`;
  return [
    `${new Date().toISOString()}  planned ${(rateAt(elapsedSeconds()) * scale).toFixed(1)}/s`,
    `ok ${summary.ok}  refused ${summary.refused}  failed ${summary.failed}`,
    `not sent ${summary.notSent}  p50 ${ms(summary.p50Seconds)}  p95 ${ms(summary.p95Seconds)}`,
  ].join('  ');
}

const server = createServer((request, response) => {
  if (request.url === '/status') {
    const status = {
      plannedPerSecond: rateAt(elapsedSeconds()) * scale,
      inFlight,
      ...window.summary(elapsedSeconds()),
    };
    response.setHeader('content-type', 'application/json').end(JSON.stringify(status));
    return;
  }
  if (request.url !== '/metrics') {
    response.writeHead(request.url === '/readyz' ? 200 : 404).end();
    return;
  }
  registry.metrics().then(
    (text) => response.setHeader('content-type', registry.contentType).end(text),
    () => response.destroy(),
  );
});
server.on('error', (error) => {
  console.error(`the load generator cannot serve its metrics: ${error.message}`);
  process.exit(1);
});
server.listen(port, host, () => {
  console.log(`one day in ten minutes against ${target.href}, seed ${seed}`);
  void sendForever();
  void reportForever();
});
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => process.exit(0));
