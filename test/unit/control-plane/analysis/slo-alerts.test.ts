import assert from 'node:assert/strict';
import {
  alertGroups,
  anchorOf,
  SLO_ALERTS,
} from '../../../../control-plane/analysis/slo-alerts.ts';
import type { AlertingRule } from '../../../../control-plane/analysis/slo-alerts.ts';
import { parsePromql } from '../../../../control-plane/schemas/promql.ts';
import { sloOf } from '../../../support/slos.ts';

const LINKS = { runbook: 'https://example.org/runbook.md', grafana: 'https://grafana.example.org' };

describe('the alerts of SLOs', () => {
  it('have the pairs of the SRE workbook for a budget of 30 days', () => {
    const pairs = burnsOf({}).map(({ alert, expr, labels, for: hold }) => {
      const [long, short] = [...expr.matchAll(/ratio_rate(\w+)\{[^}]*\} > ([\d.]+)/g)];
      return [alert, labels['severity'], hold, long?.[2], long?.[1], short?.[2], short?.[1]];
    });
    assert.deepEqual(pairs, [
      ['OmniMindErrorBudgetBurnVeryFast', 'critical', '2m', '14.4', '1h', '14.4', '5m'],
      ['OmniMindErrorBudgetBurnFast', 'critical', '15m', '6', '6h', '6', '30m'],
      ['OmniMindErrorBudgetBurnSlow', 'warning', '1h', '3', '1d', '3', '2h'],
      ['OmniMindErrorBudgetBurnVerySlow', 'warning', '3h', '1', '3d', '1', '6h'],
    ]);
  });

  it('spend the same shares of a shorter budget', () => {
    const factors = burnsOf({ window: '7d' }).map(({ expr }) => / > ([\d.]+)/.exec(expr)?.[1]);
    assert.deepEqual(factors, ['3.36', '1.4', '0.7', '0.2333']);
  });

  it('stay silent on fewer events than the least number, unless that is 0', () => {
    for (const { expr } of burnsOf({ eventsMin: 7 })) {
      assert.match(expr, /and slo:total_events:increase\w+\{slo="checkout"\} >= 7$/);
    }
    for (const { expr } of burnsOf({ eventsMin: 0 })) assert.doesNotMatch(expr, /total_events/);
  });

  it('say whose they are, where to look and what to do, and no value but in the description', () => {
    for (const { alert, labels, annotations } of rulesOf({
      scope: 'plane',
      labels: ['workload'],
    })) {
      assert.deepEqual(Object.keys(labels), ['severity', 'component', 'slo', 'owner'], alert);
      const { runbook_url, slo_runbook_url, dashboard_url, summary, description } = annotations;
      assert.equal(runbook_url, `${LINKS.runbook}#${alert.toLowerCase()}`);
      assert.equal(slo_runbook_url, `${LINKS.runbook}#slo-checkout`);
      assert.match(
        dashboard_url ?? '',
        /^https:\/\/grafana\.example\.org\/d\/omnimind-slo\?var-slo=checkout/,
      );
      assert.doesNotMatch(summary ?? '', /\{\{/);
      assert.ok((description ?? '').length > 40);
    }
    const [burn] = burnsOf({ labels: ['workload'], dashboard: 'other' });
    assert.equal(
      burn?.annotations['dashboard_url'],
      'https://grafana.example.org/d/other?var-workload={{ $labels.workload }}',
    );
    assert.match(
      burn.annotations['description'] ?? '',
      /For workload \{\{ \$labels\.workload \}\} it fails at \{\{ \$value/,
    );
  });

  it('miss the data of the plane, and not of a workload, which may go for good', () => {
    const missing = (scope: string) =>
      rulesOf({ scope }).filter(({ alert }) => alert === 'OmniMindSloDataMissing').length;
    assert.equal(missing('plane'), 1);
    assert.equal(missing('workload'), 0);
  });

  it('are valid PromQL, with the names that are listed', () => {
    const rules = rulesOf({ scope: 'plane' });
    for (const { expr } of rules) assert.equal(parsePromql(expr).kind, 'parsed', expr);
    assert.deepEqual([...new Set(rules.map(({ alert }) => alert))], SLO_ALERTS);
    assert.deepEqual(alertGroups([], LINKS), []);
  });

  it('reach headings under the anchors that Markdown gives them', () => {
    assert.equal(anchorOf('SLO api-availability'), 'slo-api-availability');
    assert.equal(anchorOf('What, now? (v2.1)'), 'what-now-v21');
  });
});

function rulesOf(fields: Readonly<Record<string, unknown>>): readonly AlertingRule[] {
  return alertGroups([sloOf(fields)], LINKS).flatMap(({ rules }) => rules);
}

function burnsOf(fields: Readonly<Record<string, unknown>>): readonly AlertingRule[] {
  return rulesOf(fields).filter(({ alert }) => alert.startsWith('OmniMindErrorBudgetBurn'));
}
