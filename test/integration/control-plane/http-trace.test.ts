/** A request is one server span in the caller's trace, and its problem carries that trace's id. */

import assert from 'node:assert/strict';

import { startTestCluster } from '../../support/http-cluster.ts';
import { problemOf, startTestPlane, type TestPlane } from '../../support/http-plane.ts';
import { type ReceivedTracing, startReceivedTracing } from '../../support/received-tracing.ts';

const TRACE_ID = '4bf92f3577b34da6a3ce929d0e0e4736';
const FORWARDED_TRACE_ID = '5cf92f3577b34da6a3ce929d0e0e4737';
const PARENT_ID = '00f067aa0ba902b7';

describe('the trace of a request', () => {
  let traced: ReceivedTracing;
  let plane: TestPlane;

  before(async () => {
    traced = await startReceivedTracing(() => undefined);
    plane = await startTestPlane();
  });
  after(async () => {
    await plane.stop();
    await traced.stop();
  });

  it('continues the caller’s, is named by method and route, and follows the HTTP conventions', async () => {
    const traceparent = `00-${TRACE_ID}-${PARENT_ID}-01`;
    const answer = await plane.send({
      path: '/v1/nodes/gone?x=secret',
      headers: { traceparent, 'user-agent': 'test' },
    });
    assert.equal(problemOf(answer).trace_id, TRACE_ID);
    plane.consensus.failWith('bug');
    const failed = await plane.send({ method: 'PUT', path: '/v1/mode', body: { mode: 'act' } });
    await plane.send({ path: '/nothing/here' });
    const cluster = await startTestCluster({ ids: ['a', 'b'] });
    await cluster.member('b').send({
      path: '/v1/mode',
      headers: { traceparent: `00-${FORWARDED_TRACE_ID}-${PARENT_ID}-01` },
    });
    await cluster.stop();
    await traced.tracing.stop();
    const { spans } = traced.receiver;

    const span = spans.find((one) => one.traceId === TRACE_ID);
    assert.equal(span?.name, 'GET /v1/nodes/{nodeId}');
    assert.equal(span.parentSpanId, PARENT_ID);
    assert.equal(span.kind, 2);
    assert.equal(span.failed, false);
    const { attributes } = span;
    assert.equal(attributes['http.request.method'], 'GET');
    assert.equal(attributes['http.route'], '/v1/nodes/{nodeId}');
    assert.equal(attributes['url.path'], '/v1/nodes/gone');
    assert.equal(attributes['url.scheme'], 'http');
    assert.equal(attributes['http.response.status_code'], 400);
    assert.equal(attributes['user_agent.original'], 'test');
    assert.equal(attributes['server.port'], plane.port);
    assert.doesNotMatch(JSON.stringify(span), /secret/u);

    const bug = spans.find((one) => one.traceId === problemOf(failed).trace_id);
    assert.equal(bug?.name, 'PUT /v1/mode');
    assert.equal(bug.failed, true);
    assert.equal(bug.attributes['error.type'], 'TypeError');
    const far = spans.filter((one) => one.traceId === FORWARDED_TRACE_ID);
    const entered = far.find((one) => one.parentSpanId === PARENT_ID);
    const forwarded = far.find((one) => one.parentSpanId === entered?.spanId);
    const answered = far.find((one) => one.parentSpanId === forwarded?.spanId);
    assert.deepEqual(
      [entered?.name, forwarded?.name, answered?.name],
      ['GET /v1/mode', 'forward to the leader', 'GET /v1/mode'],
    );
    assert.equal(forwarded?.attributes['omnimind.leader'], 'a');

    assert.ok(
      spans.some((one) => one.name === 'GET'),
      'an unmatched path names no span',
    );
  });
});
