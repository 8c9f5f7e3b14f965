import assert from 'node:assert/strict';
import { recordingGroups } from '../../../../control-plane/analysis/slo-rules.ts';
import type { Slo } from '../../../../control-plane/model/slo.ts';
import { parsePromql } from '../../../../control-plane/schemas/promql.ts';
import { sloOf } from '../../../support/slos.ts';

describe('the recordings of SLOs', () => {
  it('count bad and all events over five minutes, apart by the labels that are kept', () => {
    const slo = sloOf({ labels: ['workload', 'zone'] });
    assert.equal(
      exprOf([slo], 'slo:total_events:increase5m'),
      'sum by (workload, zone) (increase(x_total[5m]))',
    );
    assert.equal(
      exprOf([slo], 'slo:bad_events:increase5m'),
      'sum by (workload, zone) (increase(x_total{status="500"}[5m])) or 0 * sum by (workload, zone) (increase(x_total[5m]))',
    );
  });

  it('take the good events from all, where those are counted', () => {
    const slo = sloOf({ indicator: { good: 'good_total', total: 'all_total' } });
    assert.equal(
      exprOf([slo], 'slo:bad_events:increase5m'),
      'clamp_min(sum(increase(all_total[5m])) - (sum(increase(good_total[5m])) or 0 * sum(increase(all_total[5m]))), 0)',
    );
  });

  it('divide by no 0, and sum long windows from the recordings of five minutes', () => {
    assert.equal(
      exprOf([sloOf()], 'slo:sli_error:ratio_rate3d'),
      'clamp_max(sum_over_time(slo:bad_events:increase5m[3d]) * 0.1 / (slo:total_events:increase3d > 0), 1)',
    );
    const raw = rulesOf([sloOf()])
      .filter(({ record }) => !/^slo:(total|bad)_events:increase5m$/.test(record))
      .filter(({ expr }) => expr.includes('x_total'));
    assert.deepEqual(raw, []);
  });

  it('have every window once, however many SLOs there are', () => {
    const two = [sloOf({ id: 'a' }), sloOf({ id: 'b' })];
    const windows = rulesOf(two)
      .map(({ record }) => record)
      .filter((record) => record.startsWith('slo:sli_error:'));
    assert.deepEqual(
      windows.map((record) => record.replace('slo:sli_error:ratio_rate', '')),
      ['5m', '30m', '1h', '2h', '6h', '1d', '3d', '30d'],
    );
  });

  it('take each budget over its own window', () => {
    const mixed = [sloOf({ id: 'a', window: '7d' }), sloOf({ id: 'b', window: '30d' })];
    assert.deepEqual(
      rulesOf(mixed)
        .filter(({ record }) => record === 'slo:error_budget_remaining:ratio')
        .map(({ expr }) => expr),
      [
        '1 - (slo:burn_rate:ratio_rate7d and on (slo) slo:objective:ratio{window="7d"}) * slo:window_coverage:ratio',
        '1 - (slo:burn_rate:ratio_rate30d and on (slo) slo:objective:ratio{window="30d"}) * slo:window_coverage:ratio',
      ],
    );
    const coverage = rulesOf(mixed).find(({ record }) => record === 'slo:window_coverage:ratio');
    assert.match(coverage?.expr ?? '', /\/ 20160, 1\)$/);
  });

  it('say the budget without the noise of binary fractions', () => {
    assert.equal(
      exprOf([sloOf({ objective: 0.9999 })], 'slo:error_budget:ratio'),
      'vector(0.0001)',
    );
  });

  it('are valid PromQL', () => {
    for (const { expr } of rulesOf([sloOf({ labels: ['workload'] })])) {
      assert.equal(parsePromql(expr).kind, 'parsed', expr);
    }
  });

  it('are none without SLOs', () => {
    assert.deepEqual(recordingGroups([]), []);
  });
});

function rulesOf(slos: readonly Slo[]) {
  return recordingGroups(slos).flatMap(({ rules }) => rules);
}

function exprOf(slos: readonly Slo[], record: string): string {
  const found = rulesOf(slos).find((rule) => rule.record === record);
  assert.ok(found, record);
  return found.expr;
}
