import assert from 'node:assert/strict';

import { parseAddress } from '../../../../../control-plane/adapters/raft/dial.ts';

describe('raft addresses', () => {
  it('are host:port, an IPv6 host in brackets', () => {
    assert.deepEqual(parseAddress('m1.example:7000'), { host: 'm1.example', port: 7_000 });
    assert.deepEqual(parseAddress('[::1]:7000'), { host: '::1', port: 7_000 });
  });

  it('are refused without a port, with one out of range, and with anything else', () => {
    for (const wrong of ['', 'm1', 'm1:', 'm1:0', 'm1:65536', ':7000', '::1:7000', 'a b:7000']) {
      assert.equal(parseAddress(wrong), null, wrong);
    }
  });
});
