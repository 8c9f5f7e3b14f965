/** Workload, front and load generator as processes, talking HTTP; the control plane is a stub's answer. */

import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import { join } from 'node:path';
import process from 'node:process';
import { freePort, listenLocally, pollUntil, startProcess } from '../../support/process.ts';
import type { RunningProcess } from '../../support/process.ts';

const DEMO = join(import.meta.dirname, '..', '..', '..', 'demo');

describe('the demo’s traffic', function () {
  this.timeout(20_000);
  const started: RunningProcess[] = [];
  let plane: Server | null = null;

  afterEach(() => {
    for (const one of started.splice(0)) one.kill();
    plane?.close();
    plane?.closeAllConnections();
    plane = null;
  });

  async function start(
    script: string,
    environment: Readonly<Record<string, string>>,
  ): Promise<{ readonly running: RunningProcess; readonly url: string; readonly port: number }> {
    const port = await freePort();
    const env = { ...process.env, ...environment, PORT: String(port) };
    const running = startProcess(process.execPath, [join(DEMO, script)], { env });
    started.push(running);
    const url = `http://127.0.0.1:${port}`;
    await pollUntil(`${script} listens: ${running.output()}`, 8000, () =>
      fetch(`${url}/livez`).then(
        () => true,
        () => false,
      ),
    );
    return { running, url, port };
  }

  /** Serves `GET /v1/workloads/demo-inference`; its list can be changed. */
  async function startPlane(addresses: string[]): Promise<string> {
    plane = createServer((request, response) => {
      assert.equal(request.url, '/v1/workloads/demo-inference');
      const replicas = addresses.map((address) => ({ address, phase: 'ready' }));
      response.end(JSON.stringify({ replicas }));
    });
    const port = await listenLocally(plane);
    return `http://127.0.0.1:${port}`;
  }

  function infer(url: string, order: unknown = { prompt: 'hello', tokens: 10 }) {
    return fetch(`${url}/infer`, { method: 'POST', body: JSON.stringify(order) });
  }

  function metric(text: string, series: string): number {
    const line = text.split('\n').find((one) => one.startsWith(`${series} `));
    assert.ok(line !== undefined, `${series} is not in\n${text}`);
    return Number(line.slice(series.length + 1));
  }

  async function metricsOf(url: string): Promise<string> {
    return (await fetch(`${url}/metrics`)).text();
  }

  it('serves two at a time, refuses with Retry-After when the queue is full, and counts both', async () => {
    const slow = { INFERENCE_DEVICE_MS_PER_TOKEN: '30', INFERENCE_WAITING_MAX: '1' };
    const { url } = await start('workload.ts', slow);
    const answers = Array.from({ length: 5 }, () => infer(url));
    await pollUntil('three are in the system', 3000, async () => {
      const text = await metricsOf(url);
      return metric(text, 'inference_requests_in_system') === 3;
    });
    const responses = await Promise.all(answers);
    const refused = responses.filter(({ status }) => status === 503);
    assert.equal(refused.length, 2);
    assert.ok(refused.every(({ headers }) => headers.get('retry-after') === '1'));
    const text = await metricsOf(url);
    assert.equal(metric(text, 'inference_requests_total{status="200"}'), 3);
    assert.equal(metric(text, 'inference_requests_total{status="503"}'), 2);
    assert.equal(metric(text, 'inference_request_duration_seconds_count'), 3);
    assert.equal(metric(text, 'inference_requests_in_system'), 0);
    assert.equal(metric(text, 'inference_workers'), 2);
    // Three tasks of 300 ms each.
    const busy = metric(text, 'inference_busy_seconds_total');
    assert.ok(busy > 0.85 && busy < 1.8, `${busy}`);
  });

  it('refuses what is not an order', async () => {
    const { url } = await start('workload.ts', { INFERENCE_BODY_BYTES_MAX: '1000' });
    const wrong = [{ prompt: 'x' }, { prompt: 'x', tokens: 0 }, { prompt: 1, tokens: 1 }, [], null];
    for (const order of [...wrong, { prompt: 'x', tokens: 1e9 }, { prompt: 'x', tokens: 1.5 }]) {
      assert.equal((await infer(url, order)).status, 400, JSON.stringify(order));
    }
    const raw = await fetch(`${url}/infer`, { method: 'POST', body: '{' });
    assert.equal(raw.status, 400);
    assert.equal((await infer(url, { prompt: 'x'.repeat(2000), tokens: 1 })).status, 413);
    assert.equal((await fetch(`${url}/other`)).status, 404);
  });

  it('on SIGTERM says so on /readyz, still answers what it has, then exits', async () => {
    const slow = { INFERENCE_DEVICE_MS_PER_TOKEN: '100', INFERENCE_LAME_DUCK_MS: '300' };
    const { running, url } = await start('workload.ts', slow);
    const answer = infer(url);
    await pollUntil('it is served', 3000, async () => {
      return metric(await metricsOf(url), 'inference_requests_in_system') === 1;
    });
    running.child.kill('SIGTERM');
    await pollUntil('it is not ready', 3000, async () => {
      return (await fetch(`${url}/readyz`)).status === 503;
    });
    assert.equal((await answer).status, 200);
    assert.equal(await running.exit(3000), 0);
  });

  it('spreads requests over the ready replicas and goes round one that is gone', async () => {
    const fast = { INFERENCE_DEVICE_MS_PER_TOKEN: '0' };
    const [one, two] = [await start('workload.ts', fast), await start('workload.ts', fast)];
    const addresses = [`127.0.0.1:${one.port}`, `127.0.0.1:${two.port}`];
    const front = await start('front.ts', {
      FRONT_CONTROL_PLANE_URLS: await startPlane(addresses),
    });
    await pollUntil('both are known', 5000, async () => {
      return metric(await metricsOf(front.url), 'demo_front_replicas') === 2;
    });
    const seen = new Map<string, number>();
    for (let number = 0; number < 10; number += 1) {
      const response = await infer(front.url);
      assert.equal(response.status, 200);
      await response.arrayBuffer();
      const replica = response.headers.get('x-replica') ?? '';
      seen.set(replica, (seen.get(replica) ?? 0) + 1);
    }
    assert.deepEqual([...seen.values()], [5, 5]);
    one.running.kill();
    await one.running.exit(2000);
    const statuses = [];
    for (let number = 0; number < 6; number += 1) statuses.push((await infer(front.url)).status);
    assert.deepEqual(statuses, [200, 200, 200, 200, 200, 200]);
    assert.ok(metric(await metricsOf(front.url), 'demo_front_second_tries_total') >= 1);
  });

  it('answers 503 when no replica is ready, and goes on with the last list when the plane is away', async () => {
    const replica = await start('workload.ts', { INFERENCE_DEVICE_MS_PER_TOKEN: '0' });
    const addresses: string[] = [];
    const front = await start('front.ts', {
      FRONT_CONTROL_PLANE_URLS: await startPlane(addresses),
      FRONT_REFRESH_MS: '20',
    });
    assert.equal((await infer(front.url)).status, 503);
    assert.equal((await fetch(`${front.url}/readyz`)).status, 503);
    addresses.push(`127.0.0.1:${replica.port}`);
    await pollUntil('it is ready', 5000, async () => {
      return (await fetch(`${front.url}/readyz`)).status === 200;
    });
    plane?.close();
    plane?.closeAllConnections();
    await pollUntil('the plane is missed', 5000, async () => {
      return metric(await metricsOf(front.url), 'demo_front_list_failures_total') > 2;
    });
    assert.equal((await infer(front.url)).status, 200);
  });

  it('keeps to its plan when the service hangs, and counts latency from the planned time', async () => {
    // Answers each request a second late, one at a time: a closed loop would see one second for all.
    let chain = Promise.resolve();
    let arrived = 0;
    plane = createServer((_request, response) => {
      arrived += 1;
      chain = chain.then(
        () => new Promise<void>((resolve) => setTimeout(() => resolve(void response.end()), 300)),
      );
    });
    const port = await listenLocally(plane);
    const load = await start('load.ts', {
      LOAD_FRONT_URL: `http://127.0.0.1:${port}`,
      LOAD_SCALE: '5',
    });
    await pollUntil('many wait', 8000, () => arrived >= 40);
    const status: unknown = await (await fetch(`${load.url}/status`)).json();
    assert.ok(typeof status === 'object' && status !== null && 'inFlight' in status);
    assert.ok(Number(status.inFlight) > 20, JSON.stringify(status));
    await pollUntil('latency shows the queue', 8000, async () => {
      const text = await metricsOf(load.url);
      return (
        metric(text, 'demo_load_request_duration_seconds_count') -
          metric(text, 'demo_load_request_duration_seconds_bucket{le="2"}') >
        0
      );
    });
  });
});
