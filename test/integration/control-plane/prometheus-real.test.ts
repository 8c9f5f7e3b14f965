import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  createPrometheusSource,
  type PrometheusSource,
} from '../../../control-plane/adapters/prometheus/source.ts';
import type {
  InstantReading,
  RangeReading,
  RangeSeries,
} from '../../../control-plane/ports/metrics-source.ts';
import { parsePromql } from '../../../control-plane/schemas/promql.ts';
import { deriveTimestampQuery } from '../../../control-plane/schemas/promql-timestamp.ts';
import { type Exporter, startExporter } from '../../support/exporter.ts';
import { pollUntil } from '../../support/process.ts';
import { startPrometheusFake } from '../../support/prometheus-fake.ts';
import { sourceOptions } from '../../support/prometheus-options.ts';
import {
  preparePrometheus,
  scrapeConfigOf,
  startPrometheus,
} from '../../support/prometheus-process.ts';
import type { PrometheusPlace, PrometheusProcess } from '../../support/prometheus-process.ts';
import { skipWithout } from '../../support/skip.ts';

const NEVER = new AbortController().signal;
const SERIES = Array.from({ length: 300 }, (_, n) => `m{n="${n}"} ${n}`);
const TEXT = [...SERIES, 'not_a_number NaN', 'fleeting 5', 'left 1', 'right 2', ''].join('\n');

describe('the Prometheus source against a real Prometheus', function () {
  this.timeout(60_000);
  let exporter: Exporter;
  let place: PrometheusPlace;
  let server: PrometheusProcess;
  let source: PrometheusSource;
  /** Undone last first, as far as the start came. */
  const started: (() => unknown)[] = [];

  before(async function () {
    skipWithout(this, 'prometheus');
    exporter = await startExporter(TEXT);
    started.push(() => exporter.stop());
    const directory = await mkdtemp(join(tmpdir(), 'omnimind-prometheus-'));
    started.push(() => rm(directory, { recursive: true, force: true }));
    place = await preparePrometheus(directory, scrapeConfigOf(exporter.address), 'groups: []');
    server = await startPrometheus(place);
    started.push(() => server.kill());
    source = sourceOf(server.url, 5_000);
    started.push(() => source.close());
    await pollUntil('the first scrape', 15_000, async () => (await one('count(m)')) === 300);
  });

  after(async () => {
    for (const stop of started.reverse()) await stop();
  });

  function sourceOf(baseUrl: string, timeoutMs: number): PrometheusSource {
    const limits = { breaker: { failuresMax: 3, openMs: 100 }, probeTimeoutMs: 200 };
    return createPrometheusSource(sourceOptions(baseUrl, { timeoutMs, limits }));
  }

  async function read(...queries: readonly string[]): Promise<readonly InstantReading[]> {
    return source.readInstant(queries, Date.now(), NEVER);
  }

  /** The value when there is exactly one; else the reading as text. */
  async function one(query: string): Promise<unknown> {
    return valueOf((await read(query))[0]);
  }

  it('answers hundreds of merged queries exactly as one by one', async () => {
    const queries = [
      ...Array.from({ length: 300 }, (_, n) => `sum(m{n="${n}"})`),
      'not_a_number',
      'nothing_of_this_name',
      'm{n=~"1|2"}',
      '{__name__=~"left|right"}',
      'time() - time()',
      '1 # a comment',
      'vector(1)',
      'sum by (n) (m{n="3"})',
      'm{n="1"} + on () group_left () m',
    ];
    const atMs = Date.now();
    const merged = await source.readInstant(queries, atMs, NEVER);
    const singles = await Promise.all(
      queries.map((query) => source.readInstant([query], atMs, NEVER)),
    );
    merged.forEach((reading, n) =>
      assert.deepEqual(sorted(reading), sorted(singles[n]?.[0]), queries[n]),
    );
    assert.deepEqual(
      merged
        .slice(300)
        .map((reading) => (reading.kind === 'vector' ? reading.samples.length : reading.reason)),
      [1, 0, 2, 2, 1, 1, 1, 1, 'signal_rejected'],
    );
    assert.equal(valueOf(merged[7]), 7);
    assert.ok(Number.isNaN(valueOf(merged[300])));
    const both = merged[303];
    assert.ok(both?.kind === 'vector');
    assert.deepEqual(both.samples.map(({ labels }) => labels['__name__']).sort(), [
      'left',
      'right',
    ]);
  });

  it('sees a series that is gone as absent, in a merged request too', async () => {
    assert.equal(await one('fleeting'), 5);
    exporter.text = TEXT.replace('fleeting 5\n', '');
    try {
      await pollUntil('the series has ended', 15_000, async () => {
        const readings = await read('fleeting', 'm{n="1"}');
        return valueOf(readings[0]) === 'no sample' && valueOf(readings[1]) === 1;
      });
    } finally {
      exporter.text = TEXT;
    }
  });

  it('reads ranges', async () => {
    const endMs = Date.now();
    const [good, bad] = await source.readRange(
      [
        { query: 'm{n="7"}', startMs: endMs - 2_000, endMs, stepMs: 500 },
        { query: 'm', startMs: 0, endMs, stepMs: 1_000 },
      ],
      NEVER,
    );
    assert.ok(good?.kind === 'matrix');
    assert.ok(good.series[0]?.points.every(([, value]) => value === 7));
    assert.ok(bad?.kind === 'failed');
    assert.equal(bad.reason, 'signal_rejected');
  });

  it('answers merged ranges exactly as one by one, NaN and gaps included', async () => {
    const queries = [
      ...Array.from({ length: 120 }, (_, n) => `sum(m{n="${n}"})`),
      'not_a_number',
      'nothing_of_this_name',
      'm{n=~"1|2"}',
      '{__name__=~"left|right"}',
      'rate(m{n=~"4|5"}[5s])',
      'left > (time() % 2 < bool 1) * 3',
      'time()',
      '1 # a comment',
      'vector(1)',
      'm{n="1"} + on () group_left () m',
    ];
    const endMs = Date.now();
    const spans = [
      { startMs: endMs - 4_000, endMs, stepMs: 500 },
      { startMs: endMs - 28_000, endMs, stepMs: 7_000 },
    ];
    for (const span of spans) {
      const asked = queries.map((query) => ({ query, ...span }));
      const merged = await source.readRange(asked, NEVER);
      const singles = await Promise.all(asked.map((range) => source.readRange([range], NEVER)));
      merged.forEach((reading, n) =>
        assert.deepEqual(sortedSeries(reading), sortedSeries(singles[n]?.[0]), queries[n]),
      );
      const [nan, nothing] = merged.slice(120);
      assert.ok(nan?.kind === 'matrix' && nan.series.length === 1);
      assert.ok(nan.series[0]?.points.every(([, value]) => Number.isNaN(value)));
      assert.deepEqual(nothing, { kind: 'matrix', series: [] });
      const refused = merged.at(-1);
      assert.ok(refused?.kind === 'failed' && refused.reason === 'signal_rejected');
    }
  });

  it('derives timestamp queries that give the older of two series, and nothing when one is absent', async () => {
    const derived = (query: string): string => {
      const result = deriveTimestampQuery(query);
      return result.kind === 'derived' ? result.query : assert.fail(result.kind);
    };
    const nowS = Date.now() / 1_000;
    const age = Number(await one(`time() - (${derived('left / right')})`));
    assert.ok(age >= 0 && age < 30, `${age}`);
    assert.equal(await one(derived('left / missing')), 'no sample');
    assert.equal(await one(derived('missing / left')), 'no sample');
    assert.equal(await one(derived('left or missing')), 'no sample');
    assert.ok(Math.abs(Number(await one(derived('hour()'))) - nowS) < 10);
  });

  it('agrees with the parser of policies on what is PromQL', async () => {
    const corpus = [
      'left',
      'sum(left',
      'rate(left)',
      'rate(left[5m])',
      'left[5m]',
      '"text"',
      '{}',
      '{a=~".*"}',
      '{a!=""}',
      'sum by (a) (left)',
      'sum by (a) left',
      'left and 1',
      '1 > 2',
      '1 > bool 2',
      'topk(left)',
      'topk(1, left)',
      'abs(1)',
      'vector(left)',
      'nope(left)',
      'clamp(left, 1)',
      'round(left)',
      'round(left, 1, 2)',
      'left @ end()',
      'sum(left) offset 5m',
      'sum(left)[5m]',
      'sum(left)[5m:1m]',
      'max_over_time(sum(left)[5m:1m])',
      'left{a="\\d"}',
      'left{a=`\\d`}',
      'left{__name__="right"}',
      'left + bool right',
      'left + on () right',
      '1 + on () right',
      '1 + on (a) right',
      'left and on () group_left right',
      'hour()',
      'time(1)',
      'label_join(left, "a", "-")',
      'label_replace(left, "a", "b", "c")',
      '-left',
      '-"a"',
      'left # comment',
      '# comment',
      'left right',
      'quantile(0.5, left)',
      'count_values("a", left)',
      'count_values(1, left)',
      'scalar(left) > 1',
      'scalar(left) > bool 1',
      'histogram_quantile(0.5, left)',
      'left{a="b",}',
      'left{,}',
      'sum(left,)',
      'absent(left)',
      'absent_over_time(left[1m])',
      '1 + left unless right',
      'days_in_month(left)',
    ];
    for (const query of corpus) {
      const reading = parsePromql(query);
      const [answer] = await read(query);
      const refused = answer?.kind === 'failed' && /parse error|bad_data/.test(answer.detail);
      // Range vectors and strings are PromQL, and no signal: the source reports them in its own words.
      if (reading.kind === 'parsed' && reading.type !== 'vector' && reading.type !== 'scalar')
        continue;
      assert.equal(
        reading.kind === 'faulty',
        refused,
        `${query}: ${JSON.stringify({ reading, answer })}`,
      );
    }
  });

  it('works through a proxy that spoils one thing at a time', async () => {
    const proxy = await startPrometheusFake({ upstream: server.url });
    const through = sourceOf(proxy.url, 2_000);
    try {
      const ask = async () =>
        (await through.readInstant(['m{n="5"}', 'min(timestamp(m))'], Date.now(), NEVER)).map(
          valueOf,
        );
      const [value, timestamp] = await ask();
      assert.equal(value, 5);
      assert.ok(Math.abs(Number(timestamp) - Date.now() / 1_000) < 30);
      await proxy.setMode('old_samples');
      const [stillValue, old] = await ask();
      assert.equal(stillValue, 5);
      assert.ok(Date.now() / 1_000 - Number(old) > 1_799);
      await proxy.setMode('two_series');
      assert.deepEqual(await ask(), ['2 samples', '2 samples']);
      await proxy.setMode('nan');
      assert.deepEqual(await ask(), [NaN, NaN]);
      await proxy.setMode('ok');
      assert.equal((await ask())[0], 5);
    } finally {
      through.close();
      await proxy.stop();
    }
  });

  it('holds while Prometheus is stopped or dead, and reads again within two tries after', async () => {
    const quick = sourceOf(server.url, 300);
    const tryOnce = async () =>
      valueOf((await quick.readInstant(['vector(9)'], Date.now(), NEVER))[0]);
    const pause = () => new Promise((resolve) => setTimeout(resolve, 150));
    try {
      assert.equal(await tryOnce(), 9);
      server.running.child.kill('SIGSTOP');
      for (let n = 0; n < 4; n += 1) {
        const startedAtMs = performance.now();
        assert.equal(await tryOnce(), 'signal_unavailable');
        assert.ok(performance.now() - startedAtMs < 1_000);
      }
      assert.equal(quick.status().breaker, 'open');
      server.running.child.kill('SIGCONT');
      await pause();
      const afterStop = [await tryOnce(), (await pause(), await tryOnce())];
      assert.ok(afterStop.includes(9), JSON.stringify(afterStop));
      assert.deepEqual(quick.status(), { breaker: 'closed', lastError: null });

      await server.kill();
      for (let n = 0; n < 4; n += 1) assert.equal(await tryOnce(), 'signal_unavailable');
      assert.match(quick.status().lastError ?? '', /ECONNREFUSED/);
      server = await startPrometheus(place);
      await pause();
      const afterKill = [await tryOnce(), (await pause(), await tryOnce())];
      assert.ok(afterKill.includes(9), JSON.stringify(afterKill));
    } finally {
      quick.close();
    }
  });
});

function valueOf(reading: InstantReading | undefined): unknown {
  if (reading === undefined) return undefined;
  if (reading.kind === 'failed') return reading.reason;
  const [first, second] = reading.samples;
  if (second !== undefined) return `${reading.samples.length} samples`;
  return first === undefined ? 'no sample' : first.value;
}

function sortedSeries(reading: RangeReading | undefined): unknown {
  if (reading?.kind !== 'matrix') return reading;
  const key = ({ labels }: RangeSeries) => JSON.stringify(Object.entries(labels).sort());
  return [...reading.series].sort((a, b) => key(a).localeCompare(key(b)));
}

function sorted(reading: InstantReading | undefined): unknown {
  if (reading?.kind !== 'vector') return reading;
  return [...reading.samples].sort((a, b) => a.value - b.value);
}
