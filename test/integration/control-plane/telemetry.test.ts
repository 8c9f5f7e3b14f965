/** Tracing against a collector over the network: what arrives, and what happens when none is there. */

import assert from 'node:assert/strict';
import {
  currentTraceId,
  exemplarLabels,
  inSpan,
  logTraceFields,
  openSpan,
  traceHeaders,
} from '../../../control-plane/telemetry/span.ts';
import { startTracing } from '../../../control-plane/telemetry/tracing.ts';
import type { Tracing } from '../../../control-plane/telemetry/tracing.ts';
import { startOtlpReceiver } from '../../support/otlp-receiver.ts';
import type { OtlpReceiver } from '../../support/otlp-receiver.ts';
import { until } from '../../support/postgres.ts';

const PARENT = { trace: '0af7651916cd43dd8448eb211c80319c', span: 'b7ad6b7169203331' };
const CARRIER = { traceparent: `00-${PARENT.trace}-${PARENT.span}-01` };

describe('tracing', () => {
  let receiver: OtlpReceiver;
  let tracing: Tracing | null = null;
  let dropped: number;
  const touched: string[] = [];

  /** The SDK reads the process's environment, so the test has to set it. */
  const start = (environment: Record<string, string>) => {
    for (const [name, value] of Object.entries(environment)) {
      process.env[name] = value;
      touched.push(name);
    }
    tracing = startTracing({
      serviceName: 'omnimind-control-plane',
      serviceVersion: '1.2.3',
      instanceId: 'm-1',
      environment: process.env,
      onDropped: (spans) => {
        dropped += spans;
      },
    });
    return tracing;
  };
  const stop = async () => {
    await tracing?.stop();
    tracing = null;
  };
  const sending = () => ({ OTEL_EXPORTER_OTLP_ENDPOINT: receiver.endpoint });

  beforeEach(async () => {
    receiver = await startOtlpReceiver();
    dropped = 0;
  });
  afterEach(async () => {
    await stop();
    await receiver.stop();
    for (const name of touched.splice(0)) Reflect.deleteProperty(process.env, name);
  });

  it('brings a tick and its stages to the collector as one trace', async () => {
    start(sending());
    const traceId = await inSpan('tick', { 'omnimind.loop': 'scale' }, async (span) => {
      await inSpan('observe', {}, () => Promise.resolve());
      await inSpan('decide', { 'omnimind.workloads': 2 }, () => 7);
      assert.equal(currentTraceId(), span.traceId);
      return span.traceId;
    });
    await stop();
    const names = receiver.spans.map(({ name }) => name).sort();
    assert.deepEqual(names, ['decide', 'observe', 'tick']);
    const root = receiver.spans.find(({ name }) => name === 'tick');
    assert.ok(root !== undefined);
    assert.equal(root.parentSpanId, null);
    assert.equal(root.attributes['omnimind.loop'], 'scale');
    for (const span of receiver.spans) {
      assert.equal(span.traceId, traceId);
      if (span !== root) assert.equal(span.parentSpanId, root.spanId);
    }
    assert.equal(root.resource['service.name'], 'omnimind-control-plane');
    assert.equal(root.resource['service.version'], '1.2.3');
    assert.equal(root.resource['service.instance.id'], 'm-1');
    assert.equal(dropped, 0);
  });

  it('records what failed, passes it on, and marks the span', async () => {
    start(sending());
    const failing = inSpan('act', {}, () => Promise.reject(new TypeError('refused')));
    await assert.rejects(failing, TypeError);
    await stop();
    const [span] = receiver.spans;
    assert.ok(span !== undefined);
    assert.deepEqual([span.failed, span.events], [true, ['exception']]);
    assert.equal(span.attributes['error.type'], 'TypeError');
  });

  it('continues the trace of a request, and hands it on to the next', async () => {
    start(sending());
    const span = openSpan('GET /v1/nodes', {}, { kind: 'server', carrier: CARRIER });
    const headers = span.run(() => traceHeaders());
    assert.match(headers['traceparent'] ?? '', new RegExp(`^00-${PARENT.trace}-[0-9a-f]{16}-01$`));
    assert.equal(currentTraceId(), null);
    span.end();
    await stop();
    const [received] = receiver.spans;
    assert.ok(received !== undefined);
    assert.equal(received.parentSpanId, PARENT.span);
    assert.equal(received.kind, 2);
  });

  it('begins a trace of its own where that is asked for', async () => {
    start(sending());
    await inSpan('outer', {}, (outer) =>
      inSpan('tick', {}, (tick) => assert.notEqual(tick.traceId, outer.traceId), { root: true }),
    );
  });

  it('lets its variables win over the program: name, attributes, sampler', async () => {
    start({
      ...sending(),
      OTEL_SERVICE_NAME: 'renamed',
      OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment.name=test,service.version=9',
    });
    await inSpan('a', {}, () => null);
    await stop();
    const [span] = receiver.spans;
    assert.ok(span !== undefined);
    assert.equal(span.resource['service.name'], 'renamed');
    assert.equal(span.resource['service.version'], '9');
    assert.equal(span.resource['deployment.environment.name'], 'test');
    start({ OTEL_TRACES_SAMPLER: 'always_off' });
    await inSpan('b', {}, ({ traceId }) => {
      assert.match(traceId, /^[0-9a-f]{32}$/);
      assert.equal(exemplarLabels(), null);
    });
    await stop();
    assert.equal(receiver.spans.length, 1);
  });

  it('sends nothing and still has ids when no collector is named, or all is switched off', async () => {
    for (const environment of [
      {},
      { ...sending(), OTEL_TRACES_EXPORTER: 'none' },
      { ...sending(), OTEL_SDK_DISABLED: 'true' },
    ]) {
      const { endpoint } = start(environment);
      assert.equal(endpoint, null);
      await inSpan('tick', {}, ({ traceId }) => {
        assert.match(traceId, /^[0-9a-f]{32}$/);
        assert.notEqual(traceId, '0'.repeat(32));
        assert.deepEqual(exemplarLabels(), { trace_id: traceId });
        assert.equal(logTraceFields()['trace_id'], traceId);
        assert.match(traceHeaders()['traceparent'] ?? '', new RegExp(traceId));
      });
      await stop();
    }
    assert.equal(process.env['OTEL_SDK_DISABLED'], 'true');
    assert.equal(receiver.requests(), 0);
    assert.equal(dropped, 0);
  });

  it('takes the address for traces before the shared one', async () => {
    const { endpoint } = start({
      OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:1',
      OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `${receiver.endpoint}/v1/traces`,
    });
    assert.equal(endpoint, `${receiver.endpoint}/v1/traces`);
    await inSpan('a', {}, () => null);
    await stop();
    assert.equal(receiver.spans.length, 1);
  });

  it('stops within 2 s and counts what it lost when the collector hangs', async () => {
    start({ ...sending(), OTEL_BSP_SCHEDULE_DELAY: '1' });
    receiver.behave('hang');
    for (let index = 0; index < 10; index += 1) await inSpan('tick', {}, () => null);
    await until(() => receiver.requests() > 0, 5000);
    const startedAt = performance.now();
    await stop();
    assert.ok(performance.now() - startedAt < 2000);
    assert.equal(dropped, 10);
  });

  it('counts what the collector refuses, and sends again once it takes spans', async () => {
    start({ ...sending(), OTEL_BSP_SCHEDULE_DELAY: '1' });
    receiver.behave('refuse');
    await inSpan('refused', {}, () => null);
    await until(() => dropped === 1, 5000);
    receiver.behave('accept');
    await inSpan('taken', {}, () => null);
    await until(() => receiver.spans.length === 1, 5000);
    assert.equal(receiver.spans[0]?.name, 'taken');
  });

  it('is silent when there is no collector at its address', async () => {
    start({ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:1' });
    const writes: unknown[] = [];
    const write = process.stderr.write.bind(process.stderr);
    process.stderr.write = (chunk: unknown) => {
      writes.push(chunk);
      return true;
    };
    try {
      await inSpan('tick', {}, () => null);
      await stop();
    } finally {
      process.stderr.write = write;
    }
    assert.deepEqual(writes, []);
    assert.equal(dropped, 1);
  });
});
