/** docker/docker-proxy.cfg in a real HAProxy: what it lets through to the engine, and what it does not. */

import assert from 'node:assert/strict';
import { request } from 'node:http';

import { createDockerTarget } from '../../control-plane/adapters/docker/target.ts';
import { startDockerProxy } from '../support/docker-proxy.ts';
import type { RunningProxy } from '../support/docker-proxy.ts';
import { dockerWorkload } from '../support/docker-workload.ts';
import { startFakeEngine } from '../support/fake-engine.ts';
import type { FakeEngine } from '../support/fake-engine.ts';
import { pollUntil } from '../support/process.ts';
import { skipBecause, skipWithout } from '../support/skip.ts';

const ID = 'ab'.repeat(32);

describe('the proxy before the Docker engine', () => {
  let engine: FakeEngine;
  let proxy: RunningProxy;

  before(async function () {
    skipWithout(this, 'haproxy');
    if (process.platform !== 'linux') skipBecause(this, 'needs all of 127.0.0.0/8 as loopback');
    engine = await startFakeEngine();
    proxy = await startDockerProxy(engine.socketPath);
  });
  after(async () => {
    // Neither is there when the suite is skipped.
    await (proxy as RunningProxy | undefined)?.stop();
    await (engine as FakeEngine | undefined)?.close();
  });

  const status = (method: string, path: string): Promise<number> =>
    new Promise((resolve, reject) => {
      // Sent as it stands: fetch would tidy the path up.
      const asked = request({ host: '127.0.0.1', port: proxy.port, method, path }, (response) => {
        response.resume();
        resolve(response.statusCode ?? 0);
      });
      asked.once('error', reject);
      asked.end();
    });

  it('lets the target do all that it does', async () => {
    const signal = AbortSignal.timeout(10_000);
    const target = createDockerTarget({
      engine: { kind: 'url', protocol: 'http', host: '127.0.0.1', port: proxy.port },
      owner: 'proxied',
      limits: { tickMs: 50 },
    });
    await target.start();
    try {
      const workload = dockerWorkload('inference', { port: engine.port });
      for (const [index, replicas] of [2, 0].entries()) {
        await target.setReplicas(workload, replicas, { term: 1, index }, signal);
        await pollUntil(`${replicas} replicas`, 10_000, async () => {
          const found = await target.readReplicas(workload, signal);
          const ready = found.filter(({ phase }) => phase === 'ready').length;
          return ready === replicas && engine.names('exited').length === 0;
        });
      }
    } finally {
      await target.stop();
    }
  });

  for (const [method, path] of [
    ['GET', '/containers/json?all=true'],
    ['GET', '/v1.43/containers/json'],
    ['POST', '/v1.43/containers/create?name=x'],
    ['POST', `/v1.43/containers/${ID}/start`],
    ['POST', `/containers/${ID}/stop?t=10`],
    ['DELETE', `/v1.43/containers/${ID}?v=true`],
  ] as const) {
    it(`lets ${method} ${path} through`, async () => {
      const before = engine.requests.length;
      assert.notEqual(await status(method, path), 403);
      const asked = engine.requests.slice(before).filter((line) => !line.endsWith('/_ping'));
      assert.equal(asked.length, 1);
    });
  }

  for (const [method, path] of [
    ['GET', '/'],
    ['GET', '/version'],
    ['GET', '/info'],
    ['GET', '/events'],
    ['GET', '/images/json'],
    ['GET', '/v1.43/images/json'],
    ['POST', '/images/create?fromImage=x'],
    ['POST', '/build'],
    ['GET', '/volumes'],
    ['POST', '/networks/create'],
    ['GET', `/containers/${ID}/json`],
    ['GET', `/containers/${ID}/logs?stdout=1`],
    ['GET', `/containers/${ID}/archive?path=/etc`],
    ['PUT', `/containers/${ID}/archive?path=/etc`],
    ['POST', `/containers/${ID}/exec`],
    ['POST', `/containers/${ID}/kill`],
    ['POST', `/containers/${ID}/restart`],
    ['POST', `/containers/${ID}/attach`],
    ['POST', `/containers/${ID}/update`],
    ['POST', '/containers/prune'],
    ['POST', '/exec/abc/start'],
    ['POST', '/swarm/init'],
    ['POST', '/containers/json'],
    ['HEAD', '/containers/json'],
    ['GET', '/containers/create'],
    ['PUT', '/containers/create'],
    ['DELETE', '/containers/json'],
    ['DELETE', '/containers/some-name'],
    ['DELETE', `/containers/${ID}/`],
    ['DELETE', '/images/x'],
    ['GET', `/containers/${ID}/start`],
    ['POST', '/containers/json/../create'],
    ['POST', '/containers//create'],
    ['POST', '//containers/create'],
    ['POST', '/containers/create/'],
    ['POST', '/containers/%63reate'],
    ['POST', '/containers/create%2f..%2f..%2fbuild'],
    ['POST', '/v1.43/v1.43/containers/create'],
    ['POST', '/x/containers/create'],
    ['POST', `/containers/${ID}/start/../exec`],
    ['GET', '/images/json?x=/containers/json'],
  ] as const) {
    it(`answers 403 to ${method} ${path}`, async () => {
      const before = engine.requests.length;
      assert.equal(await status(method, path), 403);
      const asked = engine.requests.slice(before).filter((line) => !line.endsWith('/_ping'));
      assert.deepEqual(asked, []);
    });
  }
});
