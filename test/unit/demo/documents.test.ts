import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readDocuments } from '../../../control-plane/adapters/document-files/documents.ts';

const ROOT = join(import.meta.dirname, '..', '..', '..');

describe('the demo’s documents', () => {
  it('are accepted by the control plane, and act from 1 to 8 replicas on both signals', async () => {
    const signal = AbortSignal.timeout(10_000);
    const { workloads, policies } = await readDocuments(join(ROOT, 'demo', 'documents'), signal);
    const [workload, ...otherWorkloads] = workloads;
    const [policy, ...otherPolicies] = policies;
    assert.ok(workload !== undefined && policy !== undefined);
    assert.deepEqual([otherWorkloads, otherPolicies], [[], []]);
    assert.equal(workload.mode, 'act');
    assert.equal(policy.workloadId, workload.id);
    assert.deepEqual([policy.replicasMin, policy.replicasMax], [1, 8]);
    assert.deepEqual(
      policy.metrics.map(({ name, kind }) => [name, kind]),
      [
        ['concurrency', 'average_value'],
        ['busy_ratio', 'value'],
      ],
    );
    assert.ok('command' in workload.target);
    assert.ok(existsSync(join(ROOT, workload.target.command[1] ?? '')));
  });

  it('read only series that a recording rule writes', async () => {
    const signal = AbortSignal.timeout(10_000);
    const { policies } = await readDocuments(join(ROOT, 'demo', 'documents'), signal);
    const rules = readFileSync(join(ROOT, 'prometheus', 'rules', 'workloads.rules.yml'), 'utf8');
    const queries = policies.flatMap(({ metrics }) =>
      metrics.flatMap((metric) => [
        metric.query,
        metric.timestampQuery,
        metric.coverage?.query ?? '',
      ]),
    );
    for (const query of queries) {
      const [series = ''] = query.split('{');
      assert.ok(rules.includes(`record: ${series}\n`), series);
    }
  });
});
