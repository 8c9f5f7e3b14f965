/** The edge itself: who may reach it, what bounds it, how it fails and how it stops. */

import assert from 'node:assert/strict';
import { Agent, request as httpRequest } from 'node:http';
import { connect } from 'node:net';

import { createHttpServer, InsecureListenError } from '../../../control-plane/http/server.ts';
import { createKey, parseApiKeys } from '../../../control-plane/http/api-keys.ts';
import { idleEdge } from '../../support/http-fakes.ts';
import {
  bearer,
  problemOf,
  sendRaw,
  sendTo,
  startTestPlane,
  type TestCall,
  type TestPlane,
  type TestPlaneOptions,
} from '../../support/http-plane.ts';
import { pollUntil } from '../../support/process.ts';

const STOP_THE_PLANE: TestCall = { method: 'PUT', path: '/v1/mode', body: { mode: 'stopped' } };

describe('the HTTP edge', () => {
  let plane: TestPlane | null = null;

  async function start(options: TestPlaneOptions = {}): Promise<TestPlane> {
    plane = await startTestPlane(options);
    return plane;
  }

  afterEach(async () => {
    await plane?.stop();
    plane = null;
  });

  describe('who may reach it', () => {
    const serverWith = (auth: ReturnType<typeof parseApiKeys> | null) =>
      createHttpServer(idleEdge(auth));

    for (const host of ['0.0.0.0', '::', '192.0.2.1', 'host.example']) {
      it(`refuses to listen on ${host} without keys, also with an empty key file`, async () => {
        await assert.rejects(serverWith(null).listen(host, 0), InsecureListenError);
        await assert.rejects(serverWith(parseApiKeys('')).listen(host, 0), InsecureListenError);
      });
    }

    it('listens beyond loopback once a key is configured', async () => {
      const server = serverWith(parseApiKeys(createKey('a', 'viewer', 0).line));
      const { port } = await server.listen('0.0.0.0', 0);
      const answer = await sendTo(port, {
        path: '/v1/mode',
        headers: { host: 'anything.example' },
      });
      assert.equal(answer.status, 401);
      await server.stop();
    });

    it('rejects with the system’s error when the port is taken', async () => {
      const { port } = await start();
      await assert.rejects(serverWith(null).listen('127.0.0.1', port), { code: 'EADDRINUSE' });
    });

    it('answers on loopback names only without keys, against DNS rebinding', async () => {
      const { send, consensus } = await start();
      const digest = consensus.digest();
      const answer = await send({ ...STOP_THE_PLANE, headers: { host: 'evil.example:7400' } });
      assert.equal(problemOf(answer).code, 'misdirected_request');
      assert.equal(consensus.digest(), digest);
      assert.equal((await send({ path: '/v1/mode', headers: { host: 'localhost' } })).status, 200);
      assert.equal((await send({ path: '/v1/mode', headers: { host: '[::1]:1' } })).status, 200);
    });

    it('asks for a key everywhere but on the open routes', async () => {
      const { send } = await start({ withKeys: true });
      for (const path of ['/livez', '/readyz', '/version', '/docs', '/v1/openapi.json']) {
        assert.equal((await send({ path })).status, 200, path);
      }
      for (const path of ['/metrics', '/v1/discovery/prometheus?kind=agents', '/v1/nodes']) {
        assert.equal((await send({ path })).status, 401, path);
      }
    });

    it('lets each role do what it may, and counts the rest by cause', async () => {
      const { send, keys, authFailures } = await start({ withKeys: true });
      for (const path of ['/metrics', '/v1/discovery/prometheus?kind=agents', '/v1/nodes']) {
        assert.equal((await send({ path, headers: bearer(keys.viewer) })).status, 200, path);
      }
      const refused = await send({ ...STOP_THE_PLANE, headers: bearer(keys.viewer) });
      assert.match(refused.headers['www-authenticate'] ?? '', /scope="operator"/u);
      await send({ path: '/v1/mode' });
      await send({ path: '/v1/mode', headers: { authorization: 'Bearer' } });
      await send({ path: '/v1/mode', headers: bearer('omk_x') });
      assert.deepEqual(authFailures, ['role', 'missing', 'malformed', 'unknown_key']);
      assert.equal((await send({ ...STOP_THE_PLANE, headers: bearer(keys.operator) })).status, 200);
    });
  });

  describe('failing', () => {
    for (const failure of ['overloaded', 'storage_failed'] as const) {
      it(`answers 503 ${failure} with Retry-After when the log says so`, async () => {
        const { send, consensus } = await start();
        consensus.failWith(failure);
        const answer = await send(STOP_THE_PLANE);
        assert.equal(answer.status, 503);
        assert.equal(problemOf(answer).code, failure);
        assert.ok(Number(answer.headers['retry-after']) >= 1);
      });
    }

    for (const failure of ['not_leader', 'no_leader', 'aborted'] as const) {
      it(`says that the outcome is unknown when a commit ends with ${failure}`, async () => {
        const { send, consensus } = await start();
        consensus.failWith(failure);
        const answer = await send(STOP_THE_PLANE);
        assert.equal(problemOf(answer).code, 'commit_unknown');
        assert.ok(Number(answer.headers['retry-after']) >= 1);
        if (failure !== 'aborted') assert.match(answer.text, /the leader is member-1/u);
      });
    }

    it('says that the outcome is unknown when the commit is not confirmed in time', async () => {
      const { send, consensus } = await start({ limits: { commitTimeoutMs: 50 } });
      consensus.failWith('silence');
      assert.equal(problemOf(await send(STOP_THE_PLANE)).code, 'commit_unknown');
    });

    it('gives up on a silent decision store', async () => {
      const { send, decisions } = await start({ limits: { storeTimeoutMs: 50 } });
      decisions.failWith('silence');
      const answer = await send({ path: '/v1/decisions' });
      assert.equal(problemOf(answer).code, 'decision_store_unavailable');
    });

    it('gives up on metrics that do not come', async () => {
      const { send } = await start({
        limits: { metricsTimeoutMs: 50 },
        renderMetrics: () => new Promise(() => undefined),
      });
      assert.equal(problemOf(await send({ path: '/metrics' })).code, 'metrics_unavailable');
    });

    it('tells a client nothing of a bug but a trace id, under which the log has it', async () => {
      const { send, consensus, logged } = await start();
      consensus.failWith('bug');
      const answer = await send(STOP_THE_PLANE);
      const problem = problemOf(answer);
      assert.equal(problem.code, 'internal_error');
      assert.doesNotMatch(answer.text, /secret/u);
      const line = logged.find(({ level }) => level === 'error');
      assert.equal(line?.fields['traceId'], problem.trace_id);
      assert.ok(line.fields['err'] instanceof TypeError);
    });
  });

  describe('bounds', () => {
    it('turns away what exceeds the requests of one route, and answers the others', async () => {
      const { send, consensus } = await start({
        limits: { requestsInFlightMax: 2, commitTimeoutMs: 300 },
      });
      consensus.failWith('silence');
      const answers = await Promise.all([1, 2, 3].map(() => send(STOP_THE_PLANE)));
      const codes = answers.map((answer) => problemOf(answer).code).sort();
      assert.deepEqual(codes, ['commit_unknown', 'commit_unknown', 'overloaded']);
      assert.equal((await send({ path: '/livez' })).status, 200);
    });

    it('cuts connections beyond the maximum', async () => {
      const { port } = await start({ limits: { connectionsMax: 1 } });
      const first = connect(port, '127.0.0.1');
      await new Promise((resolve) => first.once('connect', resolve));
      await assert.rejects(sendTo(port, { path: '/livez' }), /ECONNRESET|socket hang up/u);
      first.destroy();
    });

    it('closes a connection whose headers drip in', async () => {
      const { port } = await start({ limits: { headersTimeoutMs: 200, requestTimeoutMs: 400 } });
      const answer = await sendRaw(port, 'GET /livez HTTP/1.1\r\nhost: localhost\r\nx: ');
      assert.match(answer, /^HTTP\/1\.1 408 /u);
      assert.match(answer, /"code":"request_timeout"/u);
    });

    it('closes a connection whose body drips in', async () => {
      const { port, consensus } = await start({
        limits: { headersTimeoutMs: 200, requestTimeoutMs: 400 },
      });
      const digest = consensus.digest();
      const head =
        'PUT /v1/mode HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 18\r\n\r\n';
      const answer = await sendRaw(port, `${head}{"mode":`);
      assert.match(answer, /^(HTTP\/1\.1 408 [^]*)?$/u);
      assert.equal(consensus.digest(), digest);
    });

    it('takes no more than the bound from a client that sends on after its refusal', async () => {
      const { port } = await start({ limits: { drainBytesMax: 1_000_000 } });
      const sent = await floodAfterRefusal(port);
      assert.ok(sent < 32_000_000, String(sent));
    });

    it('holds no large body in memory', async () => {
      const { send } = await start();
      const body = Buffer.alloc(20 * 1024 * 1024, 0x20);
      const before = process.memoryUsage().arrayBuffers;
      const answers = await Promise.all(
        [1, 2, 3, 4].map(() => send({ method: 'PUT', path: '/v1/mode', body })),
      );
      assert.deepEqual(new Set(answers.map((answer) => answer.status)), new Set([413]));
      const grown = process.memoryUsage().arrayBuffers - before;
      assert.ok(grown < 20 * 1024 * 1024, `${grown} bytes for 80 MB`);
    });

    it('says 413 before a client that asks first has sent its body', async () => {
      const { port } = await start();
      const { status, continued } = await askFirst(port, 20 * 1024 * 1024);
      assert.deepEqual([status, continued], [413, false]);
      const small = await askFirst(port, 18);
      assert.deepEqual([small.status, small.continued], [200, true]);
    });

    for (const [title, bytes] of [
      ['garbage', 'GARBAGE\r\n\r\n'],
      ['a TLS hello', Buffer.from('16030100a5010000a10303', 'hex')],
      [
        'two lengths',
        'GET / HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n',
      ],
      [
        'a length and chunks',
        'PUT /v1/mode HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n',
      ],
      ['a NUL in the path', 'GET /v1/\0 HTTP/1.1\r\nhost: a\r\n\r\n'],
      ['no Host', 'GET /livez HTTP/1.1\r\nconnection: close\r\n\r\n'],
    ] as const) {
      it(`answers ${title} with 400 and no HTML`, async () => {
        const { port } = await start();
        const answer = await sendRaw(port, bytes);
        assert.match(answer, /^HTTP\/1\.1 400 /u);
        assert.doesNotMatch(answer, /<html|at Parser/iu);
      });
    }
  });

  describe('telling', () => {
    it('names a request by its route template, and a path without route as unmatched', async () => {
      const { send, finished } = await start();
      await send({ path: '/v1/nodes/some-node' });
      await send({ path: `/v1/${'x'.repeat(50)}` });
      await send({ method: 'PROPFIND', path: '/v1/nodes' });
      await pollUntil('three finished', 5_000, () => finished.length === 3);
      assert.deepEqual(
        finished.map(({ method, route, status }) => [method, route, status]),
        [
          ['GET', '/v1/nodes/{nodeId}', 404],
          ['GET', 'unmatched', 404],
          ['_OTHER', '/v1/nodes', 405],
        ],
      );
      assert.ok(finished.every((one) => one.durationMs >= 0));
    });

    it('counts a client that left as 499', async () => {
      const { port, finished, decisions } = await start({ limits: { storeTimeoutMs: 5_000 } });
      decisions.failWith('silence');
      const request = httpRequest({ host: '127.0.0.1', port, path: '/v1/decisions', agent: false });
      request.once('error', () => undefined);
      request.end();
      await pollUntil('a reader waits', 5_000, () => decisions.waiting() === 1);
      request.destroy();
      await pollUntil('one finished', 5_000, () => finished.length === 1);
      assert.equal(finished[0]?.status, 499);
    });

    it('logs who changed what', async () => {
      const { send, keys, logged } = await start({ withKeys: true });
      await send({ ...STOP_THE_PLANE, headers: bearer(keys.operator) });
      const line = logged.find(({ level }) => level === 'info');
      assert.equal(line?.fields['operation'], 'putMode');
      assert.equal(line.fields['principal'], 'o');
      assert.equal(line.fields['status'], 200);
    });
  });

  describe('stopping', () => {
    it('frees the port at once when nothing is in flight, kept-alive connections included', async () => {
      const { port, server, send } = await start({ limits: { stopGraceMs: 5_000 } });
      const agent = new Agent({ keepAlive: true });
      await new Promise<void>((resolve, reject) => {
        const options = { host: '127.0.0.1', port, path: '/livez', agent };
        httpRequest(options, (response) => {
          response.resume();
          response.once('end', resolve);
        })
          .once('error', reject)
          .end();
      });
      const startedMs = performance.now();
      await server.stop();
      await server.stop();
      assert.ok(performance.now() - startedMs < 1_000);
      await assert.rejects(send({ path: '/livez' }), /ECONNREFUSED/u);
      agent.destroy();
    });

    it('lets a request in flight finish, and closes its connection', async () => {
      const { server, send, consensus } = await start({
        limits: { commitTimeoutMs: 200, stopGraceMs: 3_000 },
      });
      consensus.failWith('silence');
      const pending = send(STOP_THE_PLANE);
      await pollUntil('a proposal', 5_000, () => consensus.proposed() === 1);
      const stopped = server.stop();
      const answer = await pending;
      assert.equal(problemOf(answer).code, 'commit_unknown');
      assert.equal(answer.headers.connection, 'close');
      await stopped;
    });

    it('cuts what is not finished after the grace', async () => {
      const { server, send, decisions } = await start({
        limits: { storeTimeoutMs: 60_000, stopGraceMs: 100 },
      });
      decisions.failWith('silence');
      const pending = send({ path: '/v1/decisions' });
      const failed = assert.rejects(pending, /ECONNRESET|socket hang up/u);
      await pollUntil('a reader waits', 5_000, () => decisions.waiting() === 1);
      const startedMs = performance.now();
      await server.stop();
      assert.ok(performance.now() - startedMs < 2_000);
      await failed;
    });
  });
});

/** Sends a body without end in chunks, and returns how many bytes went out before the cut. */
function floodAfterRefusal(port: number): Promise<number> {
  return new Promise((resolve) => {
    let sent = 0;
    const chunk = Buffer.alloc(65_536, 0x20);
    const socket = connect(port, '127.0.0.1', () => {
      socket.write(
        'PUT /v1/mode HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n',
      );
      const more = (): void => {
        while (!socket.destroyed && sent < 256_000_000) {
          sent += chunk.length;
          socket.write('10000\r\n');
          socket.write(chunk);
          if (!socket.write('\r\n')) return;
        }
        socket.destroy();
      };
      socket.on('drain', more);
      more();
    });
    socket.on('error', () => undefined);
    socket.resume();
    socket.once('close', () => {
      resolve(sent);
    });
  });
}

/** Sends headers with Expect: 100-continue, and the body only when told to go on. */
function askFirst(port: number, length: number): Promise<{ status: number; continued: boolean }> {
  return new Promise((resolve, reject) => {
    let continued = false;
    const request = httpRequest({
      host: '127.0.0.1',
      port,
      method: 'PUT',
      path: '/v1/mode',
      agent: false,
      headers: {
        'content-type': 'application/json',
        'content-length': length,
        expect: '100-continue',
      },
    });
    request.once('continue', () => {
      continued = true;
      request.end('{"mode":"observe"}');
    });
    request.once('response', (response) => {
      resolve({ status: response.statusCode ?? 0, continued });
      request.destroy();
    });
    request.once('error', reject);
    request.flushHeaders();
  });
}
