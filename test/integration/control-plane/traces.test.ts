/**
 * What one running control plane tells of its ticks: traces at a collector, context on the way to
 * Prometheus and from clients, exemplars and log lines that lead to the trace, and an exposition that
 * promtool has nothing to say against.
 */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import process from 'node:process';
import type { DecisionRecord } from '../../../control-plane/model/decision.ts';
import { loadMetrics } from '../../support/load-policy.ts';
import { exportSettings, startOtlpReceiver } from '../../support/otlp-receiver.ts';
import type { OtlpReceiver, ReceivedSpan } from '../../support/otlp-receiver.ts';
import { WORKLOAD_ID, planePlace, startPlane } from '../../support/plane-process.ts';
import type { PlanePlace, PlaneProcess } from '../../support/plane-process.ts';
import { pollUntil } from '../../support/process.ts';
import { startPrometheusFake } from '../../support/prometheus-fake.ts';
import type { PrometheusFake } from '../../support/prometheus-fake.ts';
import { markedProcesses } from '../../support/replica-processes.ts';
import { skipWithout } from '../../support/skip.ts';

const STAGES = ['observe', 'verify', 'decide', 'commit', 'act'];
const CLIENT = { trace: '0af7651916cd43dd8448eb211c80319c', span: 'b7ad6b7169203331' };
const OPENMETRICS = 'application/openmetrics-text;version=1.0.0';

describe('the traces of a control plane', function () {
  this.timeout(60_000);
  let receiver: OtlpReceiver;
  let prometheus: PrometheusFake;
  let place: PlanePlace;
  let plane: PlaneProcess;
  let act: DecisionRecord;

  before(async () => {
    receiver = await startOtlpReceiver();
    prometheus = await startPrometheusFake({
      samples: (query) => [
        { labels: {}, value: query.startsWith('load_time') ? String(Date.now() / 1_000) : '30' },
      ],
    });
    place = await planePlace({
      prometheusUrl: prometheus.url,
      tickInterval: '1s',
      prometheusTimeout: '800ms',
      settings: { ...exportSettings(receiver), OMNIMIND_LOCAL_PROCESS_ON_STOP: 'stop' },
      policy: {
        replicas: { min: 1, max: 4 },
        metrics: loadMetrics('load', 'load_time'),
      },
    });
    plane = await startPlane(place);
    act = await pollUntil('a decision that acts', 30_000, async () => {
      const found = await plane.decisions(100).catch(() => []);
      return found.find((one) => one.outcome.verdict.kind === 'act' && one.token !== null);
    });
    await pollUntil('its replicas are ready and the action is verified', 20_000, () =>
      plane.running.output().includes('action verified'),
    );
  });

  after(async () => {
    plane.running.child.kill('SIGTERM');
    await plane.running.exit(10_000).catch(() => plane.running.kill());
    for (const { pid } of await markedProcesses(place.data)) process.kill(pid, 'SIGKILL');
    await prometheus.stop();
    await receiver.stop();
    await rm(dirname(place.data), { recursive: true, force: true });
  });

  const traceOf = (traceId: string): readonly ReceivedSpan[] =>
    receiver.spans.filter((span) => span.traceId === traceId);

  /** The tick of the decision that acted, whole. */
  const tickOf = async (record: DecisionRecord) => {
    const root = await pollUntil('the tick is at the collector', 10_000, () =>
      traceOf(record.traceId).find((span) => span.parentSpanId === null),
    );
    const stages = traceOf(record.traceId)
      .filter((span) => span.parentSpanId === root.spanId)
      .sort((a, b) => a.startedAtMs - b.startedAtMs);
    const stage = (name: string): ReceivedSpan => {
      const found = stages.find((span) => span.name === name);
      assert.ok(found !== undefined, `no span ${name}`);
      return found;
    };
    return { root, stages, stage };
  };

  it('makes each tick one trace with its stages in order, which the decision names', async () => {
    const { root, stages } = await tickOf(act);
    assert.equal(root.name, 'scale tick');
    assert.deepEqual(
      stages.map(({ name }) => name),
      STAGES,
    );
    const ticks = receiver.spans.filter(({ name }) => name === 'scale tick');
    assert.equal(new Set(ticks.map(({ traceId }) => traceId)).size, ticks.length);
    for (const record of await plane.decisions(5)) {
      await pollUntil('its trace is at the collector', 5_000, () => traceOf(record.traceId)[0]);
    }
  });

  it('says on the spans what was looked at, decided and done', async () => {
    const { root, stage } = await tickOf(act);
    for (const span of [root, stage('observe')]) {
      assert.equal(span.attributes['omnimind.queries'], 2);
      assert.equal(span.attributes['omnimind.policies'], 1);
      assert.equal(span.attributes['omnimind.signals.failed'], 0);
    }
    for (const span of [root, stage('decide')]) {
      assert.equal(span.attributes['omnimind.decisions.act'], 1);
      assert.equal(span.attributes['omnimind.decisions.hold'], 0);
    }
    const holding = receiver.spans.find(
      (span) => span.attributes['omnimind.holds.within_tolerance'] === 1,
    );
    assert.ok(holding !== undefined, 'a tick that holds says why');
    const [event] = stage('act').happened;
    assert.equal(event?.name, 'scaling');
    assert.deepEqual(event.attributes, {
      workload: WORKLOAD_ID,
      decision: act.decisionId,
      direction: 'out',
      from: act.input.desired,
      to: act.outcome.verdict.replicas,
      reason: 'above_target',
      'token.term': act.token?.term,
      'token.index': act.token?.index,
    });
    const verified = receiver.spans.filter(({ name }) => name === 'verify');
    assert.ok(verified.some(({ events }) => events.includes('action ended')));
  });

  it('carries the trace to Prometheus', async () => {
    const { stage } = await tickOf(act);
    const headers = prometheus.requests.map((request) => request.headers['traceparent']);
    const expected = `00-${act.traceId}-${stage('observe').spanId}-01`;
    assert.ok(headers.includes(expected), `${expected} is not in ${headers.join(', ')}`);
  });

  it('continues the trace of a client', async () => {
    const traceparent = `00-${CLIENT.trace}-${CLIENT.span}-01`;
    await fetch(`${plane.url}/v1/workloads/${WORKLOAD_ID}`, { headers: { traceparent } });
    const span = await pollUntil('the request is at the collector', 5_000, () =>
      traceOf(CLIENT.trace).find(({ kind }) => kind === 2),
    );
    assert.equal(span.parentSpanId, CLIENT.span);
    assert.equal(span.attributes['http.response.status_code'], 200);
  });

  it('leads from the duration histograms to traces that are there', async () => {
    const body = await metrics(OPENMETRICS);
    for (const [histogram, labels] of [
      ['omnimind_loop_duration_seconds', ['loop="scale"']],
      ['omnimind_stage_duration_seconds', ['stage="observe"']],
      ['omnimind_stage_duration_seconds', ['stage="act"']],
      ['omnimind_http_request_duration_seconds', ['method="GET"', 'route="/v1/decisions"']],
      ['omnimind_metrics_source_request_duration_seconds', []],
      ['omnimind_sample_to_action_seconds', []],
    ] as const) {
      const lines = body
        .split('\n')
        .filter((line) => line.startsWith(`${histogram}_bucket{`))
        .filter((line) => labels.every((label) => line.includes(label)));
      const ids = lines.flatMap((line) => /# \{trace_id="([0-9a-f]{32})"\}/.exec(line)?.[1] ?? []);
      assert.ok(ids.length > 0, `no exemplar of ${histogram}: ${lines.join('\n')}`);
      for (const id of ids) {
        await pollUntil(`the trace of ${histogram}`, 5_000, () => traceOf(id).length > 0);
      }
    }
  });

  it('writes the ids of the trace on the lines of a tick', () => {
    const lines = plane.running
      .output()
      .split('\n')
      .filter((line) => line.includes('"msg":"scaling"'))
      .map((line) => JSON.parse(line) as Readonly<Record<string, unknown>>);
    const line = lines.find(({ decision }) => decision === act.decisionId);
    assert.equal(line?.['trace_id'], act.traceId);
    assert.match(String(line['span_id']), /^[0-9a-f]{16}$/);
  });

  it('says on the spans of a hold why it holds, and marks them as no failure', async () => {
    await prometheus.setMode('refuse');
    const hold = await pollUntil('a hold without signal', 10_000, async () => {
      const found = await plane.decisions(3);
      return found.find(({ outcome }) => outcome.verdict.reason === 'signal_unavailable');
    });
    await prometheus.setMode('ok');
    const { root, stages } = await tickOf(hold);
    assert.equal(root.attributes['omnimind.signals.failed'], 1);
    assert.equal(root.attributes['omnimind.holds.signal_unavailable'], 1);
    assert.ok([root, ...stages].every(({ failed }) => !failed));
  });

  it('exposes metrics that promtool has nothing to say against', async function () {
    skipWithout(this, 'promtool');
    const input = await metrics('text/plain;version=0.0.4');
    assert.match(input, /omnimind_replicas_desired\{workload="stub"\} 3/);
    const checked = spawnSync('promtool', ['check', 'metrics'], { input, encoding: 'utf8' });
    assert.equal(`${checked.stdout}${checked.stderr}`, '');
    assert.equal(checked.status, 0);
  });

  it('keeps both forms right when they are asked for in turn', async () => {
    const families = new Map<string, string>();
    for (const accept of ['text/plain', OPENMETRICS, 'text/plain', OPENMETRICS, 'text/plain']) {
      const body = await metrics(accept);
      assert.equal(body.endsWith('# EOF\n'), accept === OPENMETRICS);
      // The product's own: some of Node's are there only while they have something to count.
      const heads = body.split('\n').filter((line) => line.startsWith('# TYPE omnimind_'));
      const known = families.get(accept);
      if (known !== undefined) assert.equal(heads.join('\n'), known);
      families.set(accept, heads.join('\n'));
      assert.match(body, /^omnimind_evaluations_total\{workload="stub",.*\} \d+$/m);
    }
    assert.match(families.get('text/plain') ?? '', /# TYPE omnimind_evaluations_total counter/);
    assert.match(families.get(OPENMETRICS) ?? '', /# TYPE omnimind_evaluations counter/);
  });

  async function metrics(accept: string): Promise<string> {
    const answer = await fetch(`${plane.url}/metrics`, { headers: { accept } });
    assert.equal(answer.status, 200);
    return answer.text();
  }
});
