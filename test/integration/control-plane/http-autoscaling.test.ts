import assert from 'node:assert/strict';
import type { z } from 'zod';
import {
  budgetView,
  interventionsView,
  policyDiff,
  policyVersions,
  policyView,
  preview,
  savedPolicy,
  shadowView,
} from '../../../control-plane/http/policy-representations.ts';
import {
  explainedDecision,
  scaleOutcome,
  workloadView,
} from '../../../control-plane/http/representations.ts';
import { actingDecision, policyDocument, workloadDocument } from '../../support/http-documents.ts';
import {
  problemOf,
  startTestPlane,
  type TestAnswer,
  type TestCall,
  type TestPlane,
} from '../../support/http-plane.ts';

describe('the HTTP API of autoscaling', () => {
  let plane: TestPlane;

  beforeEach(async () => {
    plane = await startTestPlane();
    await status(201, put('/v1/workloads/w', workloadDocument()));
  });
  afterEach(() => plane.stop());

  async function status(expected: number, call: TestCall): Promise<TestAnswer> {
    const answer = await plane.send(call);
    assert.equal(answer.status, expected, answer.text);
    return answer;
  }

  async function answered<T>(expected: number, schema: z.ZodType<T>, call: TestCall): Promise<T> {
    return schema.parse((await status(expected, call)).json);
  }

  async function refused(expected: number, code: string, call: TestCall): Promise<string> {
    const problem = problemOf(await status(expected, call));
    assert.equal(problem.code, code);
    return problem.detail;
  }

  const put = (path: string, body: unknown, headers = {}): TestCall => ({
    method: 'PUT',
    path,
    body,
    headers,
  });
  const remove = (path: string): TestCall => ({ method: 'DELETE', path });
  const putPolicy = (overrides: object = {}) => put('/v1/policies/p', policyDocument(overrides));

  describe('a policy that is put', () => {
    it('tells which of its signals have no value now, and is saved all the same', async () => {
      const saved = await answered(201, savedPolicy, putPolicy());
      assert.deepEqual(
        saved.warnings.map(({ signal, reason }) => [signal, reason]),
        [['load', 'signal_absent']],
      );
      assert.equal(saved.shadow, null);
    });

    it('is not saved when the metrics source refuses a query, unless that is forced', async () => {
      plane.views.preview = brokenQuery(plane.views.preview);
      const call = putPolicy();
      const problem = problemOf(await status(422, call));
      assert.equal(problem.code, 'policy_query_rejected');
      assert.deepEqual(problem.pointers, ['/metrics/0']);
      assert.match(problem.messages, /many-to-many matching not allowed/u);
      await status(404, { path: '/v1/policies/p' });
      await status(201, { ...call, path: '/v1/policies/p?force=true' });
    });

    it('is only looked at with dryRun: what it would decide, why, and what it changes', async () => {
      await status(201, putPolicy());
      const digest = plane.consensus.digest();
      const next = put(
        '/v1/policies/p?dryRun=true',
        policyDocument({ replicas: { min: 3, max: 9 } }),
      );
      const tried = await answered(200, preview, next);
      assert.deepEqual(
        tried.changes.map(({ pointer, before, after }) => [pointer, before, after]),
        [
          ['/replicas/min', 1, 3],
          ['/replicas/max', 8, 9],
        ],
      );
      assert.equal(tried.outcome.verdict.reason, 'actual_unknown');
      assert.match(tried.explanation, /^Held at 1 /u);
      assert.equal(plane.consensus.digest(), digest);
      assert.deepEqual(tried.policy.replicas, { min: 3, max: 9 });
    });

    it('is refused before it is looked at when its workload does not exist', async () => {
      await refused(409, 'workload_unknown', putPolicy({ workload: 'other' }));
    });

    it('says which word of a query parameter it does not know', async () => {
      await refused(400, 'invalid_request', put('/v1/policies/p?dryRun=yes', policyDocument()));
    });
  });

  describe('versions', () => {
    it('of before are kept, newest first, and compared with each other', async () => {
      await status(201, putPolicy({ flapBudget: { reversals: 4, per: '1h', windowMax: '1h' } }));
      await status(200, putPolicy({ replicas: { min: 2, max: 8 } }));
      await status(200, putPolicy({ replicas: { min: 2, max: 4 } }));
      const { items } = await answered(200, policyVersions, { path: '/v1/policies/p/versions' });
      assert.deepEqual(
        items.map(({ version, current }) => [version, current]),
        [
          [3, true],
          [2, false],
          [1, false],
        ],
      );
      const diff = await answered(200, policyDiff, { path: '/v1/policies/p/diff' });
      assert.deepEqual(diff.changes, [{ pointer: '/replicas/max', before: 8, after: 4 }]);
      const far = await answered(200, policyDiff, { path: '/v1/policies/p/diff?from=1&to=2' });
      assert.deepEqual(far.changes.map(({ pointer }) => pointer).sort(), [
        '/flapBudget',
        '/replicas/min',
      ]);
      const detail = await refused(404, 'policy_version_not_found', {
        path: '/v1/policies/p/diff?from=7',
      });
      assert.match(detail, /at version 3; kept from before: 1, 2\./u);
    });
  });

  describe('a shadow', () => {
    const shadow = (overrides: object = {}) =>
      put('/v1/policies/p/shadow', policyDocument({ replicas: { min: 4, max: 8 }, ...overrides }));

    it('is put beside a policy, shown with it, compared with it and promoted in one call', async () => {
      await status(201, putPolicy());
      const view = await answered(200, shadowView, shadow());
      assert.deepEqual([view.version, view.desired, view.desiredLive], [1, null, 1]);
      const read = await answered(200, policyView, { path: '/v1/policies/p' });
      assert.equal(read.shadow?.policy.replicas.min, 4);
      assert.equal(read.policy.replicas.min, 1);
      const diff = await answered(200, policyDiff, { path: '/v1/policies/p/diff?to=shadow' });
      assert.deepEqual(diff.changes, [{ pointer: '/replicas/min', before: 1, after: 4 }]);
      await refused(412, 'version_conflict', {
        method: 'POST',
        path: '/v1/policies/p/shadow/promote?version=2',
      });
      const promoted = await answered(200, policyView, {
        method: 'POST',
        path: '/v1/policies/p/shadow/promote?version=1',
      });
      assert.deepEqual([promoted.version, promoted.policy.replicas.min], [2, 4]);
      assert.equal(promoted.shadow, null);
      await refused(404, 'shadow_not_found', { path: '/v1/policies/p/shadow' });
    });

    it('needs its policy, and its policy’s workload', async () => {
      await refused(404, 'policy_not_found', shadow());
      await status(201, putPolicy());
      await status(201, put('/v1/workloads/v', workloadDocument({ id: 'v' })));
      await refused(409, 'shadow_of_another_workload', shadow({ workload: 'v' }));
    });

    it('is removed', async () => {
      await status(201, putPolicy());
      await status(200, shadow());
      await status(204, remove('/v1/policies/p/shadow'));
      await refused(404, 'shadow_not_found', remove('/v1/policies/p/shadow'));
    });
  });

  describe('a pause', () => {
    it('is set for a while, shown with the workload, and taken back', async () => {
      const path = '/v1/workloads/w/pause';
      const set = await answered(
        200,
        interventionsView,
        put(path, { direction: 'in', for: '30m', note: 'migration' }),
      );
      const { pause } = set;
      assert.ok(pause !== null && pause.untilMs !== null);
      assert.equal(pause.untilMs - pause.sinceMs, 30 * 60_000);
      const view = await answered(200, workloadView, { path: '/v1/workloads/w' });
      assert.equal(view.pause?.note, 'migration');
      await status(204, remove(path));
      const after = await answered(200, workloadView, { path: '/v1/workloads/w' });
      assert.equal(after.pause, null);
    });

    it('that would be over already, or says its end twice, is refused with the field', async () => {
      const path = '/v1/workloads/w/pause';
      const past = problemOf(
        await status(422, put(path, { direction: 'in', until: '2020-01-01T00:00:00Z' })),
      );
      assert.deepEqual(past.pointers, ['/until']);
      const both = { direction: 'up', until: '2990-01-01T00:00:00Z', for: '1h' };
      const wrong = problemOf(await status(422, put(path, both)));
      assert.deepEqual(wrong.pointers, ['/direction', '/for']);
      await refused(404, 'workload_not_found', put('/v1/workloads/x/pause', { direction: 'in' }));
    });
  });

  describe('a number set by hand', () => {
    it('needs a policy that decides, is shown, and is taken back', async () => {
      const path = '/v1/workloads/w/override';
      await refused(409, 'workload_without_policy', put(path, { replicas: 5 }));
      await status(201, putPolicy());
      const set = await answered(200, interventionsView, put(path, { replicas: 0, for: '1h' }));
      assert.equal(set.override?.replicas, 0);
      await status(204, remove(path));
      const view = await answered(200, workloadView, { path: '/v1/workloads/w' });
      assert.equal(view.override, null);
    });
  });

  describe('a budget', () => {
    it('is made, shared, told with what is used of it, and kept while it is shared', async () => {
      const budget = { id: 'gpus', unit: 'gpu', limit: 16 };
      await refused(
        409,
        'budget_unknown',
        putPolicy({ budgets: [{ id: 'gpus', unitsPerReplica: 2 }] }),
      );
      const made = await status(201, put('/v1/budgets/gpus', budget));
      assert.equal(made.headers.etag, '"1"');
      await status(201, putPolicy({ budgets: [{ id: 'gpus', unitsPerReplica: 2 }] }));
      const view = await answered(200, budgetView, { path: '/v1/budgets/gpus' });
      assert.deepEqual(view.shares, [{ policy: 'p', workload: 'w', unitsPerReplica: 2, used: 2 }]);
      assert.equal(view.used, 2);
      await refused(409, 'budget_in_use', remove('/v1/budgets/gpus'));
      await status(412, put('/v1/budgets/gpus', budget, { 'if-match': '"7"' }));
      await status(200, putPolicy());
      await status(204, remove('/v1/budgets/gpus'));
      await refused(404, 'budget_not_found', { path: '/v1/budgets/gpus' });
    });

    it('with a wrong limit is refused with the field', async () => {
      const wrong = problemOf(await status(422, put('/v1/budgets/b', { id: 'b', limit: -1 })));
      assert.deepEqual(wrong.pointers, ['/limit']);
    });
  });

  describe('a decision', () => {
    it('is explained with what it would have been without one thing', async () => {
      const record = actingDecision(1_700_000_000_000);
      const stopped = { ...record, input: { ...record.input, mode: 'observe' as const } };
      const outcome = plane.views.evaluate(stopped.input);
      await plane.decisions.append([{ ...stopped, outcome }]);
      const read = await answered(200, explainedDecision, {
        path: `/v1/decisions/${record.decisionId}`,
      });
      const wanted = record.outcome.verdict.replicas;
      assert.deepEqual(read.counterfactuals, [{ without: 'the mode observe', replicas: wanted }]);
      assert.match(
        read.explanation,
        new RegExp(`Without the mode observe it would be ${wanted}\\.$`, 'u'),
      );
    });

    it('is made on everything that can be given', async () => {
      const { input } = actingDecision(1_700_000_000_000);
      const day = {
        name: 'day',
        kind: 'floor',
        cron: '0 8 * * *',
        timeZone: 'UTC',
        durationMs: 3_600_000,
        replicas: 3,
      };
      const body = {
        ...input,
        policy: { ...input.policy, schedules: [day] },
        pause: { direction: 'out', sinceMs: 0, untilMs: null, note: 'freeze' },
        schedules: [
          { name: 'day', kind: 'floor', replicas: 3, fromMs: 0, untilMs: input.nowMs + 1 },
        ],
      };
      const call = { method: 'POST', path: '/v1/autoscaling/evaluate', body } as const;
      const outcome = await answered(200, scaleOutcome, call);
      assert.equal(outcome.verdict.reason, 'paused_out');
    });
  });
});

function brokenQuery(of: TestPlane['views']['preview']): TestPlane['views']['preview'] {
  return async (policy, signal) => {
    const tried = await of(policy, signal);
    if (tried === null) return null;
    const fault = {
      signal: 'load',
      reason: 'signal_rejected',
      detail: 'many-to-many matching not allowed',
    } as const;
    return { ...tried, signalFaults: [fault] };
  };
}
