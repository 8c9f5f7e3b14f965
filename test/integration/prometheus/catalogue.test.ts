import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';
import { CACHE_FAMILIES } from '../../../agents/collectors/cache-families.ts';
import { GPU_FAMILIES } from '../../../agents/collectors/gpu-families.ts';
import { cpuFamilies } from '../../../agents/collectors/node-cpu.ts';
import { diskFamilies } from '../../../agents/collectors/node-disk.ts';
import { filesystemFamilies } from '../../../agents/collectors/node-filesystem.ts';
import { hardwareFamilies } from '../../../agents/collectors/node-hardware.ts';
import { loadFamilies } from '../../../agents/collectors/node-load.ts';
import { memoryFamilies } from '../../../agents/collectors/node-memory.ts';
import { networkFamilies } from '../../../agents/collectors/node-network.ts';
import { readDocuments } from '../../../control-plane/adapters/document-files/documents.ts';
import { parsePromql } from '../../../control-plane/schemas/promql.ts';

const ROOT = join(import.meta.dirname, '../../..');
const AGENT_FAMILIES = [
  ...[...cpuFamilies, ...diskFamilies, ...filesystemFamilies, ...hardwareFamilies],
  ...[...loadFamilies, ...memoryFamilies, ...networkFamilies, ...CACHE_FAMILIES, ...GPU_FAMILIES],
];

const RULE_FILE = z.object({
  groups: z.array(z.object({ rules: z.array(z.object({ record: z.string(), expr: z.string() })) })),
});
const RULES = readdirSync(join(ROOT, 'prometheus/rules'))
  .filter((name) => name.endsWith('.rules.yml'))
  .map((name) => RULE_FILE.parse(parse(read(`prometheus/rules/${name}`))))
  .flatMap(({ groups }) => groups.flatMap(({ rules }) => rules));
const RECORDED = new Set(RULES.map(({ record }) => record));

describe('the recording rules beside what is exported', () => {
  const exported = new Set([
    ...AGENT_FAMILIES.map(({ name }) => name),
    ...literalsIn('control-plane/telemetry', /'(omnimind_[a-z0-9_]+)'/g),
    ...literalsIn('demo', /['"`](inference_[a-z0-9_]+)['"`]/g),
  ]);

  it('found what is exported', () => {
    assert.ok(exported.size > 250, `${exported.size}`);
    assert.ok(exported.has('omnimind_node_cpu_seconds_total'));
    assert.ok(exported.has('omnimind_http_requests_total'));
    assert.ok(exported.has('inference_requests_in_system'));
    assert.ok(RULES.length > 60);
  });

  it('read only series that are exported or recorded', () => {
    const unknown = RULES.flatMap(({ record, expr }) =>
      namesIn(expr)
        .filter((name) => !isKnown(name, exported))
        .map((name) => `${record} reads ${name}`),
    );
    assert.deepEqual(unknown, []);
  });

  it('are named level:metric:operations, each once', () => {
    assert.equal(RECORDED.size, RULES.length);
    for (const name of RECORDED) assert.match(name, /^[a-z_]+:[a-z0-9_]+:[a-z0-9_]+$/);
  });

  it('take the oldest timestamp from raw series, never from recorded ones', () => {
    const oldest = RULES.filter(({ record }) => record.endsWith(':oldest_timestamp_seconds'));
    assert.ok(oldest.length >= 12);
    for (const { record, expr } of oldest) {
      assert.ok(
        namesIn(expr).every((name) => !name.includes(':')),
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
      const aged = namesIn(rule.expr);
      assert.ok(
        namesIn(expr).every((name) => aged.includes(name)),
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
    const read = queries.flatMap(namesIn).filter((name) => name.includes(':'));
    assert.deepEqual(
      read.filter((name) => !RECORDED.has(name)),
      [],
    );
  });
});

/** Histograms export three series under one declared name. */
function isKnown(name: string, exported: ReadonlySet<string>): boolean {
  if (name.includes(':')) return RECORDED.has(name);
  return exported.has(name) || exported.has(name.replace(/_(bucket|sum|count)$/, ''));
}

function namesIn(query: string): readonly string[] {
  const reading = parsePromql(query);
  if (reading.kind === 'faulty') assert.fail(`${query}: ${reading.message}`);
  return reading.selectors.map(({ metricName }) => metricName ?? '(no name)');
}

function literalsIn(folder: string, pattern: RegExp): readonly string[] {
  return readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .flatMap((name) =>
      [...read(join(folder, name)).matchAll(pattern)].map(([, found]) => found ?? ''),
    );
}

function read(path: string): string {
  return readFileSync(join(ROOT, path), 'utf8');
}
