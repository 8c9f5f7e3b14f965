/** The example of policies: that it is accepted, and that it shows all that there is. */

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { readDocuments } from '../../../control-plane/adapters/document-files/documents.ts';
import type { Documents } from '../../../control-plane/adapters/document-files/documents.ts';
import { POLICY_FIELDS_4 } from '../../../control-plane/model/policy.ts';
import { parseBudget } from '../../../control-plane/schemas/budget.ts';
import { parseOverride, parsePause } from '../../../control-plane/schemas/intervention.ts';
import { STRATEGY_MEMBERS } from '../../../control-plane/schemas/policy/strategies.ts';
import { parsePolicy, renderPolicy } from '../../../control-plane/schemas/policy.ts';
import { ROOT, textOf } from '../../support/source-tree.ts';

const FILE = 'demo/documents/examples/autoscaling.yaml';

describe('the example of autoscaling policies', () => {
  let documents: Documents;

  before(async () => {
    const directory = join(ROOT, 'demo/documents/examples');
    const all = await readDocuments(directory, AbortSignal.timeout(10_000));
    const ids = parseAllDocuments(textOf(FILE)).map((one) => String(one.get('id')));
    documents = {
      workloads: all.workloads.filter(({ id }) => ids.includes(id)),
      policies: all.policies.filter(({ id }) => ids.includes(id)),
    };
  });

  it('has a policy for each workload, and acts on nothing before somebody says so', () => {
    const { workloads, policies } = documents;
    assert.ok(workloads.length >= 5);
    assert.deepEqual(
      policies.map(({ workloadId }) => workloadId),
      workloads.map(({ id }) => id),
    );
    assert.ok(workloads.every(({ mode }) => mode === 'advise'));
  });

  it('shows each field that a policy may have', () => {
    const shown = new Set(documents.policies.flatMap((policy) => Object.keys(policy)));
    assert.deepEqual(
      POLICY_FIELDS_4.filter((field) => !shown.has(field)),
      [],
    );
    const metrics = documents.policies.flatMap((policy) => policy.metrics);
    assert.ok(metrics.some(({ agreement }) => agreement !== undefined));
    assert.deepEqual(new Set(metrics.map(({ kind }) => kind)), new Set(['average_value', 'value']));
  });

  it('shows each kind of strategy', () => {
    const shown = documents.policies.flatMap((policy) =>
      (renderPolicy(policy).strategies ?? []).flatMap((one) => Object.keys(one)),
    );
    assert.deepEqual(
      STRATEGY_MEMBERS.filter((member) => !shown.includes(member)),
      [],
    );
  });

  it('shows a floor and a cap by the calendar', () => {
    const kinds = documents.policies.flatMap(({ schedules = [] }) =>
      schedules.map(({ kind }) => kind),
    );
    assert.deepEqual(kinds, ['floor', 'cap']);
  });

  it('comes back as it was written when it is read and saved', () => {
    for (const policy of documents.policies) {
      assert.deepEqual(parsePolicy(renderPolicy(policy)), policy);
    }
  });

  it('shows requests that are accepted, for what it names', () => {
    const shown = new Map(
      [...textOf(FILE).matchAll(/^# {3}PUT +(\S+) +(\{.*\})/gm)].map(([, path = '', body = '']) => [
        path,
        body,
      ]),
    );
    const body = (path: string): unknown => JSON.parse(shown.get(path) ?? 'null');
    const budgets = new Set(
      documents.policies.flatMap(({ budgets: shares = [] }) =>
        shares.map(({ budgetId }) => budgetId),
      ),
    );
    assert.equal(shown.size, 3);
    for (const id of budgets) {
      const budget = body(`/v1/budgets/${id}`);
      assert.ok(typeof budget === 'object' && budget !== null);
      assert.equal(parseBudget({ id, ...budget }).id, id);
    }
    assert.equal(parsePause(body('/v1/workloads/checkout/pause')).direction, 'in');
    assert.equal(parseOverride(body('/v1/workloads/checkout/override')).replicas, 12);
  });
});
