/** Both forms of the exposition, from one registry, again and again. */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  OPENMETRICS_CONTENT_TYPE,
  renderMetrics,
  TEXT_CONTENT_TYPE,
} from '../../../../control-plane/telemetry/exposition.ts';
import { createSeries } from '../../../../control-plane/telemetry/series.ts';
import type { Series } from '../../../../control-plane/telemetry/series.ts';
import { skipWithout } from '../../../support/skip.ts';

const OPENMETRICS = 'application/openmetrics-text;version=1.0.0';
/** What Prometheus 2.42 and 3 send. */
const PROMETHEUS_2 = `${OPENMETRICS},application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1`;
const PROMETHEUS_3 =
  'application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2';
const TRACE = { trace_id: '0af7651916cd43dd8448eb211c80319c' };

describe('exposition', () => {
  let series: Series;
  const render = (accept?: string) => renderMetrics(series.registry, accept);
  const ours = (body: string) =>
    body
      .split('\n')
      .filter((line) => /omnimind_/.test(line) && !/event_loop_lag/.test(line))
      .join('\n');

  beforeEach(() => {
    series = createSeries({ version: '1.2.3' });
    series.introduceWorkload('w');
    series.httpRequests.inc({ method: 'GET', route: '/v1/nodes', status: '200' }, 3);
    series.httpRequestDuration.observe({ method: 'GET', route: '/v1/nodes' }, 0.2, TRACE);
    series.httpRequestDuration.observe({ method: 'GET', route: '/v1/nodes' }, 60, TRACE);
  });
  afterEach(() => series.stop());

  it('answers in the form that the request prefers', async () => {
    const forms: [string | undefined, string][] = [
      [undefined, TEXT_CONTENT_TYPE],
      ['', TEXT_CONTENT_TYPE],
      ['*/*', TEXT_CONTENT_TYPE],
      ['text/html', TEXT_CONTENT_TYPE],
      ['text/plain;version=0.0.4', TEXT_CONTENT_TYPE],
      ['application/openmetrics-text', OPENMETRICS_CONTENT_TYPE],
      [OPENMETRICS, OPENMETRICS_CONTENT_TYPE],
      ['Application/OpenMetrics-Text; Version="1.0.0"', OPENMETRICS_CONTENT_TYPE],
      ['application/openmetrics-text;version=9.9.9', TEXT_CONTENT_TYPE],
      [`${OPENMETRICS};q=0`, TEXT_CONTENT_TYPE],
      [`${OPENMETRICS};q=0.2,text/plain;q=0.9`, TEXT_CONTENT_TYPE],
      [PROMETHEUS_2, OPENMETRICS_CONTENT_TYPE],
      [PROMETHEUS_3, OPENMETRICS_CONTENT_TYPE],
    ];
    for (const [accept, contentType] of forms) {
      assert.equal((await render(accept)).contentType, contentType, accept);
    }
  });

  it('stays right in both forms, however often and in whatever order they are asked for', async () => {
    const text = ours((await render()).body);
    const openMetrics = ours((await render(OPENMETRICS)).body);
    for (const accept of [
      undefined,
      OPENMETRICS,
      OPENMETRICS,
      undefined,
      PROMETHEUS_3,
      undefined,
    ]) {
      const expected = accept === undefined ? text : openMetrics;
      assert.equal(ours((await render(accept)).body), expected);
    }
    assert.match(text, /^# TYPE omnimind_http_requests_total counter$/m);
    assert.match(openMetrics, /^# TYPE omnimind_http_requests counter$/m);
    const sample = 'omnimind_http_requests_total{method="GET",route="/v1/nodes",status="200"} 3';
    for (const body of [text, openMetrics]) assert.ok(body.split('\n').includes(sample));
  });

  it('attaches exemplars in OpenMetrics alone, at the bucket where they were observed', async () => {
    const { body } = await render(OPENMETRICS);
    const found = body.split('\n').filter((line) => line.includes(' # {'));
    assert.equal(found.length, 2);
    assert.match(
      found[0] ?? '',
      /^omnimind_http_request_duration_seconds_bucket\{le="0\.25",method="GET",route="\/v1\/nodes"\} 1 # \{trace_id="0af7651916cd43dd8448eb211c80319c"\} 0\.2 \d+\.\d{3}$/,
    );
    assert.match(found[1] ?? '', /le="\+Inf".* 2 # \{trace_id="\w+"\} 60 /);
    assert.doesNotMatch((await render()).body, / # \{/);
  });

  it('writes the bounds of buckets alike in both forms, so that they are one series', async () => {
    const bounds = (body: string) =>
      [...body.matchAll(/^omnimind_http_request_duration_seconds_bucket\{le="([^"]+)"/gm)].map(
        ([, bound]) => bound,
      );
    const text = bounds((await render()).body);
    assert.deepEqual(bounds((await render(OPENMETRICS)).body), text);
    assert.ok(text.includes('1.0') && text.includes('2.5') && text.includes('+Inf'));
  });

  it('ends OpenMetrics with EOF, and text with a newline', async () => {
    assert.ok((await render(OPENMETRICS)).body.endsWith('\n# EOF\n'));
    const { body } = await render();
    assert.ok(body.endsWith('\n') && !body.includes('EOF'));
  });

  it('spells what is no number, and escapes labels', async () => {
    series.replicasReady.set({ workload: 'a"b\\c\nd' }, NaN);
    series.replicasStarting.set({ workload: 'up' }, Infinity);
    series.replicasStarting.set({ workload: 'down' }, -Infinity);
    for (const accept of [undefined, OPENMETRICS]) {
      const { body } = await render(accept);
      assert.ok(body.includes('omnimind_replicas_ready{workload="a\\"b\\\\c\\nd"} NaN\n'));
      assert.ok(body.includes('omnimind_replicas_starting{workload="up"} +Inf\n'));
      assert.ok(body.includes('omnimind_replicas_starting{workload="down"} -Inf\n'));
    }
  });

  it('names each family once, and has help and type before its samples', async () => {
    for (const accept of [undefined, OPENMETRICS]) {
      const { body } = await render(accept);
      const types = [...body.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name);
      assert.equal(new Set(types).size, types.length);
      assert.equal([...body.matchAll(/^# HELP/gm)].length, types.length);
      assert.doesNotMatch(body, /^\s*$\n./m);
    }
  });

  it('passes promtool without a word', async function () {
    skipWithout(this, 'promtool');
    const { body } = await render();
    const run = spawnSync('promtool', ['check', 'metrics'], { input: body, encoding: 'utf8' });
    assert.deepEqual([run.status, run.stdout, run.stderr], [0, '', '']);
  });
});
