/** What each route does, over a real socket; every answer is held against its own schema. */

import assert from 'node:assert/strict';

import { z } from 'zod';

import {
  decisionRecord,
  explainedDecision,
  modeView,
  nodeView,
  pageOf,
  readiness,
  registrationAnswer,
  replayAnswer,
  scaleOutcome,
  services,
  targetGroups,
  workloadModeView,
  workloadView,
} from '../../../control-plane/http/representations.ts';
import { policyView } from '../../../control-plane/http/policy-representations.ts';
import { formatNotRead } from '../../../control-plane/loops/raft/format-guard.ts';
import { NO_CONFIGURATION } from '../../../control-plane/model/configuration.ts';
import { FORMAT_MAX } from '../../../control-plane/state/format.ts';
import {
  actingDecision,
  holdingDecision,
  policyDocument,
  registrationDocument,
  workloadDocument,
} from '../../support/http-documents.ts';
import {
  problemOf,
  startTestPlane,
  type TestAnswer,
  type TestCall,
  type TestPlane,
} from '../../support/http-plane.ts';
import { scaleInput } from '../../support/scale-input.ts';

const START_MS = 1_700_000_000_000;

describe('the HTTP API', () => {
  let plane: TestPlane;

  beforeEach(async () => {
    plane = await startTestPlane();
  });
  afterEach(() => plane.stop());

  async function expect<T>(status: number, schema: z.ZodType<T>, call: TestCall): Promise<T> {
    const answer = await plane.send(call);
    assert.equal(answer.status, status, answer.text);
    assert.equal(answer.headers['cache-control'], 'no-store');
    return schema.parse(answer.json);
  }

  async function expectStatus(status: number, call: TestCall): Promise<TestAnswer> {
    const answer = await plane.send(call);
    assert.equal(answer.status, status, answer.text);
    return answer;
  }

  const put = (path: string, body: unknown, headers = {}): TestCall => ({
    method: 'PUT',
    path,
    body,
    headers,
  });
  const register = (body: unknown): TestCall => ({ method: 'POST', path: '/v1/nodes', body });

  describe('nodes', () => {
    it('registers once; the same again commits nothing, a change is one more commit', async () => {
      const first = await expect(201, registrationAnswer, register(registrationDocument()));
      assert.deepEqual(first, { nodeId: 'node-1', heartbeatIntervalMs: 5_000 });
      assert.equal(plane.consensus.proposed(), 1);
      await expect(200, registrationAnswer, register(registrationDocument()));
      assert.equal(plane.consensus.proposed(), 1);
      await expect(
        200,
        registrationAnswer,
        register(registrationDocument({ labels: { zone: 'b' } })),
      );
      assert.equal(plane.consensus.proposed(), 2);
      const node = await expect(200, nodeView, { path: '/v1/nodes/node-1' });
      assert.deepEqual(node.labels, { zone: 'b' });
      assert.equal(node.health.status, 'healthy');
    });

    it('takes heartbeats of registered nodes, and tells the others to register', async () => {
      const heartbeat: TestCall = {
        method: 'POST',
        path: '/v1/nodes/node-1/heartbeat',
        body: { failingCollectors: ['gpu'], sequence: 3 },
      };
      assert.equal(problemOf(await plane.send(heartbeat)).code, 'node_not_found');
      await expect(201, registrationAnswer, register(registrationDocument()));
      const answer = await expectStatus(204, heartbeat);
      assert.equal(answer.text, '');
      assert.deepEqual(plane.views.heartbeats, [
        { nodeId: 'node-1', failingCollectors: ['gpu'], sequence: 3 },
      ]);
    });

    it('lists in pages that follow the Link header, with filters kept', async () => {
      for (const nodeId of ['c', 'a', 'B', 'd']) {
        await expect(201, registrationAnswer, register(registrationDocument({ nodeId })));
      }
      plane.views.statuses.set('a', 'stale');
      const page = pageOf(nodeView, 'NodePage');
      const seen: string[] = [];
      let path: string | undefined = '/v1/nodes?status=healthy&limit=2';
      while (path !== undefined) {
        const answer: TestAnswer = await expectStatus(200, { path });
        const { items } = page.parse(answer.json);
        seen.push(...items.map((item) => nodeView.parse(item).nodeId));
        path = /^<(.+)>; rel="next"$/u.exec(String(answer.headers.link))?.[1];
      }
      assert.deepEqual(seen, ['B', 'c', 'd']);
      const none = await expect(200, page, { path: '/v1/nodes?capability=training' });
      assert.deepEqual(none, { items: [], nextCursor: null });
    });

    it('forgets a node', async () => {
      await expect(201, registrationAnswer, register(registrationDocument()));
      await expectStatus(204, { method: 'DELETE', path: '/v1/nodes/node-1' });
      await expectStatus(404, { path: '/v1/nodes/node-1' });
    });

    it('answers who can do what: healthy nodes and ready replicas', async () => {
      await expect(201, registrationAnswer, register(registrationDocument()));
      await expect(201, registrationAnswer, register(registrationDocument({ nodeId: 'node-2' })));
      plane.views.statuses.set('node-2', 'unreachable');
      await expect(201, workloadView, put('/v1/workloads/w', workloadDocument()));
      const all = await expect(200, services, { path: '/v1/services' });
      assert.deepEqual(
        all.items.map((item) => [item.capability, item.healthyNodes, item.readyReplicas]),
        [
          ['gpu', 1, 0],
          ['inference', 1, 1],
        ],
      );
      const one = await expect(200, services, { path: '/v1/services?capability=inference' });
      const [item] = one.items;
      assert.ok(item !== undefined);
      assert.deepEqual(item.nodes, [{ nodeId: 'node-1', address: '10.0.0.1:7410' }]);
      assert.equal(item.replicas[0]?.replicaId, 'r1');
    });
  });

  describe('workloads', () => {
    it('takes one on a Docker engine, raising the format of the log for it', async () => {
      const target = { kind: 'docker', image: 'example/server:1', port: 8080, cpus: 0.5 };
      await expectStatus(201, put('/v1/workloads/w', workloadDocument({ target })));
      const read = await expect(200, workloadView, { path: '/v1/workloads/w' });
      assert.equal(read.workload.target.kind, 'docker');
      assert.equal('network' in read.workload.target && read.workload.target.network, 'bridge');
      await expectStatus(200, put('/v1/workloads/w', workloadDocument()));
    });

    const elsewhere = [
      { kind: 'kubernetes', namespace: 'serving', name: 'llama', port: 8080 },
      { kind: 'nomad', jobId: 'llama', group: 'web', portLabel: 'http' },
      { kind: 'webhook', url: 'https://scaler.example/w', secret: 'scaling' },
    ];
    for (const target of elsewhere) {
      it(`takes one whose replicas are of the target ${target.kind}, and shows it as it is`, async () => {
        await expectStatus(201, put('/v1/workloads/w', workloadDocument({ target })));
        const read = await expect(200, workloadView, { path: '/v1/workloads/w' });
        assert.deepEqual({ ...read.workload.target, ...target }, read.workload.target);
        assert.ok(plane.consensus.readState().formatVersion >= 4);
      });
    }

    it('refuses one that a member does not read: 409, who that is, and what to do', async () => {
      const target = { kind: 'docker', image: 'example/server:1', port: 8080 };
      const call = put('/v1/workloads/w', workloadDocument({ target }));
      const formats = new Map<string, number | null>([['m2', 2]]);
      plane.consensus.refuseWith((command) =>
        formatNotRead(command, {
          formatInForce: 2,
          configuration: { ...NO_CONFIGURATION, voters: ['m1', 'm2'], learners: ['m3'] },
          formatMax: (id) => formats.get(id) ?? (id === 'm1' ? FORMAT_MAX : null),
        }),
      );
      const problem = problemOf(await expectStatus(409, call));
      assert.equal(problem.code, 'format_not_read');
      assert.equal(
        problem.detail,
        'This needs format 3 of the log, and a member that does not read it would stop. ' +
          'Of an older version: m2 reads up to 2; upgrade them first, then try again. ' +
          'Not heard of yet: m3; start them, or remove them from the cluster, then try again.',
      );
      await expectStatus(201, put('/v1/workloads/plain', workloadDocument({ id: 'plain' })));
      for (const id of ['m2', 'm3']) formats.set(id, FORMAT_MAX);
      await expectStatus(201, call);
    });

    it('creates, shows, replaces under the version that was read, and removes', async () => {
      const created = await expectStatus(201, put('/v1/workloads/w', workloadDocument()));
      assert.equal(created.headers.etag, '"1"');
      const read = await expect(200, workloadView, { path: '/v1/workloads/w' });
      assert.equal(read.desired, 1);
      assert.equal(read.effectiveMode, 'act');
      assert.equal('stopGrace' in read.workload.target && read.workload.target.stopGrace, '10s');
      assert.equal(read.replicas.length, 2);
      assert.equal(read.lastEvaluation?.verdict.kind, 'hold');
      const changed = workloadDocument({ description: 'changed' });
      const replaced = await expectStatus(
        200,
        put('/v1/workloads/w', changed, { 'if-match': '"1"' }),
      );
      assert.equal(replaced.headers.etag, '"2"');
      await expectStatus(412, put('/v1/workloads/w', workloadDocument(), { 'if-match': '"1"' }));
      await expectStatus(412, {
        method: 'DELETE',
        path: '/v1/workloads/w',
        headers: { 'if-match': '"1"' },
      });
      await expectStatus(204, {
        method: 'DELETE',
        path: '/v1/workloads/w',
        headers: { 'if-match': '"2"' },
      });
      await expectStatus(404, { path: '/v1/workloads/w' });
    });

    it('sends back a document that it accepts as it is', async () => {
      await expect(201, workloadView, put('/v1/workloads/w', workloadDocument()));
      const { workload } = await expect(200, workloadView, { path: '/v1/workloads/w' });
      const again = await expect(200, workloadView, put('/v1/workloads/w', workload));
      assert.equal(again.version, 1);
    });

    it('shows a mode that is capped by the plane’s', async () => {
      await expect(201, workloadView, put('/v1/workloads/w', workloadDocument()));
      await expect(200, modeView, put('/v1/mode', { mode: 'advise' }));
      const mode = await expect(
        200,
        workloadModeView,
        put('/v1/workloads/w/mode', { mode: 'act' }),
      );
      assert.deepEqual(mode, { workload: 'w', mode: 'act', effectiveMode: 'advise' });
      await expect(200, workloadModeView, put('/v1/workloads/w/mode', { mode: 'observe' }));
      const view = await expect(200, workloadView, { path: '/v1/workloads/w' });
      assert.deepEqual([view.mode, view.effectiveMode], ['observe', 'observe']);
      await expectStatus(404, put('/v1/workloads/x/mode', { mode: 'act' }));
    });
  });

  describe('policies', () => {
    beforeEach(() => expectStatus(201, put('/v1/workloads/w', workloadDocument())));

    it('creates, shows with its ETag, replaces and removes', async () => {
      const created = await expectStatus(
        201,
        put('/v1/policies/p', policyDocument(), { 'if-none-match': '*' }),
      );
      assert.equal(created.headers.etag, '"1"');
      const read = await expectStatus(200, { path: '/v1/policies/p' });
      assert.equal(read.headers.etag, '"1"');
      const { policy } = policyView.parse(read.json);
      assert.equal(policy.stabilization.down, '5m');
      const next = { ...policy, replicas: { min: 2, max: 8 } };
      const replaced = await expectStatus(200, put('/v1/policies/p', next, { 'if-match': '*' }));
      assert.equal(replaced.headers.etag, '"2"');
      const list = await expect(200, pageOf(policyView, 'PolicyPage'), { path: '/v1/policies' });
      assert.equal(list.items.length, 1);
      const view = await expect(200, workloadView, { path: '/v1/workloads/w' });
      assert.deepEqual(view.policies, ['p']);
      await expectStatus(204, { method: 'DELETE', path: '/v1/policies/p' });
      await expectStatus(404, { path: '/v1/policies/p' });
    });

    it('applies a repeated idempotency key once, and answers as the first time', async () => {
      const headers = { 'idempotency-key': 'key-1', 'if-none-match': '*' };
      const first = await expectStatus(201, put('/v1/policies/p', policyDocument(), headers));
      const digest = plane.consensus.digest();
      const second = await expectStatus(201, put('/v1/policies/p', policyDocument(), headers));
      assert.equal(second.text, first.text);
      assert.equal(plane.consensus.digest(), digest);
    });

    it('refuses an idempotency key that was used for another body', async () => {
      const headers = { 'idempotency-key': 'key-1' };
      await expectStatus(201, put('/v1/policies/p', policyDocument(), headers));
      const digest = plane.consensus.digest();
      const other = policyDocument({ replicas: { min: 2, max: 3 } });
      const answer = await plane.send(put('/v1/policies/p', other, headers));
      assert.equal(problemOf(answer).code, 'idempotency_key_reused');
      assert.equal(plane.consensus.digest(), digest);
      await expectStatus(404, { method: 'DELETE', path: '/v1/policies/x', headers });
    });
  });

  describe('decisions', () => {
    beforeEach(() =>
      plane.decisions.append([
        actingDecision(START_MS),
        holdingDecision(START_MS + 1_000),
        holdingDecision(START_MS + 2_000, 'other'),
        actingDecision(START_MS + 3_000),
      ]),
    );
    const page = pageOf(decisionRecord, 'DecisionPage');
    const ids = (items: readonly unknown[]) =>
      items.map((item) => decisionRecord.parse(item).atMs - START_MS);

    it('come newest first, whole, in pages', async () => {
      const first = await expect(200, page, { path: '/v1/decisions?limit=3' });
      assert.deepEqual(ids(first.items), [3_000, 2_000, 1_000]);
      assert.ok(first.nextCursor !== null);
      const path = `/v1/decisions?limit=3&cursor=${first.nextCursor}`;
      const second = await expect(200, page, { path });
      assert.deepEqual(ids(second.items), [0]);
      assert.equal(second.nextCursor, null);
    });

    const filters: readonly (readonly [query: string, found: readonly number[]])[] = [
      ['workload=other', [2_000]],
      ['policy=w-policy', [3_000, 1_000, 0]],
      ['verdict=act', [3_000, 0]],
      ['direction=out', [3_000, 0]],
      ['direction=in', []],
      ['verdict=hold&workload=w', [1_000]],
      ['reason=above_target', [3_000, 0]],
      [`traceId=${START_MS.toString(16).padStart(32, '0')}`, [0]],
      ['from=2023-11-14T22:13:21Z&to=2023-11-14T22:13:23Z', [2_000, 1_000]],
      ['from=2023-11-14T23:13:23%2B01:00', [3_000]],
    ];
    for (const [query, found] of filters) {
      it(`are filtered by ${query}`, async () => {
        const { items } = await expect(200, page, { path: `/v1/decisions?${query}` });
        assert.deepEqual(ids(items), found);
      });
    }

    it('explain themselves', async () => {
      const { decisionId } = actingDecision(START_MS);
      const path = `/v1/decisions/${decisionId}`;
      const decision = await expect(200, explainedDecision, { path });
      assert.match(decision.explanation, /^Scaled out from 4 to 7/u);
      assert.deepEqual(decision.outcome.stages.map((stage) => stage.stage).at(-1), 'mode');
    });

    it('replay identically, and say where they do not', async () => {
      const path = `/v1/decisions/${actingDecision(START_MS).decisionId}/replay`;
      const same = await expect(200, replayAnswer, { path });
      assert.equal(same.identical, true);
      assert.deepEqual(same.differences, []);
      const evaluate = plane.views.evaluate;
      plane.views.evaluate = (input) => ({ ...evaluate(input), recommendation: 1 });
      const other = await expect(200, replayAnswer, { path });
      assert.equal(other.identical, false);
      assert.deepEqual(other.differences, ['/recommendation']);
    });

    it('answer 503 with Retry-After while the store is away, and do not fail readiness', async () => {
      plane.decisions.failWith('away');
      const answer = await plane.send({ path: '/v1/decisions' });
      assert.equal(problemOf(answer).code, 'decision_store_unavailable');
      assert.equal(answer.headers['retry-after'], '5');
      await expectStatus(200, { path: '/readyz' });
    });
  });

  describe('evaluate', () => {
    const evaluate = (body: unknown): TestCall => ({
      method: 'POST',
      path: '/v1/autoscaling/evaluate',
      body,
    });

    it('decides on the input of a record as it is, and changes nothing', async () => {
      const digest = plane.consensus.digest();
      const record = actingDecision(START_MS);
      const outcome = await expect(200, scaleOutcome, evaluate(record.input));
      assert.deepEqual(outcome, record.outcome);
      assert.equal(plane.consensus.digest(), digest);
      assert.equal(plane.consensus.proposed(), 0);
    });

    it('takes a policy as operators write it, with defaults for what a person would leave out', async () => {
      const { nowMs, desired, actual, observations } = scaleInput();
      const policy = policyDocument();
      const outcome = await expect(
        200,
        scaleOutcome,
        evaluate({ nowMs, desired, actual, observations, policy }),
      );
      assert.equal(outcome.proposals[0]?.kind, 'replicas');
      assert.equal(outcome.verdict.replicas, 8);
    });
  });

  describe('discovery and operation', () => {
    it('lists targets by kind', async () => {
      const path = '/v1/discovery/prometheus?kind=replicas';
      const groups = await expect(200, targetGroups, { path });
      assert.deepEqual(groups, [{ targets: ['127.0.0.1:31001'], labels: { kind: 'replicas' } }]);
    });

    it('refuses to list replicas that nobody has looked at yet: who has a list keeps it', async () => {
      plane.views.targetGroups = (kind) => (kind === 'replicas' ? null : []);
      const path = '/v1/discovery/prometheus?kind=';
      const answer = await expectStatus(503, { path: `${path}replicas` });
      assert.equal(problemOf(answer).code, 'targets_unknown');
      assert.equal(answer.headers['retry-after'], '1');
      await expect(200, targetGroups, { path: `${path}agents` });
    });

    it('is ready while degraded, and not when a check failed; liveness asks neither', async () => {
      plane.views.checks = [
        { name: 'log', status: 'ok', detail: '' },
        { name: 'prometheus', status: 'degraded', detail: 'breaker open' },
      ];
      const degraded = await expect(200, readiness, { path: '/readyz' });
      assert.equal(degraded.status, 'degraded');
      plane.views.checks = [{ name: 'log', status: 'failed', detail: 'disk full' }];
      const failed = await expect(503, readiness, { path: '/readyz' });
      assert.deepEqual(failed.checks, [{ name: 'log', status: 'failed', detail: 'disk full' }]);
      await expectStatus(200, { path: '/livez' });
    });

    it('renders the metrics in the form that Accept asks for', async () => {
      const answer = await expectStatus(200, {
        path: '/metrics',
        headers: { accept: 'application/openmetrics-text' },
      });
      assert.equal(answer.headers['content-type'], 'text/plain');
      assert.equal(answer.text, '# application/openmetrics-text\n');
    });

    it('serves its description, and answers at every path that this names', async () => {
      const answer = await expectStatus(200, { path: '/v1/openapi.json' });
      const { paths } = z
        .looseObject({ paths: z.record(z.string(), z.record(z.string(), z.unknown())) })
        .parse(answer.json);
      const operations = Object.entries(paths).flatMap(([path, item]) =>
        Object.keys(item).map((method) => ({ path, method: method.toUpperCase() })),
      );
      assert.ok(operations.length >= 27);
      for (const { path, method } of operations) {
        const concrete = path.replaceAll(/\{\w+\}/gu, 'x');
        const answered = await plane.send({ method, path: concrete });
        if (answered.headers['content-type'] !== 'application/problem+json') continue;
        const { code } = problemOf(answered);
        assert.ok(!['route_not_found', 'method_not_allowed'].includes(code), `${method} ${path}`);
      }
    });

    it('shows the documentation under a policy that loads nothing from elsewhere', async () => {
      const answer = await expectStatus(200, { path: '/docs' });
      assert.equal(answer.headers['content-type'], 'text/html; charset=utf-8');
      assert.match(String(answer.headers['content-security-policy']), /^default-src 'none';/u);
      assert.equal(answer.headers['x-powered-by'], undefined);
      assert.doesNotMatch(answer.text, /https?:\/\/|<script/iu);
    });

    it('answers HEAD without a body and with its length', async () => {
      const answer = await expectStatus(200, { method: 'HEAD', path: '/version' });
      assert.equal(answer.text, '');
      assert.ok(Number(answer.headers['content-length']) > 0);
    });
  });
});
