import assert from 'node:assert/strict';
import { parse } from 'yaml';
import { z } from 'zod';
import { parsePromql } from '../../../control-plane/schemas/promql.ts';
import { queriesOf, readDashboards, withVariables } from '../../support/dashboards.ts';
import { agentSeries, demoSeries, planeSeries } from '../../support/exported-series.ts';
import { filesIn } from '../../support/source-tree.ts';

const RULE_FILE = z.object({
  groups: z.array(z.object({ rules: z.array(z.object({ record: z.string().optional() })) })),
});
const RECORDED = new Set(
  filesIn(['prometheus/rules'], ['.rules.yml'])
    .map(({ text }) => RULE_FILE.parse(parse(text)))
    .flatMap(({ groups }) => groups.flatMap(({ rules }) => rules))
    .flatMap(({ record }) => (record === undefined ? [] : [record])),
);
const EXPORTED = new Set([...planeSeries(), ...agentSeries(), ...demoSeries()]);
/** Series of the programs beside the product, which say themselves what they export. */
const FOREIGN =
  /^(up|ALERTS|ALERTS_FOR_STATE|scrape_\w+|prometheus_\w+|alertmanager_\w+|grafana_\w+|tempo_\w+|tempodb_\w+|process_\w+|nodejs_\w+|go_\w+)$/;

const QUERIES = readDashboards().flatMap(queriesOf);
const VARIABLES = readDashboards().flatMap(({ uid, templating }) =>
  templating.list.flatMap(({ name, definition }) =>
    definition === undefined ? [] : [{ uid, panel: `variable ${name}`, definition }],
  ),
);

describe('the queries of the dashboards', () => {
  it('are PromQL', () => {
    assert.ok(QUERIES.length > 150, `${QUERIES.length}`);
    const faulty = QUERIES.flatMap(({ uid, panel, refId, expr }) => {
      const reading = parsePromql(filled(expr));
      return reading.kind === 'faulty' ? [`${uid} / ${panel} ${refId}: ${reading.message}`] : [];
    });
    assert.deepEqual(faulty, []);
  });

  it('read only series that somebody exports or records', () => {
    const unknown = QUERIES.flatMap(({ uid, panel, expr }) =>
      namesIn(filled(expr))
        .filter((name) => !isKnown(name))
        .map((name) => `${uid} / ${panel}: ${name}`),
    );
    assert.deepEqual(unknown, []);
  });

  it('narrow by variables that are filled from series that somebody exports', () => {
    assert.ok(VARIABLES.length > 3);
    for (const { uid, panel, definition } of VARIABLES) {
      const selector = /^label_values\((.+), \w+\)$/.exec(definition)?.[1];
      assert.ok(selector !== undefined, `${uid} / ${panel}: ${definition}`);
      for (const name of namesIn(filled(selector))) assert.ok(isKnown(name), `${uid}: ${name}`);
    }
  });

  it('refuse a series that nobody has', () => {
    assert.deepEqual(namesIn('sum(omnimind_no_such_series)').filter(isKnown), []);
    assert.deepEqual(namesIn('node:no_such:rate1m').filter(isKnown), []);
  });
});

function filled(expr: string): string {
  return withVariables(expr, { __rate_interval: '1m', __interval: '15s', __range: '1h' });
}

function isKnown(name: string): boolean {
  if (name.includes(':')) return RECORDED.has(name);
  if (FOREIGN.test(name)) return true;
  return EXPORTED.has(name) || EXPORTED.has(name.replace(/_(bucket|sum|count)$/, ''));
}

function namesIn(query: string): readonly string[] {
  const reading = parsePromql(query);
  if (reading.kind === 'faulty') return [];
  return reading.selectors.map(({ metricName }) => metricName ?? '(no name)');
}
