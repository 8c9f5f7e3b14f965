import assert from 'node:assert/strict';

import { parsePromql } from '../../../../control-plane/schemas/promql.ts';
import {
  deriveReplicaTimestampQuery,
  replicaQueryFault,
} from '../../../../control-plane/schemas/promql-replica-timestamp.ts';

describe('the age of each replica’s values', () => {
  it('is derived by the label that names the replica', () => {
    const derived = deriveReplicaTimestampQuery(['sum by (pod) (rate(cpu{a="b"}[1m]))'], 'pod');
    const query = 'min by (pod) (timestamp(cpu{a="b"}))';
    assert.deepEqual(derived, { kind: 'derived', query });
  });

  it('is a query that Prometheus can answer, of several series too', () => {
    const derived = deriveReplicaTimestampQuery(['a / b', 'c + a'], 'pod');
    assert.ok(derived.kind === 'derived');
    assert.equal(parsePromql(derived.query).kind, 'parsed');
    assert.equal(derived.query.match(/ and min by \(pod\)/g)?.length, 3);
  });

  for (const [query, why] of [
    ['label_replace(x, "pod", "$1", "id", "(.*)")', /label_replace/],
    ['label_join(x, "pod", "-", "a", "b")', /label_join/],
    ['count_values("pod", x)', /count_values/],
    ['a * on (id) group_left (pod) b', /group_left/],
    ['a * on (id) group_right (pod) b', /group_right/],
    ['pod:cpu:rate', /recorded series pod:cpu:rate/],
    ['x offset 5m', /offset/],
    ['{a="b"}', /literal name/],
  ] as const) {
    it(`is not derived of ${query}`, () => {
      const derived = deriveReplicaTimestampQuery(['sum by (pod) (y)', query], 'pod');
      assert.ok(derived.kind === 'underivable');
      assert.match(derived.why, why);
    });
  }

  it('is no matter of a query that has faults of its own', () => {
    for (const query of ['sum(', 'vector(1)']) {
      assert.equal(deriveReplicaTimestampQuery([query], 'pod').kind, 'faulty');
    }
  });
});

describe('a query with one series per replica', () => {
  for (const query of [
    'x',
    'sum by (pod) (x)',
    'sum(x) by (job, pod)',
    '(sum by (pod) (x))',
    '# comment\nsum by (pod) (x)',
    'sum without (job) (x)',
    'topk(3, x)',
    'sum by (pod) (x) / 2',
    'rate(x[1m])',
    'sum(',
  ]) {
    it(`may be ${JSON.stringify(query)}`, () => {
      assert.equal(replicaQueryFault(query, 'pod'), null);
    });
  }

  for (const [query, message] of [
    ['sum(x)', /write \.\.\. by \(pod\)/],
    ['(avg(x))', /away/],
    ['sum by (job) (x)', /away/],
    ['sum by () (x)', /away/],
    ['sum without (pod) (x)', /away/],
    ['scalar(x)', /one number/],
    ['42', /one number/],
    ['vector(1)', /one number/],
  ] as const) {
    it(`is not ${query}`, () => {
      assert.match(replicaQueryFault(query, 'pod') ?? '', message);
    });
  }
});
