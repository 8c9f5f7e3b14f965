import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type {
  WebhookEvent,
  WebhookLimits,
  WebhookSettings,
} from '../../../control-plane/adapters/webhook/settings.ts';
import { createWebhookTarget } from '../../../control-plane/adapters/webhook/target.ts';
import type { WebhookScaleTarget } from '../../../control-plane/adapters/webhook/target.ts';
import type { WebhookTarget } from '../../../control-plane/model/workload.ts';
import { ScaleTargetError } from '../../../control-plane/ports/scale-target.ts';
import type { ScaleTargetFailure } from '../../../control-plane/ports/scale-target.ts';
import { pollUntil } from '../../support/process.ts';
import { createAuthority } from '../../support/raft-certificates.ts';
import { createScalePlane } from '../../support/scale-plane.ts';
import { startWebhookReceiver } from '../../support/webhook-receiver.ts';
import type {
  ReceiverOptions,
  SeenRequest,
  WebhookReceiver,
} from '../../support/webhook-receiver.ts';
import { webhookWorkload } from '../../support/webhook-workload.ts';

const SECRET = 'the-secret-that-both-of-them-know-for-now';
const NEXT_SECRET = 'the-secret-that-takes-the-place-of-it-later';
const TOKEN = { term: 1, index: 1 };

describe('the webhook target', () => {
  let directory = '';
  let receiver: WebhookReceiver;
  let events: WebhookEvent[] = [];
  let opened: WebhookScaleTarget[] = [];
  let others: WebhookReceiver[] = [];
  /** What the plane's clock is ahead of the receiver's. */
  let skewMs = 0;

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'omnimind-webhook-'));
    await writeFile(join(directory, 'scaling'), SECRET);
    receiver = await startWebhookReceiver({ file: join(directory, 'kept.json'), secrets: SECRET });
    events = [];
    opened = [];
    others = [];
    skewMs = 0;
  });
  afterEach(async () => {
    await Promise.all(opened.map((target) => target.stop()));
    await Promise.all([receiver, ...others].map((one) => one.close()));
    await rm(directory, { recursive: true, force: true });
  });

  async function open(
    limits: Partial<WebhookLimits> = {},
    rest: Partial<Pick<WebhookSettings, 'owner' | 'mayAct' | 'caFile'>> & { name?: string } = {},
  ): Promise<WebhookScaleTarget> {
    const { owner = 'omnimind', name = 'member-1', mayAct = () => true, caFile = null } = rest;
    const target = createWebhookTarget({
      secretsDirectory: directory,
      caFile,
      placesFile: join(directory, `${name}.json`),
      owner,
      nowMs: () => Date.now() + skewMs,
      onEvent: (event) => events.push(event),
      mayAct,
      limits: { backoffMinMs: 5, backoffMaxMs: 50, pollMinMs: 5, ...limits },
    });
    await target.start();
    opened.push(target);
    return target;
  }

  async function another(options: Pick<ReceiverOptions, 'tls'>): Promise<WebhookReceiver> {
    const file = join(directory, 'another.json');
    const one = await startWebhookReceiver({ file, secrets: SECRET, ...options });
    others.push(one);
    return one;
  }

  const chat = (target: Partial<WebhookTarget> = {}) =>
    webhookWorkload('chat', { url: `${receiver.origin}/workloads/chat`, ...target });
  const set = (target: WebhookScaleTarget, replicas: number, token = TOKEN): Promise<void> =>
    target.setReplicas(chat(), replicas, token, signal());
  const read = (target: WebhookScaleTarget) => target.readReplicas(chat(), signal());
  const puts = (): readonly SeenRequest[] => receiver.seen.filter(({ method }) => method === 'PUT');

  describe('telling a number', () => {
    it('says whose it is, of what, how many and with which token, signed and under one key', async () => {
      const target = await open();
      await set(target, 3, { term: 4, index: 17 });
      const [put] = puts();
      assert.ok(put);
      assert.deepEqual(JSON.parse(put.body.toString('utf8')), {
        owner: 'omnimind',
        workload: 'chat',
        replicas: 3,
        removed: false,
        token: { term: 4, index: 17 },
      });
      assert.equal(put.headers['idempotency-key'], '"omnimind/chat/4/17/3"');
      assert.match(
        String(put.headers['signature-input']),
        /^omnimind=\("@method" "@authority" "@path" "@query" "content-digest" "content-type" "idempotency-key"\);created=\d{10};keyid="scaling\/[0-9a-f]{8}";alg="hmac-sha256";tag="omnimind-webhook-1"$/,
      );
      assert.deepEqual(receiver.applied, ['/workloads/chat 4/17 3']);
    });

    it('is tried again after 500 and after a connection that broke, the same request each time', async () => {
      const target = await open();
      receiver.plan('PUT', { kind: 'answer', status: 500 }, { kind: 'reset', when: 'before' });
      await set(target, 2);
      assert.equal(puts().length, 3);
      assert.equal(new Set(puts().map(({ body }) => body.toString('utf8'))).size, 1);
      assert.equal(new Set(puts().map(({ headers }) => headers['idempotency-key'])).size, 1);
      assert.deepEqual(
        events.map((event) => (event.kind === 'retried' ? [event.workloadId, event.attempt] : [])),
        [
          ['chat', 1],
          ['chat', 2],
        ],
      );
      assert.equal(receiver.applied.length, 1);
    });

    it('is not applied twice when the connection breaks after it took effect', async () => {
      const target = await open();
      receiver.plan('PUT', { kind: 'reset', when: 'after' });
      await set(target, 2);
      assert.equal(puts().length, 2);
      assert.deepEqual(receiver.applied, ['/workloads/chat 1/1 2']);
      await set(target, 2);
      assert.equal(puts().length, 3);
      assert.equal(receiver.applied.length, 1);
    });

    it('is given up after so many attempts, and is what it was for the next call', async () => {
      const target = await open({ attemptsMax: 3 });
      const body = JSON.stringify({ detail: 'the store is away' });
      receiver.plan('PUT', ...Array.from({ length: 3 }, () => ({ ...answer(503), body })));
      const why = /PUT http:.*\/workloads\/chat: status 503: the store is away; 3 attempts$/;
      await refused('unavailable', set(target, 2), why);
      assert.equal(puts().length, 3);
      await set(target, 2);
      assert.deepEqual(receiver.applied, ['/workloads/chat 1/1 2']);
    });

    it('waits for a slow receiver as long as its workload says, and asks again then', async () => {
      const target = await open({ attemptsMax: 2 });
      receiver.plan('PUT', { kind: 'hang' });
      const workload = chat({ requestTimeoutMs: 100 });
      await target.setReplicas(workload, 2, TOKEN, signal());
      assert.equal(puts().length, 2);
      receiver.plan('PUT', { kind: 'hang' }, { kind: 'hang' });
      const hung = target.setReplicas(workload, 3, { term: 1, index: 2 }, signal());
      await refused('unavailable', hung, /no answer within 100 ms; 2 attempts/);
    });

    it('obeys Retry-After within a call, and beyond it with the calls to come', async () => {
      const target = await open({ backoffMaxMs: 1_500 });
      receiver.plan('PUT', answer(429, { 'retry-after': '1' }));
      const begun = performance.now();
      await set(target, 1);
      assert.ok(performance.now() - begun >= 1_000);
      receiver.plan('PUT', answer(503, { 'retry-after': '120' }));
      const next = { term: 1, index: 2 };
      await refused('unavailable', set(target, 2, next), /left alone for 120000 ms/);
      const before = puts().length;
      await refused('unavailable', set(target, 2, next), /left alone for another 1[12]\d{4} ms/);
      assert.equal(puts().length, before);
      assert.equal((await read(target)).length, 1);
    });

    it('obeys Retry-After as a date, and none for longer than its own bound', async () => {
      const target = await open({ pauseMaxMs: 10_000 });
      const inAnHour = new Date(Date.now() + 3_600_000).toUTCString();
      receiver.plan('PUT', answer(429, { 'retry-after': inAnHour }));
      await refused('unavailable', set(target, 1), /left alone for 10000 ms/);
    });

    it('is rejected in the receiver’s words, without another attempt', async () => {
      const target = await open();
      const body = JSON.stringify({ code: 'too_many', detail: 'at most 8\u0007 replicas' });
      receiver.plan('PUT', { ...answer(422), body });
      await refused('rejected', set(target, 9), /status 422: at most 8 replicas$/);
      receiver.plan('PUT', { ...answer(404), body: 'x'.repeat(1_000) });
      await refused('rejected', set(target, 9), /status 404$/);
      receiver.plan('PUT', { ...answer(400), body: JSON.stringify({ title: 'y'.repeat(999) }) });
      await refused('rejected', set(target, 9), /status 400: y{300}$/);
      assert.equal(puts().length, 3);
    });

    it('is told nowhere else: no redirect is followed', async () => {
      const other = await another({});
      const target = await open();
      for (const status of [301, 302, 307, 308]) {
        receiver.plan('PUT', answer(status, { location: `${other.origin}/workloads/chat` }));
        await refused('rejected', set(target, 2), /redirects are not followed/);
      }
      assert.deepEqual(other.seen, []);
    });
  });

  describe('a number that is taken and comes into force later', () => {
    it('is told once the receiver says that it is done', async () => {
      const target = await open();
      receiver.plan('PUT', { kind: 'later', pending: 3 });
      await set(target, 2);
      assert.deepEqual(receiver.applied, ['/workloads/chat 1/1 2']);
      assert.equal(receiver.seen.filter(({ target: at }) => at === '/progress/0').length, 4);
      assert.ok(receiver.seen.every(({ status }) => status === 200 || status === 202));
    });

    it('is told at once where the receiver names no place to look', async () => {
      const target = await open();
      receiver.plan('PUT', answer(202));
      await set(target, 2);
      assert.equal(receiver.seen.length, 1);
    });

    it('is refused in the words of what became of it, a token that was too old included', async () => {
      const target = await open();
      const failure = { code: 'no_capacity', detail: 'no GPU is free' };
      receiver.plan('PUT', { kind: 'later', pending: 0, failure });
      await refused('rejected', set(target, 2), /failed: no GPU is free/);
      const stale = { code: 'stale_token', detail: 'told 9/9 meanwhile' };
      receiver.plan('PUT', { kind: 'later', pending: 1, failure: stale });
      await refused('stale_token', set(target, 2), /told 9\/9 meanwhile/);
    });

    it('is unavailable after so many looks, and at the deadline', async () => {
      const target = await open({ pollsMax: 3 });
      receiver.plan('PUT', { kind: 'later', pending: 99 });
      await refused('unavailable', set(target, 2), /not in force after 3 looks/);
      assert.equal(receiver.seen.filter(({ method }) => method === 'GET').length, 3);
      const patient = await open({ pollMinMs: 50, backoffMaxMs: 50, pollsMax: 1_000 });
      receiver.plan('PUT', { kind: 'later', pending: 9_999 });
      const told = patient.setReplicas(chat(), 2, TOKEN, AbortSignal.timeout(200));
      await refused('unavailable', told, /aborted by the caller/);
    });

    it('is looked after on the receiver’s own origin alone', async () => {
      const other = await another({});
      const target = await open();
      for (const location of [
        `${other.origin}/x`,
        'https://[',
        receiver.origin.replace('//', '//u:p@'),
      ]) {
        receiver.plan('PUT', { kind: 'later', pending: 0, location });
        await refused('unavailable', set(target, 2), /not on its own origin/);
      }
      assert.deepEqual(other.seen, []);
    });
  });

  describe('what the receiver believes', () => {
    it('is nothing that another secret signed, and what any of its own did', async () => {
      const target = await open();
      await writeFile(join(directory, 'scaling'), NEXT_SECRET);
      await refused('rejected', set(target, 2), /status 401: signature_wrong/);
      // The receiver first: it takes both; then the plane signs with the next one; then the last goes.
      receiver.useSecrets(`${NEXT_SECRET}\n${SECRET}`);
      await set(target, 2);
      await writeFile(join(directory, 'scaling'), `${SECRET}\n${NEXT_SECRET}`);
      await set(target, 3, { term: 1, index: 2 });
      await writeFile(join(directory, 'scaling'), NEXT_SECRET);
      receiver.useSecrets(NEXT_SECRET);
      await set(target, 4, { term: 1, index: 3 });
      assert.equal(receiver.applied.length, 3);
    });

    it('is nothing from a clock that is too far from its own', async () => {
      const target = await open();
      skewMs = -301_000;
      await refused('rejected', set(target, 2), /signature_too_old/);
      skewMs = 302_000;
      await refused('rejected', set(target, 2), /signature_from_future/);
      await refused('unavailable', read(target), /signature_from_future/);
      skewMs = 290_000;
      await set(target, 2);
    });

    it('is a request that is repeated word by word once: its token is known', async () => {
      const target = await open();
      await set(target, 2);
      const [first] = puts();
      assert.ok(first);
      await set(target, 4, { term: 1, index: 2 });
      assert.equal(await repeat(receiver.origin, first), 409);
      const second = puts()[1];
      assert.ok(second);
      assert.equal(await repeat(receiver.origin, second), 200);
      assert.deepEqual(receiver.applied, ['/workloads/chat 1/1 2', '/workloads/chat 1/2 4']);
      assert.equal((await read(target)).length, 4);
    });

    it('is a request of another path, method or body never', async () => {
      const target = await open();
      await set(target, 2);
      const [put] = puts();
      assert.ok(put);
      assert.equal(await repeat(receiver.origin, { ...put, target: '/workloads/other' }), 401);
      assert.equal(await repeat(receiver.origin, { ...put, method: 'POST' }), 401);
      const body = Buffer.from(put.body.toString('utf8').replace('"replicas":2', '"replicas":9'));
      assert.equal(await repeat(receiver.origin, { ...put, body }), 401);
      assert.equal(receiver.applied.length, 1);
    });

    it('is the newest leader: a deposed one’s late number is refused, and it hears so', async () => {
      const [deposed, leader] = [await open(), await open({}, { name: 'member-2' })];
      await set(deposed, 2, { term: 1, index: 8 });
      let arrive = (): void => undefined;
      const until = new Promise<void>((resolve) => (arrive = resolve));
      receiver.plan('PUT', { kind: 'hold', until });
      const late = set(deposed, 9, { term: 1, index: 9 });
      await pollUntil('the late number to be under way', 5_000, () => puts().length === 2);
      await set(leader, 3, { term: 2, index: 1 });
      arrive();
      await refused('stale_token', late, /told by omnimind with 2\/1/);
      await refused('stale_token', set(deposed, 9, { term: 1, index: 9 }), /409/);
      assert.equal((await read(leader)).length, 3);
      await read(deposed);
      await read(deposed);
      assert.deepEqual(events, [
        {
          kind: 'outrun',
          workloadId: 'chat',
          token: { term: 1, index: 8 },
          newest: { term: 2, index: 1 },
        },
      ]);
    });

    it('is one cluster', async () => {
      const [ours, theirs] = [await open(), await open({}, { owner: 'another', name: 'b' })];
      await set(ours, 2);
      await refused('rejected', set(theirs, 9, { term: 9, index: 9 }), /409: told by omnimind/);
      await refused('unavailable', read(theirs), /is told by the cluster omnimind/);
      await theirs.removeWorkload('chat', { term: 9, index: 9 }, signal());
      assert.deepEqual(await theirs.listWorkloads(), []);
      assert.equal((await read(ours)).length, 2);
    });
  });

  describe('reading the replicas', () => {
    it('has each with its id, address, phase and start', async () => {
      const target = await open();
      const startedAt = '2026-01-02T03:04:05.678+01:00';
      const one = { id: 'r.1', address: '[::1]:8080', phase: 'starting', startedAt };
      receiver.plan('GET', { ...answer(200), body: state({ desired: 1, replicas: [one] }) });
      assert.deepEqual(await read(target), [
        {
          replicaId: 'r.1',
          workloadId: 'chat',
          address: '[::1]:8080',
          metricsPath: '/metrics',
          phase: 'starting',
          startedAtMs: Date.UTC(2026, 0, 2, 2, 4, 5, 678),
        },
      ]);
    });

    const replica = { id: 'a', address: 'x:1', phase: 'ready', startedAt: '2026-01-02T03:04:05Z' };
    const wrong: readonly (readonly [string, string, RegExp])[] = [
      ['no JSON', '<html>', /its answer is not JSON/],
      ['nothing', '', /its answer is not JSON/],
      ['a list', '[]', /its answer is wrong/],
      ['a field more', state({ extra: 1 }), /its answer is wrong/],
      ['a number less than none', state({ desired: -1 }), /wrong at desired/],
      ['half a replica', state({ desired: 1.5 }), /wrong at desired/],
      ['no token but a text', state({ token: '1/1' }), /wrong at token/],
      ['a phase that is none', state({ replicas: [{ ...replica, phase: 'ok' }] }), /0\.phase/],
      [
        'an address without port',
        state({ replicas: [{ ...replica, address: 'x' }] }),
        /0\.address/,
      ],
      ['port 0', state({ replicas: [{ ...replica, address: 'x:0' }] }), /0\.address/],
      ['port 65536', state({ replicas: [{ ...replica, address: 'x:65536' }] }), /0\.address/],
      ['an id with a slash', state({ replicas: [{ ...replica, id: '../a' }] }), /0\.id/],
      [
        'a start that is no time',
        state({ replicas: [{ ...replica, startedAt: 'now' }] }),
        /startedAt/,
      ],
      [
        'two replicas of one id',
        state({ replicas: [replica, replica] }),
        /two replicas have one id/,
      ],
      ['another workload', state({ workload: 'other' }), /answered for the workload "other"/],
    ];
    for (const [what, body, why] of wrong) {
      it(`is unavailable with an answer that holds ${what}`, async () => {
        const target = await open();
        receiver.plan('GET', { ...answer(200), body });
        await refused('unavailable', read(target), why);
      });
    }

    it('is unavailable with an answer that is larger than its bound, or has too many replicas', async () => {
      const target = await open({ answerBytesMax: 4_096, attemptsMax: 1 });
      receiver.plan('GET', { ...answer(200), body: 'x'.repeat(4_097) });
      await refused('unavailable', read(target), /more than 4096 bytes/);
      const few = await open({ replicasMax: 1 });
      const replicas = [replica, { ...replica, id: 'b' }];
      receiver.plan('GET', { ...answer(200), body: state({ replicas }) });
      await refused('unavailable', read(few), /wrong at replicas/);
    });

    it('is unavailable where the receiver knows nothing of such a path, rather than no replica', async () => {
      const target = await open();
      for (const status of [404, 204, 301, 401]) {
        receiver.plan('GET', answer(status));
        await refused('unavailable', read(target), new RegExp(`answered status ${status}`));
      }
    });

    it('is unavailable without a secret, before anything is sent', async () => {
      const target = await open();
      const workload = chat({ secret: 'absent' });
      await refused(
        'unavailable',
        target.readReplicas(workload, signal()),
        /absent cannot be read/,
      );
      assert.deepEqual(receiver.seen, []);
    });

    it('is unavailable at an address that no receiver may have', async () => {
      const target = await open({ attemptsMax: 1 });
      const workload = chat({ url: 'http://169.254.169.254/latest/meta-data' });
      await refused('unavailable', target.readReplicas(workload, signal()), /no receiver may have/);
    });

    it('shows no secret and no query in what it says and writes', async () => {
      const target = await open({ attemptsMax: 2 });
      receiver.plan('GET', answer(500), answer(500));
      const workload = chat({ url: `${receiver.origin}/workloads/chat?key=hidden` });
      const failing = target.readReplicas(workload, signal());
      await refused('unavailable', failing, /workloads\/chat: status 500; 2 attempts$/);
      const said = JSON.stringify(events);
      assert.ok(said.includes('retried'));
      assert.ok(!said.includes(SECRET) && !said.includes('hidden'));
      for (const file of await readdir(directory)) {
        if (file === 'scaling') continue;
        assert.ok(!(await readFile(join(directory, file), 'utf8')).includes(SECRET));
      }
    });
  });

  describe('a member that does not lead', () => {
    it('sends nothing, and knows whom to tell when it leads and the workload is gone', async () => {
      let leads = false;
      const [leader, next] = [await open(), await open({}, { name: 'b', mayAct: () => leads })];
      await set(leader, 2);
      const before = receiver.seen.length;
      await refused('unavailable', read(next), /does not lead/);
      await refused('unavailable', set(next, 9), /no lease/);
      assert.equal(receiver.seen.length, before);
      leads = true;
      assert.deepEqual(await next.listWorkloads(), ['chat']);
      await next.removeWorkload('chat', { term: 2, index: 1 }, signal());
      assert.deepEqual(receiver.applied.at(-1), '/workloads/chat 2/1 0');
      assert.equal(puts().at(-1)?.headers['idempotency-key'], '"omnimind/chat/2/1/removed"');
      assert.deepEqual(await read(leader), []);
    });

    it('tells no receiver a second time that its workload is gone', async () => {
      let leads = false;
      const [leader, next] = [await open(), await open({}, { name: 'b', mayAct: () => leads })];
      await set(leader, 2);
      await refused('unavailable', read(next), /does not lead/);
      await leader.removeWorkload('chat', { term: 1, index: 2 }, signal());
      const before = puts().length;
      leads = true;
      await next.removeWorkload('chat', { term: 2, index: 1 }, signal());
      assert.equal(puts().length, before);
      assert.deepEqual(await next.listWorkloads(), []);
    });

    it('tells no receiver of a removal that never had a number from this cluster', async () => {
      let leads = false;
      const target = await open({}, { mayAct: () => leads });
      await refused('unavailable', read(target), /does not lead/);
      leads = true;
      assert.deepEqual(await target.listWorkloads(), ['chat']);
      await target.removeWorkload('chat', TOKEN, signal());
      assert.deepEqual(await target.listWorkloads(), []);
      assert.deepEqual(puts(), []);
    });
  });

  it('speaks TLS with a receiver whose certificate the configured authority signed, and with no other', async () => {
    const authority = await createAuthority();
    const { ca, cert, key } = await authority.issue('localhost');
    await authority.remove();
    const caFile = join(directory, 'ca.pem');
    await writeFile(caFile, ca);
    const secure = await another({ tls: { cert, key } });
    const workload = chat({ url: `${secure.origin}/workloads/chat` });
    const trusting = await open({ attemptsMax: 1 }, { caFile });
    await trusting.setReplicas(workload, 2, TOKEN, signal());
    assert.equal((await trusting.readReplicas(workload, signal())).length, 2);
    const other = await open({ attemptsMax: 1 }, { name: 'b' });
    await refused('unavailable', other.readReplicas(workload, signal()), /certificate/);
  });

  it('gives up telling of a removal after its time, says so, and forgets', async () => {
    const target = await open({ attemptsMax: 1, removalMaxMs: 100 });
    await set(target, 2);
    await receiver.close();
    const remove = () => target.removeWorkload('chat', { term: 1, index: 2 }, signal());
    await refused('unavailable', remove(), /ECONNREFUSED/);
    assert.deepEqual(await target.listWorkloads(), ['chat']);
    await pollUntil('the removal to be given up', 5_000, async () => {
      await remove().catch(() => undefined);
      return (await target.listWorkloads()).length === 0;
    });
    assert.deepEqual(
      events.map(({ kind }) => kind),
      ['abandoned'],
    );
  });

  it('is unavailable before its start and after its stop, which ends what is under way', async () => {
    const target = await open();
    receiver.plan('GET', { kind: 'hang' });
    const reading = read(target);
    await pollUntil('the request', 5_000, () => receiver.seen.length === 1);
    await target.stop();
    await refused('unavailable', reading, /aborted/);
    await refused('unavailable', read(target), /not started/);
    assert.deepEqual(await target.listWorkloads(), []);
  });

  describe('under the loop that decides', () => {
    async function scaled() {
      const target = await open();
      const p = createScalePlane({ targets: { webhook: target } });
      await p.propose({ kind: 'raise_format', formatVersion: 4 });
      await p.put('chat', {});
      const put = { kind: 'put_workload', source: 'api', expectedVersion: null } as const;
      await p.propose({ ...put, workload: chat() });
      p.source.loads.set('chat', 30);
      await p.tick();
      await p.tick();
      assert.ok(p.entry('chat').desired > 1);
      assert.equal((await read(target)).length, p.entry('chat').desired);
      return { p, target };
    }

    it('has the number that was decided, and none once the workload is removed', async () => {
      const { p, target } = await scaled();
      await p.propose({ kind: 'remove_policy', policyId: 'chat-load', expectedVersion: null });
      await p.propose({ kind: 'remove_workload', workloadId: 'chat', expectedVersion: null });
      await p.tick();
      assert.deepEqual(await read(target), []);
      assert.deepEqual(await target.listWorkloads(), []);
      assert.deepEqual(p.warnings(), []);
      p.stop();
    });

    it('refuses a deposed leader’s tick: what the next one told stays', async () => {
      const { p, target } = await scaled();
      const next = await open({}, { name: 'b' });
      await set(next, 7, { term: 99, index: 1 });
      p.source.loads.set('chat', 1);
      await p.tick();
      assert.equal((await read(target)).length, 7);
      const refusals = p.warnings().filter(({ fields }) => fields['failure'] === 'stale_token');
      assert.equal(refusals.length, 1);
      assert.ok(events.some(({ kind }) => kind === 'outrun'));
      p.stop();
    });
  });
});

function signal(): AbortSignal {
  return AbortSignal.timeout(15_000);
}

function answer(status: number, headers: Readonly<Record<string, string>> = {}) {
  return { kind: 'answer', status, headers } as const;
}

function state(change: object): string {
  const known = { workload: 'chat', owner: 'omnimind', token: TOKEN, desired: 2, replicas: [] };
  return JSON.stringify({ ...known, ...change });
}

async function refused(
  failure: ScaleTargetFailure,
  act: Promise<unknown>,
  why: RegExp,
): Promise<void> {
  await assert.rejects(act, (error) => {
    assert.ok(error instanceof ScaleTargetError, String(error));
    assert.match(error.message, why);
    assert.equal(error.failure, failure);
    return true;
  });
}

/** Sends what was seen once more, as somebody would who has overheard it. */
function repeat(origin: string, { method, target, headers, body }: SeenRequest): Promise<number> {
  return new Promise((resolve, reject) => {
    const sent = { ...headers, 'content-length': String(body.length) };
    const outgoing = request(`${origin}${target}`, { method, headers: sent }, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    });
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}
