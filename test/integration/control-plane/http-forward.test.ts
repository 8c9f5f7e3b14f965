/** A request at a member that does not lead: it goes to the leader, or is answered honestly without one. */

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer as createHttp } from 'node:http';
import { createServer as createHttps } from 'node:https';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

import {
  policyDocument,
  registrationDocument,
  workloadDocument,
} from '../../support/http-documents.ts';
import {
  startTestCluster,
  type TestCluster,
  type TestClusterOptions,
} from '../../support/http-cluster.ts';
import { bearer, problemOf, type TestCall } from '../../support/http-plane.ts';
import { pollUntil } from '../../support/process.ts';
import { skipWithout } from '../../support/skip.ts';

const PUT_MODE: TestCall = { method: 'PUT', path: '/v1/mode', body: { mode: 'observe' } };
const PUT_WORKLOAD: TestCall = {
  method: 'PUT',
  path: '/v1/workloads/w',
  body: workloadDocument(),
};
const ADD_MEMBER: TestCall = {
  method: 'POST',
  path: '/v1/members',
  body: { id: 'd', address: '127.0.0.1:7401' },
};

/** A leader that is gone is noticed at once here; the defaults would only make the tests wait. */
const QUICK = { leaderWaitMs: 150, successionGraceMs: 30 };

describe('a request at a member that does not lead', () => {
  let cluster: TestCluster;
  const closing: (() => Promise<void> | void)[] = [];

  async function start(options: TestClusterOptions = {}): Promise<TestCluster> {
    const started = await startTestCluster({
      ...options,
      limits: { ...QUICK, ...options.limits },
    });
    cluster = started;
    closing.push(() => started.stop());
    return started;
  }

  afterEach(async () => {
    for (const close of closing.splice(0).reverse()) await close();
  });

  /** Puts something else where the API of member `id` is believed to be. */
  async function impersonate(id: string, server: Server): Promise<void> {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const sockets = new Set<Socket>();
    server.on('connection', (socket: Socket) => sockets.add(socket));
    closing.push(() => {
      server.close();
      for (const socket of sockets) socket.destroy();
    });
    cluster.urls.set(id, `http://127.0.0.1:${portOf(server)}`);
  }

  /** Takes connections and what comes over them, and answers nothing. */
  const silentServer = (): { server: Server; heard: () => number } => {
    let heard = 0;
    const server = createServer((socket) => {
      socket.on('error', () => undefined);
      socket.once('data', () => (heard += 1));
    });
    return { server, heard: () => heard };
  };

  describe('while the leader is there', () => {
    it('is answered by the leader, status, body and headers unchanged, with its name', async () => {
      const { member, group } = await start();
      const created = await member('b').send(PUT_WORKLOAD);
      assert.equal(created.status, 201, created.text);
      assert.equal(created.headers['omnimind-leader'], 'a');
      assert.equal(created.headers.etag, '"1"');
      assert.equal(member('a').consensus.proposed(), 1);
      assert.equal(member('b').consensus.proposed(), 0);
      const [far, near] = await Promise.all([
        member('c').send({ path: '/v1/workloads/w' }),
        member('a').send({ path: '/v1/workloads/w' }),
      ]);
      assert.equal(far.status, 200);
      assert.equal(far.text, near.text);
      assert.equal(far.headers['omnimind-consistency'], 'linearizable');
      assert.equal(far.headers['omnimind-applied-index'], String(group.index));
      assert.equal(near.headers['omnimind-leader'], undefined);
    });

    it('passes preconditions, keys and refusals on, to the letter', async () => {
      const { member } = await start();
      const headers = { 'idempotency-key': 'k-1', 'if-none-match': '*' };
      const first = await member('b').send({ ...PUT_WORKLOAD, headers });
      const again = await member('c').send({ ...PUT_WORKLOAD, headers });
      assert.deepEqual([first.status, again.status], [201, 201]);
      assert.equal(again.text, first.text);
      const other = { ...PUT_WORKLOAD, headers, body: workloadDocument({ description: 'other' }) };
      assert.equal(problemOf(await member('b').send(other)).code, 'idempotency_key_reused');
      const conflict = {
        method: 'DELETE',
        path: '/v1/workloads/w',
        headers: { 'if-match': '"9"' },
      };
      assert.equal(problemOf(await member('b').send(conflict)).code, 'version_conflict');
      const wrong = await member('b').send({
        ...PUT_WORKLOAD,
        path: '/v1/workloads/w?x=1',
        headers: { 'if-match': '1' },
        body: workloadDocument({ bogus: 1 }),
      });
      assert.deepEqual([...problemOf(wrong).pointers].sort(), ['/bogus', '/if-match', '/x']);
      const removed = await member('b').send({
        method: 'DELETE',
        path: '/v1/workloads/w',
        headers: { 'if-match': '*' },
      });
      assert.equal(removed.status, 204);
      assert.equal(removed.text, '');
    });

    it('carries the key of the caller, and what its role may not do is refused here', async () => {
      const { member } = await start({ withKeys: true });
      const { keys } = member('b');
      const operator = await member('b').send({ ...PUT_MODE, headers: bearer(keys.operator) });
      assert.equal(operator.status, 200);
      assert.equal(operator.headers['omnimind-leader'], 'a');
      const line = member('a').logged.find(({ level }) => level === 'info');
      assert.equal(line?.fields['principal'], 'o');
      assert.deepEqual(member('b').logged, [], 'the member in between claims the change');
      const viewer = await member('b').send({ ...PUT_MODE, headers: bearer(keys.viewer) });
      assert.equal(problemOf(viewer).code, 'forbidden');
      assert.equal((await member('b').send(PUT_MODE)).status, 401);
      assert.deepEqual(member('a').finished.length, 1, 'the leader was bothered');
    });

    it('keeps to the limits of bodies before it bothers the leader', async () => {
      const { member } = await start({ limits: { bodyBytesMax: 1_000 } });
      const declared = await member('b').send({ ...PUT_MODE, body: Buffer.alloc(2_000, 0x20) });
      assert.equal(problemOf(declared).code, 'body_too_large');
      const chunked = await member('b').send({
        ...PUT_MODE,
        body: ' '.repeat(2_000),
        headers: { 'transfer-encoding': 'chunked' },
      });
      assert.equal(problemOf(chunked).code, 'body_too_large');
      const form = { 'content-type': 'application/x-www-form-urlencoded' };
      const answer = await member('b').send({ ...PUT_MODE, headers: form });
      assert.equal(problemOf(answer).code, 'unsupported_media_type');
      await pollUntil('one at the leader', 5_000, () => member('a').finished.length === 1);
    });

    it('is forwarded for heartbeats, discovery, decisions and members, never for its own affairs', async () => {
      const { member } = await start();
      await member('b').send({ method: 'POST', path: '/v1/nodes', body: registrationDocument() });
      const heartbeat = await member('b').send({
        method: 'POST',
        path: '/v1/nodes/node-1/heartbeat',
        body: { failingCollectors: [], sequence: 1 },
      });
      assert.equal(heartbeat.status, 204);
      assert.equal(member('a').views.heartbeats.length, 1);
      assert.equal(member('b').views.heartbeats.length, 0);
      for (const path of [
        '/v1/discovery/prometheus?kind=agents',
        '/v1/decisions',
        '/v1/members',
        '/v1/elections',
      ]) {
        const answer = await member('b').send({ path });
        assert.equal(answer.headers['omnimind-leader'], 'a', path);
        assert.equal(answer.status, 200, answer.text);
      }
      for (const path of [
        '/livez',
        '/readyz',
        '/version',
        '/metrics',
        '/docs',
        '/v1/openapi.json',
      ]) {
        const answer = await member('b').send({ path });
        assert.equal(answer.headers['omnimind-leader'], undefined, path);
        assert.equal(answer.status, 200, path);
      }
    });

    it('answers HEAD with the length of what GET would say', async () => {
      const { member } = await start();
      const get = await member('b').send({ path: '/v1/mode' });
      const head = await member('b').send({ method: 'HEAD', path: '/v1/mode' });
      assert.equal(head.status, 200);
      assert.equal(head.text, '');
      assert.equal(head.headers['content-length'], String(get.text.length));
    });

    it('keeps its connection to the leader for the next request', async () => {
      await start();
      let connections = 0;
      const inFront = createHttp((request, response) => {
        request.resume();
        response.setHeader('content-type', 'application/json');
        response.end('{"mode":"act"}');
      });
      inFront.on('connection', () => (connections += 1));
      await impersonate('a', inFront);
      for (let sent = 0; sent < 5; sent += 1) await cluster.member('b').send({ path: '/v1/mode' });
      assert.equal(connections, 1);
    });

    it('answers from its own state at once when stale is good enough', async () => {
      const { member } = await start();
      await member('a').send(PUT_WORKLOAD);
      member('b').consensus.freeze();
      await member('a').send({ method: 'PUT', path: '/v1/policies/p', body: policyDocument() });
      const old = await member('b').send({ path: '/v1/policies/p?consistency=stale' });
      assert.equal(problemOf(old).code, 'policy_not_found');
      assert.equal(old.headers['omnimind-consistency'], 'stale');
      assert.equal(old.headers['omnimind-applied-index'], '1');
      const list = await member('b').send({ path: '/v1/workloads?consistency=stale' });
      assert.equal(list.headers['omnimind-consistency'], 'stale');
      assert.equal(list.headers['omnimind-leader'], undefined);
      const fresh = await member('b').send({ path: '/v1/policies/p' });
      assert.equal(fresh.status, 200);
      assert.deepEqual(member('b').forwarded, ['answered']);
    });
  });

  describe('while there is no leader', () => {
    it('waits for one that is being elected', async () => {
      const { member, lead } = await start({ limits: { leaderWaitMs: 5_000 } });
      lead(null);
      const pending = member('b').send(PUT_MODE);
      await pollUntil('it arrived', 5_000, () => member('b').started() > 0);
      lead('c');
      const answer = await pending;
      assert.equal(answer.status, 200, answer.text);
      assert.equal(answer.headers['omnimind-leader'], 'c');
    });

    it('makes the change itself when it is elected meanwhile', async () => {
      const { member, lead } = await start({ limits: { leaderWaitMs: 5_000 } });
      lead(null);
      const pending = member('b').send(PUT_MODE);
      await pollUntil('it arrived', 5_000, () => member('b').started() > 0);
      lead('b');
      assert.equal((await pending).status, 200);
      assert.equal(member('b').consensus.proposed(), 1);
    });

    it('refuses changes with no_leader and Retry-After, and nothing is proposed', async () => {
      const { member, lead, group } = await start();
      lead(null);
      for (const call of [PUT_MODE, ADD_MEMBER]) {
        const answer = await member('b').send(call);
        assert.equal(problemOf(answer).code, 'no_leader');
        assert.equal(answer.headers['retry-after'], '1');
      }
      assert.equal(group.index, 0);
    });

    it('answers reads from its own state, marked stale, unless they must be linearizable', async () => {
      const { member, lead } = await start();
      await member('a').send(PUT_MODE);
      lead(null);
      const read = await member('b').send({ path: '/v1/mode' });
      assert.deepEqual([read.status, read.json], [200, { mode: 'observe' }]);
      assert.equal(read.headers['omnimind-consistency'], 'stale');
      assert.equal(read.headers['omnimind-applied-index'], '1');
      const missing = await member('b').send({ path: '/v1/workloads/w' });
      assert.equal(problemOf(missing).code, 'workload_not_found');
      assert.equal(missing.headers['omnimind-consistency'], 'stale');
      const strict = await member('b').send({ path: '/v1/mode?consistency=linearizable' });
      assert.equal(problemOf(strict).code, 'no_leader');
      const decisions = await member('b').send({ path: '/v1/decisions' });
      assert.equal(decisions.status, 200);
      assert.equal(decisions.headers['omnimind-consistency'], 'stale');
      assert.equal(decisions.headers['omnimind-applied-index'], undefined);
    });

    it('waits for none at a member that is not of the cluster, and says so', async () => {
      const { member, lead } = await start({ limits: { leaderWaitMs: 60_000 } });
      const { consensus } = member('b');
      consensus.stand('outside');
      assert.equal((await member('b').send(PUT_MODE)).status, 200, 'the last leader still answers');
      lead(null);
      for (const [standing, said] of [
        ['outside', /not a member of the cluster, or not any more/u],
        ['waiting', /waits to be added/u],
      ] as const) {
        consensus.stand(standing);
        const answer = await member('b').send(PUT_MODE);
        assert.equal(problemOf(answer).code, 'no_leader');
        assert.match(problemOf(answer).detail, said);
        assert.equal(answer.headers['retry-after'], '1');
        const read = await member('b').send({ path: '/v1/mode' });
        assert.equal(read.headers['omnimind-consistency'], 'stale');
      }
      assert.equal(consensus.proposed(), 0);
    });

    it('does not wait any longer once its member is removed', async () => {
      const { member, lead } = await start({ limits: { leaderWaitMs: 60_000 } });
      lead(null);
      const pending = member('b').send(PUT_MODE);
      await pollUntil('it arrived', 5_000, () => member('b').started() > 0);
      member('b').consensus.stand('outside');
      assert.equal(problemOf(await pending).code, 'no_leader');
    });

    it('refuses discovery, so that Prometheus keeps the targets that it has', async () => {
      const { member, lead } = await start();
      lead(null);
      const answer = await member('b').send({ path: '/v1/discovery/prometheus?kind=replicas' });
      assert.equal(problemOf(answer).code, 'no_leader');
    });

    it('treats a leader whose API is not known like none', async () => {
      const { member, urls } = await start();
      urls.delete('a');
      assert.equal(problemOf(await member('b').send(PUT_MODE)).code, 'no_leader');
      urls.set('a', 'ftp://127.0.0.1');
      assert.equal(problemOf(await member('b').send(PUT_MODE)).code, 'no_leader');
    });
  });

  describe('when the leader dies', () => {
    it('goes to the next one, reads and changes alike, when the old one refuses connections', async () => {
      const { member, kill, lead } = await start({ limits: { leaderWaitMs: 5_000 } });
      await kill('a');
      const pending = [{ path: '/v1/mode' }, PUT_MODE, ADD_MEMBER].map((call) =>
        member('b').send(call),
      );
      await pollUntil('all failed once', 5_000, () => member('b').forwarded.length === 3);
      lead('c');
      const answers = await Promise.all(pending);
      assert.deepEqual(
        answers.map(({ status }) => status),
        [200, 200, 201],
      );
      assert.ok(answers.every(({ headers }) => headers['omnimind-leader'] === 'c'));
    });

    it('answers a read from its own state when nobody follows', async () => {
      const { member, kill } = await start();
      await kill('a');
      const read = await member('b').send({ path: '/v1/mode' });
      assert.equal(read.status, 200);
      assert.equal(read.headers['omnimind-consistency'], 'stale');
      const refused = await member('b').send(PUT_MODE);
      const problem = problemOf(refused);
      assert.equal(problem.code, 'no_leader');
      assert.match(problem.detail, /a: connect ECONNREFUSED/u);
    });

    it('does not wait for one that stands still once it has a successor', async () => {
      const { member, lead } = await start();
      const { server, heard } = silentServer();
      await impersonate('a', server);
      const read = member('b').send({ path: '/v1/mode' });
      const change = member('b').send(PUT_MODE);
      await pollUntil('both were sent', 5_000, () => heard() === 2);
      lead('c');
      const answers = await Promise.all([read, change]);
      assert.deepEqual(
        answers.map(({ status, headers }) => [status, headers['omnimind-leader']]),
        [
          [200, 'c'],
          [200, 'c'],
        ],
      );
      assert.deepEqual(member('b').forwarded, ['broken', 'broken', 'answered', 'answered']);
    });

    it('applies a change once that was applied before its answer was lost', async () => {
      const { member, lead, group } = await start();
      member('a').consensus.failAfterApplyingWith('silence');
      const created = member('b').send(PUT_WORKLOAD);
      await pollUntil('it is applied', 5_000, () => group.index === 1);
      lead('c');
      const answer = await created;
      assert.equal(answer.status, 201, answer.text);
      assert.equal(answer.headers['omnimind-leader'], 'c');
      assert.equal(answer.headers.etag, '"1"');
      assert.equal(group.state.appliedKeys.length, 1);
    });

    it('finishes itself, under the same key, what its predecessor had applied', async () => {
      const { member, lead, group } = await start();
      member('a').consensus.failAfterApplyingWith('silence');
      const created = member('b').send(PUT_WORKLOAD);
      await pollUntil('it is applied', 5_000, () => group.index === 1);
      lead('b');
      const answer = await created;
      assert.equal(answer.status, 201, answer.text);
      assert.equal(answer.headers['omnimind-leader'], undefined);
      assert.equal(group.state.appliedKeys.length, 1);
    });

    for (const [title, call] of [
      ['a change of the members', ADD_MEMBER],
      ['a transfer', { method: 'POST', path: '/v1/leadership/transfer', body: {} }],
      [
        'a removal of whatever version is there',
        { method: 'DELETE', path: '/v1/workloads/w', headers: { 'if-match': '*' } },
      ],
    ] as const) {
      it(`says that the end of ${title} is unknown, and does not repeat it`, async () => {
        const { member, lead } = await start();
        await member('a').send(PUT_WORKLOAD);
        const { server, heard } = silentServer();
        await impersonate('a', server);
        const pending = member('b').send(call);
        await pollUntil('it was sent', 5_000, () => heard() === 1);
        lead('c');
        const answer = await pending;
        assert.equal(problemOf(answer).code, 'commit_unknown');
        assert.equal(answer.headers['retry-after'], '1');
        assert.deepEqual(member('c').membership.asked, []);
        assert.equal(member('c').finished.length, 0);
      });
    }

    it('says that the end is unknown when nobody follows the one that took the change', async () => {
      const { member } = await start({ limits: { forwardTimeoutMs: 200 } });
      const { server } = silentServer();
      await impersonate('a', server);
      assert.equal(problemOf(await member('b').send(PUT_MODE)).code, 'commit_unknown');
      const read = await member('b').send({ path: '/v1/mode' });
      assert.equal(read.headers['omnimind-consistency'], 'stale');
    });

    it('tries a kept connection that was cut again at once', async () => {
      await start({ limits: { leaderWaitMs: 60_000 } });
      let answered = 0;
      const inFront = createHttp((request, response) => {
        request.resume();
        // Every other request finds its connection cut, as after a restart of the leader.
        if (answered % 2 === 1 && cut < 1) {
          cut += 1;
          request.socket.destroy();
          return;
        }
        answered += 1;
        response.setHeader('content-type', 'application/json');
        response.end('{"mode":"act"}');
      });
      let cut = 0;
      await impersonate('a', inFront);
      const { member } = cluster;
      assert.equal((await member('b').send({ path: '/v1/mode' })).status, 200);
      const second = await member('b').send({ path: '/v1/mode' });
      assert.equal(second.headers['omnimind-leader'], 'a');
      assert.deepEqual(member('b').forwarded, ['answered', 'broken', 'answered']);
    });
  });

  describe('when members disagree', () => {
    it('is refused by who is asked in another’s name and does not lead either', async () => {
      const { member, group } = await start();
      const headers = { 'omnimind-forwarded-by': 'c' };
      for (const call of [PUT_MODE, { path: '/v1/mode' }]) {
        const answer = await member('b').send({ ...call, headers });
        assert.equal(problemOf(answer).code, 'not_leader');
        assert.equal(answer.headers['retry-after'], '1');
      }
      assert.equal(group.index, 0);
      assert.deepEqual(member('b').forwarded, []);
    });

    it('never goes round: each member is asked a bounded number of times', async () => {
      const { member, urls } = await start({ ids: ['a', 'b'] });
      urls.set('a', urls.get('b') ?? '');
      const answer = await member('b').send(PUT_MODE);
      assert.equal(problemOf(answer).code, 'no_leader');
      assert.deepEqual(member('b').forwarded, ['refused', 'refused', 'refused']);
      await pollUntil('all have ended', 5_000, () => member('b').finished.length === 4);
      const read = await member('b').send({ path: '/v1/mode' });
      assert.equal(read.headers['omnimind-consistency'], 'stale');
    });

    it('goes to the next leader when the one asked has just lost its leadership', async () => {
      const { member, lead, group } = await start({ limits: { commitTimeoutMs: 150 } });
      member('a').consensus.failWith('silence');
      const pending = member('b').send(PUT_MODE);
      await pollUntil('it is proposed', 5_000, () => member('a').consensus.proposed() === 1);
      lead('c');
      const answer = await pending;
      assert.equal(answer.status, 200, answer.text);
      assert.equal(answer.headers['omnimind-leader'], 'c');
      assert.equal(group.state.appliedKeys.length, 1);
    });
  });

  describe('bounds', () => {
    it('turns away what exceeds the requests that may wait for the leader', async () => {
      const { member } = await start({ limits: { forwardsInFlightMax: 1, forwardTimeoutMs: 300 } });
      const { server, heard } = silentServer();
      await impersonate('a', server);
      const first = member('b').send({ path: '/v1/mode?consistency=linearizable' });
      await pollUntil('it was sent', 5_000, () => heard() === 1);
      assert.equal(problemOf(await member('b').send({ path: '/v1/nodes' })).code, 'overloaded');
      assert.equal(problemOf(await first).code, 'no_leader');
    });

    it('gives up on a leader that takes no connection in time', async () => {
      const { member, urls } = await start({ limits: { leaderConnectTimeoutMs: 50 } });
      // TEST-NET-1: no host answers there (RFC 5737).
      urls.set('a', 'http://192.0.2.1:7400');
      const problem = problemOf(await member('b').send(PUT_MODE));
      assert.equal(problem.code, 'no_leader');
      assert.equal(new Set(member('b').forwarded).size, 1);
      assert.equal(member('b').forwarded[0], 'not_reached');
    });

    it('takes no answer beyond the bound', async () => {
      await start({ limits: { forwardedAnswerBytesMax: 1_000 } });
      const large = createHttp((request, response) => {
        request.resume();
        response.end('x'.repeat(100_000));
      });
      await impersonate('a', large);
      const answer = await cluster.member('b').send({ path: '/v1/mode?consistency=linearizable' });
      assert.match(problemOf(answer).detail, /larger than 1000 bytes/u);
    });

    it('ends a forwarded request when its member stops', async () => {
      const { member, kill } = await start();
      const { server, heard } = silentServer();
      await impersonate('a', server);
      const cut = assert.rejects(member('b').send({ path: '/v1/mode' }), /ECONNRESET|hang up/u);
      await pollUntil('it was sent', 5_000, () => heard() === 1);
      await kill('b');
      await cut;
    });
  });

  describe('over TLS', () => {
    it('trusts the authority that it was given, and nobody else', async function () {
      const directory = await mkdtemp(join(tmpdir(), 'omnimind-tls-'));
      closing.push(() => rm(directory, { recursive: true, force: true }));
      const [key, cert] = [join(directory, 'key.pem'), join(directory, 'cert.pem')];
      const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=IP:127.0.0.1'];
      skipWithout(this, 'openssl');
      const made = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
      const files = ['-keyout', key, '-out', cert, '-days', '1'];
      await promisify(execFile)('openssl', ['req', '-x509', ...made, ...files, ...subject]);
      const pem = await readFile(cert, 'utf8');
      for (const [ca, code] of [
        [pem, null],
        [undefined, 'no_leader'],
      ] as const) {
        const { member, urls } = await start(ca === undefined ? {} : { ca });
        const secure = createHttps({ key: await readFile(key), cert: pem }, (request, response) => {
          request.resume();
          response.setHeader('content-type', 'application/json');
          response.end(JSON.stringify({ mode: request.headers['omnimind-forwarded-by'] }));
        });
        await new Promise<void>((resolve) => secure.listen(0, '127.0.0.1', resolve));
        closing.push(
          () => secure.closeAllConnections(),
          () => void secure.close(),
        );
        urls.set('a', `https://127.0.0.1:${portOf(secure)}`);
        const answer = await member('b').send({ path: '/v1/mode?consistency=linearizable' });
        if (code === null) assert.deepEqual(answer.json, { mode: 'b' });
        else {
          const problem = problemOf(answer);
          assert.equal(problem.code, code);
          assert.match(problem.detail, /self-signed/u);
          assert.equal(member('b').forwarded[0], 'not_reached');
        }
      }
    });
  });
});

function portOf(server: { address(): AddressInfo | string | null }): number {
  const address = server.address();
  assert.ok(typeof address === 'object' && address !== null);
  return address.port;
}
