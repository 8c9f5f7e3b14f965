import assert from 'node:assert/strict';
import { join } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';
import { readDocuments } from '../../../control-plane/adapters/document-files/documents.ts';
import { parsePromql } from '../../../control-plane/schemas/promql.ts';
import {
  agentSeries,
  contractSeries,
  demoSeries,
  planeSeries,
} from '../../support/exported-series.ts';
import { fileAt, filesIn, namesIn, ROOT, textOf } from '../../support/source-tree.ts';

const RULE = z.object({
  record: z.string(),
  expr: z.string(),
  labels: z.record(z.string(), z.string()).default({}),
});
const RULE_FILE = z.object({ groups: z.array(z.object({ rules: z.array(RULE) })) });
const RULES = filesIn(['prometheus/rules'], ['.rules.yml'])
  .map(({ text }) => RULE_FILE.parse(parse(text)))
  .flatMap(({ groups }) => groups.flatMap(({ rules }) => rules));
const RECORDED = new Set(RULES.map(({ record }) => record));

const EXPORTED = new Set([
  ...planeSeries(),
  ...agentSeries(),
  ...demoSeries(),
  ...contractSeries(),
]);

describe('the series that are exported', () => {
  it('are those of the control plane, of every collector and of the demo', () => {
    assert.ok(EXPORTED.size > 300, `${EXPORTED.size}`);
    for (const name of [
      'omnimind_http_requests_total',
      'omnimind_node_cpu_seconds_total',
      'omnimind_gpu_utilization_ratio',
      'omnimind_cache_keyspace_hits_total',
      'omnimind_collector_success',
      'omnimind_agent_registered',
      'inference_requests_in_system',
    ]) {
      assert.ok(EXPORTED.has(name), name);
    }
  });

  it('have names that only one program uses', () => {
    const agent = new Set(agentSeries());
    assert.deepEqual(
      planeSeries().filter((name) => agent.has(name)),
      [],
    );
  });

  it('are not those of a contract: what others have to export is nobody’s here, and is read by a rule', () => {
    const own = new Set([...planeSeries(), ...agentSeries(), ...demoSeries()]);
    const read = new Set(RULES.flatMap(({ expr }) => selectedIn(expr)));
    assert.ok(contractSeries().length > 0);
    assert.deepEqual(
      contractSeries().filter((name) => own.has(name) || !read.has(name)),
      [],
    );
  });

  it('are all that rules, configuration, demo and documents name', () => {
    const documents = [
      ...filesIn(['prometheus', 'demo'], ['.yml', '.yaml', '.ts']),
      ...['README.md', 'ARCHITECTURE.md', 'CONTRIBUTING.md', 'CHANGELOG.md'].map(fileAt),
    ];
    const named = documents.flatMap(({ path, text }) =>
      namesIn(text, /(?<![\w*])omnimind_[a-z0-9_]*\*?/g).map((name) => ({ path, name })),
    );
    assert.ok(named.length > 50, `${named.length}`);
    const unknown = named.filter(({ name }) => !isExported(name));
    assert.deepEqual(unknown, []);
  });

  it('are each set by a part of the control plane, not only declared', () => {
    const tables = [
      'series-table.ts',
      'alert-series-table.ts',
      'scaling-series-table.ts',
      'autoscaling-series-table.ts',
      'raft-series-table.ts',
    ].map((name) => `control-plane/telemetry/${name}`);
    const declared = [
      ...tables
        .map(textOf)
        .join('\n')
        .matchAll(/^ {4}(\w+): make\.(?:counter|gauge|histogram)\(\{\s+name: '(\w+)'/gm),
    ];
    assert.deepEqual(
      declared.map(([, , name]) => name),
      planeSeries(),
    );
    const others = filesIn(['control-plane']).filter(({ path }) => !tables.includes(path));
    const unset = declared.filter(
      ([, member = '']) =>
        !others.some(({ text }) =>
          new RegExp(`\\.${member}\\s*\\.(inc|raiseTo|set|add|observe)\\(`).test(text),
        ),
    );
    assert.deepEqual(
      unset.map(([, , name]) => name),
      [],
    );
  });
});

describe('the recording rules', () => {
  it('were found', () => {
    assert.ok(RULES.length > 60);
  });

  it('read only series that are exported or recorded', () => {
    const unknown = RULES.flatMap(({ record, expr }) =>
      selectedIn(expr)
        .filter((name) => !isKnown(name))
        .map((name) => `${record} reads ${name}`),
    );
    assert.deepEqual(unknown, []);
  });

  it('are named level:metric:operations, each once, or once per SLO', () => {
    const series = RULES.map(({ record, labels }) => `${record} ${labels['slo'] ?? ''}`);
    assert.equal(new Set(series).size, RULES.length);
    assert.equal(
      new Set(series.filter((one) => !one.startsWith('slo:'))).size,
      [...RECORDED].filter((name) => !name.startsWith('slo:')).length,
    );
    for (const name of RECORDED) assert.match(name, /^[a-z_]+:[a-z0-9_]+:[a-z0-9_]+$/);
  });

  it('take the oldest timestamp from raw series, never from recorded ones', () => {
    const oldest = RULES.filter(({ record }) => record.endsWith(':oldest_timestamp_seconds'));
    assert.ok(oldest.length >= 12);
    for (const { record, expr } of oldest) {
      assert.ok(
        selectedIn(expr).every((name) => !name.includes(':')),
        record,
      );
      assert.match(expr, /timestamp\(/);
    }
  });

  it('give each counted signal an age, over the same series as the count', () => {
    for (const { record, expr } of RULES.filter((rule) => rule.record.endsWith(':count'))) {
      const sibling = record.replace(/:count$/, ':oldest_timestamp_seconds');
      const rule = RULES.find((one) => one.record === sibling);
      assert.ok(rule, `${sibling} is missing`);
      const aged = selectedIn(rule.expr);
      assert.ok(
        selectedIn(expr).every((name) => aged.includes(name)),
        `${record} counts others than ${sibling}`,
      );
    }
  });

  it('record every recorded series that the demo documents read', async () => {
    const { policies } = await readDocuments(
      join(ROOT, 'demo/documents'),
      AbortSignal.timeout(5_000),
    );
    const queries = policies.flatMap(({ metrics }) =>
      metrics.flatMap(({ query, timestampQuery, coverage }) => [
        query,
        timestampQuery,
        ...(coverage === null ? [] : [coverage.query]),
      ]),
    );
    assert.ok(queries.length > 0);
    const read = queries.flatMap(selectedIn).filter((name) => name.includes(':'));
    assert.deepEqual(
      read.filter((name) => !RECORDED.has(name)),
      [],
    );
  });
});

function isKnown(name: string): boolean {
  return name.includes(':') ? RECORDED.has(name) : isExported(name);
}

/** Histograms export three series under one declared name; `name_*` stands for all that begin so. */
function isExported(name: string): boolean {
  if (name.endsWith('*')) {
    return [...EXPORTED].some((one) => one.startsWith(name.slice(0, -1)));
  }
  return EXPORTED.has(name) || EXPORTED.has(name.replace(/_(bucket|sum|count)$/, ''));
}

function selectedIn(query: string): readonly string[] {
  const reading = parsePromql(query);
  if (reading.kind === 'faulty') assert.fail(`${query}: ${reading.message}`);
  return reading.selectors.map(({ metricName }) => metricName ?? '(no name)');
}
