import assert from 'node:assert/strict';

import { createRaftTransport } from '../../../../../control-plane/adapters/raft/transport.ts';
import type { RaftTransportOptions } from '../../../../../control-plane/adapters/raft/options.ts';

const options: RaftTransportOptions = {
  memberId: 'm1',
  clusterName: 'c',
  clusterDigest: null,
  listen: { host: '127.0.0.1', port: 0 },
  secret: Buffer.alloc(16, 1),
  tls: null,
  formatMax: 3,
  apiUrl: 'http://m1:8080',
};

describe('raft transport options', () => {
  it('need a secret or TLS, and the error names both', () => {
    assert.throws(
      () => createRaftTransport({ ...options, secret: null }),
      (error: Error) => error.message.includes('`secret`') && error.message.includes('`tls`'),
    );
    createRaftTransport(options);
  });

  it('are refused with a short secret, a wrong id and a wrong cluster name, all at once', () => {
    const wrong = { ...options, secret: Buffer.alloc(15), memberId: 'M 1', clusterName: '' };
    assert.throws(
      () => createRaftTransport(wrong),
      (error: Error) =>
        ['`secret`', '`memberId`', '`clusterName`'].every((name) => error.message.includes(name)),
    );
  });
});
