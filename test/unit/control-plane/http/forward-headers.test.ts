import assert from 'node:assert/strict';

import { answerHeaders, requestHeaders } from '../../../../control-plane/http/forward-headers.ts';

const BODY = new Uint8Array(3);

describe('headers on their way to the leader', () => {
  it('stay as they are: who asks, under which condition, in which trace', () => {
    const given = {
      authorization: 'Bearer k',
      'if-match': '"3"',
      'idempotency-key': 'i',
      traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
      tracestate: 'a=b',
      accept: 'application/json',
      'content-type': 'application/json',
    };
    assert.deepEqual(requestHeaders(given, BODY, 'b'), {
      ...given,
      'content-length': '3',
      'omnimind-forwarded-by': 'b',
    });
  });

  it('lose what belongs to the connection, and what Connection names', () => {
    const given = {
      connection: 'close, X-Hop',
      'x-hop': '1',
      'keep-alive': 'timeout=5',
      'transfer-encoding': 'chunked',
      te: 'trailers',
      upgrade: 'websocket',
      expect: '100-continue',
      host: 'b.example',
      'content-length': '99',
      'omnimind-forwarded-by': 'a client',
    };
    assert.deepEqual(requestHeaders(given, BODY, 'b'), {
      'content-length': '3',
      'omnimind-forwarded-by': 'b',
    });
  });

  it('say nothing of a body when none is sent', () => {
    const given = {
      'content-type': 'text/plain',
      'content-encoding': 'gzip',
      'content-length': '9',
    };
    assert.deepEqual(requestHeaders(given, null, 'b'), { 'omnimind-forwarded-by': 'b' });
  });
});

describe('headers on their way back', () => {
  it('stay as they are, with the name of the leader', () => {
    const given = {
      etag: '"3"',
      link: '</v1/x>; rel="next"',
      'retry-after': '1',
      'content-type': 'application/json',
      'content-length': '7',
      date: 'Sat, 21 Nov 2026 10:00:00 GMT',
      connection: 'keep-alive',
      'keep-alive': 'timeout=15',
      'omnimind-consistency': 'linearizable',
    };
    assert.deepEqual(answerHeaders(given, 'a', false), {
      etag: '"3"',
      link: '</v1/x>; rel="next"',
      'retry-after': '1',
      'content-type': 'application/json',
      'omnimind-consistency': 'linearizable',
      'omnimind-leader': 'a',
    });
  });

  it('keep the length of an answer to HEAD', () => {
    assert.equal(answerHeaders({ 'content-length': '7' }, 'a', true)['content-length'], '7');
  });
});
