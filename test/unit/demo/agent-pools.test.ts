/** The example of two agent pools: that it is accepted, and that it does what it says. */

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { readDocuments } from '../../../control-plane/adapters/document-files/documents.ts';
import type { Documents } from '../../../control-plane/adapters/document-files/documents.ts';
import { decideScale } from '../../../control-plane/deciders/scale.ts';
import type { Verdict } from '../../../control-plane/model/decision.ts';
import { parsePromql } from '../../../control-plane/schemas/promql.ts';
import { strategyInput } from '../../support/scale-input.ts';
import { filesIn, ROOT } from '../../support/source-tree.ts';

describe('the example of agent pools', () => {
  let documents: Documents;

  before(async () => {
    const directory = join(ROOT, 'demo/documents/examples');
    const all = await readDocuments(directory, AbortSignal.timeout(10_000));
    documents = {
      workloads: all.workloads.filter(({ id }) => id.startsWith('agents-')),
      policies: all.policies.filter(({ workloadId }) => workloadId.startsWith('agents-')),
    };
  });

  it('has a workload for each of two agent types, a policy for each, and each policy a maximum', () => {
    const { workloads, policies } = documents;
    assert.deepEqual(
      workloads.map(({ labels }) => labels['agent_type']),
      ['coder', 'researcher'],
    );
    assert.deepEqual(
      policies.map(({ workloadId, replicasMin, replicasMax }) => [
        workloadId,
        replicasMin,
        replicasMax,
      ]),
      [
        ['agents-coder', 0, 20],
        ['agents-researcher', 1, 6],
      ],
    );
  });

  it('acts on nothing before somebody says so', () => {
    assert.ok(documents.workloads.every(({ mode }) => mode === 'advise'));
  });

  describe('of agents that code', () => {
    /** With so many tasks that wait or run; null: nobody says how many. */
    const decide = (tasks: number | null, ready: number): Verdict => {
      const [policy] = documents.policies;
      assert.ok(policy !== undefined);
      const actual = { kind: 'known', ready, starting: 0 } as const;
      const brakes = { recommendations: [], lastOutAtMs: null, lastInAtMs: null };
      const changes = { policy, desired: ready, actual, brakes };
      return decideScale(strategyInput(policy.strategies ?? [], tasks, changes)).verdict;
    };

    it('wakes one for a task while all sleep, and wants one for each two tasks', () => {
      assert.equal(decide(1, 0).replicas, 1);
      assert.equal(decide(11, 1).replicas, 6);
    });

    it('wants no more than the maximum, whatever waits', () => {
      assert.equal(decide(40, 1).replicas, 20);
      assert.equal(decide(1_000, 1).replicas, 20);
    });

    it('keeps them while nobody says how many tasks there are', () => {
      assert.deepEqual(
        [decide(null, 6).kind, decide(null, 6).replicas, decide(null, 0).replicas],
        ['hold', 6, 0],
      );
    });
  });

  it('reads the demand of its own type, from series that are recorded, and their age', () => {
    const recorded = filesIn(['prometheus/rules'], ['.rules.yml']).flatMap(({ text }) =>
      [...text.matchAll(/record: (\S+)/g)].map(([, name = '']) => name),
    );
    for (const { workloadId, strategies = [] } of documents.policies) {
      const labels = documents.workloads.find(({ id }) => id === workloadId)?.labels;
      assert.equal(strategies.length, 1);
      for (const strategy of strategies) {
        assert.ok(strategy.kind === 'queue');
        for (const query of [strategy.query, strategy.timestampQuery]) {
          assert.ok(query.includes(`{agent_type="${labels?.['agent_type'] ?? ''}"}`), query);
          const reading = parsePromql(query);
          assert.ok(reading.kind === 'parsed');
          assert.deepEqual(
            reading.selectors.filter(({ metricName }) => !recorded.includes(metricName ?? '')),
            [],
          );
        }
      }
    }
  });
});
