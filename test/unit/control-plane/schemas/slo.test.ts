import assert from 'node:assert/strict';
import { SchemaError } from '../../../../control-plane/schemas/fault.ts';
import { parseSlo } from '../../../../control-plane/schemas/slo.ts';
import { sloDocumentOf, sloOf } from '../../../support/slos.ts';

describe('an SLO document', () => {
  it('counts a plain counter over the window, and keeps an expression over $window', () => {
    assert.deepEqual(sloOf().indicator, {
      kind: 'bad',
      events: 'increase(x_total{status="500"}[$window])',
      total: 'increase(x_total[$window])',
    });
    const expression = 'sum_over_time((up == bool 1)[$window:15s])';
    const counted = 'count_over_time(up[$window:15s])';
    const slo = sloOf({ indicator: { good: `\n ${expression} \n`, total: counted } });
    assert.deepEqual(slo.indicator, { kind: 'good', events: expression, total: counted });
  });

  it('has defaults for labels, the least number of events and the dashboard', () => {
    const { labels, eventsMin, dashboard } = sloOf();
    assert.deepEqual(
      { labels, eventsMin, dashboard },
      {
        labels: [],
        eventsMin: 20,
        dashboard: 'omnimind-slo',
      },
    );
  });

  it('takes every objective between 0 and 1, and neither of them', () => {
    for (const objective of [0.5, 0.9, 0.99999, 0.0001])
      assert.equal(sloOf({ objective }).objective, objective);
    for (const objective of [0, 1, -0.1, 1.5, NaN]) faultAt('/objective', { objective });
    assert.match(faultAt('/objective', { objective: 99.9 }), /got 99\.9, write 0\.999$/);
  });

  it('takes the windows of a budget, and no other', () => {
    for (const window of ['7d', '14d', '28d', '30d', '90d'])
      assert.equal(sloOf({ window }).window, window);
    assert.match(faultAt('/window', { window: '720h' }), /7d, 14d, 28d, 30d, 90d/);
  });

  it('wants exactly one of good and bad', () => {
    const both = { indicator: { good: 'x_total', bad: 'y_total', total: 'z_total' } };
    assert.match(faultAt('/indicator', both), /exactly one of good and bad; got both/);
    assert.match(faultAt('/indicator', { indicator: { total: 'z_total' } }), /got neither/);
  });

  const wrong: readonly (readonly [query: string, says: RegExp])[] = [
    ['sum(x_total', /not valid PromQL/],
    ['x_total[5m]', /answers with a matrix/],
    ['rate(x_total[5m])', /neither a counter alone nor an expression over \$window/],
    ['x_total offset 5m', /neither a counter alone/],
    ['queue_length', /whose name ends in _total, _count, _bucket or _sum/],
    ['increase(x_total[$window]', /not valid PromQL/],
    ['scalar(x_total)', /answers with a scalar/],
  ];
  for (const [query, says] of wrong) {
    it(`refuses to count with ${query}`, () => {
      assert.match(
        faultAt('/indicator/total', { indicator: { bad: 'x_total', total: query } }),
        says,
      );
    });
  }

  it('keeps no label that the recordings carry themselves', () => {
    assert.match(faultAt('/labels/1', { labels: ['workload', 'slo'] }), /reserved/);
    assert.match(faultAt('/labels/0', { labels: ['__name__'] }), /reserved/);
    assert.match(faultAt('/labels', { labels: ['a', 'b', 'c', 'd', 'e'] }), /at most 4/);
  });

  it('reports every fault at once', () => {
    const faults = faultsOf({
      id: 'Not A Slug',
      objective: 2,
      scope: 'galaxy',
      runbook: undefined,
      extra: true,
      indicator: { total: 'sum(' },
    });
    assert.deepEqual(faults.map(({ pointer }) => pointer).sort(), [
      '/extra',
      '/id',
      '/indicator',
      '/indicator/total',
      '/objective',
      '/runbook',
      '/scope',
    ]);
  });
});

function faultAt(pointer: string, fields: Readonly<Record<string, unknown>>): string {
  const found = faultsOf(fields).find((fault) => fault.pointer === pointer);
  assert.ok(found, `no fault at ${pointer}`);
  return found.message;
}

function faultsOf(fields: Readonly<Record<string, unknown>>): SchemaError['faults'] {
  try {
    parseSlo(sloDocumentOf(fields));
  } catch (error) {
    if (error instanceof SchemaError) return error.faults;
    throw error;
  }
  return assert.fail('was taken');
}
