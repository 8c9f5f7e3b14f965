import assert from 'node:assert/strict';

import { hostOf, isLoopback } from '../../../../control-plane/http/loopback.ts';

describe('loopback', () => {
  for (const host of ['127.0.0.1', '127.8.9.1', '::1', '[::1]', 'localhost', '::ffff:127.0.0.1']) {
    it(`is ${host}`, () => {
      assert.equal(isLoopback(host), true);
    });
  }
  for (const host of ['0.0.0.0', '::', '10.0.0.1', 'localhost.example', '127.0.0.1.example', '']) {
    it(`is not ${JSON.stringify(host)}`, () => {
      assert.equal(isLoopback(host), false);
    });
  }
  it('is looked for in a Host header without its port', () => {
    assert.equal(hostOf('127.0.0.1:7400'), '127.0.0.1');
    assert.equal(hostOf('[::1]:7400'), '[::1]');
    assert.equal(hostOf('localhost'), 'localhost');
  });
});
