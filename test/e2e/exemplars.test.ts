/**
 * From a point on a panel to its trace: a real Prometheus keeps the exemplars of a running plane, and
 * the trace that each of them names is whole at the collector.
 */

import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { z } from 'zod';
import type { Election } from '../../control-plane/model/election.ts';
import { loadMetrics } from '../support/load-policy.ts';
import { exportSettings, startOtlpReceiver } from '../support/otlp-receiver.ts';
import type { OtlpReceiver, ReceivedSpan } from '../support/otlp-receiver.ts';
import { planePlace, startPlane } from '../support/plane-process.ts';
import type { PlaneProcess } from '../support/plane-process.ts';
import { pollUntil } from '../support/process.ts';
import {
  preparePrometheus,
  scrapeConfigOf,
  startPrometheus,
} from '../support/prometheus-process.ts';
import type { PrometheusProcess } from '../support/prometheus-process.ts';
import { markedProcesses } from '../support/replica-processes.ts';
import { skipWithout } from '../support/skip.ts';

const ANSWER = z.object({
  status: z.literal('success'),
  data: z.array(
    z.object({
      seriesLabels: z.record(z.string(), z.string()),
      exemplars: z.array(z.object({ labels: z.record(z.string(), z.string()), value: z.string() })),
    }),
  ),
});

describe('an exemplar in Prometheus', function () {
  this.timeout(120_000);
  let receiver: OtlpReceiver;
  let plane: PlaneProcess;
  let prometheus: PrometheusProcess;
  const started: (() => unknown)[] = [];

  before(async function () {
    skipWithout(this, 'prometheus');
    receiver = await startOtlpReceiver();
    started.push(() => receiver.stop());
    const directory = await mkdtemp(join(tmpdir(), 'omnimind-exemplars-'));
    started.push(() => rm(directory, { recursive: true, force: true }));
    const scraper = await preparePrometheus(directory, '', 'groups: []');
    const place = await planePlace({
      prometheusUrl: `http://127.0.0.1:${scraper.port}`,
      tickInterval: '1s',
      prometheusTimeout: '800ms',
      settings: { ...exportSettings(receiver), OMNIMIND_LOCAL_PROCESS_ON_STOP: 'stop' },
      policy: { replicas: { min: 1, max: 2 }, metrics: loadMetrics('absent', 'time()') },
    });
    started.push(() => rm(dirname(place.data), { recursive: true, force: true }));
    started.push(async () => {
      for (const { pid } of await markedProcesses(place.data)) process.kill(pid, 'SIGKILL');
    });
    plane = await startPlane(place);
    started.push(async () => {
      plane.running.child.kill('SIGTERM');
      await plane.running.exit(10_000).catch(() => plane.running.kill());
    });
    await writeFile(
      join(directory, 'prometheus.yml'),
      scrapeConfigOf(plane.url.replace('http://', '')),
    );
    prometheus = await startPrometheus(scraper, ['--enable-feature=exemplar-storage']);
    started.push(() => prometheus.kill());
  });

  after(async () => {
    for (const stop of started.reverse()) await stop();
  });

  /** The trace ids that Prometheus gives for a series, the latest last. */
  const exemplarsOf = async (series: string): Promise<readonly string[]> => {
    const nowS = Date.now() / 1_000;
    const query = new URLSearchParams({
      query: series,
      start: String(nowS - 600),
      end: String(nowS + 10),
    });
    const answer = await fetch(`${prometheus.url}/api/v1/query_exemplars?${query.toString()}`, {
      signal: AbortSignal.timeout(5_000),
    });
    const { data } = ANSWER.parse(await answer.json());
    return data.flatMap(({ exemplars }) =>
      exemplars.flatMap(({ labels }) =>
        labels['trace_id'] === undefined ? [] : labels['trace_id'],
      ),
    );
  };

  /** The spans of a trace once they are one tree whose root is there, and no span has lost its parent. */
  const wholeTrace = (traceId: string): Promise<readonly ReceivedSpan[]> =>
    pollUntil(`the trace ${traceId} is at the collector`, 20_000, () => {
      const spans = receiver.spans.filter((span) => span.traceId === traceId);
      const ids = new Set(spans.map(({ spanId }) => spanId));
      const roots = spans.filter(({ parentSpanId }) => parentSpanId === null);
      const whole = spans.every(
        ({ parentSpanId }) => parentSpanId === null || ids.has(parentSpanId),
      );
      return roots.length === 1 && whole ? spans : null;
    });

  it('of a request leads to the trace of that request', async () => {
    const [traceId = ''] = await pollUntil('an exemplar of a request', 30_000, async () => {
      await plane.get('/v1/workloads');
      const found = await exemplarsOf(
        'omnimind_http_request_duration_seconds_bucket{route="/v1/workloads"}',
      );
      return found.length > 0 ? found : null;
    });
    assert.match(traceId, /^[0-9a-f]{32}$/);
    const spans = await wholeTrace(traceId);
    const root = spans.find(({ parentSpanId }) => parentSpanId === null);
    assert.equal(root?.name, 'GET /v1/workloads');
    assert.equal(root.attributes['http.response.status_code'], 200);
  });

  it('of an election leads to the trace of that election, all of its parts', async () => {
    const [traceId = ''] = await pollUntil('an exemplar of an election', 30_000, async () => {
      const found = await exemplarsOf('omnimind_raft_election_duration_seconds_bucket');
      return found.length > 0 ? found : null;
    });
    const spans = await wholeTrace(traceId);
    const root = spans.find(({ parentSpanId }) => parentSpanId === null);
    assert.equal(root?.name, 'raft election');
    const parts = spans.filter(({ parentSpanId }) => parentSpanId === root.spanId);
    for (const name of ['campaign', 'term start']) {
      assert.ok(
        parts.some((span) => span.name === name),
        `${name} is not among ${parts.map((span) => span.name).join()}`,
      );
    }
    const { items } = await plane.get<{ items: readonly Election[] }>('/v1/elections');
    assert.ok(items.some((one) => one.traceId === traceId && one.rootSpanId === root.spanId));
  });
});
